//! What the runtime says of itself: slow polls and deadlocks. Each is told once, and look-alikes
//! are not.
#![allow(clippy::disallowed_methods, reason = "tests start threads")]

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use myrt::runtime::{Builder, Lints, Report};
use myrt::sync::{Mutex, Semaphore, oneshot};
use myrt::task;

/// A runtime in debug mode, and what it reports.
fn reporting() -> (myrt::runtime::Runtime, Rc<RefCell<Vec<Report>>>) {
    let reports = Rc::new(RefCell::new(Vec::new()));
    let sink = reports.clone();
    let builder = Builder::new().debug(true).lints(Lints::Warn);
    let builder = builder.on_report(move |report| sink.borrow_mut().push(report.clone()));
    (builder.build().unwrap(), reports)
}

/// Runs `future`, which must deadlock, and returns the graph of the report.
fn deadlock(future: impl Future<Output = ()>) -> String {
    let (runtime, reports) = reporting();
    let ended = catch_unwind(AssertUnwindSafe(|| runtime.block_on(future)));
    assert!(ended.is_err(), "a deadlock is a panic in debug mode");
    let reports = reports.borrow();
    match &reports[..] {
        [
            Report::Deadlock {
                graph,
                certain: true,
                ..
            },
        ] => graph.clone(),
        other => panic!("expected one certain deadlock, got {other:?}"),
    }
}

#[test]
fn a_lock_that_its_holder_wants_again_is_a_deadlock() {
    let graph = deadlock(async {
        let lock = Mutex::new(1);
        let _held = lock.lock().await;
        let _again = lock.lock().await;
    });
    assert!(graph.contains("for the lock at"), "{graph}");
    assert!(graph.contains("tests/reports.rs"), "{graph}");
}

#[test]
fn two_tasks_that_join_each_other_are_a_deadlock() {
    let graph = deadlock(async {
        let (give, take) = oneshot::channel::<task::JoinHandle<()>>();
        let first = task::Builder::new().name("first").spawn(async move {
            let second = take.await.unwrap();
            let _ = second.await;
        });
        let second = task::Builder::new().name("second").spawn(async move {
            let _ = first.await;
        });
        let _ = give.send(second);
        std::future::pending::<()>().await;
    });
    assert!(graph.contains("for task 2 \"second\""), "{graph}");
    assert!(graph.contains("for task 1 \"first\""), "{graph}");
}

#[test]
fn a_semaphore_that_nobody_gives_back_is_a_deadlock() {
    let graph = deadlock(async {
        let slots = Semaphore::new(1);
        slots.acquire().await.unwrap().forget();
        let _never = slots.acquire().await;
    });
    assert!(graph.contains("for the semaphore at"), "{graph}");
}

#[test]
fn waiting_for_another_thread_is_no_deadlock() {
    let (runtime, reports) = reporting();
    let (give, take) = std::sync::mpsc::channel::<std::task::Waker>();
    let woken = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let flag = woken.clone();
    let thread = std::thread::spawn(move || {
        let waker = take.recv().unwrap();
        flag.store(true, std::sync::atomic::Ordering::SeqCst);
        waker.wake();
    });
    runtime.block_on(std::future::poll_fn(|cx| {
        if woken.load(std::sync::atomic::Ordering::SeqCst) {
            return std::task::Poll::Ready(());
        }
        let _ = give.send(cx.waker().clone());
        std::task::Poll::Pending
    }));
    thread.join().unwrap();
    assert_eq!(*reports.borrow(), []);
}

#[test]
fn waiting_on_a_thread_that_takes_its_time_is_told_as_that() {
    let (give, take) = std::sync::mpsc::channel::<std::task::Waker>();
    let (hear, heard) = std::sync::mpsc::channel();
    let builder = Builder::new().debug(true).lints(Lints::Warn);
    let builder = builder.on_report(move |report| hear.send(report.clone()).unwrap());
    let runtime = builder.build().unwrap();
    let thread = std::thread::spawn(move || {
        let waker = take.recv().unwrap();
        let report = heard.recv().unwrap(); // it wakes no sooner than the report has come
        waker.wake();
        report
    });
    let mut given = false;
    runtime.block_on(std::future::poll_fn(|cx| {
        if given {
            return std::task::Poll::Ready(());
        }
        given = true;
        give.send(cx.waker().clone()).unwrap();
        std::task::Poll::Pending
    }));
    let report = thread.join().unwrap();
    assert!(
        matches!(&report, Report::OnAnotherThread { wakers: 1, .. }),
        "{report:?}"
    );
    let text = report.to_string();
    assert!(text.contains("waiting on another thread"), "{text}");
}

#[test]
fn waiting_for_a_remote_a_job_or_a_descriptor_is_no_deadlock() {
    let (runtime, reports) = reporting();
    let remote = runtime.remote();
    let (tell, told) = oneshot::channel::<i32>();
    let tell = RefCell::new(Some(tell));
    runtime.block_on(async {
        let thread = std::thread::spawn(move || remote.spawn(|| async { 5 }).join().unwrap());
        assert_eq!(
            myrt::spawn_blocking(move || thread.join().unwrap())
                .await
                .unwrap(),
            5
        );
        let _ = tell.take().map(|tell| tell.send(1));
        assert_eq!(told.await.unwrap(), 1);
    });
    assert_eq!(*reports.borrow(), []);
}

#[test]
fn a_slow_poll_is_told_once_with_task_and_place() {
    let reports = Rc::new(RefCell::new(Vec::new()));
    let sink = reports.clone();
    let builder = Builder::new().slow_poll(Duration::from_millis(20));
    let builder = builder.lints(Lints::Warn);
    let builder = builder.on_report(move |report| sink.borrow_mut().push(report.clone()));
    let runtime = builder.build().unwrap();
    runtime.block_on(async {
        let slow = task::Builder::new().name("slow").spawn(async {
            #[expect(
                clippy::disallowed_methods,
                reason = "this is the misuse that the test is about"
            )]
            std::thread::sleep(Duration::from_millis(25));
        });
        let quick = myrt::spawn(async {});
        slow.await.unwrap();
        quick.await.unwrap();
    });
    let reports = reports.borrow();
    let slow: Vec<_> = reports
        .iter()
        .filter(
            |report| matches!(report, Report::SlowPoll { name: Some(name), .. } if name == "slow"),
        )
        .collect();
    let [
        Report::SlowPoll {
            took,
            spawned_at,
            others,
            ..
        },
    ] = slow[..]
    else {
        panic!("expected one report of the slow task, got {reports:?}")
    };
    assert!(*took >= Duration::from_millis(25));
    assert!(spawned_at.unwrap().file().ends_with("reports.rs"));
    assert_eq!(*others, 1);
    assert!(slow[0].to_string().contains("spawn_blocking"));
}
