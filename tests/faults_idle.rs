//! What an idle loop does: it sleeps, says what it knows when only another thread can wake it, and
//! outlives a waker that panics.
//!
//! Looked at for the same kind: the loop's two calls of the selector (a turn's glance, a sleep),
//! the sleep of a virtual clock, the delivery of events, the queue that other threads write to.
#![allow(clippy::disallowed_methods, reason = "tests start threads")]

mod support;

use std::cell::RefCell;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use myrt::net::{TcpListener, UnixStream};
use myrt::runtime::{Builder, Report, Runtime};

/// A runtime without debug mode, and what it reports.
fn reporting() -> (Runtime, Rc<RefCell<Vec<Report>>>) {
    let reports = Rc::new(RefCell::new(Vec::new()));
    let sink = reports.clone();
    let builder = Builder::new().debug(false);
    let builder = builder.on_report(move |report| sink.borrow_mut().push(report.clone()));
    (builder.build().unwrap(), reports)
}

#[test]
fn house_3_an_idle_server_sleeps_until_an_event() {
    let (runtime, reports) = reporting();
    let before = runtime.metrics();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        drop(myrt::spawn(async move { drop(listener.accept().await) }));
        // Three times as long as the loop sleeps before it looks around, which it does once.
        let job = myrt::spawn_blocking(|| thread::sleep(Duration::from_millis(3300)));
        job.await.unwrap();
    });
    let waits = runtime.metrics().selector_waits - before.selector_waits;
    assert!(waits <= 3, "{waits} waits in three idle seconds");
    assert_eq!(*reports.borrow(), []);
}

#[test]
fn i_1_waiting_a_moment_for_another_thread_is_no_deadlock() {
    let (runtime, reports) = reporting();
    let woken = Arc::new(AtomicBool::new(false));
    let mut thread = None;
    runtime.block_on(poll_fn(|cx| {
        if woken.load(SeqCst) {
            return Poll::Ready(());
        }
        let (flag, waker) = (woken.clone(), cx.waker().clone());
        thread.get_or_insert_with(|| {
            thread::spawn(move || {
                thread::sleep(Duration::from_millis(1500));
                flag.store(true, SeqCst);
                waker.wake();
            })
        });
        Poll::Pending
    }));
    thread.unwrap().join().unwrap();
    assert_eq!(*reports.borrow(), []);
}

#[test]
fn e_5_a_slow_poll_in_the_last_turn_is_told() {
    let (runtime, reports) = reporting();
    runtime.block_on(async { thread::sleep(Duration::from_millis(150)) });
    let told = reports.borrow();
    assert!(
        matches!(
            &told[..],
            [Report::SlowTurn { .. } | Report::SlowPoll { .. }, ..]
        ),
        "{told:?}"
    );
}

/// A waker that panics when it is called.
struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("a waker on purpose");
    }
}

#[test]
fn b_2_a_foreign_waker_that_panics_at_an_event_leaves_the_loop_usable() {
    let runtime = support::careless();
    for _ in 0..3 {
        let ended = catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(async {
                let (ours, theirs) = UnixStream::pair().unwrap();
                let mut waits = Box::pin(ours.readable());
                let waker = Waker::from(Arc::new(Panics));
                assert!(
                    waits
                        .as_mut()
                        .poll(&mut Context::from_waker(&waker))
                        .is_pending()
                );
                let job = myrt::spawn_blocking(move || drop(theirs));
                job.await.unwrap();
                myrt::time::sleep(Duration::from_millis(20)).await;
            });
        }));
        drop(ended);
        // The loop sleeps, is woken by another thread, and its descriptors work.
        let before = runtime.metrics().selector_waits;
        runtime.block_on(async {
            let job = myrt::spawn_blocking(|| thread::sleep(Duration::from_millis(50)));
            job.await.unwrap();
            let (ours, theirs) = UnixStream::pair().unwrap();
            let writes = myrt::spawn(async move { theirs.write_all(b"x").await.map(|()| theirs) });
            let mut byte = [0];
            assert_eq!(ours.read(&mut byte).await.unwrap(), 1);
            drop(writes.await);
        });
        let waits = runtime.metrics().selector_waits - before;
        assert!(waits < 30, "{waits} waits for one job and one byte");
    }
}
