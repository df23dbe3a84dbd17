//! Async cleanups and the runtime: what the main future leaves behind, what the end of the runtime
//! waits for, what it cuts, and what it says about it. Cleanups within a program are `cleanup.rs`.

mod support;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;

use myrt::runtime::{Builder, Lints};
use myrt::time::{Instant, sleep};
use myrt::{finally, task, yield_now};
use support::on_drop;
use support::timeline::{Log, forever, ms, told, told_by};

#[test]
fn the_main_future_waits_for_what_it_left() {
    let (runtime, _) = told();
    let log = Log::new();
    let other = log.clone();
    let start = runtime.block_on(async move {
        let start = Instant::now();
        let _left = finally(forever(), other.cleanup("cleaned", 30));
        start
    });
    runtime.block_on(async { assert_eq!(start.elapsed(), ms(30)) });
    assert_eq!(log.lines.borrow().len(), 1);
}

#[test]
fn a_panic_of_the_main_future_waits_for_what_it_left() {
    let (runtime, _) = told();
    let cleaned = Rc::new(Cell::new(false));
    let flag = cleaned.clone();
    let caught = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async move {
            let _left = finally(forever(), async move || {
                sleep(ms(30)).await;
                flag.set(true);
            });
            yield_now().await;
            panic!("main")
        });
    }));
    assert_eq!(
        *caught
            .map(|(): ()| ())
            .unwrap_err()
            .downcast::<&str>()
            .unwrap(),
        "main"
    );
    assert!(cleaned.get());
    assert_eq!(runtime.block_on(async { 5 }), 5, "the runtime goes on");
}

#[test]
fn the_main_future_can_be_cancelled() {
    let (runtime, _) = told();
    let cleaned = Rc::new(Cell::new(0));
    for by_itself in [true, false] {
        let flag = cleaned.clone();
        let ended = runtime.try_block_on(finally(
            async move {
                let me = task::current();
                if by_itself {
                    me.cancel_with("enough");
                } else {
                    drop(myrt::spawn(async move {
                        me.cancel_with("enough").await;
                    }));
                }
                forever().await;
            },
            async move || {
                sleep(ms(30)).await;
                flag.set(flag.get() + 1);
            },
        ));
        let error = ended.unwrap_err();
        assert!(error.is_cancelled());
        assert_eq!(error.reason(), Some("enough"));
    }
    assert_eq!(cleaned.get(), 2);
    let caught = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            task::current().cancel();
            yield_now().await;
        });
    }));
    let text = caught.unwrap_err().downcast::<String>().unwrap();
    assert!(
        text.contains("was cancelled") && text.contains("try_block_on"),
        "{text}"
    );
    assert_eq!(runtime.try_block_on(async { 5 }).unwrap(), 5);
}

#[test]
fn the_end_of_the_runtime_cancels_all_and_waits_for_their_cleanups() {
    let (runtime, heard) = told();
    let log = runtime.block_on(async { Log::new() });
    for name in ["a", "b"] {
        let log = log.clone();
        drop(runtime.spawn(finally(forever(), async move || {
            sleep(ms(20)).await;
            log.lines.borrow_mut().push((0, name.to_owned()));
        })));
    }
    runtime.block_on(yield_now());
    drop(runtime);
    log.is(&[(0, "a"), (0, "b")]);
    assert!(heard.borrow().is_empty());
}

#[test]
fn shutdown_cuts_what_outlasts_its_grace_and_says_so() {
    let (runtime, heard) = told();
    let quick = Rc::new(Cell::new(false));
    let flag = quick.clone();
    drop(runtime.spawn(finally(forever(), async move || {
        sleep(ms(20)).await;
        flag.set(true);
    })));
    let dropped = Rc::new(Cell::new(false));
    let flag = dropped.clone();
    drop(runtime.spawn(finally(forever(), async move || {
        let _drop = on_drop(|| flag.set(true));
        forever().await;
    })));
    runtime.block_on(yield_now());
    runtime.shutdown(ms(50));
    assert!(quick.get() && dropped.get());
    assert_eq!(heard.borrow().len(), 1, "{heard:?}");
    assert!(heard.borrow()[0].contains("was cut"), "{heard:?}");
}

#[test]
fn without_grace_cleanups_get_one_poll() {
    let (runtime, heard) = told_by(Builder::new().lints(Lints::Off)); // what is spawned never runs
    let polled = Rc::new(Cell::new(false));
    let flag = polled.clone();
    drop(runtime.spawn(finally(forever(), async move || {
        flag.set(true);
        sleep(ms(1)).await;
        unreachable!();
    })));
    runtime.shutdown(ms(0));
    assert!(polled.get());
    assert_eq!(heard.borrow().len(), 1, "{heard:?}");
}

#[test]
fn what_destructors_spawn_and_leave_while_the_runtime_ends_is_ended_too() {
    let (runtime, _) = told_by(Builder::new().lints(Lints::Off)); // what is spawned never runs
    let ended = Rc::new(Cell::new(0));
    fn chain(depth: u32, ended: Rc<Cell<u32>>) -> impl Future<Output = ()> {
        let drop = on_drop(move || {
            ended.set(ended.get() + 1);
            if depth > 0 {
                drop(myrt::spawn(Box::pin(chain(depth - 1, ended))
                    as std::pin::Pin<Box<dyn Future<Output = ()>>>));
            }
        });
        async move {
            let _drop = drop;
            forever().await;
        }
    }
    drop(runtime.spawn(chain(10, ended.clone())));
    drop(runtime);
    assert_eq!(ended.get(), 11);
}

#[test]
fn a_cleanup_dropped_between_two_runs_is_run_by_the_next() {
    let (runtime, _) = told();
    let cleaned = Rc::new(Cell::new(false));
    let flag = cleaned.clone();
    // A task whose output is a guarded future that nobody takes: it is dropped by the loop, outside
    // of any poll.
    let unpolled = finally(forever(), async move || {
        sleep(ms(5)).await;
        flag.set(true);
    });
    drop(runtime.spawn(std::future::ready(unpolled)));
    runtime.block_on(sleep(ms(1)));
    runtime.block_on(sleep(ms(10)));
    assert!(cleaned.get());
}

#[test]
fn outside_of_a_runtime_it_is_reported_and_not_run() {
    // The report goes to stderr; that nothing panics and nothing runs is what can be seen here.
    drop(finally(forever(), async || unreachable!()));
    // Polled by another executor it runs inline, without a grace.
    let mut work = pin!(finally(async { 5 }, async || ()));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(matches!(
        work.as_mut().poll(&mut cx),
        std::task::Poll::Ready(5)
    ));
}

#[test]
fn a_hook_that_panics_takes_the_loop_down_but_not_the_runtime() {
    let runtime = Builder::new()
        .start_paused(true)
        .on_unhandled(|_| panic!("the hook"))
        .build()
        .unwrap();
    let caught = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            drop(myrt::spawn(async { panic!("nobody awaits") }));
            sleep(ms(10)).await;
        });
    }));
    assert!(caught.is_err());
    assert_eq!(
        runtime.block_on(async { myrt::spawn(async { 5 }).await.unwrap() }),
        5
    );
}

#[test]
fn panics_in_poll_in_drop_and_in_both() {
    let (runtime, heard) = told();
    runtime.block_on(async {
        let task = myrt::spawn(async {
            let _drop = on_drop(|| panic!("in drop"));
            forever().await;
        });
        yield_now().await;
        task.cancel();
        assert_eq!(task.await.unwrap_err().reason(), Some("in drop"));
        drop(myrt::spawn(async { panic!("in poll") }));
        yield_now().await;
        yield_now().await;
    });
    assert_eq!(*heard.borrow(), ["a task: in poll"]);
}
