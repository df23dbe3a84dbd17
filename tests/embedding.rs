//! The runtime among others: nested, inside of a foreign loop, called from other threads.
#![allow(
    clippy::disallowed_methods,
    reason = "tests start threads and read the clock"
)]

mod support;

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc;
use std::task::Waker;
use std::thread;
use std::time::Duration;

use myrt::runtime::{Remote, Runtime};
use myrt::time::{Instant, sleep};
use support::{Log, careless, collecting, panic_text, paused, poll_with, runtime, settle};

#[test]
fn nested_use_panics_with_advice() {
    let runtime = careless(); // what it makes panic has been spawned
    runtime.block_on(async {
        let other = Runtime::new().unwrap();
        for text in [
            panic_text(|| other.block_on(async {})),
            panic_text(|| myrt::run(async {})),
            panic_text(|| drop(other.turn(None))),
            panic_text(|| drop(other.step())),
        ] {
            assert!(
                text.contains("inside of a runtime") && text.contains("await"),
                "{text}"
            );
        }
        assert!(panic_text(|| drop(Remote::current().spawn(|| async {}).join())).contains("await"));
        // Making and dropping one is allowed.
        drop(other);
    });
    assert!(panic_text(|| drop(myrt::spawn(async {}))).contains("myrt::run"));
    assert!(panic_text(|| drop(myrt::spawn_blocking(|| ()))).contains("myrt::run"));
    let mut outside = sleep(Duration::from_secs(1));
    assert!(
        panic_text(|| assert!(poll_with(&mut outside, Waker::noop()).is_ready()))
            .contains("myrt::run")
    );
}

#[test]
fn block_on_takes_futures_that_borrow() {
    let runtime = runtime();
    let mut numbers = vec![1, 2, 3];
    let sum = runtime.block_on(async {
        numbers.push(4);
        myrt::yield_now().await;
        numbers.iter().sum::<i32>()
    });
    assert_eq!((sum, numbers.len()), (10, 4));
}

#[test]
fn step_polls_one_task_at_a_time() {
    let runtime = paused();
    let log = Log::default();
    for name in ["a", "b"] {
        let log = log.clone();
        drop(runtime.spawn(async move {
            for _ in 0..2 {
                log.add(name);
                myrt::yield_now().await;
            }
        }));
    }
    let mut seen = Vec::new();
    while runtime.step().unwrap() {
        seen.push(log.take().concat());
    }
    assert_eq!(seen, ["a", "b", "a", "b", "", ""]);
}

#[test]
fn steps_go_through_virtual_time_and_never_sleep() {
    let runtime = paused();
    let log = Log::default();
    for (name, millis) in [("late", 100_000), ("soon", 70)] {
        let log = log.clone();
        drop(runtime.spawn(async move {
            sleep(Duration::from_millis(millis)).await;
            log.add(name);
        }));
    }
    let began = runtime.now();
    let mut seen = Vec::new();
    while runtime.metrics().tasks > 0 {
        let polled = runtime.step().unwrap();
        let ready = runtime.ready().len();
        seen.push((
            polled,
            ready,
            log.take().concat(),
            (runtime.now() - began).as_millis(),
        ));
    }
    let step = |polled, ready, said: &str, at| (polled, ready, said.to_owned(), at);
    let expected = [
        step(true, 1, "", 0),
        step(true, 0, "", 0),
        step(false, 1, "", 70),
        step(true, 0, "soon", 70),
        step(false, 1, "", 100_000),
        step(true, 0, "late", 100_000),
    ];
    assert_eq!(seen, expected);
    // With no timer, or one that is never due, a step does nothing and comes back.
    drop(runtime.spawn(sleep(Duration::MAX)));
    assert!(runtime.step().unwrap());
    assert!(!runtime.step().unwrap());
    assert_eq!((runtime.now() - began).as_millis(), 100_000);
}

#[test]
fn ready_tasks_are_told_in_the_order_of_their_polls() {
    let runtime = paused();
    let lock = Rc::new(myrt::sync::Mutex::new(()));
    let names = |runtime: &Runtime| {
        let graph = runtime.graph();
        let name = |id| graph.task(id).unwrap().name.clone().unwrap();
        runtime.ready().into_iter().map(name).collect::<Vec<_>>()
    };
    let all = Rc::clone(&lock);
    let spawner = async move {
        let tasks = ["first", "second"].map(|name| {
            let lock = Rc::clone(&all);
            let visit = async move {
                let _guard = lock.lock().await;
                myrt::yield_now().await;
            };
            myrt::task::Builder::new().name(name).spawn(visit)
        });
        for task in tasks {
            task.await.unwrap();
        }
    };
    drop(runtime.spawn(async move {
        myrt::task::current().set_name("spawner");
        spawner.await;
    }));
    let mut orders = Vec::new();
    while runtime.step().unwrap() {
        orders.push(names(&runtime).join(" "));
    }
    // The lock is handed on before the task ends: so `second` is before the one that joins, though
    // not in the table.
    assert_eq!(
        orders,
        [
            "first second",
            "second first",
            "first",
            "second spawner",
            "spawner second",
            "second",
            "spawner",
            ""
        ]
    );
}

#[test]
fn a_foreign_loop_can_drive_it() {
    let runtime = runtime();
    assert_eq!(runtime.next_deadline(), None);
    let (ours, theirs) = support::half_unix();
    let reader = runtime.spawn(async move { support::read_some(&ours).await.unwrap() });
    let sleeper = runtime.spawn(sleep(Duration::from_millis(10)));
    assert!(
        runtime
            .next_deadline()
            .is_some_and(|at| at <= Instant::now()),
        "something is ready"
    );
    while runtime.turn(Some(Duration::ZERO)).unwrap() {}
    let deadline = runtime.next_deadline().expect("the sleep");
    assert!(deadline > Instant::now() - Duration::from_secs(5));
    std::io::Write::write_all(&mut &theirs, b"x").unwrap();
    while runtime.metrics().tasks != 0 {
        // What poll(2) in a foreign loop does; a thread's sleep replaces it.
        let until = runtime.next_deadline().map(|at| at - Instant::now());
        thread::sleep(
            until
                .unwrap_or(Duration::from_millis(1))
                .min(Duration::from_millis(1)),
        );
        runtime.turn(Some(Duration::ZERO)).unwrap();
    }
    assert_eq!(runtime.block_on(reader).unwrap(), b"x");
    runtime.block_on(sleeper).unwrap();
    assert_eq!(runtime.next_deadline(), None);
}

#[test]
fn the_selectors_descriptor_tells_a_foreign_loop_of_events_and_messages() {
    use myrt::io::readable;
    let inner = runtime();
    let has_one = catch_unwind(AssertUnwindSafe(|| {
        std::os::fd::AsFd::as_fd(&inner).try_clone_to_owned()
    }));
    let Ok(Ok(fd)) = has_one else {
        return; // poll and select have none, and as_fd says so
    };
    let (ours, theirs) = support::half_unix();
    let reader = inner.spawn(async move { support::read_some(&ours).await.unwrap() });
    while inner.turn(Some(Duration::ZERO)).unwrap() {}
    let outer = runtime();
    thread::scope(|scope| {
        scope.spawn(move || std::io::Write::write_all(&mut &theirs, b"x").unwrap());
        outer.block_on(readable(&fd)).unwrap();
    });
    while inner.turn(Some(Duration::ZERO)).unwrap() {}
    assert_eq!(inner.block_on(reader).unwrap(), b"x");
}

/// Drives an embedded runtime as a foreign loop does, which waits for nothing but its descriptor,
/// until [`DONE`] is set. What `prepare` returns is called on another thread once the runtime has
/// nothing to do.
fn embedded(prepare: impl FnOnce(&Runtime) -> Box<dyn FnOnce() + Send>) {
    let inner = runtime();
    let has_one = catch_unwind(AssertUnwindSafe(|| {
        std::os::fd::AsFd::as_fd(&inner).try_clone_to_owned()
    }));
    let Ok(Ok(fd)) = has_one else {
        return; // poll and select have none, and as_fd says so
    };
    let act = prepare(&inner);
    let outer = runtime();
    let wait = || {
        let limit = Duration::from_secs(30);
        let woken = myrt::time::timeout(limit, myrt::io::readable(&fd));
        outer
            .block_on(woken)
            .expect("the foreign loop is woken")
            .unwrap();
    };
    // Until it is idle.
    while inner.turn(Some(Duration::ZERO)).unwrap() {}
    thread::scope(|scope| {
        scope.spawn(act);
        while inner.metrics().tasks > 0 || !DONE.get() {
            wait();
            inner.turn(Some(Duration::ZERO)).unwrap();
        }
    });
}

thread_local! {
    /// What the foreign loop waits for has happened.
    static DONE: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

#[test]
fn a_foreign_loop_is_woken_by_a_task_that_another_thread_spawns() {
    embedded(|inner| {
        let remote = inner.remote();
        Box::new(move || drop(remote.spawn(|| async { DONE.set(true) })))
    });
    DONE.set(false);
}

#[test]
fn a_foreign_loop_is_woken_by_a_task_that_another_thread_wakes() {
    embedded(|inner| {
        let (give, take) = mpsc::channel::<Waker>();
        let mut given = false;
        drop(inner.spawn(std::future::poll_fn(move |cx| {
            if std::mem::replace(&mut given, true) {
                DONE.set(true);
                return std::task::Poll::Ready(());
            }
            give.send(cx.waker().clone()).unwrap();
            std::task::Poll::Pending
        })));
        Box::new(move || take.recv().unwrap().wake())
    });
    DONE.set(false);
}

#[test]
fn a_foreign_loop_is_woken_by_a_deferred_call() {
    embedded(|inner| {
        let remote = inner.remote();
        Box::new(move || {
            let _ = remote.defer(|| DONE.set(true));
        })
    });
    DONE.set(false);
}

#[test]
fn a_foreign_loop_is_woken_by_the_end_of_a_blocking_job() {
    embedded(|inner| {
        let (open, gate) = mpsc::channel::<()>();
        drop(inner.spawn(async move {
            myrt::spawn_blocking(move || gate.recv().unwrap())
                .await
                .unwrap();
            DONE.set(true);
        }));
        Box::new(move || open.send(()).unwrap())
    });
    DONE.set(false);
}

#[test]
fn a_foreign_loop_is_woken_by_what_its_own_thread_spawns_between_turns() {
    let inner = runtime();
    let has_one = catch_unwind(AssertUnwindSafe(|| {
        std::os::fd::AsFd::as_fd(&inner).try_clone_to_owned()
    }));
    let Ok(Ok(fd)) = has_one else {
        return; // poll and select have none, and as_fd says so
    };
    while inner.turn(Some(Duration::ZERO)).unwrap() {}
    let task = inner.spawn(async { 5 });
    let outer = runtime();
    let woken = myrt::time::timeout(Duration::from_secs(30), myrt::io::readable(&fd));
    outer
        .block_on(woken)
        .expect("the foreign loop is woken")
        .unwrap();
    assert_eq!(inner.block_on(task).unwrap(), 5);
}

#[test]
fn turn_sleeps_at_most_as_long_as_it_is_told() {
    let runtime = runtime();
    let start = std::time::Instant::now();
    assert!(!runtime.turn(Some(Duration::from_millis(20))).unwrap());
    assert!(start.elapsed() >= Duration::from_millis(20));
    // With a deadline before that, it ends then.
    let sleeper = runtime.spawn(sleep(Duration::from_millis(5)));
    for _ in 0..100 {
        if runtime.metrics().tasks == 0 {
            break;
        }
        runtime.turn(Some(Duration::from_secs(3600))).unwrap();
    }
    runtime.block_on(sleeper).unwrap();
}

#[test]
fn remote_spawns_defers_and_says_when_the_runtime_is_gone() {
    let runtime = careless();
    let remote = runtime.remote();
    let (tx, rx) = mpsc::channel();
    let thread = thread::spawn(move || {
        let sum = remote.spawn(|| async {
            let local = Rc::new(5); // need not be Send
            myrt::yield_now().await;
            *local + 1
        });
        assert_eq!(sum.join().unwrap(), 6);
        let error = remote
            .spawn(|| async { panic!("there") })
            .join()
            .map(|(): ()| ())
            .unwrap_err();
        assert_eq!(error.reason(), Some("there"));
        let made = remote.spawn(|| -> std::future::Ready<()> { panic!("in the making") });
        assert!(made.join().unwrap_err().is_panic());
        let main = thread::current().id();
        assert!(remote.defer(move || tx.send(thread::current().id() != main).unwrap()));
        let never = remote.spawn(pending::<()>);
        assert!(remote.is_alive());
        (remote, never)
    });
    let (remote, never) = runtime.block_on(async {
        myrt::spawn_blocking(move || thread.join().unwrap())
            .await
            .unwrap()
    });
    assert!(rx.recv().unwrap());
    assert!(!never.is_finished());
    drop(runtime);
    assert!(never.join().unwrap_err().is_cancelled());
    assert!(!remote.is_alive());
    assert!(!remote.defer(|| unreachable!("the runtime is gone")));
    assert!(remote.spawn(|| async {}).join().unwrap_err().is_cancelled());
}

#[test]
fn a_panic_in_a_deferred_call_is_reported() {
    let (runtime, log) = collecting();
    assert!(runtime.remote().defer(|| panic!("deferred")));
    runtime.block_on(sleep(Duration::from_millis(1)));
    assert_eq!(log.take(), ["deferred"]);
}

#[test]
fn join_handles_on_other_threads() {
    let runtime = runtime();
    let (done, rest) = runtime.block_on(async {
        let done = myrt::spawn(async { 1 });
        let polled = myrt::spawn(async { 2 });
        let cancelled = myrt::spawn(pending::<()>());
        settle().await;
        (done, (polled, cancelled))
    });
    thread::spawn(move || {
        let (mut polled, cancelled) = rest;
        let text = panic_text(|| drop(poll_with(&mut polled, Waker::noop())));
        assert!(text.contains("Remote::spawn"), "{text}");
        assert!(polled.is_finished(), "it may be asked anywhere");
        assert!(!cancelled.is_finished());
        cancelled.cancel();
        drop((polled, done));
    })
    .join()
    .unwrap();
    runtime.block_on(sleep(Duration::from_millis(1)));
    assert_eq!(runtime.metrics().tasks, 0);
}

#[test]
fn a_blocking_job_gives_its_result_its_panic_or_nothing() {
    let runtime = runtime();
    runtime.block_on(async {
        assert_eq!(myrt::spawn_blocking(|| 3).await.unwrap(), 3);
        let error = myrt::spawn_blocking(|| panic!("job"))
            .await
            .map(|(): ()| ())
            .unwrap_err();
        assert_eq!(error.reason(), Some("job"));
        let (tx, rx) = mpsc::channel::<()>();
        let task = myrt::spawn_blocking(move || rx.recv());
        settle().await;
        task.cancel().await;
        drop(tx);
        assert!(task.await.unwrap_err().is_cancelled());
    });
}
