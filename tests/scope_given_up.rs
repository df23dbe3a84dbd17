//! Scopes and children that are given up half-way: dropped, cancelled, forgotten, with cleanups and
//! with destructors that come back. What scopes do undisturbed is `scope.rs`.

mod support;

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use myrt::time::{Instant, sleep, timeout};
use myrt::{finally, scope, task, try_scope, yield_now};
use support::on_drop;
use support::timeline::{Log, ms};

#[myrt::test(start_paused)]
async fn a_panic_in_a_destructor_of_a_dropped_sibling_is_not_lost() {
    let error = try_scope(async |s| {
        s.spawn(async {
            let _late = on_drop(|| panic!("in a destructor"));
            std::future::pending::<()>().await;
        });
        s.try_spawn(async {
            yield_now().await;
            Err::<(), _>("first")
        });
        Ok(())
    })
    .await
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "2 failures in a scope; [1] first; [2] panicked: in a destructor"
    );
}

#[myrt::test(start_paused)]
async fn cancelling_a_child_is_no_error_and_waits_for_its_cleanup() {
    let log = Log::new();
    scope(async |s| {
        let other = log.clone();
        let child = s.spawn(finally(sleep(ms(1000)), async move || {
            sleep(ms(30)).await;
            other.add("cleaned");
        }));
        sleep(ms(10)).await;
        child.cancel_with("enough").await;
        log.add("cancelled");
        assert!(child.is_finished());
        let error = child.await.unwrap_err();
        assert!(error.is_cancelled());
        assert_eq!(error.reason(), Some("enough"));
    })
    .await
    .unwrap();
    log.is(&[(40, "cleaned"), (40, "cancelled")]);
}

#[myrt::test(start_paused)]
async fn cleanups_of_children_run_side_by_side() {
    let log = Log::new();
    let failing = try_scope(async |s| {
        for n in 0..3 {
            let log = log.clone();
            s.spawn(finally(sleep(ms(1000)), async move || {
                sleep(ms(100)).await;
                log.add(format!("cleaned {n}"));
            }));
        }
        sleep(ms(10)).await;
        Err::<(), _>("over")
    });
    assert!(failing.await.is_err());
    log.add("returned");
    log.is(&[
        (110, "cleaned 0"),
        (110, "cleaned 1"),
        (110, "cleaned 2"),
        (110, "returned"),
    ]);
}

#[myrt::test(start_paused)]
async fn dropping_a_scope_drops_children_then_the_body_and_its_dropper_waits_for_all_cleanups() {
    let log = Log::new();
    let given_up = timeout(
        ms(10),
        scope(async |s| {
            let body = log.clone();
            let guarded = finally(std::future::pending::<()>(), async move || {
                sleep(ms(5)).await;
                body.add("body cleaned");
            });
            for n in 0..2 {
                let log = log.clone();
                s.spawn(async move {
                    let other = log.clone();
                    let _drop = on_drop(move || other.add(format!("child {n} dropped")));
                    finally(std::future::pending::<()>(), async move || {
                        sleep(ms(20)).await;
                        log.add(format!("child {n} cleaned"));
                    })
                    .await;
                });
            }
            let _drop = on_drop(|| log.add("body dropped"));
            guarded.await;
        }),
    );
    assert!(given_up.await.is_err());
    log.add("elapsed");
    log.is(&[
        (10, "child 0 dropped"),
        (10, "child 1 dropped"),
        (10, "body dropped"),
        (30, "child 0 cleaned"),
        (30, "child 1 cleaned"),
        (35, "body cleaned"),
        (35, "elapsed"),
    ]);
}

#[myrt::test(start_paused)]
async fn spawning_from_destructors_while_the_scope_ends_drops_what_is_spawned() {
    let begun = Cell::new(false);
    let dropped = Rc::new(Cell::new(0));
    {
        let mut scope = pin!(scope(async |s| {
            let (begun, dropped) = (&begun, &dropped);
            s.spawn(async move {
                let _drop = on_drop(move || {
                    let counted = dropped.clone();
                    let late = on_drop(move || counted.set(counted.get() + 1));
                    let handle = s.spawn(async move {
                        begun.set(true);
                        drop(late);
                    });
                    assert!(handle.is_finished());
                });
                std::future::pending::<()>().await;
            });
            std::future::pending::<()>().await;
        }));
        assert!(timeout(ms(1), scope.as_mut()).await.is_err());
    }
    assert!(!begun.get());
    assert_eq!(dropped.get(), 1);
}

/// Where what was forgotten lies.
static FORGOTTEN: std::sync::Mutex<Vec<usize>> = std::sync::Mutex::new(Vec::new());

#[test]
fn a_forgotten_scope_is_only_forgotten() {
    let runtime = myrt::runtime::Builder::new()
        .start_paused(true)
        .build()
        .unwrap();
    let polled = Rc::new(Cell::new(0));
    let count = polled.clone();
    runtime.block_on(async {
        let count = &count;
        let mut forgotten = Box::pin(scope(async move |s| {
            for _ in 0..3 {
                s.spawn(async move {
                    loop {
                        count.set(count.get() + 1);
                        sleep(ms(1)).await;
                    }
                });
            }
            std::future::pending::<()>().await;
        }));
        let mut polls = 0;
        std::future::poll_fn(|cx| {
            polls += 1;
            let _ = forgotten.as_mut().poll(cx);
            if polls < 3 {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
        let before = polled.get();
        assert!(before >= 3);
        // Its address is kept, so that the leak checker knows that it is meant to stay.
        FORGOTTEN
            .lock()
            .unwrap()
            .push(std::ptr::from_ref(&*forgotten).addr());
        #[expect(clippy::mem_forget, reason = "this is what is tested")]
        std::mem::forget(forgotten);
        sleep(ms(100)).await;
        assert_eq!(polled.get(), before, "their timers fire, nobody polls them");
    });
}

#[myrt::test(start_paused)]
async fn a_scope_inside_a_child_is_cancelled_with_it() {
    let log = Log::new();
    scope(async |s| {
        let other = log.clone();
        let child = s.spawn(async move {
            scope(async |deep| {
                deep.spawn(finally(std::future::pending::<()>(), async move || {
                    sleep(ms(7)).await;
                    other.add("deep cleaned");
                }));
            })
            .await
            .unwrap();
        });
        sleep(ms(1)).await;
        child.cancel().await;
        log.add("cancelled");
    })
    .await
    .unwrap();
    log.is(&[(8, "deep cleaned"), (8, "cancelled")]);
}

#[myrt::test(start_paused)]
async fn a_body_that_cancels_its_task_ends_the_task() {
    let task = myrt::spawn(async {
        scope(async |s| {
            s.spawn(sleep(ms(100)));
            task::current().cancel_with("enough");
            yield_now().await;
            unreachable!("it ends at its next await");
        })
        .await
    });
    let error = task.await.unwrap_err();
    assert_eq!(error.reason(), Some("enough"));
}

#[myrt::test(start_paused)]
async fn cleanups_of_many_children_are_polled_one_by_one() {
    const N: u64 = 3_000;
    let start = Instant::now();
    let polls = Rc::new(Cell::new(0_u64));
    let ended = timeout(
        ms(1),
        scope(async |s| {
            for n in 0..N {
                let polls = polls.clone();
                s.spawn(finally(std::future::pending::<()>(), async move || {
                    let mut wait = pin!(sleep(ms(1 + n)));
                    std::future::poll_fn(|cx| {
                        polls.set(polls.get() + 1);
                        wait.as_mut().poll(cx)
                    })
                    .await;
                }));
            }
        }),
    );
    assert!(ended.await.is_err());
    assert_eq!(start.elapsed(), ms(1 + N), "side by side");
    assert_eq!(polls.get(), 2 * N);
}
