//! Descriptors as their users see them: readiness, order of waiters, cancelled waiters, odd kinds
//! of files.
//!
//! Runs under every selector (`MYRT_SELECTOR`). Tests of known bugs of other runtimes stand in
//! `known_bugs_reactor.rs`.
#![allow(
    clippy::disallowed_methods,
    reason = "tests start threads and read the clock"
)]

mod support;

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::pin::pin;
use std::rc::Rc;
use std::task::Waker;
use std::thread;
use std::time::Duration;

use futures_util::future::{Either, select};
use myrt::io::{Async, readable, writable};
use myrt::runtime::{Builder, FdTooLarge, Runtime, Selector};
use myrt::time::{sleep, timeout};
use support::{
    Counter, drain, fill, half_tcp, half_unix, in_own_process, poll_with, read_some, runtime,
    settle, unix_pair, write_some,
};

const SHORT: Duration = Duration::from_millis(30);

/// How often the selector was asked while `SHORT` passed and nothing should happen.
async fn idle_waits(runtime: &Runtime) -> u64 {
    let before = runtime.metrics().selector_waits;
    sleep(SHORT).await;
    runtime.metrics().selector_waits - before
}

#[test]
fn both_directions_of_one_descriptor_at_once() {
    runtime().block_on(async {
        let (a, b) = unix_pair();
        let (a, b) = (Rc::new(a), Rc::new(b));
        const TOTAL: usize = 1 << 20;
        let pump = |io: Rc<Async<_>>| {
            let writer = io.clone();
            let send = myrt::spawn(async move {
                let mut left = TOTAL;
                while left > 0 {
                    left -= write_some(&writer, &vec![1; left.min(30_000)])
                        .await
                        .unwrap();
                }
            });
            let receive = myrt::spawn(async move {
                let mut got = 0;
                while got < TOTAL {
                    got += read_some(&io).await.unwrap().len();
                }
                got
            });
            (send, receive)
        };
        let (send_a, receive_a) = pump(a);
        let (send_b, receive_b) = pump(b);
        send_a.await.unwrap();
        send_b.await.unwrap();
        assert_eq!(
            receive_a.await.unwrap() + receive_b.await.unwrap(),
            2 * TOTAL
        );
    });
}

#[test]
fn waiters_are_served_in_the_order_in_which_they_came() {
    runtime().block_on(async {
        let (ours, theirs) = half_unix();
        let ours = Rc::new(ours);
        let order = Rc::new(RefCell::new(Vec::new()));
        let tasks: Vec<_> = (0..8)
            .map(|n| {
                let (ours, order) = (ours.clone(), order.clone());
                myrt::spawn(async move {
                    let mut byte = [0];
                    ours.read_with(|mut io| io.read(&mut byte)).await.unwrap();
                    order.borrow_mut().push((n, byte[0]));
                })
            })
            .collect();
        settle().await;
        for byte in 0..8 {
            (&theirs).write_all(&[byte]).unwrap();
            while order.borrow().len() <= usize::from(byte) {
                sleep(Duration::from_millis(1)).await;
            }
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.borrow(), (0..8).map(|n| (n, n)).collect::<Vec<_>>());
    });
}

#[test]
fn a_cancelled_waiter_takes_nothing_from_those_behind_it() {
    runtime().block_on(async {
        let (ours, theirs) = half_unix();
        let ours = Rc::new(ours);
        let wait = |ours: &Rc<Async<_>>| {
            let ours = ours.clone();
            myrt::spawn(async move { read_some(&ours).await.unwrap() })
        };
        let (first, second, third) = (wait(&ours), wait(&ours), wait(&ours));
        settle().await;
        first.cancel().await;
        third.cancel().await;
        (&theirs).write_all(b"x").unwrap();
        assert_eq!(second.await.unwrap(), b"x");
        // One that is woken, and gives up before it runs.
        assert_eq!(drain(&ours), 0);
        let (counter, waker) = Counter::new();
        let mut first = Box::pin(ours.readable());
        assert!(poll_with(&mut first, &waker).is_pending());
        let second = wait(&ours);
        settle().await;
        (&theirs).write_all(b"y").unwrap();
        while counter.wakes() == 0 {
            sleep(Duration::from_millis(1)).await;
        }
        drop(first);
        assert_eq!(second.await.unwrap(), b"y");
    });
}

#[test]
fn a_waiter_that_was_woken_and_is_dropped_leaves_the_poller_in_place() {
    runtime().block_on(async {
        let (ours, theirs) = half_unix();
        let (counter, waker) = Counter::new();
        let mut line = Box::pin(ours.readable());
        assert!(poll_with(&mut line, &waker).is_pending());
        (&theirs).write_all(b"x").unwrap();
        while counter.wakes() == 0 {
            sleep(Duration::from_millis(1)).await;
        }
        // Another reads it all and waits by `poll_*`, which takes the first place.
        assert_eq!(
            ours.try_read_with(|mut io| io.read(&mut [0; 8])).unwrap(),
            1
        );
        let (poller, waker) = Counter::new();
        let mut cx = std::task::Context::from_waker(&waker);
        assert!(
            ours.poll_read_with(&mut cx, |mut io| io.read(&mut [0; 8]))
                .is_pending()
        );
        drop(line);
        (&theirs).write_all(b"y").unwrap();
        for _ in 0..1000 {
            if poller.wakes() > 0 {
                break;
            }
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(poller.wakes(), 1);
    });
}

#[test]
fn pollers_and_waiters_in_line_do_not_disturb_each_other() {
    runtime().block_on(async {
        let (ours, theirs) = half_unix();
        let (a, in_line) = Counter::new();
        let (b, polling) = Counter::new();
        let mut first = Box::pin(ours.readable());
        let mut second = Box::pin(ours.readable());
        assert!(poll_with(&mut first, &in_line).is_pending());
        assert!(poll_with(&mut second, &in_line).is_pending());
        let mut cx = std::task::Context::from_waker(&polling);
        assert!(ours.poll_readable(&mut cx).is_pending());
        assert!(poll_with(&mut first, &in_line).is_pending());
        (&theirs).write_all(b"x").unwrap();
        while a.wakes() + b.wakes() < 3 {
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!((a.wakes(), b.wakes()), (2, 1));
    });
}

#[test]
fn a_descriptor_dropped_while_it_is_waited_for_wakes_its_waiters() {
    runtime().block_on(async {
        let (ours, _theirs) = half_unix();
        let (counter, waker) = Counter::new();
        let mut cx = std::task::Context::from_waker(&waker);
        assert!(ours.poll_readable(&mut cx).is_pending());
        fill(&ours);
        assert!(ours.poll_writable(&mut cx).is_pending());
        drop(ours);
        assert_eq!(counter.wakes(), 2);
    });
}

#[test]
fn a_descriptor_dropped_on_another_thread_is_forgotten_at_home() {
    let runtime = runtime();
    let (ours, mut theirs) = half_tcp();
    runtime.block_on(async {
        let mut wait = Box::pin(ours.readable());
        assert!(poll_with(&mut wait, Waker::noop()).is_pending());
    });
    assert_eq!(runtime.metrics().sources, 1);
    thread::spawn(move || drop(ours)).join().unwrap();
    runtime.block_on(sleep(Duration::from_millis(1)));
    assert_eq!(runtime.metrics().sources, 0);
    assert_eq!(theirs.read(&mut [0; 8]).unwrap(), 0, "and closed");
}

#[test]
fn what_is_taken_out_on_another_thread_is_forgotten_at_home() {
    let runtime = runtime();
    let (ours, mut theirs) = half_tcp();
    runtime.block_on(async {
        let mut wait = Box::pin(ours.readable());
        assert!(poll_with(&mut wait, Waker::noop()).is_pending());
    });
    let taken = thread::spawn(move || ours.into_inner().unwrap())
        .join()
        .unwrap();
    // The number is in use again, in the same runtime, before the message is read.
    runtime.block_on(async {
        let again = Async::new_nonblocking(taken);
        let reader = myrt::spawn(async move { read_some(&again).await.unwrap() });
        sleep(Duration::from_millis(5)).await;
        assert_eq!(runtime.metrics().sources, 1);
        theirs.write_all(b"again").unwrap();
        assert_eq!(reader.await.unwrap(), b"again");
    });
}

#[test]
fn what_is_inside_may_be_replaced() {
    runtime().block_on(async {
        let (mut ours, _theirs) = half_unix();
        let mut wait = Box::pin(ours.readable());
        assert!(poll_with(&mut wait, Waker::noop()).is_pending());
        drop(wait);
        let (other, mut their_other) = half_unix();
        drop(std::mem::replace(
            ours.get_mut(),
            other.into_inner().unwrap(),
        ));
        let reader = myrt::spawn(async move { read_some(&ours).await.unwrap() });
        settle().await;
        their_other.write_all(b"new").unwrap();
        assert_eq!(reader.await.unwrap(), b"new");
    });
}

#[test]
fn in_another_runtime_it_panics_and_says_what_to_do() {
    let (first, second) = (runtime(), runtime());
    let (ours, _theirs) = half_unix();
    let wait = || {
        let mut wait = Box::pin(ours.readable());
        assert!(poll_with(&mut wait, Waker::noop()).is_pending());
    };
    first.block_on(async { wait() });
    let other = std::panic::AssertUnwindSafe(|| second.block_on(async { wait() }));
    let panic = std::panic::catch_unwind(other).unwrap_err();
    assert!(
        panic
            .downcast_ref::<String>()
            .is_some_and(|text| text.contains("into_inner"))
    );
}

#[test]
fn a_peer_that_stops_sending_is_read_to_its_end_and_can_still_be_written_to() {
    let runtime = runtime();
    runtime.block_on(async {
        let (ours, mut theirs) = half_tcp();
        theirs.write_all(b"last words").unwrap();
        theirs.shutdown(Shutdown::Write).unwrap();
        let mut all = Vec::new();
        loop {
            let bytes = read_some(&ours).await.unwrap();
            if bytes.is_empty() {
                break;
            }
            all.extend(bytes);
        }
        assert_eq!(all, b"last words");
        write_some(&ours, b"answer").await.unwrap();
        let mut buffer = [0; 6];
        theirs.read_exact(&mut buffer).unwrap();
        assert_eq!(&buffer, b"answer");
    });
}

#[test]
fn a_half_closed_peer_does_not_keep_the_loop_busy() {
    let runtime = runtime();
    runtime.block_on(async {
        let (ours, theirs) = half_tcp();
        theirs.shutdown(Shutdown::Write).unwrap();
        assert_eq!(read_some(&ours).await.unwrap(), b"");
        fill(&ours);
        let ours = Rc::new(ours);
        let writer = ours.clone();
        let blocked = myrt::spawn(async move { write_some(&writer, b"more").await.unwrap() });
        settle().await;
        let waits = idle_waits(&runtime).await;
        assert!(waits <= 10, "{waits} looks at the selector while idle");
        // Room again: the writer goes on.
        let mut theirs = theirs;
        let mut buffer = vec![0; 1 << 20];
        while !blocked.is_finished() {
            assert!(theirs.read(&mut buffer).unwrap() > 0);
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(blocked.await.unwrap(), 4);
    });
}

#[test]
fn an_idle_loop_asks_the_selector_no_more_than_its_timers_need() {
    let runtime = runtime();
    runtime.block_on(async {
        let pairs: Vec<_> = (0..20).map(|_| unix_pair()).collect();
        for (ours, theirs) in &pairs {
            let mut wait = Box::pin(ours.readable());
            assert!(poll_with(&mut wait, Waker::noop()).is_pending());
            fill(theirs);
            let mut room = Box::pin(theirs.writable());
            assert!(poll_with(&mut room, Waker::noop()).is_pending());
        }
        sleep(Duration::from_millis(2)).await; // the events of what was written
        let waits = idle_waits(&runtime).await;
        assert!(waits <= 10, "{waits} looks at the selector while idle");
    });
}

#[test]
fn regular_files_are_always_ready() {
    let runtime = runtime();
    runtime.block_on(async {
        let file = Async::new(File::open("Cargo.toml").unwrap()).unwrap();
        file.readable().await.unwrap();
        file.writable().await.unwrap();
        let mut text = String::new();
        file.read_with(|mut io| io.read_to_string(&mut text))
            .await
            .unwrap();
        assert!(text.contains("[workspace]"));
        readable(file.get_ref()).await.unwrap();
        // Also one that pretends to block.
        let mut first = true;
        let pretending = file.read_with(|_| {
            if std::mem::take(&mut first) {
                Err(io::ErrorKind::WouldBlock.into())
            } else {
                Ok(())
            }
        });
        pretending.await.unwrap();
    });
}

#[test]
fn readable_and_writable_ask_the_kernel_afresh_and_leave_the_descriptor_alone() {
    runtime().block_on(async {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        writable(&ours).await.unwrap();
        for round in 0..3 {
            let copy = ours.try_clone().unwrap();
            let waiter = myrt::spawn(async move { readable(&copy).await.unwrap() });
            sleep(Duration::from_millis(1)).await;
            assert!(!waiter.is_finished(), "round {round}");
            (&theirs).write_all(b"x").unwrap();
            waiter.await.unwrap();
            // Read behind its back: the next wait really waits.
            assert_eq!((&ours).read(&mut [0; 8]).unwrap(), 1);
        }
        // Two waits for the same descriptor, beside its owner's.
        let owner = Async::new(ours).unwrap();
        let both = async {
            let (a, b) = (
                pin!(readable(owner.get_ref())),
                pin!(readable(owner.get_ref())),
            );
            match select(a, b).await {
                Either::Left((first, other)) => first.and(other.await),
                Either::Right((first, other)) => first.and(other.await),
            }
        };
        let mut both = Box::pin(both);
        let mut mine = Box::pin(owner.readable());
        assert!(poll_with(&mut both, Waker::noop()).is_pending());
        assert!(poll_with(&mut mine, Waker::noop()).is_pending());
        (&theirs).write_all(b"x").unwrap();
        both.await.unwrap();
        mine.await.unwrap();
    });
}

#[test]
fn a_connect_that_is_refused_is_writable_and_says_so() {
    runtime().block_on(async {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let refused = myrt::spawn_blocking(move || TcpStream::connect(port))
            .await
            .unwrap();
        assert_eq!(
            refused.unwrap_err().kind(),
            io::ErrorKind::ConnectionRefused
        );
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let error = TcpListener::bind(taken.local_addr().unwrap()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    });
}

#[test]
fn a_reset_peer_wakes_reader_and_writer_with_an_error_or_the_end() {
    runtime().block_on(async {
        let (ours, theirs) = half_tcp();
        fill(&ours);
        let ours = Rc::new(ours);
        let (reading, writing) = (ours.clone(), ours.clone());
        let reader = myrt::spawn(async move { read_some(&reading).await.map(|bytes| bytes.len()) });
        let writer = myrt::spawn(async move {
            loop {
                write_some(&writing, &[0; 65536]).await?;
            }
        });
        settle().await;
        drop(theirs); // with unread bytes: a reset
        assert!(matches!(reader.await.unwrap(), Err(_) | Ok(0)));
        let error: io::Result<()> = writer.await.unwrap();
        assert!(error.is_err());
    });
}

#[test]
fn a_listener_dropped_while_accepting_ends_the_accept() {
    let runtime = runtime();
    runtime.block_on(async {
        let listener = Async::new(TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
        let port = listener.get_ref().local_addr().unwrap();
        let accept = myrt::spawn(async move { listener.read_with(TcpListener::accept).await });
        settle().await;
        accept.cancel().await;
        assert_eq!(runtime.metrics().sources, 0);
        let connect = myrt::spawn_blocking(move || TcpStream::connect(port))
            .await
            .unwrap();
        assert_eq!(
            connect.unwrap_err().kind(),
            io::ErrorKind::ConnectionRefused
        );
    });
}

#[test]
fn more_events_than_are_taken_at_once_all_arrive() {
    let runtime = Builder::new().max_events(2).build().unwrap();
    runtime.block_on(async {
        let pairs: Vec<_> = (0..50).map(|_| half_unix()).collect();
        let (ours, theirs): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let tasks: Vec<_> = ours
            .into_iter()
            .map(|io| myrt::spawn(async move { read_some(&io).await.unwrap() }))
            .collect();
        settle().await;
        for mut theirs in &theirs {
            theirs.write_all(b"x").unwrap();
        }
        for task in tasks {
            assert_eq!(task.await.unwrap(), b"x");
        }
    });
}

#[test]
fn a_timeout_around_a_wait_leaves_no_waiter_behind() {
    let runtime = runtime();
    runtime.block_on(async {
        let (ours, theirs) = half_unix();
        for _ in 0..1000 {
            let mut wait = Box::pin(ours.readable());
            assert!(poll_with(&mut wait, Waker::noop()).is_pending());
        }
        assert!(
            timeout(Duration::from_millis(1), read_some(&ours))
                .await
                .is_err()
        );
        (&theirs).write_all(b"x").unwrap();
        assert_eq!(read_some(&ours).await.unwrap(), b"x");
    });
}

#[test]
fn a_foreign_waker_is_let_go_when_there_is_nothing_to_wait_for() {
    runtime().block_on(async {
        let file = Async::new(File::open("Cargo.toml").unwrap()).unwrap();
        let (counter, waker) = Counter::new();
        for _ in 0..100 {
            let blocked = || Err::<(), _>(io::Error::from(io::ErrorKind::WouldBlock));
            let _ = file.try_read_with(|_| blocked());
            assert!(poll_with(&mut Box::pin(file.readable()), &waker).is_ready());
        }
        drop(waker);
        assert_eq!(std::sync::Arc::strong_count(&counter), 1);
    });
}

#[test]
fn descriptors_beyond_what_select_takes_are_refused_with_a_typed_error() {
    const NAME: &str = "descriptors_beyond_what_select_takes_are_refused_with_a_typed_error";
    if !in_own_process(
        NAME,
        "ulimit -n 2048 2>/dev/null || ulimit -n $(ulimit -Hn)",
    ) {
        return;
    }
    let runtime = Builder::new().selector(Selector::Select).build().unwrap();
    let limit = Selector::Select.max_fd().unwrap();
    let (ours, theirs) = half_unix();
    let mut taken = Vec::new();
    let high = loop {
        let copy = theirs
            .try_clone()
            .expect("more than 1,024 descriptors are allowed");
        if std::os::fd::AsRawFd::as_raw_fd(&copy) > limit {
            break copy;
        }
        taken.push(copy);
    };
    runtime.block_on(async {
        let high = Async::new(high).unwrap();
        let (counter, waker) = Counter::new();
        for _ in 0..3 {
            let mut wait = Box::pin(high.readable());
            let std::task::Poll::Ready(Err(error)) = poll_with(&mut wait, &waker) else {
                panic!("select cannot wait for it");
            };
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            let inner = error
                .get_ref()
                .and_then(|inner| inner.downcast_ref::<FdTooLarge>());
            assert!(inner.is_some(), "{error:?}");
        }
        drop(waker);
        assert_eq!(
            std::sync::Arc::strong_count(&counter),
            1,
            "no waiter is left in the line"
        );
        // The others are not disturbed.
        let reader = myrt::spawn(async move { read_some(&ours).await.unwrap() });
        settle().await;
        (&theirs).write_all(b"x").unwrap();
        assert_eq!(reader.await.unwrap(), b"x");
    });
}
