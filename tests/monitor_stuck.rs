//! A program that is stuck, in eight ways: what the monitor says of each, exactly.
//!
//! The program runs on a thread of its own, and its monitor is asked over a plain socket until it
//! stands still. Numbers that change from run to run (durations, addresses, descriptors, ports) are
//! masked; places in this file are shown as the line of code that stands there, with ▸ at the
//! column.
#![allow(
    clippy::disallowed_methods,
    reason = "tests start threads, and to block is what some of these programs are about"
)]

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc as threads;
use std::thread;

use myrt::net::TcpStream;
use myrt::runtime::{Builder, Lints};
use myrt::sync::{Mutex, Queue, Semaphore, mpsc, oneshot};
use myrt::task::{self, JoinHandle};
use myrt::time::{Duration, Instant};

#[path = "support/ask.rs"]
mod ask;
use ask::{ask, ask_allowed};

/// A flag that ends what no cancel can end.
type Enough = Arc<AtomicBool>;

fn named(name: &str, future: impl Future<Output = ()> + 'static) -> JoinHandle<()> {
    task::Builder::new().name(name).spawn(future)
}

/// Runs `program` with a monitor, asks it until `is_stuck` likes the answer to `ps --json`, and
/// ends the program.
fn stuck<P>(
    program: impl FnOnce(Enough) -> P + Send + 'static,
    is_stuck: fn(&str) -> bool,
) -> String
where
    P: Future<Output = ()>,
{
    stuck_until(program, is_stuck, || {})
}

/// The same, where `end` ends what neither a cancel nor the flag can end.
fn stuck_until<P>(
    program: impl FnOnce(Enough) -> P + Send + 'static,
    is_stuck: fn(&str) -> bool,
    end: impl FnOnce(),
) -> String
where
    P: Future<Output = ()>,
{
    let enough = Enough::default();
    let (tell, told) = threads::channel();
    let flag = Arc::clone(&enough);
    let running = thread::spawn(move || {
        // To be stuck is what this is about: nobody is to say so, or to panic.
        let runtime = Builder::new()
            .lints(Lints::Off)
            .debug(false)
            .build()
            .unwrap();
        let ended = runtime.try_block_on(async {
            let monitor = myrt::monitor::start("127.0.0.1:0").unwrap();
            tell.send(monitor.clone()).unwrap();
            program(flag).await;
        });
        assert!(ended.is_err_and(|error| error.is_cancelled()));
    });
    let monitor: myrt::monitor::Monitor = told.recv().unwrap();
    let address = monitor.local_addr().unwrap();
    let answer = loop {
        let answer = ask(address, "ps --json");
        if is_stuck(&answer) {
            break answer;
        }
        thread::yield_now();
    };
    ask_allowed(address, monitor.token().unwrap(), "cancel main");
    enough.store(true, Ordering::Relaxed);
    end();
    running.join().unwrap();
    comparable(&answer)
}

/// Everybody waits.
fn rests(answer: &str) -> bool {
    let states = answer.matches("\"state\":").count();
    states > 0 && states == answer.matches("\"state\":\"waiting\"").count()
}

/// A task a line, with what changes masked.
fn comparable(json: &str) -> String {
    let number = |c: char| !c.is_ascii_digit();
    let json = ask::without_times(json);
    let mut text = ask::show_places(&json, file!(), include_str!("monitor_stuck.rs"));
    for key in ["\"waited_ms\":", "\"blocks_ms\":", "\"fd\":", "127.0.0.1:"] {
        text = ask::mask(&text, key, number, "_");
    }
    text = ask::mask(&text, "\"object\":\"", |c| c == '"', "_");
    text.replace("},{", "},\n {")
}

#[test]
fn a_lock() {
    let answer = stuck(
        async |_| {
            let lock = Rc::new(Mutex::new(()));
            let held = lock.clone();
            let _holder = named("holder", async move {
                let _guard = held.lock().await;
                std::future::pending::<()>().await;
            });
            myrt::yield_now().await;
            drop(lock.lock().await);
        },
        rests,
    );
    assert_eq!(
        answer,
        r#"[{"id":"main","state":"waiting","spawned_at":"let ended = runtime.▸try_block_on(async {","polls":2,"waited_ms":_,"waits_for":"lock","object":"_","waits_at":"drop(lock.▸lock().await);","holder":"1","holder_name":"holder","holder_spawned_at":"task::Builder::new().name(name).▸spawn(future)"},
 {"id":"1","name":"holder","state":"waiting","spawned_at":"task::Builder::new().name(name).▸spawn(future)","parent":"main","polls":1,"waited_ms":_,"waits_for":"unknown"}]
"#
    );
}

#[test]
fn a_circle_of_joins() {
    let answer = stuck(
        async |_| {
            let (give, take) = oneshot::channel::<JoinHandle<()>>();
            let first = named("first", async move {
                let second = take.await.unwrap();
                second.await.unwrap();
            });
            let second = named("second", async move {
                first.await.unwrap();
            });
            give.send(second).unwrap();
            std::future::pending::<()>().await;
        },
        rests,
    );
    assert_eq!(
        answer,
        r#"[{"id":"main","state":"waiting","spawned_at":"let ended = runtime.▸try_block_on(async {","polls":1,"waited_ms":_,"waits_for":"unknown"},
 {"id":"1","name":"first","state":"waiting","spawned_at":"task::Builder::new().name(name).▸spawn(future)","parent":"main","polls":1,"waited_ms":_,"waits_for":"join","join":"2","waits_at":"second.▸await.unwrap();"},
 {"id":"2","name":"second","state":"waiting","spawned_at":"task::Builder::new().name(name).▸spawn(future)","parent":"main","polls":1,"waited_ms":_,"waits_for":"join","join":"1","waits_at":"first.▸await.unwrap();"}]
"#
    );
}

#[test]
fn a_channel_that_nobody_sends_to() {
    let answer = stuck(
        async |_| {
            let (_sender, mut receiver) = mpsc::channel::<()>(1);
            receiver.recv().await;
        },
        rests,
    );
    assert_eq!(
        answer,
        r#"[{"id":"main","state":"waiting","spawned_at":"let ended = runtime.▸try_block_on(async {","polls":1,"waited_ms":_,"waits_for":"channel","object":"_","waits_at":"receiver.▸recv().await;"}]
"#
    );
}

#[test]
fn a_permit_that_leaked() {
    let answer = stuck(
        async |_| {
            let slots = Rc::new(Semaphore::new(1));
            let leaks = slots.clone();
            let leaking = named(
                "leaks",
                async move { leaks.acquire().await.unwrap().forget() },
            );
            leaking.await.unwrap();
            drop(slots.acquire().await);
        },
        rests,
    );
    assert_eq!(
        answer,
        r#"[{"id":"main","state":"waiting","spawned_at":"let ended = runtime.▸try_block_on(async {","polls":2,"waited_ms":_,"waits_for":"semaphore","object":"_","waits_at":"drop(slots.▸acquire().await);","last_holder":"1","holder_ended":true}]
"#
    );
}

#[test]
fn a_join_of_a_queue_without_task_done() {
    let answer = stuck(
        async |_| {
            let queue = Queue::new(3);
            queue.put_nowait("work").unwrap();
            let _taken = queue.get_nowait().unwrap();
            queue.join().await;
        },
        rests,
    );
    assert_eq!(
        answer,
        r#"[{"id":"main","state":"waiting","spawned_at":"let ended = runtime.▸try_block_on(async {","polls":1,"waited_ms":_,"waits_for":"channel","object":"_","waits_at":"queue.▸join().await;"}]
"#
    );
}

#[test]
#[cfg(target_os = "linux")] // the others do not tell what a thread does
fn a_sleep_that_blocks() {
    let answer = stuck(
        async |enough| {
            let sleeps = named("sleeps", async move {
                while !enough.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(100));
                }
            });
            let _ = sleeps.await;
            std::future::pending::<()>().await;
        },
        |answer| answer.contains("nanosleep"),
    );
    assert_eq!(
        answer,
        r#"[{"id":"main","state":"waiting","spawned_at":"let ended = runtime.▸try_block_on(async {","polls":1,"waited_ms":_,"waits_for":"join","join":"1","waits_at":"let _ = sleeps.▸await;"},
 {"id":"1","name":"sleeps","state":"running","spawned_at":"task::Builder::new().name(name).▸spawn(future)","parent":"main","polls":1,"blocks_ms":_,"system_call":"clock_nanosleep"}]
"#
    );
}

/// A program whose task sleeps for five seconds in its poll, and has begun to: its monitor, and the
/// thread that it runs on.
fn asleep() -> (SocketAddr, thread::JoinHandle<()>) {
    let (tell, told) = threads::channel();
    let running = thread::spawn(move || {
        myrt::run(async move {
            let monitor = myrt::monitor::start("127.0.0.1:0").unwrap();
            tell.send(monitor.local_addr().unwrap()).unwrap();
            let _ = named("sleeps", async { thread::sleep(Duration::from_secs(5)) }).await;
        });
    });
    let address: SocketAddr = told.recv().unwrap();
    while !ask(address, "blocked").contains("clock_nanosleep") {}
    (address, running)
}

/// Within these five seconds it answers a hundred questions, one after the other: that is less than
/// 50 ms each, without looking at a clock. Each answer shows that the sleep still goes on. Nobody
/// waits for its end.
#[test]
#[cfg(target_os = "linux")] // the others do not tell what a thread does
fn a_hundred_answers_during_a_sleep_of_five_seconds() {
    let (address, _running) = asleep();
    for question in ["blocked", "ps", "tree", "where sleeps", "top"].repeat(20) {
        let answer = ask(address, question);
        let names = ["\"sleeps\"", " sleeps "];
        assert!(names.iter().any(|name| answer.contains(name)), "{answer}");
        let what = "it sleeps in the system call clock_nanosleep";
        assert!(
            answer.contains("blocks the loop for ") && answer.contains(what),
            "{question}: {answer}"
        );
    }
}

#[test]
#[cfg(target_os = "linux")] // the others do not tell what a thread does
fn a_read_that_blocks() {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let answer = stuck_until(
        async move |_| {
            let reads = named("reads", async move {
                let _ = std::io::Read::read(&mut &ours, &mut [0; 1]);
            });
            let _ = reads.await;
            std::future::pending::<()>().await;
        },
        |answer| answer.contains("\"system_call\""),
        || drop(theirs),
    );
    assert_eq!(
        answer,
        r#"[{"id":"main","state":"waiting","spawned_at":"let ended = runtime.▸try_block_on(async {","polls":1,"waited_ms":_,"waits_for":"join","join":"1","waits_at":"let _ = reads.▸await;"},
 {"id":"1","name":"reads","state":"running","spawned_at":"task::Builder::new().name(name).▸spawn(future)","parent":"main","polls":1,"blocks_ms":_,"system_call":"recvfrom"}]
"#
    );
}

#[test]
#[cfg(target_os = "linux")] // the others do not tell what a thread does
fn a_loop_that_is_busy() {
    let answer = stuck(
        async |enough| {
            let busy = named("busy", async move {
                while !enough.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
            let _ = busy.await;
            std::future::pending::<()>().await;
        },
        |answer| answer.contains("\"burns_cpu\""),
    );
    assert_eq!(
        answer,
        r#"[{"id":"main","state":"waiting","spawned_at":"let ended = runtime.▸try_block_on(async {","polls":1,"waited_ms":_,"waits_for":"join","join":"1","waits_at":"let _ = busy.▸await;"},
 {"id":"1","name":"busy","state":"running","spawned_at":"task::Builder::new().name(name).▸spawn(future)","parent":"main","polls":1,"blocks_ms":_,"burns_cpu":true}]
"#
    );
}

#[test]
fn a_peer_that_never_answers() {
    let peer = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = peer.local_addr().unwrap();
    let answer = stuck(
        async move |_| {
            let stream = TcpStream::connect(address).await.unwrap();
            let _ = stream.read(&mut [0; 16]).await;
        },
        |answer| rests(answer) && answer.contains("\"read\""),
    );
    let answer = ask::mask(&answer, "\"polls\":", |c| c == ',', "_");
    assert_eq!(
        answer,
        r#"[{"id":"main","state":"waiting","spawned_at":"let ended = runtime.▸try_block_on(async {","polls":_,"waited_ms":_,"waits_for":"read","fd":_,"peer":"127.0.0.1:_","local":"127.0.0.1:_","waits_at":"let _ = stream.▸read(&mut [0; 16]).await;"}]
"#
    );
}

/// Prints how long an answer takes while a task sleeps in its poll:
/// `cargo test --test monitor_stuck latency -- --ignored --nocapture`.
#[test]
#[ignore = "it measures, and a test must not depend on the machine's mood"]
fn latency_of_an_answer_while_the_loop_sleeps() {
    let (address, running) = asleep();
    let mut times = Vec::new();
    for question in ["blocked", "ps", "tree", "where sleeps"].repeat(25) {
        let began = Instant::now();
        let answer = ask(address, question);
        times.push(began.elapsed());
        assert!(answer.contains("sleeps"), "{answer}");
    }
    times.sort_unstable();
    println!(
        "{} answers while the loop sleeps: median {:.2?}, slowest {:.2?}",
        times.len(),
        times[times.len() / 2],
        times[times.len() - 1]
    );
    print!("{}", ask(address, "blocked"));
    drop(running.join());
}
