//! The executor as its users see it: order, fairness, panics, ends, re-entrancy.
//!
//! Embedding and other threads are in `embedding.rs`. Tests of known bugs of other runtimes stand
//! in `known_bugs_executor.rs`, wakes from other threads in `wakers.rs`.
#![allow(
    clippy::disallowed_methods,
    reason = "tests start threads and read the clock"
)]

mod support;

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn, ready};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use myrt::runtime::Builder;
use myrt::task::{JoinHandle, Outcome};
use myrt::time::{Instant, sleep};
use support::{
    Counter, Log, careless, collecting, counted, hooked, on_drop, own_waker, panic_text, paused,
    poll_with, runtime, settle,
};

// Order and fairness.

#[test]
fn a_task_that_wakes_itself_goes_behind_the_others() {
    let log = Log::default();
    let seen = log.clone();
    runtime().block_on(async move {
        let noisy = log.clone();
        let _noisy = myrt::spawn(async move {
            for _ in 0..3 {
                noisy.add("noisy");
                myrt::yield_now().await;
            }
        });
        let calm = log.clone();
        let _calm = myrt::spawn(async move {
            for _ in 0..3 {
                calm.add("calm");
                myrt::yield_now().await;
            }
        });
        settle().await;
    });
    assert_eq!(
        seen.take(),
        ["noisy", "calm", "noisy", "calm", "noisy", "calm"]
    );
}

#[test]
fn tasks_that_never_rest_starve_neither_timers_nor_descriptors() {
    let runtime = runtime();
    runtime.block_on(async {
        for _ in 0..100 {
            drop(myrt::spawn(async {
                loop {
                    myrt::yield_now().await;
                }
            }));
        }
        let (ours, theirs) = support::half_unix();
        let reader = myrt::spawn(async move { support::read_some(&ours).await.unwrap() });
        sleep(Duration::from_millis(5)).await;
        std::io::Write::write_all(&mut &theirs, b"through").unwrap();
        assert_eq!(reader.await.unwrap(), b"through");
    });
}

#[test]
fn the_budget_makes_a_task_that_is_always_ready_give_way() {
    let runtime = runtime();
    runtime.block_on(async {
        let (ours, theirs) = support::half_unix();
        std::io::Write::write_all(&mut &theirs, &[1; 2000]).unwrap();
        let done = Rc::new(Cell::new(false));
        let flag = done.clone();
        let greedy = myrt::spawn(async move {
            let mut byte = [0];
            for _ in 0..2000 {
                ours.read_with(|mut io| std::io::Read::read(&mut io, &mut byte))
                    .await
                    .unwrap();
            }
            flag.set(true);
        });
        let mut turns = 0;
        while !done.get() {
            myrt::yield_now().await;
            turns += 1;
        }
        greedy.await.unwrap();
        // 2,000 operations at 128 a turn.
        assert!((15..=17).contains(&turns), "{turns} turns");
    });
}

#[test]
fn unconstrained_is_not_made_to_give_way() {
    runtime().block_on(async {
        let (ours, theirs) = support::half_unix();
        std::io::Write::write_all(&mut &theirs, &[1; 2000]).unwrap();
        let polls = Rc::new(Cell::new(0));
        let greedy = myrt::task::unconstrained(async move {
            let mut byte = [0];
            for _ in 0..2000 {
                ours.read_with(|mut io| std::io::Read::read(&mut io, &mut byte))
                    .await
                    .unwrap();
            }
        });
        myrt::spawn(counted(polls.clone(), greedy)).await.unwrap();
        assert_eq!(polls.get(), 1);
    });
}

#[test]
fn unconstrained_still_waits_when_there_is_nothing_to_do() {
    let runtime = paused();
    runtime.block_on(async {
        let start = Instant::now();
        myrt::task::unconstrained(async {
            for _ in 0..300 {
                sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
        assert_eq!(start.elapsed(), Duration::from_millis(300));
    });
}

// Panics.

#[test]
fn a_panic_in_poll_ends_that_task_alone_and_drops_its_future() {
    let dropped = Rc::new(Cell::new(0));
    let count = dropped.clone();
    runtime().block_on(async move {
        let guard = on_drop(move || count.set(count.get() + 1));
        let bad: JoinHandle<()> = myrt::spawn(async move {
            let _guard = guard;
            myrt::yield_now().await;
            panic!("in poll {}", 7);
        });
        let good = myrt::spawn(async {
            settle().await;
            "fine"
        });
        let error = bad.await.unwrap_err();
        assert_eq!(error.reason(), Some("in poll 7"));
        assert!(error.try_into_panic().is_ok());
        assert_eq!(good.await.unwrap(), "fine");
    });
    assert_eq!(dropped.get(), 1);
}

#[test]
fn a_join_error_goes_wherever_errors_go_and_keeps_the_panic() {
    type Anywhere = Box<dyn std::error::Error + Send + Sync>;
    async fn joined(task: JoinHandle<()>) -> Result<(), Anywhere> {
        Ok(task.await?)
    }
    myrt::run(async {
        // What a task panics with is `Send`, and need not be `Sync`.
        let odd = myrt::spawn(async { std::panic::panic_any(Cell::new(7)) });
        let said = myrt::spawn(async { panic!("number {}", 7) });
        let ended = myrt::spawn(pending());
        let _cleanup = ended.cancel_with("enough");

        let odd = joined(odd).await.unwrap_err();
        let odd = odd.downcast::<myrt::task::JoinError>().unwrap();
        assert_eq!(odd.reason(), None);
        assert!(odd.into_panic().is::<Cell<i32>>());
        let said = std::io::Error::from(said.await.unwrap_err());
        assert!(said.to_string().ends_with("panicked: number 7"), "{said}");
        let said = said.downcast::<myrt::task::JoinError>().unwrap();
        assert!(said.is_panic() && said.try_into_panic().is_ok());
        let ended = joined(ended).await.unwrap_err();
        assert!(
            ended.to_string().ends_with("was cancelled: enough"),
            "{ended}"
        );
    });
}

#[test]
fn a_panic_in_the_drop_of_a_finished_future_reaches_the_joiner() {
    runtime().block_on(async {
        struct Bad(bool);
        impl Future for Bad {
            type Output = u32;
            fn poll(self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u32> {
                Poll::Ready(1)
            }
        }
        impl Drop for Bad {
            fn drop(&mut self) {
                assert!(!self.0, "in drop");
            }
        }
        let error = myrt::spawn(Bad(true)).await.unwrap_err();
        assert_eq!(error.reason(), Some("in drop"));
        assert_eq!(myrt::spawn(Bad(false)).await.unwrap(), 1);
    });
}

#[test]
fn a_panic_in_the_drop_of_a_cancelled_future_reaches_the_joiner() {
    runtime().block_on(async {
        let guard = on_drop(|| panic!("in cancel"));
        let task = myrt::spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        settle().await;
        task.cancel();
        let error = task.await.unwrap_err();
        assert!(error.is_panic(), "{error:?}");
        assert_eq!(error.reason(), Some("in cancel"));
    });
}

#[test]
fn a_panic_in_the_drop_of_an_output_that_nobody_took_is_reported() {
    let (runtime, log) = collecting();
    runtime.block_on(async {
        let task = myrt::spawn(async { on_drop(|| panic!("in output")) });
        settle().await;
        drop(task);
        drop(myrt::spawn(async { on_drop(|| panic!("in output too")) }));
        settle().await;
    });
    assert_eq!(log.take(), ["in output", "in output too"]);
    assert_eq!(runtime.metrics().tasks, 0);
}

#[test]
fn a_panic_that_nobody_joins_is_reported_once() {
    let (runtime, log) = collecting();
    runtime.block_on(async {
        drop(myrt::spawn(async { panic!("detached") }));
        let kept = myrt::spawn(async { panic!("dropped later") });
        let joined = myrt::spawn(async { panic!("joined") });
        settle().await;
        drop(kept);
        assert!(joined.await.unwrap_err().is_panic());
    });
    drop(runtime);
    assert_eq!(log.take(), ["detached", "dropped later"]);
}

#[test]
fn a_panic_in_a_callback_is_reported_and_the_others_run() {
    let (runtime, log) = collecting();
    let called = Rc::new(Cell::new(0));
    let count = called.clone();
    runtime.block_on(async move {
        let task = myrt::spawn(async {});
        task.on_done(|_, _| panic!("in callback"));
        task.on_done(move |_, outcome| {
            assert_eq!(outcome, Outcome::Completed);
            count.set(count.get() + 1);
        });
        task.await.unwrap();
    });
    assert_eq!(called.get(), 1);
    assert_eq!(log.take(), ["in callback"]);
}

#[test]
fn a_panic_in_the_unhandled_hook_ends_block_on_and_not_the_runtime() {
    let hook = |_: &myrt::runtime::Unhandled<'_>| panic!("in hook");
    let runtime = Builder::new().on_unhandled(hook).build().unwrap();
    let text = panic_text(|| {
        runtime.block_on(async {
            drop(myrt::spawn(async { panic!("first") }));
            settle().await;
        });
    });
    assert_eq!(text, "in hook");
    assert_eq!(
        runtime.block_on(async { myrt::spawn(async { 5 }).await.unwrap() }),
        5
    );
}

#[test]
fn a_panic_of_the_main_future_leaves_the_runtime_usable() {
    let runtime = runtime();
    let other = runtime.spawn(async {
        settle().await;
        9
    });
    let text = panic_text(|| {
        runtime.block_on(async {
            myrt::yield_now().await;
            panic!("main");
        });
    });
    assert_eq!(text, "main");
    assert_eq!(runtime.block_on(other).unwrap(), 9);
}

// Ends of tasks.

#[test]
fn a_detached_task_runs_on_and_its_output_is_dropped() {
    let log = Log::default();
    let seen = log.clone();
    let runtime = runtime();
    runtime.block_on(async {
        drop(myrt::spawn(async move {
            myrt::yield_now().await;
            log.add("ran");
            on_drop(move || log.add("output dropped"))
        }));
        settle().await;
    });
    assert_eq!(seen.take(), ["ran", "output dropped"]);
    assert_eq!(runtime.metrics().tasks, 0);
}

#[test]
fn tasks_that_block_on_left_go_on_in_the_next_one_and_end_with_the_runtime() {
    let log = Log::default();
    let runtime = runtime();
    let (a, b) = (log.clone(), log.clone());
    runtime.block_on(async move {
        drop(myrt::spawn(async move {
            let _guard = on_drop(move || b.add("dropped"));
            for turn in 0.. {
                a.add(format!("turn {turn}"));
                myrt::yield_now().await;
                myrt::yield_now().await;
            }
        }));
        myrt::yield_now().await;
    });
    assert_eq!(log.take(), ["turn 0"]);
    runtime.block_on(async {
        for _ in 0..3 {
            myrt::yield_now().await;
        }
    });
    assert!(log.take().contains(&"turn 1".to_owned()));
    drop(runtime);
    assert_eq!(log.take(), ["dropped"]);
}

#[test]
fn outputs_of_handles_that_outlive_the_runtime_are_dropped_with_it() {
    let log = Log::default();
    let (a, b) = (log.clone(), log.clone());
    let runtime = careless();
    let small = runtime.spawn(async move { on_drop(move || a.add("small")) });
    let large = runtime.spawn(async move {
        let guard = on_drop(move || b.add("large"));
        ([0_u8; 20_000], guard)
    });
    let failed: JoinHandle<()> = runtime.spawn(async { std::panic::panic_any(vec![1; 100]) });
    runtime.block_on(settle());
    assert!(log.take().is_empty());
    drop(runtime);
    assert_eq!(log.take(), ["small", "large"]);
    drop((small, large, failed));
}

#[test]
fn cancelling_in_each_state() {
    let log = Log::default();
    let seen = log.clone();
    runtime().block_on(async move {
        let make = |name: &'static str| {
            let log = log.clone();
            let guard = on_drop(move || log.add(name));
            async move {
                let _guard = guard;
                pending::<()>().await;
            }
        };
        // Queued, never polled.
        let task = myrt::spawn(make("fresh"));
        task.cancel().await;
        assert!(task.await.unwrap_err().is_cancelled());
        // Waiting.
        let task = myrt::spawn(make("waiting"));
        settle().await;
        task.cancel_with("enough").await;
        assert_eq!(task.await.unwrap_err().reason(), Some("enough"));
        // Waiting, woken and therefore queued.
        let waker = Rc::new(RefCell::new(None));
        let place = waker.clone();
        let inner = make("woken");
        let task = myrt::spawn(async move {
            *place.borrow_mut() = Some(own_waker().await);
            inner.await;
        });
        settle().await;
        waker.take().expect("polled").wake();
        task.cancel().await;
        assert!(task.await.unwrap_err().is_cancelled());
        // Finished: nothing happens.
        let task = myrt::spawn(ready(5));
        settle().await;
        task.cancel().await;
        assert_eq!(task.await.unwrap(), 5);
        // Twice.
        let task = myrt::spawn(make("twice"));
        settle().await;
        task.cancel();
        task.cancel().await;
        assert!(task.await.unwrap_err().is_cancelled());
    });
    assert_eq!(seen.take(), ["fresh", "waiting", "woken", "twice"]);
}

#[test]
fn a_task_that_cancels_itself_ends_at_its_next_wait() {
    let log = Log::default();
    let seen = log.clone();
    runtime().block_on(async move {
        let inside = log.clone();
        let task = myrt::spawn(async move {
            myrt::task::current().cancel();
            assert!(myrt::task::current().is_cancelling());
            inside.add("still running");
            ready(()).await;
            inside.add("still running after what was ready");
            pending::<()>().await;
        });
        assert!(task.await.unwrap_err().is_cancelled());
        // One that ends before it waits again has no output: asyncio's rule (see faults_tasks).
        let task = myrt::spawn(async {
            myrt::task::current().cancel();
            3
        });
        assert!(task.await.unwrap_err().is_cancelled());
    });
    assert_eq!(
        seen.take(),
        ["still running", "still running after what was ready"]
    );
}

#[test]
fn a_destructor_may_cancel_another_task_and_its_own() {
    let log = Log::default();
    let seen = log.clone();
    runtime().block_on(async move {
        let (b_dropped, a_dropped) = (log.clone(), log.clone());
        let b = myrt::spawn(async move {
            let _guard = on_drop(move || b_dropped.add("b"));
            pending::<()>().await;
        });
        let b = Rc::new(b);
        let victim = b.clone();
        let own = Rc::new(RefCell::new(None));
        let me = own.clone();
        let a = myrt::spawn(async move {
            *me.borrow_mut() = Some(myrt::task::current());
            let _guard = on_drop(move || {
                victim.cancel();
                me.borrow().expect("polled").cancel();
                a_dropped.add("a");
            });
            pending::<()>().await;
        });
        settle().await;
        a.cancel().await;
        assert!(own.borrow().expect("polled").is_finished());
        assert!(b.is_finished());
        assert!(a.await.unwrap_err().is_cancelled());
    });
    assert_eq!(seen.take(), ["b", "a"]);
}

// Re-entrancy.

#[test]
fn a_destructor_may_wake_spawn_and_sleep() {
    let log = Log::default();
    let runtime = runtime();
    runtime.block_on(async {
        let waiter_log = log.clone();
        let flag = Rc::new(Cell::new(false));
        let seen = flag.clone();
        let place = Rc::new(RefCell::new(None::<Waker>));
        let waker = place.clone();
        let waiter = myrt::spawn(async move {
            poll_fn(|cx| {
                *place.borrow_mut() = Some(cx.waker().clone());
                if seen.get() {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
            waiter_log.add("woken");
        });
        let spawn_log = log.clone();
        let guard = on_drop(move || {
            flag.set(true);
            // Held over the wake: a wake that polled inline would find it borrowed.
            let held = waker.borrow_mut();
            held.as_ref().expect("polled").wake_by_ref();
            drop(myrt::spawn(async move {
                sleep(Duration::from_millis(1)).await;
                spawn_log.add("spawned");
            }));
        });
        let dying = myrt::spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        settle().await;
        dying.cancel().await;
        waiter.await.unwrap();
        sleep(Duration::from_millis(20)).await;
    });
    assert_eq!(log.take(), ["woken", "spawned"]);
}

#[test]
fn a_wake_of_oneself_from_ones_own_destructor_does_no_harm() {
    let runtime = runtime();
    runtime.block_on(async {
        for cancelled in [false, true] {
            let task = myrt::spawn(async move {
                let waker = own_waker().await;
                let _guard = on_drop(move || waker.wake());
                if cancelled {
                    pending::<()>().await;
                }
            });
            settle().await;
            task.cancel();
            assert_eq!(task.await.is_err(), cancelled);
        }
        settle().await;
    });
    assert_eq!(runtime.metrics().tasks, 0);
    assert_eq!(runtime.metrics().ready, 0);
}

#[test]
fn a_foreign_waker_in_a_join_handle_is_woken_and_may_call_back() {
    runtime().block_on(async {
        let (counter, waker) = Counter::new();
        let mut task = myrt::spawn(async {
            myrt::yield_now().await;
            8
        });
        assert!(poll_with(&mut task, &waker).is_pending());
        settle().await;
        assert_eq!(counter.wakes(), 1);
        assert_eq!(
            poll_with(&mut task, &waker).map(Result::unwrap),
            Poll::Ready(8)
        );
        drop(task);
        // One that spawns, cancels and joins as it is woken, and again as it is dropped.
        let calls = Rc::new(Cell::new(0));
        let (a, b) = (calls.clone(), calls.clone());
        let waker = hooked(
            move || {
                let other = myrt::spawn(pending::<()>());
                other.cancel();
                a.set(a.get() + 1);
            },
            move || {
                drop(myrt::spawn(async {}));
                b.set(b.get() + 10);
            },
        );
        let mut task = myrt::spawn(async {});
        assert!(poll_with(&mut task, &waker).is_pending());
        drop(waker);
        settle().await;
        assert_eq!(calls.get(), 11);
        assert!(poll_with(&mut task, Waker::noop()).is_ready());
    });
}

#[test]
fn callbacks_may_drop_the_handle_and_spawn() {
    runtime().block_on(async {
        let handle = Rc::new(RefCell::new(None::<JoinHandle<()>>));
        let inner = handle.clone();
        let task = myrt::spawn(async {});
        task.on_done(move |_, _| {
            drop(inner.take());
            drop(myrt::spawn(async {}));
        });
        *handle.borrow_mut() = Some(task);
        settle().await;
        assert!(handle.borrow().is_none());
        // A callback on a task that has ended is called at once.
        let task = myrt::spawn(async {});
        settle().await;
        let called = Rc::new(Cell::new(false));
        let flag = called.clone();
        task.on_done(move |_, _| flag.set(true));
        assert!(called.get());
        task.await.unwrap();
    });
}

#[test]
fn an_eager_task_runs_up_to_its_first_wait_and_may_panic_or_end_there() {
    let (runtime, log) = collecting();
    runtime.block_on(async {
        let begun = Rc::new(Cell::new(0));
        let flag = begun.clone();
        let task = myrt::spawn_eager(async move {
            flag.set(1);
            myrt::yield_now().await;
            flag.set(2);
        });
        assert_eq!(begun.get(), 1);
        task.await.unwrap();
        assert_eq!(begun.get(), 2);
        assert_eq!(myrt::spawn_eager(ready(4)).await.unwrap(), 4);
        let error = myrt::spawn_eager(async { panic!("eager") })
            .await
            .map(|(): ()| ())
            .unwrap_err();
        assert_eq!(error.reason(), Some("eager"));
        // Eager within eager, and cancelling oneself in the first poll.
        let outer = myrt::spawn_eager(async {
            let inner = myrt::spawn_eager(async {
                myrt::task::current().cancel();
                pending::<()>().await;
            });
            assert!(inner.await.unwrap_err().is_cancelled());
            7
        });
        assert_eq!(outer.await.unwrap(), 7);
    });
    assert!(log.take().is_empty());
}

#[test]
fn shutdown_gives_the_tasks_no_more_turns() {
    let log = Log::default();
    let runtime = runtime();
    let inner = log.clone();
    drop(runtime.spawn(async move {
        let copy = inner.clone();
        let _guard = on_drop(move || copy.add("dropped"));
        for _ in 0.. {
            inner.add("turn");
            myrt::yield_now().await;
        }
    }));
    runtime.block_on(async {});
    log.take();
    runtime.shutdown(Duration::from_secs(1));
    assert_eq!(log.take(), ["dropped"]);
}
