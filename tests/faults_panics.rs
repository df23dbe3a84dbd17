//! What panics where no task hears of it: wakers, destructors of values that the runtime holds,
//! payloads, hooks.
//!
//! Looked at for the same kind. Wakes: events, timers, ends of tasks and of children, waiters of
//! `cancel()`, messages of other threads, jobs, descriptors that are closed, cancel tokens, the
//! runtime's end. Drops: results, payloads of panics, task locals, done callbacks, cleanups that
//! are refused, closures and results of jobs, messages of mpsc and broadcast, wakers of timers.
//! State that is set and given back around them: the parked queue, threads of the pool, slots, the
//! runtime's id, who is polled (lints).

mod support;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::pin;
use std::rc::Rc;
use std::sync::mpsc;
use std::task::{Context, Waker};
use std::time::Duration;

use myrt::CancelToken;
use myrt::runtime::Builder;
use myrt::sync;
use myrt::task::spawn_blocking;
use myrt::time::{sleep, timeout};
use support::{Counter, collecting, hooked, on_drop, poll_with, runtime, settle, unix_pair};

/// A foreign waker that panics when it is called.
fn panicking() -> Waker {
    hooked(|| panic!("waker"), || ())
}

#[test]
fn b_2_a_waker_that_panics_is_reported_and_the_loop_goes_on() {
    let (runtime, log) = collecting();
    runtime.block_on(async {
        let waker = panicking();
        let mut cx = Context::from_waker(&waker);
        // Each of these is ended by the loop.
        let mut nap = Box::pin(sleep(Duration::from_millis(1)));
        let (ours, theirs) = unix_pair();
        let mut readable = Box::pin(ours.readable());
        let mut task = myrt::spawn(settle());
        let mut cancelled = {
            let task = myrt::spawn(async {
                myrt::finally(std::future::pending::<()>(), async || settle().await).await;
            });
            settle().await;
            task.cancel()
        };
        assert!(nap.as_mut().poll(&mut cx).is_pending());
        assert!(readable.as_mut().poll(&mut cx).is_pending());
        assert!(poll_with(&mut task, &waker).is_pending());
        assert!(poll_with(&mut cancelled, &waker).is_pending());
        drop(theirs);
        sleep(Duration::from_millis(20)).await;
        task.await.unwrap();
        cancelled.await;
        readable.await.unwrap();
        nap.await;
    });
    assert_eq!(log.take(), ["waker"; 4]);
}

#[test]
fn b_2_a_waker_that_panics_keeps_no_other_waiter_asleep() {
    let (runtime, log) = collecting();
    runtime.block_on(async {
        let (count, counting) = Counter::new();
        // Waiters of one descriptor, when an event comes and when it is closed.
        for closes in [false, true] {
            let (ours, theirs) = unix_pair();
            let ours = Rc::new(ours);
            let mut waits: Vec<_> = [panicking(), counting.clone(), panicking(), counting.clone()]
                .iter()
                .map(|waker| {
                    let ours = ours.clone();
                    let mut wait = Box::pin(async move { ours.readable().await });
                    assert!(
                        wait.as_mut()
                            .poll(&mut Context::from_waker(waker))
                            .is_pending()
                    );
                    wait
                })
                .collect();
            drop(theirs);
            sleep(Duration::from_millis(5)).await;
            if closes {
                waits.clear();
            }
        }
        assert_eq!(count.wakes(), 4);
        log.take();

        // Those of a token and of its children: the panic is the canceller's, when all have been
        // told.
        let token = CancelToken::new();
        let child = token.child();
        let mut first = pin!(token.cancelled());
        let mut second = pin!(child.cancelled());
        let waker = panicking();
        assert!(
            first
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        assert!(
            second
                .as_mut()
                .poll(&mut Context::from_waker(&counting))
                .is_pending()
        );
        assert!(catch_unwind(AssertUnwindSafe(|| token.cancel())).is_err());
        assert!(child.is_cancelled());
        assert_eq!(count.wakes(), 5);
        assert!(log.take().is_empty(), "who called it has it");
    });
}

#[test]
fn b_3_results_of_jobs_that_panic_when_dropped_cost_no_thread() {
    let (runtime, log) = collecting();
    // More than the pool has threads.
    const JOBS: usize = 600;
    runtime.block_on(async {
        for number in 0..JOBS {
            let (begun, has_begun) = mpsc::channel();
            let (end, may_end) = mpsc::channel::<()>();
            let (dropped, was_dropped) = mpsc::channel();
            let job = spawn_blocking(move || {
                begun.send(()).unwrap();
                may_end.recv().unwrap();
                on_drop(move || {
                    dropped.send(()).unwrap();
                    panic!("result");
                })
            });
            has_begun.recv().unwrap();
            job.cancel();
            end.send(()).unwrap();
            was_dropped.recv().unwrap();
            if number % 100 == 0 {
                settle().await;
            }
        }
        let job = timeout(Duration::from_secs(30), spawn_blocking(|| 5));
        assert_eq!(job.await.expect("a thread is there").unwrap(), 5);
        // A closure that is given up before it begins is dropped on the thread.
        let gone = on_drop(|| panic!("closure"));
        spawn_blocking(move || drop(gone)).cancel();
        assert_eq!(spawn_blocking(|| 6).await.unwrap(), 6);
        // The closure's is told only if the job had not begun when it was cancelled.
        let mut results = 0;
        while results < JOBS {
            results += log.take().iter().filter(|text| *text == "result").count();
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(results, JOBS);
    });
}

#[test]
fn b_3_values_of_a_task_whose_destructors_panic_are_reported() {
    myrt::task_local! { static LOCAL: support::OnDrop<fn()>; }
    let (runtime, log) = collecting();
    runtime.block_on(async {
        // The task's copy of the chain is the last that keeps the value.
        let value = on_drop((|| panic!("local")) as fn());
        LOCAL
            .scope(value, async {
                drop(myrt::spawn(settle()));
            })
            .await;
        settle().await;
        settle().await;
        // The payload of a panic that nobody joins, and of one in a destructor that comes second.
        drop(myrt::spawn(async {
            panic_any(on_drop(|| panic!("payload")));
        }));
        drop(myrt::spawn(async {
            let _second = on_drop(|| ());
            panic!("first");
        }));
        settle().await;
    });
    assert_eq!(
        log.take(),
        ["local", "(a value that is not a text)", "first"]
    );
    assert_eq!(runtime.metrics().tasks, 0);
}

#[test]
fn b_3_callbacks_that_are_called_or_dropped_may_panic() {
    let (runtime, log) = collecting();
    let ended = runtime.block_on(async {
        let task = myrt::spawn(async {});
        settle().await;
        task.on_done(|_, _| panic!("called at once"));
        let never = myrt::spawn(std::future::pending::<()>());
        let kept = on_drop(|| panic!("dropped"));
        never.on_done(move |_, _| drop(kept));
        settle().await; // it has begun
        task.await
    });
    ended.unwrap();
    drop(runtime);
    assert_eq!(log.take(), ["called at once", "dropped"]);
}

#[test]
fn b_3_messages_that_panic_when_dropped_spare_none_of_the_others() {
    let dropped = Rc::new(Cell::new(0));
    let message = |panics: bool| {
        let dropped = dropped.clone();
        on_drop(move || {
            dropped.set(dropped.get() + 1);
            assert!(!panics, "message");
        })
    };
    runtime().block_on(async {
        let (send, receive) = sync::mpsc::unbounded_channel();
        for number in 0..6 {
            let _ = send.send(message(number == 1 || number == 3));
        }
        assert!(catch_unwind(AssertUnwindSafe(|| drop(receive))).is_err());
        assert_eq!(dropped.take(), 6, "the sender is still there");

        let (send, receive) = sync::broadcast::channel(8);
        for number in 0..6 {
            let _ = send.send(message(number == 1 || number == 3));
        }
        assert!(catch_unwind(AssertUnwindSafe(|| drop(receive))).is_err());
        assert_eq!(dropped.take(), 6);
    });
}

#[test]
fn b_3_wakers_that_panic_when_dropped_do_not_stop_the_runtimes_end() {
    let ended = Rc::new(Cell::new(false));
    let runtime = runtime();
    let mut nap = Box::pin(sleep(Duration::from_secs(60)));
    runtime.block_on(async {
        let waker = hooked(|| (), || panic!("dropped waker"));
        assert!(
            nap.as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        let flag = ended.clone();
        drop(myrt::spawn(async move {
            let _end = on_drop(move || flag.set(true));
            std::future::pending::<()>().await;
        }));
        settle().await;
        // The clone that the timer keeps is the last.
        drop(waker);
    });
    let remote = runtime.remote();
    drop(runtime);
    assert!(ended.get());
    assert!(!remote.is_alive());
    drop(nap);
}

#[test]
fn b_3_a_hook_that_panics_leaves_no_task_behind() {
    let runtime = Builder::new()
        .on_unhandled(|_| panic!("hook"))
        .build()
        .unwrap();
    for _ in 0..3 {
        let ended = catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(async {
                drop(myrt::spawn(async { panic!("nobody joins") }));
                settle().await;
            });
        }));
        assert!(ended.is_err());
    }
    assert_eq!(runtime.metrics().tasks, 0);
    let remote = runtime.remote();
    // Its end is told of panics too, and goes through all the same.
    drop(runtime.spawn(async {
        let _never = on_drop(|| panic!("at the end"));
        std::future::pending::<()>().await;
    }));
    let dropped = Rc::new(Cell::new(false));
    let flag = dropped.clone();
    drop(runtime.spawn(async move {
        let _last = on_drop(move || flag.set(true));
        std::future::pending::<()>().await;
    }));
    while runtime.turn(Some(Duration::ZERO)).unwrap() {}
    let _ = catch_unwind(AssertUnwindSafe(|| drop(runtime)));
    assert!(dropped.get());
    assert!(!remote.is_alive());
}
