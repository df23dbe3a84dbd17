//! Bugs that the executors of other runtimes had, by their rows in `KNOWN_BUGS.md`.
#![allow(clippy::disallowed_methods, reason = "tests start threads")]

mod support;

use std::cell::{Cell, RefCell};
use std::future::{pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;
use std::thread;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use myrt::runtime::{Remote, Runtime};
use myrt::task::JoinHandle;
use myrt::time::sleep;
use support::{Log, careless, on_drop, own_waker, poll_with, runtime, settle};

const MS: Duration = Duration::from_millis(1);

/// Work that makes more of itself, by each of the ways in: all else goes on.
#[test]
fn r17_queues_that_refill_themselves_do_not_stop_the_loop() {
    fn again(remote: Remote, calls: Arc<AtomicUsize>) {
        if calls.fetch_add(1, Ordering::Relaxed) < 1_000_000_000 {
            let next = remote.clone();
            remote.defer(move || again(next, calls));
        }
    }
    let runtime = careless();
    let calls = Arc::new(AtomicUsize::new(0));
    again(runtime.remote(), calls.clone());
    runtime.block_on(async {
        fn breed() {
            drop(myrt::spawn(async { breed() }));
        }
        breed();
        drop(myrt::spawn(async {
            loop {
                own_waker().await.wake();
                myrt::yield_now().await;
            }
        }));
        let (ours, theirs) = support::half_unix();
        std::io::Write::write_all(&mut &theirs, b"x").unwrap();
        assert_eq!(support::read_some(&ours).await.unwrap(), b"x");
        sleep(5 * MS).await;
    });
    assert!(calls.load(Ordering::Relaxed) > 1);
}

#[test]
fn r32_r34_an_executor_inside_a_task_shares_the_thread() {
    runtime().block_on(async {
        // A thousand children that are always ready, in a foreign combinator with wakers of its
        // own.
        let children: FuturesUnordered<_> = (0..1000)
            .map(|_| async {
                for _ in 0..20 {
                    myrt::yield_now().await;
                }
            })
            .collect();
        let other = myrt::spawn(sleep(MS));
        let all = myrt::spawn(children.collect::<Vec<()>>());
        other.await.unwrap();
        assert_eq!(all.await.unwrap().len(), 1000);
        // The same where every step takes a share of the budget.
        let zero =
            Rc::new(myrt::io::Async::new(std::fs::File::open("/dev/zero").unwrap()).unwrap());
        let children: FuturesUnordered<_> = (0..100)
            .map(|_| {
                let zero = zero.clone();
                async move {
                    for _ in 0..10 {
                        support::read_some(&zero).await.unwrap();
                    }
                }
            })
            .collect();
        let turns = Rc::new(Cell::new(0));
        let count = turns.clone();
        drop(myrt::spawn(async move {
            loop {
                count.set(count.get() + 1);
                myrt::yield_now().await;
            }
        }));
        assert_eq!(children.collect::<Vec<_>>().await.len(), 100);
        assert!(turns.get() >= 5, "{} turns of the others", turns.get());
    });
}

#[test]
fn r35_destructors_may_use_the_runtime_while_it_ends() {
    let log = Log::default();
    let copy = log.clone();
    let runtime = runtime();
    let (ours, theirs) = support::half_unix();
    let remote = runtime.remote();
    drop(runtime.spawn(async move {
        let waker = own_waker().await;
        let inner = copy.clone();
        let _guard = on_drop(move || {
            waker.wake_by_ref();
            let last = inner.clone();
            let guard = on_drop(move || last.add("spawned in drop, dropped"));
            drop(myrt::spawn(async move {
                let _guard = guard;
                pending::<()>().await;
            }));
            let mut nap = sleep(MS);
            assert!(poll_with(&mut nap, &waker).is_pending());
            assert!(poll_with(&mut Box::pin(ours.readable()), &waker).is_pending());
            myrt::spawn(async {}).cancel();
            drop(remote.spawn(|| async {}));
            drop(myrt::spawn_blocking(|| ()));
            assert!(catch_unwind(AssertUnwindSafe(|| myrt::run(async {}))).is_err());
            drop((nap, ours));
            inner.add("dropped");
        });
        pending::<()>().await;
    }));
    runtime.block_on(settle());
    drop(runtime);
    assert_eq!(log.take(), ["dropped", "spawned in drop, dropped"]);
    drop(theirs);
}

#[test]
fn r35_a_destructor_that_spawns_again_and_again_does_not_hang_the_end() {
    let runtime = careless(); // what it spawns never runs
    let left = Rc::new(Cell::new(500));
    let count = left.clone();
    runtime.block_on(async move { regrow(count) });
    drop(runtime);
    assert_eq!(left.get(), 0);
}

/// Spawns a task that does the same when it is dropped.
fn regrow(left: Rc<Cell<usize>>) {
    if left.get() == 0 {
        return;
    }
    left.set(left.get() - 1);
    let guard = on_drop(move || regrow(left));
    drop(myrt::spawn(async move {
        let _guard = guard;
        pending::<()>().await;
    }));
}

/// A task that is spawned while the table is emptied takes the place of one that was just dropped;
/// handles and wakers of the old one must not touch it.
#[test]
fn r36_a_place_reused_while_the_table_drains_is_not_its_former_owners() {
    let runtime = runtime();
    runtime.block_on(async {
        let fresh = Rc::new(RefCell::new(Vec::new()));
        let old: Vec<_> = (0..10)
            .map(|_| {
                let fresh = fresh.clone();
                let guard = on_drop(move || fresh.borrow_mut().push(myrt::spawn(ready(7))));
                myrt::spawn(async move {
                    let _guard = guard;
                    pending::<()>().await;
                })
            })
            .collect();
        settle().await;
        let ids: Vec<_> = old.iter().map(JoinHandle::id).collect();
        for handle in &old {
            handle.cancel();
        }
        drop(old);
        let fresh = fresh.take();
        assert_eq!(fresh.len(), 10);
        for handle in fresh {
            assert!(!ids.contains(&handle.id()), "ids are never reused");
            assert_eq!(handle.await.unwrap(), 7);
        }
    });
    assert_eq!(runtime.metrics().tasks, 0);
}

#[test]
fn r37_two_tasks_that_await_each_other_are_freed_with_the_runtime() {
    type Place = Rc<RefCell<Option<JoinHandle<()>>>>;
    let log = Log::default();
    let runtime = runtime();
    let places: [Place; 2] = [Rc::default(), Rc::default()];
    for n in 0..2 {
        let (mine, log) = (places[n].clone(), log.clone());
        let handle = runtime.spawn(async move {
            let _guard = on_drop(move || log.add(format!("{n}")));
            let other = mine.take().expect("the other's handle");
            other.await.unwrap();
        });
        *places[1 - n].borrow_mut() = Some(handle);
    }
    runtime.block_on(settle());
    assert!(log.take().is_empty());
    drop(runtime);
    assert_eq!(log.take().len(), 2);
    // A task that holds its own handle, and one whose output is a handle.
    let runtime = support::runtime();
    runtime.block_on(async {
        let own: Place = Rc::default();
        let inside = own.clone();
        let task = myrt::spawn(async move {
            let _mine = inside.take();
            settle().await;
        });
        *own.borrow_mut() = Some(task);
        let outer = myrt::spawn(std::future::poll_fn(|_| {
            std::task::Poll::Ready(myrt::spawn(ready(5)))
        }));
        let inner = outer.await.unwrap();
        assert_eq!(inner.await.unwrap(), 5);
        settle().await;
    });
    assert_eq!(runtime.metrics().tasks, 0);
}

#[test]
fn r39_a_nested_block_on_panics_instead_of_parking_for_ever() {
    let (outer, inner) = (runtime(), runtime());
    outer.block_on(async {
        for again in [&outer, &inner] {
            let nested = catch_unwind(AssertUnwindSafe(|| again.block_on(pending::<()>())));
            let panic = nested.expect_err("it panics");
            assert!(
                panic
                    .downcast_ref::<String>()
                    .is_some_and(|text| text.contains("await the future"))
            );
        }
        // And inside of a destructor, and of a spawned task.
        let text = myrt::spawn(async { myrt::run(async {}) })
            .await
            .unwrap_err();
        assert!(
            text.reason()
                .is_some_and(|text| text.contains("inside of a runtime"))
        );
    });
    inner.block_on(async {});
    // Different threads have different loops.
    outer.block_on(async {
        myrt::spawn_blocking(|| Runtime::new().unwrap().block_on(sleep(MS)))
            .await
            .unwrap();
    });
}

thread_local! {
    static HELD: RefCell<Option<(Runtime, JoinHandle<()>, myrt::time::Sleep)>> = const { RefCell::new(None) };
    static LATER: RefCell<Option<JoinHandle<()>>> = const { RefCell::new(None) };
}

#[test]
fn r40_a_runtime_in_a_thread_local_ends_with_its_thread() {
    let drops = Arc::new(AtomicUsize::new(0));
    for first in [false, true] {
        let count = drops.clone();
        let thread = thread::spawn(move || {
            if first {
                LATER.with_borrow(|later| assert!(later.is_none()));
            }
            let runtime = runtime();
            let (ours, _theirs) = support::half_unix();
            let handle = runtime.spawn(async move {
                let _guard = on_drop(move || {
                    count.fetch_add(1, Ordering::SeqCst);
                    drop(myrt::spawn(async {}));
                });
                let _ = support::read_some(&ours).await;
                sleep(Duration::MAX).await;
            });
            let other = runtime.spawn(pending());
            let mut nap = sleep(Duration::from_secs(60));
            runtime.block_on(async {
                assert!(poll_with(&mut nap, Waker::noop()).is_pending());
                settle().await;
            });
            LATER.set(Some(other));
            HELD.set(Some((runtime, handle, nap)));
        });
        thread.join().expect("no panic in a destructor");
    }
    assert_eq!(drops.load(Ordering::SeqCst), 2);
}

/// Every state of a task, times how it is cancelled, times what becomes of the handle.
#[test]
fn r47_every_state_and_every_order_of_cancel_and_drop() {
    let runtime = careless();
    let dropped = Rc::new(Cell::new(0));
    let mut expected = 0;
    runtime.block_on(async {
        for state in [
            "fresh",
            "waiting",
            "woken",
            "running",
            "finished",
            "panicked",
            "cancelled",
        ] {
            for twice in [false, true] {
                for end in ["join", "drop", "drop before", "abort on drop"] {
                    let count = dropped.clone();
                    let guard = on_drop(move || count.set(count.get() + 1));
                    expected += 1;
                    let place = Rc::new(RefCell::new(None));
                    let slot = place.clone();
                    let handle = myrt::spawn(async move {
                        let _guard = guard;
                        *slot.borrow_mut() = Some((own_waker().await, myrt::task::current()));
                        match state {
                            "finished" => return,
                            "panicked" => std::panic::panic_any("quietly"),
                            "running" => {
                                myrt::task::current().cancel();
                            }
                            _ => {}
                        }
                        pending::<()>().await;
                    });
                    if state != "fresh" {
                        settle().await;
                    }
                    if state == "woken" {
                        place.borrow().as_ref().expect("polled").0.wake_by_ref();
                    }
                    if state == "cancelled" {
                        handle.cancel().await;
                    }
                    let mut handle = Some(handle);
                    if end == "drop before" && state != "panicked" {
                        drop(handle.take());
                    }
                    for _ in 0..=usize::from(twice) {
                        if let Some(handle) = &handle {
                            handle.cancel().await;
                        } else if let Some((_, task)) = &*place.borrow() {
                            task.cancel();
                        }
                    }
                    match (handle, end) {
                        (Some(handle), "join") => match (handle.await, state) {
                            (Ok(()), "finished") => {}
                            (Err(error), "panicked") => assert!(error.is_panic()),
                            (Err(error), _) => assert!(error.is_cancelled(), "{state}"),
                            (Ok(()), _) => panic!("{state} has no result"),
                        },
                        (Some(handle), "abort on drop") => drop(handle.abort_on_drop()),
                        (handle, _) => drop(handle),
                    }
                    let waker = place.borrow().as_ref().map(|(waker, _)| waker.clone());
                    if let Some(waker) = waker {
                        waker.wake();
                    }
                    settle().await;
                }
            }
        }
    });
    drop(runtime);
    assert_eq!(dropped.get(), expected);
}
