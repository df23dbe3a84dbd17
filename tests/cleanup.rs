//! Async cleanups: they run however a future ends, exactly once, and the canceller waits for them.
//! What the main future and the runtime have to do with them is `cleanup_runtime.rs`.

mod support;

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;

use myrt::runtime::Builder;
use myrt::time::{Instant, sleep, timeout};
use myrt::{bracket, finally, shield, shield_for, task, yield_now};
use support::on_drop;
use support::timeline::{Log, forever, ms, told};

#[myrt::test(start_paused)]
async fn it_runs_inline_when_the_future_is_ready_and_the_result_is_kept() {
    let log = Log::new();
    let work = finally(async { "result" }, log.cleanup("cleaned", 20));
    assert_eq!(work.await, "result");
    log.add("returned");
    log.is(&[(20, "cleaned"), (20, "returned")]);
}

#[myrt::test(start_paused)]
async fn it_runs_inline_when_the_future_panics_and_the_panic_goes_on() {
    let log = Log::new();
    let cleanup = log.cleanup("cleaned", 20);
    let task = myrt::spawn(finally(async { panic!("oops") }, cleanup));
    let error = task.await.map(|(): ()| ()).unwrap_err();
    assert_eq!(error.reason(), Some("oops"));
    log.is(&[(20, "cleaned")]);
}

#[myrt::test(start_paused)]
async fn cancel_waits_for_it() {
    let log = Log::new();
    let task = myrt::spawn(finally(forever(), log.cleanup("cleaned", 20)));
    yield_now().await;
    let cancel = task.cancel();
    assert!(!cancel.is_finished() && !task.is_finished());
    cancel.await;
    log.add("cancelled");
    assert!(task.await.unwrap_err().is_cancelled());
    log.is(&[(20, "cleaned"), (20, "cancelled")]);
}

#[myrt::test(start_paused)]
async fn joining_a_cancelled_task_waits_for_it_too() {
    let log = Log::new();
    let task = myrt::spawn(finally(forever(), log.cleanup("cleaned", 20)));
    yield_now().await;
    task.cancel();
    assert!(task.await.is_err());
    log.add("joined");
    log.is(&[(20, "cleaned"), (20, "joined")]);
}

#[myrt::test(start_paused)]
async fn it_is_armed_by_the_call_not_by_the_first_poll() {
    let log = Log::new();
    let never = myrt::spawn(finally(async { unreachable!() }, log.cleanup("task", 5)));
    never.cancel().await; // while it is queued
    assert!(
        timeout(ms(0), async {
            let _unpolled = finally(forever(), log.cleanup("local", 5));
            forever().await;
        })
        .await
        .is_err()
    );
    log.is(&[(5, "task"), (10, "local")]);
}

#[myrt::test(start_paused)]
async fn timeout_waits_for_it_before_it_says_elapsed() {
    let log = Log::new();
    let late = timeout(
        ms(100),
        finally(sleep(ms(1000)), log.cleanup("cleaned", 30)),
    )
    .await;
    assert!(late.is_err());
    log.add("elapsed");
    log.is(&[(130, "cleaned"), (130, "elapsed")]);
}

#[myrt::test(start_paused)]
async fn nested_ones_run_inner_before_outer() {
    let log = Log::new();
    let inner = finally(forever(), log.cleanup("inner", 10));
    let middle = finally(inner, log.cleanup("middle", 10));
    let task = myrt::spawn(finally(middle, log.cleanup("outer", 10)));
    yield_now().await;
    task.cancel().await;
    log.is(&[(10, "inner"), (20, "middle"), (30, "outer")]);
}

#[myrt::test(start_paused)]
async fn what_a_body_left_behind_runs_before_its_own() {
    let log = Log::new();
    let other = log.clone();
    let body = async move {
        {
            let mut given_up = pin!(finally(forever(), other.cleanup("branch", 10)));
            std::future::poll_fn(|cx| {
                let _ = given_up.as_mut().poll(cx);
                std::task::Poll::Ready(())
            })
            .await;
        }
        other.add("body ends");
    };
    finally(body, log.cleanup("own", 10)).await;
    log.is(&[(0, "body ends"), (10, "branch"), (20, "own")]);
}

#[myrt::test(start_paused)]
async fn a_second_cancel_does_not_stop_it() {
    let log = Log::new();
    let task = Rc::new(myrt::spawn(finally(forever(), log.cleanup("cleaned", 20))));
    yield_now().await;
    task.cancel_with("first");
    sleep(ms(5)).await;
    task.cancel_with("second").await;
    log.add("cancelled");
    let error = Rc::into_inner(task).unwrap().await.unwrap_err();
    assert_eq!(error.reason(), Some("first"));
    log.is(&[(20, "cleaned"), (20, "cancelled")]);
}

#[myrt::test(start_paused)]
async fn a_cancel_while_it_runs_inline_lets_it_run() {
    let log = Log::new();
    let task = myrt::spawn(finally(async {}, log.cleanup("cleaned", 20)));
    sleep(ms(5)).await;
    task.cancel().await;
    log.add("cancelled");
    log.is(&[(20, "cleaned"), (20, "cancelled")]);
}

#[myrt::test(start_paused)]
async fn a_timeout_that_is_given_up_while_it_cleans_passes_the_cleanup_on() {
    let log = Log::new();
    let inner = timeout(ms(10), finally(forever(), log.cleanup("cleaned", 100)));
    assert!(timeout(ms(20), inner).await.is_err());
    log.add("outer elapsed");
    log.is(&[(110, "cleaned"), (110, "outer elapsed")]);
}

#[myrt::test(start_paused)]
async fn it_runs_exactly_once_for_every_way_to_end() {
    let runs = Rc::new(Cell::new(0));
    let guarded = |polls: usize| {
        let runs = runs.clone();
        let work = async move {
            for _ in 0..polls {
                yield_now().await;
            }
        };
        finally(work, async move || {
            yield_now().await;
            runs.set(runs.get() + 1);
        })
    };
    let mut expected = 0;
    for polls in 0..4 {
        for cancelled_after in 0..8 {
            let task = myrt::spawn(guarded(polls));
            for _ in 0..cancelled_after {
                yield_now().await;
            }
            task.cancel().await;
            expected += 1;
            assert_eq!(
                runs.get(),
                expected,
                "{polls} polls, cancelled after {cancelled_after}"
            );
        }
    }
}

#[test]
fn a_panic_of_it_is_told_and_never_replaces_the_result() {
    let (runtime, heard) = told();
    runtime.block_on(async {
        assert_eq!(
            finally(async { 5 }, async || panic!("in the cleanup")).await,
            5
        );
        let outer = Rc::new(Cell::new(false));
        let flag = outer.clone();
        let inner = finally(forever(), async || panic!("in the inner one"));
        let task = myrt::spawn(finally(inner, async move || flag.set(true)));
        yield_now().await;
        task.cancel().await;
        assert!(outer.get(), "the next one runs");
    });
    assert_eq!(
        *heard.borrow(),
        [
            "an async cleanup: in the cleanup",
            "an async cleanup: in the inner one"
        ]
    );
}

#[test]
fn one_that_hangs_is_cut_after_the_grace_and_reported() {
    let heard = Rc::new(Cell::new(0));
    let hook = heard.clone();
    let runtime = Builder::new()
        .start_paused(true)
        .grace(ms(300))
        .on_unhandled(move |report| {
            assert!(report.message.contains("300ms"), "{}", report.message);
            hook.set(hook.get() + 1);
        })
        .build()
        .unwrap();
    runtime.block_on(async {
        let log = Log::new();
        let inner = finally(forever(), async || forever().await);
        let task = myrt::spawn(finally(inner, log.cleanup("outer", 10)));
        yield_now().await;
        task.cancel().await;
        log.add("cancelled");
        // Inline, too.
        finally(async {}, async || forever().await).await;
        log.add("cut");
        log.is(&[(310, "outer"), (310, "cancelled"), (610, "cut")]);
    });
    assert_eq!(heard.get(), 2);
}

#[test]
fn the_grace_is_not_begun_anew_when_a_cleanup_is_passed_on() {
    let runtime = Builder::new()
        .start_paused(true)
        .grace(ms(100))
        .on_unhandled(|_| ())
        .build()
        .unwrap();
    runtime.block_on(async {
        let start = Instant::now();
        let mut work = Box::pin(finally(async {}, async || forever().await));
        assert!(timeout(ms(60), work.as_mut()).await.is_err());
        drop(work); // half-way: this task runs it on
        let other = myrt::spawn(async move {
            let inner = timeout(ms(1), finally(forever(), async || forever().await));
            timeout(ms(50), inner).await
        });
        assert!(other.await.unwrap().is_err());
        assert_eq!(start.elapsed(), ms(60 + 1 + 100));
    });
}

#[myrt::test(start_paused)]
async fn a_cleanup_may_use_timeouts_tasks_scopes_and_cleanups() {
    let log = Log::new();
    let other = log.clone();
    let task = myrt::spawn(finally(forever(), async move || {
        assert!(timeout(ms(10), forever()).await.is_err());
        let helper = myrt::spawn(sleep(ms(10)));
        helper.await.unwrap();
        myrt::scope(async |s| drop(s.spawn(sleep(ms(10)))))
            .await
            .unwrap();
        let late = timeout(ms(10), finally(forever(), other.cleanup("nested", 10))).await;
        assert!(late.is_err());
        // Left behind: it runs before the outer one.
        drop(finally(forever(), other.cleanup("left", 10)));
        other.add("ends");
    }));
    yield_now().await;
    let outer = myrt::spawn(finally(
        async move {
            task.cancel().await;
            forever().await;
        },
        log.cleanup("outer", 5),
    ));
    sleep(ms(100)).await;
    outer.cancel().await;
    log.is(&[(50, "nested"), (50, "ends"), (60, "left"), (105, "outer")]);
}

#[myrt::test(start_paused)]
async fn a_task_that_cancels_itself_is_cleaned_up() {
    let log = Log::new();
    let other = log.clone();
    let task = myrt::spawn(finally(
        async move {
            task::current().cancel_with("self");
            assert!(task::current().is_cancelling());
            other.add("still here");
            yield_now().await;
            unreachable!();
        },
        log.cleanup("cleaned", 10),
    ));
    assert_eq!(task.await.unwrap_err().reason(), Some("self"));
    log.is(&[(0, "still here"), (10, "cleaned")]);
}

#[myrt::test(start_paused)]
async fn a_cancel_of_itself_wins_over_a_result_of_the_same_poll() {
    let task = myrt::spawn(async {
        task::current().cancel();
        5
    });
    assert!(task.await.unwrap_err().is_cancelled());
}

#[myrt::test(start_paused)]
async fn cancel_from_a_destructor() {
    let log = Log::new();
    let second = myrt::spawn(finally(forever(), log.cleanup("second", 20)));
    let first = myrt::spawn(async move {
        let _drop = on_drop(move || {
            second.cancel();
        });
        forever().await;
    });
    yield_now().await;
    first.cancel().await;
    log.add("first is over");
    sleep(ms(50)).await;
    log.is(&[(0, "first is over"), (20, "second")]);
}

#[myrt::test(start_paused)]
async fn two_that_cancel_each_other_from_their_destructors() {
    type Handles = Rc<RefCell<Vec<task::JoinHandle<()>>>>;
    let handles = Handles::default();
    let dropped = Rc::new(Cell::new(0));
    for other in [1, 0] {
        let (seen, dropped) = (handles.clone(), dropped.clone());
        let task = myrt::spawn(async move {
            let _drop = on_drop(move || {
                dropped.set(dropped.get() + 1);
                seen.borrow()[other].cancel();
            });
            forever().await;
        });
        handles.borrow_mut().push(task);
    }
    yield_now().await;
    handles.borrow()[0].cancel();
    assert_eq!(dropped.get(), 2);
    assert!(handles.borrow().iter().all(task::JoinHandle::is_finished));
}

#[myrt::test(start_paused)]
async fn cancel_of_a_finished_task_and_of_a_queued_one() {
    let done = myrt::spawn(async { 7 });
    yield_now().await;
    done.cancel().await;
    assert_eq!(done.await.unwrap(), 7);
    let queued = myrt::spawn(async { unreachable!() });
    queued.cancel().await;
    assert!(queued.await.map(|(): ()| ()).unwrap_err().is_cancelled());
}

#[myrt::test(start_paused)]
async fn the_guard_of_a_branch_that_is_dropped_delays_the_end_of_the_task_alone() {
    let log = Log::new();
    let other = log.clone();
    let task = myrt::spawn(async move {
        drop(finally(forever(), other.cleanup("cleaned", 30)));
        other.add("goes on");
        sleep(ms(10)).await;
        other.add("ready");
        "output"
    });
    assert_eq!(task.await.unwrap(), "output");
    log.add("joined");
    log.is(&[
        (0, "goes on"),
        (10, "ready"),
        (30, "cleaned"),
        (30, "joined"),
    ]);
}

#[myrt::test(start_paused)]
async fn bracket_gives_the_resource_to_the_cleanup_however_the_body_ends() {
    let log = Log::new();
    let factor = 3;
    let make = |name: &'static str| {
        let log = log.clone();
        (vec![1, 2], async move |numbers: Vec<i32>| {
            sleep(ms(10)).await;
            log.add(format!("{name} {numbers:?}"));
        })
    };
    let (resource, cleanup) = make("ready");
    let sum = bracket(
        resource,
        async |numbers| {
            numbers.push(factor);
            numbers.iter().sum::<i32>()
        },
        cleanup,
    );
    assert_eq!(sum.await, 6);
    let (resource, cleanup) = make("elapsed");
    let body = async |numbers: &mut Vec<i32>| {
        numbers.push(4);
        forever().await;
    };
    assert!(
        timeout(ms(10), bracket(resource, body, cleanup))
            .await
            .is_err()
    );
    let (resource, cleanup) = make("panicked");
    let task = myrt::spawn(bracket(
        resource,
        async |_: &mut Vec<i32>| panic!("body"),
        cleanup,
    ));
    assert_eq!(
        task.await.map(|(): ()| ()).unwrap_err().reason(),
        Some("body")
    );
    let (resource, cleanup) = make("unpolled");
    let unpolled = bracket(resource, async |_: &mut Vec<i32>| unreachable!(), cleanup);
    myrt::spawn(
        async move { drop::<std::pin::Pin<Box<dyn Future<Output = ()>>>>(Box::pin(unpolled)) },
    )
    .await
    .unwrap();
    log.is(&[
        (10, "ready [1, 2, 3]"),
        (30, "elapsed [1, 2, 4]"),
        (40, "panicked [1, 2]"),
        (50, "unpolled [1, 2]"),
    ]);
}

#[myrt::test(start_paused)]
async fn shield_finishes_what_has_begun_and_its_canceller_waits() {
    let log = Log::new();
    let commit = |takes| {
        let log = log.clone();
        async move {
            sleep(ms(takes)).await;
            log.add("committed");
        }
    };
    assert!(timeout(ms(10), shield(commit(30))).await.is_err());
    log.add("elapsed");
    drop(shield(async { unreachable!("never begun") }));
    let task = myrt::spawn(shield(commit(30)));
    yield_now().await;
    task.cancel().await;
    log.add("cancelled");
    assert_eq!(shield(async { 5 }).await, 5);
    log.is(&[
        (30, "committed"),
        (30, "elapsed"),
        (60, "committed"),
        (60, "cancelled"),
    ]);
}

#[test]
fn shield_for_is_cut_after_its_own_grace() {
    let (runtime, heard) = told();
    runtime.block_on(async {
        let start = Instant::now();
        assert!(
            timeout(ms(10), shield_for(ms(40), sleep(ms(1000))))
                .await
                .is_err()
        );
        assert_eq!(start.elapsed(), ms(50));
    });
    assert_eq!(heard.borrow().len(), 1);
    assert!(heard.borrow()[0].contains("40ms"), "{heard:?}");
}

#[test]
fn the_partial_file_is_gone_after_a_timeout_and_after_a_siblings_failure() {
    let directory = std::env::temp_dir().join(format!("myrt-cleanup-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let (runtime, _) = told();
    let write = |name: &str| {
        let path = directory.join(name);
        let partial = path.clone();
        let work = async move {
            std::fs::write(&path, "half of it").unwrap();
            sleep(ms(1000)).await;
        };
        finally(work, async move || {
            let removed = myrt::spawn_blocking(move || std::fs::remove_file(partial)).await;
            removed.unwrap().unwrap();
        })
    };
    let files = || std::fs::read_dir(&directory).unwrap().count();
    runtime.block_on(async {
        assert!(timeout(ms(10), write("timeout")).await.is_err());
        assert_eq!(files(), 0);
        let failed = myrt::try_scope(async |s| {
            s.spawn(write("sibling"));
            sleep(ms(10)).await;
            assert_eq!(files(), 1);
            s.try_spawn(async { Err::<(), _>("the other download failed") });
            Ok(())
        });
        assert!(failed.await.is_err());
        assert_eq!(files(), 0);
    });
    std::fs::remove_dir(&directory).unwrap();
}

/// A future that is never ready, with a cleanup of 20 ms.
fn guarded(log: &Log) -> std::pin::Pin<Box<dyn Future<Output = Result<(), &'static str>>>> {
    let cleanup = log.cleanup("cleaned", 20);
    let work = async {
        forever().await;
        Ok(())
    };
    Box::pin(finally(work, cleanup))
}

fn failing() -> std::pin::Pin<Box<dyn Future<Output = Result<(), &'static str>>>> {
    Box::pin(async {
        sleep(ms(10)).await;
        Err("failed")
    })
}

#[myrt::test(start_paused)]
async fn gathers_wait_for_the_cleanups_of_what_they_drop() {
    let log = Log::new();
    let failed = myrt::try_gather([guarded(&log), failing()]).await;
    assert_eq!(failed.unwrap_err(), "failed");
    log.add("try_gather");
    let won = myrt::race([guarded(&log), failing()]).await;
    assert!(won.is_err());
    log.add("race");
    let failed = myrt::try_join!(guarded(&log), failing());
    assert_eq!(failed.unwrap_err(), "failed");
    log.add("try_join!");
    log.is(&[
        (30, "cleaned"),
        (30, "try_gather"),
        (60, "cleaned"),
        (60, "race"),
        (90, "cleaned"),
        (90, "try_join!"),
    ]);
}
