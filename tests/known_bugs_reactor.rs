//! Bugs that the reactors of other runtimes had, by their rows in `KNOWN_BUGS.md`.
//!
//! Runs under every selector (`MYRT_SELECTOR`).
#![allow(
    clippy::disallowed_methods,
    reason = "tests start threads and read the clock"
)]

mod support;

use std::cell::{Cell, RefCell};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

use myrt::io::Async;
use myrt::runtime::Runtime;
use myrt::time::{sleep, timeout};
use support::{
    Counter, careless, drain, fill, half_tcp, half_unix, hooked, in_own_process, open_fds,
    poll_with, read_some, runtime, settle, tcp_pair, write_some,
};

const MS: Duration = Duration::from_millis(1);

/// How often the selector was asked while nothing should happen.
async fn idle_waits(runtime: &Runtime) -> u64 {
    let before = runtime.metrics().selector_waits;
    sleep(30 * MS).await;
    runtime.metrics().selector_waits - before
}

fn start_waiting<T: std::os::fd::AsFd + 'static>(io: &Async<T>) {
    assert!(poll_with(&mut Box::pin(io.readable()), Waker::noop()).is_pending());
}

#[test]
fn r01_a_number_closed_and_reused_within_one_tick_belongs_to_its_new_owner() {
    let runtime = runtime();
    runtime.block_on(async {
        for _ in 0..50 {
            let (old, old_peer) = half_unix();
            start_waiting(&old);
            (&old_peer).write_all(b"for the old one").unwrap();
            let number = old.as_raw_number();
            drop(old);
            let (new, mut new_peer) = half_unix();
            let reused = new.as_raw_number() == number;
            let reader = myrt::spawn(async move { read_some(&new).await.unwrap() });
            settle().await;
            new_peer.write_all(b"new").unwrap();
            assert_eq!(reader.await.unwrap(), b"new");
            assert!(reused || cfg!(not(target_os = "linux")) || runtime.metrics().sources == 0);
        }
    });
}

trait Number {
    fn as_raw_number(&self) -> i32;
}

impl<T: AsRawFd + std::os::fd::AsFd + 'static> Number for Async<T> {
    fn as_raw_number(&self) -> i32 {
        self.get_ref().as_raw_fd()
    }
}

/// Whichever of two events of one batch is delivered first drops the other's descriptor, and puts a
/// new one in its place, in the kernel's table and in the reactor's.
#[test]
fn r02_an_event_of_a_batch_does_not_reach_the_next_owner_of_number_and_place() {
    type Place = Rc<RefCell<Option<Async<UnixStream>>>>;
    careless().block_on(async {
        let places: [Place; 2] = [Rc::default(), Rc::default()];
        let fresh = Rc::new(RefCell::new(None));
        let first = Rc::new(Cell::new(true));
        let (counter, next_waker) = Counter::new();
        let mut peers = Vec::new();
        for (own, other) in [(0, 1), (1, 0)] {
            let (ours, theirs) = half_unix();
            let (other, fresh) = (places[other].clone(), fresh.clone());
            let (first, next_waker) = (first.clone(), next_waker.clone());
            let waker = hooked(
                move || {
                    if !first.replace(false) {
                        return;
                    }
                    drop(other.take());
                    let (ours, theirs) = half_unix();
                    let mut cx = Context::from_waker(&next_waker);
                    assert!(ours.poll_readable(&mut cx).is_pending());
                    *fresh.borrow_mut() = Some((ours, theirs));
                },
                || (),
            );
            assert!(
                ours.poll_readable(&mut Context::from_waker(&waker))
                    .is_pending()
            );
            *places[own].borrow_mut() = Some(ours);
            peers.push(theirs);
        }
        for mut peer in &peers {
            peer.write_all(b"x").unwrap();
        }
        while fresh.borrow().is_none() {
            sleep(MS).await;
        }
        sleep(2 * MS).await;
        assert_eq!(counter.wakes(), 0, "the event was another's");
        let (ours, mut theirs) = fresh.take().unwrap();
        theirs.write_all(b"y").unwrap();
        assert_eq!(read_some(&ours).await.unwrap(), b"y");
    });
}

#[test]
fn r03_a_duplicate_can_be_registered_when_the_original_is_gone() {
    runtime().block_on(async {
        for _ in 0..20 {
            let (ours, theirs) = half_tcp();
            start_waiting(&ours);
            let copy = ours.get_ref().try_clone().unwrap();
            drop(ours);
            let ours = Async::new(copy).unwrap();
            let reader = myrt::spawn(async move { read_some(&ours).await.unwrap() });
            settle().await;
            (&theirs).write_all(b"x").unwrap();
            assert_eq!(reader.await.unwrap(), b"x");
        }
    });
}

#[test]
fn r04_what_is_replaced_behind_the_runtimes_back_is_armed_anew() {
    runtime().block_on(async {
        let (mut ours, first_peer) = half_unix();
        let mut peers = vec![first_peer];
        for _ in 0..20 {
            start_waiting(&ours);
            let (next, mut peer) = half_unix();
            // Closes the old number, and opens it again as the pair of the next round.
            *ours.get_mut() = next.into_inner().unwrap();
            peer.write_all(b"x").unwrap();
            let waited = timeout(Duration::from_secs(20), read_some(&ours)).await;
            assert_eq!(waited.unwrap().unwrap(), b"x");
            assert_eq!(drain(&ours), 0);
            peers.push(peer);
        }
    });
}

#[test]
fn r05_a_duplicate_that_lives_on_and_is_readable_keeps_nothing_busy() {
    let runtime = runtime();
    runtime.block_on(async {
        let (ours, mut theirs) = half_unix();
        start_waiting(&ours);
        let copy = ours.get_ref().try_clone().unwrap();
        drop(ours);
        theirs.write_all(b"nobody waits for this").unwrap();
        let waits = idle_waits(&runtime).await;
        assert!(waits <= 10, "{waits} looks at the selector while idle");
        assert_eq!((&copy).read(&mut [0; 64]).unwrap(), 21);
        theirs.shutdown(Shutdown::Both).unwrap();
        assert!(idle_waits(&runtime).await <= 10);
    });
}

#[test]
fn r06_nothing_is_watched_after_the_drop_although_a_duplicate_lives() {
    let runtime = runtime();
    runtime.block_on(async {
        let (ours, mut theirs) = half_unix();
        start_waiting(&ours);
        let _copy = ours.get_ref().try_clone().unwrap();
        drop(ours);
        let events = runtime.metrics().events;
        theirs.write_all(b"x").unwrap();
        sleep(2 * MS).await;
        assert_eq!(runtime.metrics().events, events);
        assert_eq!(runtime.metrics().sources, 0);
    });
}

/// Readiness arrives some hundred times between the moment at which a task saw that there is
/// nothing and the moment at which it waits; a counter of eight bits would be where it was.
#[test]
fn r08_readiness_that_comes_256_times_before_the_wait_is_not_wiped() {
    let runtime = runtime();
    for edges in [1, 255, 256, 257, 512] {
        let (ours, theirs) = half_tcp();
        theirs.set_nodelay(true).unwrap();
        let (counter, waker) = Counter::new();
        let mut wait = Box::pin(ours.readable());
        runtime.block_on(async { assert!(poll_with(&mut wait, &waker).is_pending()) });
        for sent in 1..=edges {
            (&theirs).write_all(b"x").unwrap();
            while peeked(&ours) < sent {
                thread::yield_now();
            }
            runtime.turn(Some(Duration::ZERO)).unwrap();
        }
        assert_eq!(counter.wakes(), 1);
        runtime.block_on(async {
            assert_eq!(drain(&ours), edges);
            (&theirs).write_all(b"y").unwrap();
            drop(wait);
            assert_eq!(read_some(&ours).await.unwrap(), b"y", "after {edges} edges");
        });
    }
}

/// How many bytes have arrived.
fn peeked(io: &Async<TcpStream>) -> usize {
    io.get_ref().peek(&mut [0; 1024]).unwrap_or(0)
}

/// A transfer shorter than the buffer is taken for "drained" on TCP: what comes before the wait
/// must come through all the same.
#[test]
fn r09_bytes_that_come_between_a_short_read_and_the_wait_are_read() {
    let runtime = runtime();
    runtime.block_on(async {
        let (ours, mut theirs) = tcp_pair();
        let ours = myrt::net::TcpStream::from_std(ours).unwrap();
        let mut buffer = [0; 64];
        for round in 0..100 {
            theirs.write_all(b"one").unwrap();
            assert_eq!(ours.read(&mut buffer).await.unwrap(), 3);
            theirs.write_all(b"two").unwrap();
            if round == 99 {
                theirs.shutdown(Shutdown::Write).unwrap();
            }
            assert_eq!(ours.read(&mut buffer).await.unwrap(), 3);
        }
        // Data and the end in one edge, followed by a short read: the end must still be seen.
        assert_eq!(ours.read(&mut buffer).await.unwrap(), 0);
        // And nothing spins for a drained socket.
        let (ours, mut theirs) = tcp_pair();
        let ours = myrt::net::TcpStream::from_std(ours).unwrap();
        theirs.write_all(b"short").unwrap();
        let reader = myrt::spawn(async move {
            let mut buffer = [0; 64];
            assert_eq!(ours.read(&mut buffer).await.unwrap(), 5);
            ours.read(&mut buffer).await.unwrap()
        });
        settle().await;
        assert!(idle_waits(&runtime).await <= 10);
        drop(theirs);
        assert_eq!(reader.await.unwrap(), 0);
    });
}

#[test]
fn r10_bytes_that_another_thread_steals_only_mean_another_wait() {
    runtime().block_on(async {
        let (ours, theirs) = half_unix();
        let thief = ours.get_ref().try_clone().unwrap();
        let (steal, stolen) = mpsc::channel();
        let reader = myrt::spawn(async move {
            let mut tries = 0;
            let mut buffer = [0; 8];
            let got = ours
                .read_with(|mut io| {
                    tries += 1;
                    if tries == 2 {
                        // The event said "readable"; by now it is not.
                        let mut thief = &thief;
                        thread::scope(|scope| {
                            scope.spawn(move || thief.read(&mut [0; 8]).unwrap());
                        });
                        steal.send(()).unwrap();
                    }
                    io.read(&mut buffer)
                })
                .await
                .unwrap();
            assert!(tries >= 3);
            buffer[..got].to_vec()
        });
        settle().await;
        (&theirs).write_all(b"stolen").unwrap();
        while stolen.try_recv().is_err() {
            sleep(MS).await;
        }
        (&theirs).write_all(b"kept").unwrap();
        assert_eq!(reader.await.unwrap(), b"kept");
    });
}

#[test]
fn r11_a_peer_that_only_stopped_sending_does_not_make_a_full_writer_spin() {
    let runtime = runtime();
    runtime.block_on(async {
        let (ours, mut theirs) = tcp_pair();
        let ours = Rc::new(myrt::net::TcpStream::from_std(ours).unwrap());
        theirs.shutdown(Shutdown::Write).unwrap();
        assert_eq!(ours.read(&mut [0; 8]).await.unwrap(), 0);
        let writer = ours.clone();
        let polls = Rc::new(Cell::new(0));
        let all = vec![1; 32 << 20];
        let sending = async move { writer.write_all(&all).await.unwrap() };
        let task = myrt::spawn(support::counted(polls.clone(), sending));
        sleep(5 * MS).await;
        let (waits, before) = (idle_waits(&runtime).await, polls.get());
        assert!(
            waits <= 10,
            "{waits} looks at the selector while the peer does not read"
        );
        assert!(before < 200, "{before} polls of a blocked writer");
        let reader = thread::spawn(move || {
            let mut all = Vec::new();
            theirs.read_to_end(&mut all).unwrap();
            all.len()
        });
        task.await.unwrap();
        drop(ours);
        assert_eq!(reader.join().unwrap(), 32 << 20);
    });
}

#[test]
fn r12_a_reset_behind_pending_writes_is_told_once_and_does_not_spin() {
    let runtime = runtime();
    runtime.block_on(async {
        let (ours, theirs) = half_tcp();
        fill(&ours);
        start_waiting(&ours);
        (&theirs).write_all(b"last words").unwrap();
        drop(theirs); // unread bytes: a reset
        sleep(2 * MS).await;
        // Nobody reads or writes: the failed connection must not keep the loop busy.
        assert!(idle_waits(&runtime).await <= 10);
        assert!(matches!(read_all(&ours).await, Ok(_) | Err(_)));
        assert!(write_some(&ours, b"x").await.is_err());
    });
}

async fn read_all(io: &Async<TcpStream>) -> io::Result<usize> {
    let mut total = 0;
    loop {
        match read_some(io).await?.len() {
            0 => return Ok(total),
            n => total += n,
        }
    }
}

/// The policy of listeners is tested beside them (`net/tests/accept_exhausted.rs`); here a plain
/// loop that goes on after each error: the connections' tasks must run nevertheless, since they are
/// what frees descriptors.
#[test]
fn r14_an_accept_that_fails_at_once_again_and_again_starves_nobody() {
    const NAME: &str = "r14_an_accept_that_fails_at_once_again_and_again_starves_nobody";
    if !in_own_process(NAME, "ulimit -n 40") {
        return;
    }
    runtime().block_on(async {
        let listener = Async::new(TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
        let address = listener.get_ref().local_addr().unwrap();
        // All descriptors but a few are taken; each connection needs two, one on either side.
        let mut taken = Vec::new();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            taken.push(file);
        }
        taken.truncate(taken.len() - 7);
        let client = move || -> io::Result<()> {
            let mut stream = TcpStream::connect(address)?;
            stream.write_all(b"x")?;
            stream.read_exact(&mut [0])
        };
        let errors = Rc::new(Cell::new(0));
        let count = errors.clone();
        let served = Rc::new(Cell::new(0));
        let done = served.clone();
        let accepting = myrt::spawn(async move {
            loop {
                match listener.read_with(TcpListener::accept).await {
                    Err(_) => count.set(count.get() + 1),
                    Ok((stream, _)) => {
                        let done = done.clone();
                        drop(myrt::spawn(async move {
                            let stream = Async::new(stream).unwrap();
                            let bytes = read_some(&stream).await.unwrap();
                            write_some(&stream, &bytes).await.unwrap();
                            done.set(done.get() + 1);
                        }));
                    }
                }
            }
        });
        let clients: Vec<_> = (0..6).map(|_| myrt::spawn_blocking(client)).collect();
        let mut answered = 0;
        for client in clients {
            // A client that finds no descriptor of its own in this crowded process gives up.
            answered += usize::from(client.await.unwrap().is_ok());
        }
        accepting.cancel().await;
        assert!(answered >= 1);
        assert_eq!(served.get(), answered);
    });
}

#[test]
fn r15_a_runtime_that_cannot_be_made_leaves_no_descriptor_behind() {
    const NAME: &str = "r15_a_runtime_that_cannot_be_made_leaves_no_descriptor_behind";
    if !in_own_process(NAME, "ulimit -n 40") {
        return;
    }
    drop(runtime()); // whatever is opened once is open
    let mut failures = 0;
    for room in 0..6 {
        let mut taken = Vec::new();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            taken.push(file);
        }
        taken.truncate(taken.len() - room);
        for _ in 0..10 {
            match Runtime::new() {
                Ok(runtime) => drop(runtime),
                Err(error) => {
                    assert_eq!(error.raw_os_error(), Some(24), "EMFILE, not {error}");
                    failures += 1;
                }
            }
        }
        let mut free = 0;
        let mut again = Vec::new();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            again.push(file);
            free += 1;
        }
        assert_eq!(free, room);
    }
    assert!(failures >= 10, "without a descriptor there is no selector");
}

#[test]
fn r16_registrations_that_the_selector_refuses_leave_nothing_behind() {
    let runtime = runtime();
    runtime.block_on(async {
        for _ in 0..100_000 / 100 {
            let file = std::fs::File::open("Cargo.toml").unwrap();
            for _ in 0..100 {
                let file = Async::new_nonblocking(file.try_clone().unwrap());
                let mut first = true;
                let operation = file.read_with(|_| {
                    let again = std::mem::take(&mut first);
                    if again {
                        Err(io::ErrorKind::WouldBlock.into())
                    } else {
                        Ok(())
                    }
                });
                operation.await.unwrap();
            }
        }
        assert_eq!(runtime.metrics().sources, 0);
    });
}

#[test]
fn r33_a_flood_of_connections_does_not_starve_others() {
    runtime().block_on(async {
        let listener = Async::new(TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
        let address = listener.get_ref().local_addr().unwrap();
        let over = Rc::new(Cell::new(false));
        let turns = Rc::new(Cell::new(0));
        let (stop, count) = (over.clone(), turns.clone());
        let other = myrt::spawn(async move {
            while !stop.get() {
                count.set(count.get() + 1);
                myrt::yield_now().await;
            }
        });
        let connecting = myrt::spawn_blocking(move || {
            (0..300)
                .map(|_| TcpStream::connect(address))
                .collect::<io::Result<Vec<_>>>()
        });
        // Always something to accept: an operation that is ready whenever it is tried.
        let mut ready = 0;
        while ready < 300 {
            match listener.get_ref().accept() {
                Ok(_) => ready += 1,
                Err(_) => myrt::yield_now().await,
            }
        }
        connecting.await.unwrap().unwrap();
        let before = turns.get();
        let always = Async::new(std::fs::File::open("/dev/zero").unwrap()).unwrap();
        for _ in 0..1000 {
            always
                .read_with(|mut io| io.read(&mut [0; 8]))
                .await
                .unwrap();
        }
        assert!(
            turns.get() - before >= 7,
            "a share of 128 operations, then the others' turn"
        );
        over.set(true);
        other.await.unwrap();
    });
}

/// A waker that owns the very listener that it waits for.
struct Owner {
    listener: Async<TcpListener>,
    told: mpsc::Sender<()>,
}

impl Wake for Owner {
    fn wake(self: Arc<Self>) {
        let _ = self.told.send(());
    }
}

#[test]
fn r38_a_waker_that_owns_what_it_waits_for_is_let_go_with_the_runtime() {
    let runtime = runtime();
    let listener = Async::new(TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
    let (told, hear) = mpsc::channel();
    let owner = Arc::new(Owner { listener, told });
    let weak = Arc::downgrade(&owner);
    runtime.block_on(async {
        let waker = Waker::from(owner.clone());
        let mut cx = Context::from_waker(&waker);
        assert!(owner.listener.poll_readable(&mut cx).is_pending());
    });
    drop(owner);
    assert!(weak.upgrade().is_some(), "the waiting itself keeps it");
    drop(runtime);
    assert!(weak.upgrade().is_none());
    assert!(hear.recv().is_ok(), "and told it that the wait is over");
}

#[test]
fn r53_a_descriptor_dropped_under_its_waiter_wakes_it_and_harms_nobody_else() {
    let runtime = runtime();
    runtime.block_on(async {
        let (ours, theirs) = half_tcp();
        let copy = Async::new(ours.get_ref().try_clone().unwrap()).unwrap();
        let (counter, waker) = Counter::new();
        assert!(
            ours.poll_readable(&mut Context::from_waker(&waker))
                .is_pending()
        );
        let reader = myrt::spawn(async move { read_some(&copy).await.unwrap() });
        settle().await;
        drop(ours);
        assert_eq!(counter.wakes(), 1);
        (&theirs).write_all(b"for the duplicate").unwrap();
        assert_eq!(reader.await.unwrap(), b"for the duplicate");
        assert_eq!(runtime.metrics().sources, 0);
        assert!(open_fds() > 0);
    });
}
