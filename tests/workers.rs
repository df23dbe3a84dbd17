//! One runtime a core: connections are spread, a worker that dies comes back, all stop together.
//! Clients are plain threads.
#![cfg(feature = "net")]

mod support;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::Duration;

use myrt::runtime::Runtime;
use myrt::time::sleep;
use myrt::workers::{self, Builder, Worker};
use support::left::Watch;

/// Answers each request (a byte) with the worker's number and how often it was started again; `p`
/// is its death, `s` stops all.
async fn serve(worker: Worker, address: SocketAddr, told: mpsc::Sender<SocketAddr>) {
    let listener = worker.listener(address).await.unwrap();
    let _ = told.send(listener.local_addr().unwrap());
    let die = myrt::sync::Event::new();
    let die = std::rc::Rc::new(die);
    let accept = async {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (worker, die) = (worker.clone(), die.clone());
            let connection = async move {
                let mut byte = [0];
                while stream.read(&mut byte).await.unwrap_or(0) > 0 {
                    match byte[0] {
                        b'p' => die.set(),
                        b's' => worker.stop(),
                        _ => {}
                    }
                    let answer = [worker.id() as u8, worker.restarts() as u8];
                    stream.write_all(&answer).await.unwrap();
                }
            };
            drop(myrt::spawn(connection));
        }
    };
    let death = async {
        die.wait().await;
        panic!("as was asked");
    };
    let _ = worker
        .until_stopped(async { myrt::join!(accept, death) })
        .await;
}

/// Runs such servers on a thread, and gives the address of all.
fn servers(count: usize) -> (SocketAddr, thread::JoinHandle<usize>) {
    let (told, address) = mpsc::channel();
    #[expect(clippy::disallowed_methods, reason = "run blocks a thread of its own")]
    let thread = thread::spawn(move || {
        let deaths = AtomicUsize::new(0);
        let any = "127.0.0.1:0".parse().unwrap();
        let ended = Builder::new(count)
            .on_panic(|_, message| {
                assert_eq!(message, "as was asked");
                deaths.fetch_add(1, SeqCst);
            })
            .run(|worker| serve(worker, any, told.clone()))
            .unwrap();
        assert_eq!(ended.len(), count);
        deaths.load(SeqCst)
    });
    let all: HashSet<_> = (0..count).map(|_| address.recv().unwrap()).collect();
    assert_eq!(all.len(), 1, "one port for all: {all:?}");
    (all.into_iter().next().unwrap(), thread)
}

fn ask(mut stream: &TcpStream, request: u8) -> (u8, u8) {
    stream.write_all(&[request]).unwrap();
    let mut answer = [0; 2];
    stream.read_exact(&mut answer).unwrap();
    (answer[0], answer[1])
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream
}

#[test]
fn outputs_come_by_worker_and_each_has_its_own_thread() {
    let _watch = Watch::begin();
    let threads = Mutex::new(HashSet::new());
    let outputs = Builder::new(4)
        .pin(true)
        .run(async |worker| {
            threads.lock().unwrap().insert(thread::current().id());
            sleep(Duration::from_millis(5)).await;
            assert_eq!(worker.count(), 4);
            worker.id() * 10
        })
        .unwrap();
    assert_eq!(outputs, [Some(0), Some(10), Some(20), Some(30)]);
    assert_eq!(threads.lock().unwrap().len(), 4);
}

#[test]
fn connections_are_spread_and_all_stop_together() {
    let _watch = Watch::begin();
    let (address, servers) = servers(4);
    let streams: Vec<_> = (0..400).map(|_| connect(address)).collect();
    let mut by_worker = HashMap::new();
    for stream in &streams {
        *by_worker.entry(ask(stream, b'.').0).or_insert(0) += 1;
    }
    assert_eq!(by_worker.len(), 4, "{by_worker:?}");
    ask(&streams[0], b's');
    assert_eq!(servers.join().unwrap(), 0);
    assert!(
        TcpStream::connect(address).is_err(),
        "nobody listens any more"
    );
}

#[test]
fn a_worker_that_panics_comes_back_and_the_others_go_on() {
    let _watch = Watch::begin();
    let (address, servers) = servers(4);
    let streams: Vec<_> = (0..100).map(|_| connect(address)).collect();
    let of: Vec<_> = streams.iter().map(|stream| ask(stream, b'.').0).collect();
    let victim = of[0];
    ask(&streams[0], b'p');
    // While it is away: connections to it wait in the queue of its socket, which stays; none is
    // refused or cut.
    let more: Vec<_> = (0..100).map(|_| connect(address)).collect();
    let mut seen = HashSet::new();
    for stream in &more {
        seen.insert(ask(stream, b'.'));
    }
    assert!(seen.contains(&(victim, 1)), "{seen:?}");
    assert_eq!(seen.len(), 4, "{seen:?}");
    // Its connections died with it, the others' live.
    for (stream, worker) in streams.iter().zip(&of) {
        if *worker == victim {
            assert!(matches!((&*stream).read(&mut [0]), Ok(0) | Err(_)));
        } else {
            assert_eq!(ask(stream, b'.'), (*worker, 0));
        }
    }
    ask(&more[0], b's');
    assert_eq!(servers.join().unwrap(), 1);
}

#[test]
fn one_that_dies_at_once_is_not_started_in_a_spin_and_does_not_hold_up_the_end() {
    let _watch = Watch::begin();
    let lives = AtomicUsize::new(0);
    let ended = Builder::new(2)
        .on_panic(|id, _| assert_eq!(id, 1))
        .run(async |worker| {
            if worker.id() == 1 {
                lives.fetch_add(1, SeqCst);
                panic!("at once");
            }
            sleep(Duration::from_millis(200)).await;
            worker.stop();
        })
        .unwrap();
    assert_eq!(ended, [Some(()), None]);
    // 10 + 20 + 40 + 80 ms of pauses.
    assert!((2..=6).contains(&lives.load(SeqCst)), "{lives:?}");
}

#[test]
fn who_does_not_end_in_its_grace_is_cut() {
    let _watch = Watch::begin();
    let dropped = AtomicUsize::new(0);
    let ended = Builder::new(3)
        .grace(Duration::from_millis(20))
        .run(async |worker| {
            let _guard = support::on_drop(|| _ = dropped.fetch_add(1, SeqCst));
            match worker.id() {
                0 => worker.stop(),
                1 => worker.stopped().await,
                _ => std::future::pending().await,
            }
            worker.is_stopping()
        })
        .unwrap();
    assert_eq!(ended, [Some(true), Some(true), None]);
    assert_eq!(dropped.load(SeqCst), 3);
}

thread_local! {
    static MAIL: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

#[test]
fn they_reach_each_other_from_the_first_moment() {
    let _watch = Watch::begin();
    let mail = workers::run(3, async |worker| {
        let from = worker.id();
        for to in 0..worker.count() {
            let remote = worker.remote(to).expect("all have started");
            assert!(remote.defer(move || MAIL.with_borrow_mut(|mail| mail.push(from))));
        }
        assert!(worker.remote(3).is_none());
        while MAIL.with_borrow(Vec::len) < 3 {
            sleep(Duration::from_millis(1)).await;
        }
        let mut mail = MAIL.take();
        mail.sort_unstable();
        mail
    })
    .unwrap();
    assert_eq!(mail, vec![Some(vec![0, 1, 2]); 3]);
}

#[test]
fn tasks_of_a_worker_end_with_it() {
    let _watch = Watch::begin();
    let dropped = std::sync::Arc::new(AtomicUsize::new(0));
    workers::run(2, async |_| {
        let dropped = dropped.clone();
        let task = async move {
            let _guard = support::on_drop(|| _ = dropped.fetch_add(1, SeqCst));
            std::future::pending::<()>().await;
        };
        drop(myrt::spawn(task));
        myrt::yield_now().await;
    })
    .unwrap();
    assert_eq!(dropped.load(SeqCst), 2);
}

#[test]
#[should_panic(expected = "workers::run blocks the thread")]
fn not_inside_of_a_runtime() {
    let _watch = Watch::begin();
    Runtime::new()
        .unwrap()
        .block_on(async { drop(workers::run(1, async |_| ())) });
}

#[cfg(feature = "signal")]
#[test]
fn a_signal_stops_all() {
    if std::env::var_os("MYRT_TEST_CHILD").is_none() {
        let _watch = Watch::begin();
        let script = "exec \"$0\" \"$@\"";
        let mut child = std::process::Command::new("sh")
            .args(["-c", script])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "a_signal_stops_all", "--nocapture"])
            .env("MYRT_TEST_CHILD", "yes")
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = child.stderr.take().unwrap();
        said.read_exact(&mut [0; 6]).unwrap();
        let kill = std::process::Command::new("kill")
            .arg(child.id().to_string())
            .status()
            .unwrap();
        assert!(kill.success());
        assert!(child.wait().unwrap().success());
        return;
    }
    let started = AtomicUsize::new(0);
    let ended = Builder::new(2)
        .stop_on_signals()
        .run(async |worker| {
            if started.fetch_add(1, SeqCst) == 1 {
                eprintln!("ready");
            }
            worker.stopped().await;
            worker.id()
        })
        .unwrap();
    assert_eq!(ended, [Some(0), Some(1)]);
}
