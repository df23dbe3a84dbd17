//! Cancelling: tokens, tasks in every state, and the bugs that others had with it.
#![expect(
    clippy::disallowed_methods,
    reason = "some things are only true of real threads"
)]

use std::cell::{Cell, RefCell};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::task::{Poll, Waker};

use myrt::cancel::CancelGuard;
use myrt::io::Async;
use myrt::runtime::{Builder, Lints, Runtime};
use myrt::time::{Duration, Instant, move_on_after, sleep, timeout};
use myrt::{CancelToken, finally, scope, task, try_scope, yield_now};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

async fn forever() {
    std::future::pending::<()>().await;
}

/// The waker of the task that runs.
async fn waker() -> Waker {
    std::future::poll_fn(|cx| Poll::Ready(cx.waker().clone())).await
}

/// The same where tasks fail on purpose.
fn careless() -> Runtime {
    let builder = Builder::new().start_paused(true).lints(Lints::Off);
    builder.build().unwrap()
}

fn paused() -> Runtime {
    Builder::new().start_paused(true).build().unwrap()
}

#[myrt::test(start_paused)]
async fn a_token_wakes_all_who_wait_in_order() {
    let token = CancelToken::new();
    let order = Rc::new(RefCell::new(Vec::new()));
    let tasks: Vec<_> = (0..4)
        .map(|n| {
            let (token, order) = (token.clone(), order.clone());
            myrt::spawn(async move {
                if n == 1 {
                    // Gives its place up, and waits again behind the others.
                    assert!(timeout(ms(1), token.cancelled()).await.is_err());
                    sleep(ms(1)).await;
                }
                token.cancelled().await;
                order.borrow_mut().push(n);
            })
        })
        .collect();
    sleep(ms(5)).await;
    assert!(!token.is_cancelled());
    token.cancel();
    token.cancel();
    assert!(token.is_cancelled());
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*order.borrow(), [0, 2, 3, 1]);
    token.cancelled().await;
}

#[test]
fn cancelling_goes_down_the_tree_and_never_up() {
    let root = CancelToken::new();
    let left = root.child();
    let right = root.child();
    let leaf = left.child();
    left.cancel();
    assert!(leaf.is_cancelled() && left.is_cancelled());
    assert!(!right.is_cancelled() && !root.is_cancelled());
    root.cancel();
    assert!(right.is_cancelled());
    assert!(root.child().is_cancelled() && leaf.child().is_cancelled());
}

#[test]
fn a_middle_that_nobody_holds_still_passes_on() {
    let root = CancelToken::new();
    let leaf = root.child().child();
    root.cancel();
    assert!(leaf.is_cancelled());
}

#[test]
fn a_chain_of_a_million_tokens_is_dropped_without_recursion() {
    let root = CancelToken::new();
    let mut last = root.clone();
    for _ in 0..1_000_000 {
        last = last.child();
    }
    root.cancel();
    assert!(last.is_cancelled());
    drop(root);
    drop(last);
    let mut last = CancelToken::new();
    for _ in 0..1_000_000 {
        last = last.child();
    }
    drop(last);
}

#[test]
fn a_guard_cancels_unless_it_is_disarmed() {
    let token = CancelToken::new();
    let kept: CancelToken = token.guard().disarm();
    assert!(!kept.is_cancelled());
    let guard: CancelGuard = token.guard();
    drop(guard);
    assert!(token.is_cancelled());
}

#[myrt::test(start_paused)]
async fn run_until_cancelled_waits_for_cleanups_and_a_result_wins() {
    let start = Instant::now();
    let token = CancelToken::new();
    let cleaned = Rc::new(Cell::new(false));
    let (flag, other) = (cleaned.clone(), token.clone());
    myrt::time::call_later(ms(10), move || other.cancel()).cancel_never();
    let work = finally(forever(), async move || {
        sleep(ms(20)).await;
        flag.set(true);
    });
    assert_eq!(token.run_until_cancelled(work).await, None);
    assert!(cleaned.get());
    assert_eq!(start.elapsed(), ms(30));
    assert_eq!(
        token
            .run_until_cancelled(async { unreachable!() })
            .await
            .map(|(): ()| ()),
        None
    );
    let token = CancelToken::new();
    let cancels = token.clone();
    let wins = token.run_until_cancelled(async move {
        cancels.cancel();
        5
    });
    assert_eq!(wins.await, Some(5));
}

trait CancelNever {
    fn cancel_never(self);
}

impl CancelNever for myrt::time::TimerHandle {
    fn cancel_never(self) {
        drop(self);
    }
}

/// Every state that a task can be in × every way to cancel it and to let go of it.
#[test]
fn r47_cancel_and_drop_in_every_state() {
    for state in [
        "queued",
        "waiting",
        "woken",
        "done",
        "panicked",
        "cancelled",
        "cleaning",
    ] {
        for way in [
            "await cancel",
            "drop cancel",
            "abort on drop",
            "cancel then drop",
            "drop",
            "remote",
        ] {
            let runtime = careless();
            let ends = Rc::new(Cell::new(0));
            runtime.block_on(async {
                let counted = ends.clone();
                let count = finally(forever(), async move || {
                    yield_now().await;
                    counted.set(counted.get() + 1);
                });
                let kept = Rc::new(RefCell::new(None::<Waker>));
                let keep = kept.clone();
                let task = myrt::spawn(async move {
                    *keep.borrow_mut() = Some(waker().await);
                    match state {
                        "done" => drop(count),
                        "panicked" => panic!("on purpose"),
                        _ => count.await,
                    }
                });
                match state {
                    "queued" => {}
                    "woken" => {
                        yield_now().await;
                        kept.borrow().as_ref().unwrap().wake_by_ref();
                    }
                    "cancelled" | "cleaning" => {
                        yield_now().await;
                        task.cancel();
                        if state == "cancelled" {
                            sleep(ms(1)).await;
                        }
                    }
                    "done" | "panicked" | "waiting" => sleep(ms(1)).await,
                    _ => unreachable!(),
                }
                match way {
                    "await cancel" => task.cancel().await,
                    "drop cancel" => {
                        task.cancel();
                        assert!(task.await.is_err() || state == "done");
                    }
                    "abort on drop" => drop(task.abort_on_drop()),
                    "cancel then drop" => {
                        task.cancel();
                        drop(task);
                    }
                    "drop" => drop(task),
                    "remote" => std::thread::scope(|s| drop(s.spawn(|| task.cancel()))),
                    _ => unreachable!(),
                }
                sleep(ms(5)).await;
            });
            drop(runtime);
            assert_eq!(
                ends.get(),
                1,
                "{state} × {way}: the cleanup runs exactly once"
            );
        }
    }
}

#[test]
fn r37_two_tasks_that_await_each_other_are_freed_with_the_runtime() {
    let held = Rc::new(());
    let runtime = careless();
    runtime.block_on(async {
        let slot = Rc::new(RefCell::new(None::<task::JoinHandle<()>>));
        let (first, second) = (held.clone(), held.clone());
        let other = slot.clone();
        let a = myrt::spawn(async move {
            let _first = first;
            yield_now().await;
            let handle = other.borrow_mut().take().unwrap();
            handle.await.unwrap();
        });
        let b = myrt::spawn(async move {
            let _second = second;
            a.await.unwrap();
        });
        *slot.borrow_mut() = Some(b);
        sleep(ms(1)).await;
    });
    assert_eq!(Rc::strong_count(&held), 3);
    drop(runtime);
    assert_eq!(Rc::strong_count(&held), 1);
}

#[test]
fn r37_children_that_await_each_other_are_freed_with_their_scope() {
    let held = Rc::new(());
    careless().block_on(async {
        let slot = RefCell::new(None::<scope::ScopedHandle<()>>);
        let ended = timeout(
            ms(10),
            scope(async |s| {
                let (slot, first, second) = (&slot, held.clone(), held.clone());
                let a = s.spawn(async move {
                    let _first = first;
                    yield_now().await;
                    let other = slot.borrow_mut().take().unwrap();
                    drop(other.await);
                });
                let b = s.spawn(async move {
                    let _second = second;
                    drop(a.await);
                });
                *slot.borrow_mut() = Some(b);
            }),
        );
        assert!(ended.await.is_err());
        assert_eq!(Rc::strong_count(&held), 1);
    });
}

#[test]
fn r38_a_task_that_owns_what_it_waits_on_is_freed_with_the_runtime() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let source = Rc::new(Async::new(ours).unwrap());
        let own = source.clone();
        drop(myrt::spawn(async move { drop(own.readable().await) }));
        drop(source);
        yield_now().await;
    });
    drop(runtime);
    theirs.set_nonblocking(true).unwrap();
    let end = std::io::Read::read(&mut &theirs, &mut [0]);
    assert_eq!(end.unwrap(), 0, "our end is closed");
}

#[test]
fn r39_a_nested_block_on_panics_and_says_what_to_do() {
    let runtime = paused();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        runtime.block_on(async { runtime.block_on(async {}) });
    }));
    let text = caught.unwrap_err().downcast::<String>().unwrap();
    assert!(text.contains("await the future instead"), "{text}");
    let nested = std::panic::catch_unwind(|| myrt::run(async { myrt::run(async {}) }));
    assert!(nested.is_err());
    assert_eq!(runtime.block_on(async { 5 }), 5);
}

#[test]
fn r40_a_runtime_in_a_thread_local_ends_its_tasks_with_the_thread() {
    thread_local! {
        static RUNTIME: Runtime = careless();
    }
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        RUNTIME.with(|runtime| {
            drop(runtime.spawn(finally(forever(), async move || {
                yield_now().await;
                tell.send("cleaned").unwrap();
            })));
            runtime.block_on(sleep(ms(1)));
        });
    })
    .join()
    .unwrap();
    assert_eq!(told.recv().unwrap(), "cleaned");
}

#[test]
fn r41_wakers_are_dropped_and_woken_on_other_threads_while_and_after_their_task_lives() {
    let runtime = Runtime::new().unwrap();
    let held = Rc::new(()); // dropped on the wrong thread it would race
    let waker = runtime.block_on(async {
        let inside = held.clone();
        let (tell, told) = std::sync::mpsc::channel();
        let task = myrt::spawn(async move {
            let _inside = inside;
            tell.send(waker().await).unwrap();
            forever().await;
        });
        yield_now().await;
        let waker = told.recv().unwrap();
        let other = waker.clone();
        std::thread::spawn(move || other.wake()).join().unwrap();
        sleep(ms(2)).await;
        task.cancel().await;
        waker
    });
    assert_eq!(Rc::strong_count(&held), 1);
    let other = waker.clone();
    std::thread::spawn(move || other.wake_by_ref())
        .join()
        .unwrap();
    drop(runtime);
    std::thread::spawn(move || waker.wake()).join().unwrap();
}

#[myrt::test(start_paused)]
async fn r43_a_result_of_the_moment_of_the_deadline_is_not_thrown_away() {
    let work = async {
        sleep(ms(10)).await;
        "result"
    };
    assert_eq!(timeout(ms(10), work).await, Ok("result"));
    // The deadline's timer is made after the work's first poll; now the other way round.
    let late = async {
        let end = Instant::now() + ms(10);
        sleep(ms(5)).await;
        myrt::time::sleep_until(end).await;
        "result"
    };
    assert_eq!(timeout(ms(10), late).await, Ok("result"));
}

#[myrt::test(start_paused)]
async fn r45_a_timeout_does_not_hide_that_its_task_is_cancelled() {
    // The inner future and the cancel come in one turn, in either order.
    for cancel_first in [true, false] {
        let token = CancelToken::new();
        let inner = token.clone();
        let after = Rc::new(Cell::new(false));
        let reached = after.clone();
        let task = myrt::spawn(async move {
            let _ = timeout(ms(100), inner.cancelled()).await;
            yield_now().await;
            reached.set(true);
        });
        yield_now().await;
        if cancel_first {
            task.cancel();
            token.cancel();
        } else {
            token.cancel();
            task.cancel();
        }
        assert!(task.await.unwrap_err().is_cancelled());
        assert!(!after.get());
    }
    // A task that is cancelled by its own inner future goes on to its next await and no further.
    let task = myrt::spawn(async {
        let me = task::current();
        assert_eq!(
            timeout(ms(100), async move { _ = me.cancel() }).await,
            Ok(())
        );
        yield_now().await;
        unreachable!();
    });
    assert!(task.await.unwrap_err().is_cancelled());
}

#[myrt::test(start_paused)]
async fn r46_nested_timeouts_and_scopes_each_absorb_only_their_own() {
    for (outer, inner) in [(10, 20), (20, 10), (10, 10)] {
        let start = Instant::now();
        let ended = timeout(ms(outer), async {
            let ended = timeout(ms(inner), forever()).await;
            assert!(ended.is_err());
            "inner elapsed"
        });
        let ended = ended.await;
        let expected = if outer < inner {
            Err(())
        } else {
            Ok("inner elapsed")
        };
        assert_eq!(ended.map_err(drop), expected, "{outer} around {inner}");
        assert_eq!(start.elapsed(), ms(outer.min(inner)));
    }
    // A timeout inside of a child, around a scope, inside of a scope: nothing leaks into the next.
    let ended = try_scope(async |s| {
        let child = s.spawn(async {
            let inner = move_on_after(ms(5), scope(async |deep| drop(deep.spawn(forever())))).await;
            assert!(inner.is_none());
            sleep(ms(5)).await; // not cancelled
            "child"
        });
        let mut failing = s.spawn(try_scope(async |deep| {
            deep.try_spawn(async { Err::<(), _>("deep") });
            forever().await;
            Ok(())
        }));
        assert_eq!(
            (&mut failing).await.unwrap().unwrap_err().into_errors(),
            ["deep"]
        );
        sleep(ms(1)).await;
        Ok::<_, &str>(child.await.unwrap())
    });
    assert_eq!(ended.await.unwrap(), "child");
    // The task is whole afterwards.
    assert!(!task::current().is_cancelling());
    sleep(ms(1)).await;
}

#[myrt::test(start_paused)]
async fn r51_a_timeout_returns_after_its_future_has_cleaned_up() {
    let start = Instant::now();
    let cleaned = Rc::new(Cell::new(false));
    let flag = cleaned.clone();
    let mut child = myrt::spawn(finally(forever(), async move || {
        sleep(ms(30)).await;
        flag.set(true);
    }))
    .abort_on_drop();
    assert!(
        timeout(ms(10), &mut child).await.is_err(),
        "awaiting by reference cancels nothing"
    );
    assert!(!cleaned.get());
    let id = child.id();
    drop(child);
    assert!(
        task::all()
            .iter()
            .any(|info| info.id == id && info.state == task::State::Finishing)
    );
    let flag = cleaned.clone();
    let inline = finally(forever(), async move || {
        sleep(ms(30)).await;
        assert!(flag.get());
    });
    assert!(timeout(ms(10), inline).await.is_err());
    assert_eq!(start.elapsed(), ms(50));
}

#[test]
fn r53_a_source_is_closed_while_a_task_waits_for_it() {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let source = Rc::new(Async::new(ours).unwrap());
        let waiting = source.clone();
        let task = myrt::spawn(async move { waiting.readable().await.map(drop) });
        yield_now().await;
        // The last owner is the waiter itself: cancelling it closes the source behind its own wait.
        drop(source);
        task.cancel().await;
        let end = std::io::Read::read(&mut &theirs, &mut [0]);
        assert_eq!(end.unwrap(), 0);
    });
}
