//! How tasks end: what their destructors and cleanups see, who is asked when, what a cancel means.
//!
//! Looked at for the same kind. Locals and the running task's id (G.1): the future, its output, its
//! done future, children of scopes, the main future, cleanups, shields, what a grace cuts. Cancels
//! of oneself (G.4): tasks, the main future, eager tasks, children of scopes, remote tasks;
//! timeouts, deadlines, `run_until_cancelled`, scopes that are over. Handles that are asked late or
//! elsewhere (G.3, G.7): `JoinHandle`, `TaskRef`, `Cancel`, `RemoteHandle`; their names. What is
//! dropped together (G.5): gathers of iterators and of tuples, races, `as_completed`, `join!`,
//! `try_join!` (scopes did already). What cancels by being dropped (G.6): `AbortOnDrop`, `JoinSet`.
#![allow(clippy::disallowed_methods, reason = "tests start threads")]

mod support;

use std::cell::{Cell, RefCell};
use std::future::{Future, pending};
use std::rc::Rc;
use std::time::Duration;

use myrt::CancelToken;
use myrt::runtime::Builder;
use myrt::task::{self, Outcome};
use myrt::time::{Deadline, sleep, timeout};
use support::{Log, on_drop, panic_text, paused, poll_with, runtime, settle};

myrt::task_local! { static LOCAL: u32; static OTHER: u32; }

/// What the local is and whether a task runs, written where it is dropped.
fn witness(log: &Log, name: &'static str) -> impl Sized + use<> {
    let log = log.clone();
    on_drop(move || {
        let local = LOCAL.try_with(|value| *value).ok();
        log.add(format!("{name} {local:?} {:?}", task::try_current_id()));
    })
}

#[test]
fn g_1_locals_and_the_tasks_id_are_there_in_destructors_and_cleanups() {
    let copy = Log::default();
    paused().block_on(async {
        // Cancelled inside of the local's scope: a destructor, a cleanup, what a shield runs on.
        let log = copy.clone();
        let task = myrt::spawn(LOCAL.scope(1, async move {
            let _held = witness(&log, "held");
            let (inner, late) = (log.clone(), log.clone());
            let cleaned = async move || {
                sleep(Duration::from_millis(1)).await;
                drop(witness(&inner, "cleanup"));
            };
            let shielded = myrt::shield(async move {
                sleep(Duration::from_millis(5)).await;
                drop(witness(&late, "shield"));
            });
            myrt::finally(shielded, cleaned).await;
        }));
        settle().await;
        let id = task.id();
        task.cancel().await;
        let seen = format!("Some(1) Some({id:?})");
        assert_eq!(
            copy.take(),
            [
                format!("held {seen}"),
                format!("shield {seen}"),
                format!("cleanup {seen}")
            ]
        );

        // Ready: the future is dropped where the local is set; the output is the task's.
        let log = copy.clone();
        let task = myrt::spawn(LOCAL.scope(2, {
            let kept = witness(&log, "captured");
            async move {
                let _kept = &kept;
            }
        }));
        let id = task.id();
        task.await.unwrap();
        assert_eq!(copy.take(), [format!("captured Some(2) Some({id:?})")]);

        // Inherited by a task that is cancelled, and by one whose output nobody takes.
        let log = copy.clone();
        let (cancelled, unread) = LOCAL
            .scope(3, async {
                let (one, other) = (witness(&log, "one"), witness(&log, "other"));
                let cancelled = myrt::spawn(async move {
                    let _one = one;
                    pending::<()>().await;
                });
                (cancelled, myrt::spawn(async move { other }))
            })
            .await;
        settle().await;
        let ids = (cancelled.id(), unread.id());
        cancelled.cancel().await;
        drop(unread);
        assert_eq!(
            copy.take(),
            [
                format!("one Some(3) Some({:?})", ids.0),
                format!("other Some(3) Some({:?})", ids.1)
            ]
        );

        // A child of a scope, dropped with it.
        let log = copy.clone();
        let id = Cell::new(None);
        let scope = myrt::scope(async |s| {
            let held = witness(&log, "child");
            let child = s.spawn(LOCAL.scope(4, async move {
                let _held = held;
                pending::<()>().await;
            }));
            id.set(Some(child.id()));
            pending::<()>().await;
        });
        assert!(timeout(Duration::from_millis(1), scope).await.is_err());
        assert_eq!(copy.take(), [format!("child Some(4) {:?}", id.get())]);
    });
}

#[test]
fn g_1_the_main_future_that_is_cancelled_knows_who_it_is() {
    let log = Log::default();
    let copy = log.clone();
    let ended = runtime().try_block_on(LOCAL.scope(5, async move {
        let _held = witness(&copy, "main");
        task::current().cancel();
        settle().await;
    }));
    assert!(ended.unwrap_err().is_cancelled());
    assert_eq!(log.take(), ["main Some(5) Some(Id(main))"]);
}

#[test]
fn g_1_what_a_grace_cuts_is_dropped_where_its_local_is_set() {
    let log = Log::default();
    let copy = log.clone();
    let runtime = Builder::new()
        .start_paused(true)
        .grace(Duration::from_millis(5))
        .on_unhandled(|_| ())
        .build()
        .unwrap();
    runtime.block_on(async {
        let task = myrt::spawn(LOCAL.scope(6, async move {
            let cleanup = async move || {
                let _held = witness(&copy, "cut");
                pending::<()>().await;
            };
            myrt::finally(pending::<()>(), cleanup).await;
        }));
        settle().await;
        let id = task.id();
        task.cancel().await;
        assert_eq!(log.take(), [format!("cut Some(6) Some({id:?})")]);
    });
}

/// Counts the values that are alive.
#[derive(Clone)]
struct Alive(Rc<Cell<usize>>);

#[test]
fn g_2_a_chain_of_tasks_that_each_set_a_local_keeps_one_value() {
    myrt::task_local! { static VALUE: support::OnDrop<Box<dyn FnOnce()>>; static LAST: u32; }
    /// Sets both keys and starts its successor.
    fn next(left: u32, alive: Alive, most: Rc<Cell<usize>>, end: Rc<Cell<bool>>) {
        if left == 0 {
            end.set(true);
            return;
        }
        alive.0.set(alive.0.get() + 1);
        most.set(most.get().max(alive.0.get()));
        let gone = alive.0.clone();
        let value = on_drop(Box::new(move || gone.set(gone.get() - 1)) as Box<dyn FnOnce()>);
        let body = LAST.scope(left, async move {
            assert_eq!(LAST.get(), left);
            next(left - 1, alive, most, end);
        });
        drop(myrt::spawn(VALUE.scope(value, body)));
    }
    let alive = Alive(Rc::default());
    let most = Rc::new(Cell::new(0));
    let end = Rc::new(Cell::new(false));
    let runtime = runtime();
    runtime.block_on(async {
        next(50_000, alive.clone(), most.clone(), end.clone());
        while !end.get() {
            myrt::yield_now().await;
        }
        settle().await;
    });
    assert!(most.get() <= 4, "{} values at once", most.get());
    drop(runtime);
    assert_eq!(alive.0.get(), 0);
}

#[test]
fn g_2_a_local_that_is_set_again_hides_the_outer_one_and_no_other() {
    runtime().block_on(LOCAL.scope(1, async {
        OTHER
            .scope(2, async {
                LOCAL
                    .scope(3, async {
                        let seen = myrt::spawn(async { (LOCAL.get(), OTHER.get()) });
                        assert_eq!(seen.await.unwrap(), (3, 2));
                        myrt::yield_now().await;
                        assert_eq!((LOCAL.get(), OTHER.get()), (3, 2));
                    })
                    .await;
                assert_eq!((LOCAL.get(), OTHER.get()), (1, 2));
            })
            .await;
    }));
}

#[test]
fn g_3_a_handle_that_has_given_its_output_can_still_be_cancelled() {
    let runtime = support::careless(); // one of its tasks never runs
    runtime.block_on(async {
        let mut task = myrt::spawn(async { 5 });
        assert_eq!((&mut task).await.unwrap(), 5);
        assert!(task.is_finished());
        let cancel = task.cancel();
        assert!(cancel.is_finished());
        cancel.await;
        task.cancel_with("late").await;
        assert_eq!(task.name(), None);
    });
    // One of a runtime that is gone has ended, and so has its cancel.
    let task = runtime.spawn(pending::<()>());
    drop(runtime);
    support::runtime().block_on(async { task.cancel().await });
    assert!(task.is_finished());
}

#[test]
fn g_3_a_remote_handle_that_has_given_its_output_says_so() {
    let runtime = runtime();
    let remote = runtime.remote();
    runtime.block_on(async {
        let mut task = remote.spawn(|| async { 7 });
        assert_eq!((&mut task).await.unwrap(), 7);
        assert!(task.is_finished());
        let again = panic_text(|| drop(poll_with(&mut task, std::task::Waker::noop())));
        assert!(again.contains("after it gave its output"), "{again}");
    });
}

#[test]
fn g_4_a_task_that_cancels_itself_and_returns_ends_as_cancelled() {
    let dropped = Rc::new(Cell::new(0));
    let output = |dropped: &Rc<Cell<u32>>| {
        let dropped = dropped.clone();
        on_drop(move || dropped.set(dropped.get() + 1))
    };
    let runtime = runtime();
    runtime.block_on(async {
        let made = output(&dropped);
        let task = myrt::spawn(async move {
            task::current().cancel_with("enough");
            made
        });
        let outcome = Rc::new(Cell::new(None));
        let told = outcome.clone();
        task.on_done(move |_, outcome| told.set(Some(outcome)));
        let error = task.await.map(drop).unwrap_err();
        assert!(error.is_cancelled());
        assert_eq!(error.reason(), Some("enough"));
        assert_eq!(outcome.get(), Some(Outcome::Cancelled));
        assert_eq!(dropped.take(), 1);

        // By what runs inside of its poll: a task that it starts eagerly.
        let task = myrt::spawn(async {
            let me = task::current();
            drop(myrt::spawn_eager(async move { _ = me.cancel() }));
            1
        });
        assert!(task.await.unwrap_err().is_cancelled());

        // Eagerly; in a child of a scope, which that is no error of; and with a cleanup.
        let task = myrt::spawn_eager(async {
            task::current().cancel();
            1
        });
        assert!(task.await.unwrap_err().is_cancelled());
        let made = output(&dropped);
        let child = myrt::scope(async |s| {
            let child = s.spawn(async move {
                task::current().cancel_with("child");
                made
            });
            child.await.map(drop)
        });
        assert_eq!(child.await.unwrap().unwrap_err().reason(), Some("child"));
        assert_eq!(dropped.take(), 1);
        let cleaned = Rc::new(Cell::new(false));
        let flag = cleaned.clone();
        let task = myrt::spawn(async {
            drop(myrt::finally(pending::<()>(), async move || {
                settle().await;
                flag.set(true);
            }));
            task::current().cancel();
            1
        });
        assert!(task.await.unwrap_err().is_cancelled());
        assert!(cleaned.get());

        // A panic is kept.
        let task = myrt::spawn(async {
            task::current().cancel();
            panic!("worse");
        });
        assert_eq!(task.await.unwrap_err().reason(), Some("worse"));
    });
    // The main future, and one that another thread asked for.
    let ended = runtime.try_block_on(async {
        task::current().cancel();
        1
    });
    assert!(ended.unwrap_err().is_cancelled());
    let remote = runtime.remote();
    let task = remote.spawn(|| async {
        task::current().cancel();
        1
    });
    assert!(runtime.block_on(task).unwrap_err().is_cancelled());
}

#[test]
fn g_4_a_task_that_cancels_itself_does_not_go_on_because_a_time_is_over() {
    paused().block_on(async {
        let on = Rc::new(RefCell::new(Vec::new()));
        let went_on = |name: &'static str| {
            let on = on.clone();
            move || on.borrow_mut().push(name)
        };
        let go = went_on("timeout");
        let task = myrt::spawn(async move {
            task::current().cancel();
            let _ = timeout(Duration::ZERO, pending::<()>()).await;
            go();
        });
        assert!(task.await.unwrap_err().is_cancelled());
        let go = went_on("deadline");
        let task = myrt::spawn(async move {
            task::current().cancel();
            let _ = Deadline::after(Duration::ZERO).run(pending::<()>()).await;
            go();
        });
        assert!(task.await.unwrap_err().is_cancelled());
        let go = went_on("token");
        let task = myrt::spawn(async move {
            let token = CancelToken::new();
            let body = async {
                token.cancel();
                task::current().cancel();
                pending::<()>().await;
            };
            let _ = token.run_until_cancelled(body).await;
            go();
        });
        assert!(task.await.unwrap_err().is_cancelled());
        let go = went_on("scope");
        let task = myrt::spawn(async move {
            let _ = myrt::scope(async |s| {
                s.deadline(myrt::time::Instant::now());
                task::current().cancel();
                pending::<()>().await;
            })
            .await;
            go();
        });
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(*on.borrow(), [] as [&str; 0]);
    });
}

#[test]
fn g_7_whether_a_task_has_ended_may_be_asked_anywhere() {
    let builder = Builder::new()
        .grace(Duration::from_millis(1))
        .on_unhandled(|_| ());
    let runtime = builder.build().unwrap();
    let ended = runtime.spawn(async {});
    let runs = runtime.spawn(async {
        task::current().set_name("runner");
        pending::<()>().await;
    });
    let references = Rc::new(RefCell::new(Vec::new()));
    let cancel = runtime.block_on(async {
        settle().await;
        let mine = task::all();
        assert!(mine.iter().any(|task| task.id == runs.id()));
        references.borrow_mut().push(task::current());
        let slow = myrt::spawn(async {
            myrt::finally(pending::<()>(), async || pending::<()>().await).await;
        });
        settle().await;
        Some(slow.cancel())
    });
    let cancel = cancel.unwrap();
    assert!(ended.is_finished());
    assert!(!runs.is_finished());
    assert!(!cancel.is_finished(), "its cleanup runs");
    assert!(references.borrow()[0].is_finished(), "the main future");
    assert_eq!(runs.name().as_deref(), Some("runner"));
    std::thread::scope(|scope| {
        let (ended, runs) = (&ended, &runs);
        scope
            .spawn(move || {
                assert!(ended.is_finished());
                assert!(!runs.is_finished());
            })
            .join()
            .unwrap();
    });
    drop(runtime);
    assert!(ended.is_finished());
    assert!(runs.is_finished());
    assert!(cancel.is_finished());
}

/// A future that never ends, with a cleanup of this many milliseconds.
fn with_cleanup(millis: u64) -> impl Future<Output = ()> {
    myrt::finally(pending::<()>(), async move || {
        sleep(Duration::from_millis(millis)).await;
    })
}

async fn fails() -> Result<(), u32> {
    sleep(Duration::from_millis(1)).await;
    Err(1)
}

async fn never() -> Result<(), u32> {
    with_cleanup(10).await;
    Ok(())
}

/// How many milliseconds of virtual time this takes.
async fn takes<F: Future>(future: F) -> u128 {
    let began = myrt::time::Instant::now();
    future.await;
    began.elapsed().as_millis()
}

/// Three that are cancelled together by their caller.
async fn cancelled<F: Future>(future: F) {
    assert!(timeout(Duration::from_millis(1), future).await.is_err());
}

#[test]
fn g_5_cleanups_of_those_that_are_dropped_together_run_together() {
    paused().block_on(async {
        // A millisecond until it ends, and ten for all of the cleanups.
        let ten = || with_cleanup(10);
        assert_eq!(
            takes(cancelled(myrt::gather([ten(), ten(), ten()]))).await,
            11
        );
        assert_eq!(
            takes(cancelled(myrt::gather!(ten(), ten(), ten()))).await,
            11
        );
        assert_eq!(
            takes(cancelled(myrt::race([ten(), ten(), ten()]))).await,
            11
        );
        assert_eq!(
            takes(cancelled(async { myrt::join!(ten(), ten(), ten()) })).await,
            11
        );
        let first = async |n: u32| if n == 0 { fails().await } else { never().await };
        assert_eq!(takes(myrt::try_gather((0..4).map(first))).await, 11);
        assert_eq!(
            takes(async { myrt::try_gather!(fails(), never(), never()).await }).await,
            11
        );
        assert_eq!(
            takes(async { myrt::try_join!(fails(), never(), never()) }).await,
            11
        );
        let race = async |n: u32| {
            if n == 0 {
                _ = fails().await;
            } else {
                ten().await;
            }
        };
        assert_eq!(takes(myrt::race((0..4).map(race))).await, 11);
        let ok = async |n: u32| match n {
            0 => fails().await.or(Ok(())),
            _ => never().await,
        };
        assert_eq!(takes(myrt::first_ok((0..4).map(ok))).await, 11);
        let stream = myrt::as_completed([ten(), ten(), ten()]);
        let reads = async move {
            let mut stream = stream;
            stream.next().await;
        };
        assert_eq!(takes(cancelled(reads)).await, 11);
        // A branch's own ones still run one after the other, inner before outer.
        let nested = || myrt::finally(ten(), async || sleep(Duration::from_millis(10)).await);
        assert_eq!(
            takes(cancelled(async { myrt::join!(nested(), nested()) })).await,
            21
        );
        let outer = myrt::finally(async { myrt::join!(ten(), ten()) }, async || {
            sleep(Duration::from_millis(10)).await;
        });
        assert_eq!(takes(cancelled(outer)).await, 21);
    });
}

#[test]
fn g_5_a_cleanup_that_hangs_holds_up_no_sibling() {
    let builder = Builder::new().start_paused(true).on_unhandled(|_| ());
    let runtime = builder.grace(Duration::from_millis(100)).build().unwrap();
    runtime.block_on(async {
        let hangs = || myrt::finally(pending::<()>(), async || pending::<()>().await);
        assert_eq!(
            takes(cancelled(async { myrt::join!(hangs(), hangs(), hangs()) })).await,
            101
        );
        assert_eq!(
            takes(cancelled(myrt::gather([hangs(), hangs(), hangs()]))).await,
            101
        );
    });
}

/// What macros make may go to another thread, as before.
#[test]
fn g_5_the_macros_futures_are_still_send() {
    fn send<T: Send>(_: T) {}
    send(async { myrt::join!(std::future::ready(1), std::future::ready(2)) });
    send(async {
        myrt::select! { n = std::future::ready(1) => n, n = pending::<i32>() => n }
    });
}

#[test]
fn g_6_who_cancels_waits_for_the_cleanups_of_what_that_cancels() {
    paused().block_on(async {
        let holder = || async {
            let _inner = myrt::spawn(with_cleanup(10)).abort_on_drop();
            pending::<()>().await;
        };
        let task = myrt::spawn(holder());
        settle().await;
        assert_eq!(takes(task.cancel()).await, 10);
        assert_eq!(takes(cancelled(holder())).await, 11);
        // Through two tasks, and in a set.
        let outer = myrt::spawn(async move {
            let _inner = myrt::spawn(holder()).abort_on_drop();
            pending::<()>().await;
        });
        settle().await;
        assert_eq!(takes(outer.cancel()).await, 10);
        let set = || async {
            let mut set = task::JoinSet::new();
            set.spawn(with_cleanup(10));
            set.spawn(with_cleanup(20));
            settle().await;
            pending::<()>().await;
        };
        assert_eq!(takes(cancelled(set())).await, 21);
        // A task that cancels what holds it does not wait for itself.
        let slot = Rc::new(RefCell::new(None));
        let own = slot.clone();
        let task = myrt::spawn(async move {
            settle().await;
            drop(own.take());
            sleep(Duration::from_millis(1)).await;
        });
        let id = task.id();
        *slot.borrow_mut() = Some(task.abort_on_drop());
        sleep(Duration::from_millis(5)).await;
        assert!(task::all().iter().all(|task| task.id != id));
    });
}

#[test]
fn g_6_block_on_ends_after_the_cleanups_of_what_its_future_held() {
    let cleaned = Rc::new(Cell::new(false));
    let flag = cleaned.clone();
    let runtime = paused();
    runtime.block_on(async move {
        let cleanup = async move || {
            sleep(Duration::from_millis(10)).await;
            flag.set(true);
        };
        let _held = myrt::spawn(myrt::finally(pending::<()>(), cleanup)).abort_on_drop();
        settle().await;
    });
    assert!(cleaned.get());
}

#[test]
fn g_9_what_the_documentation_says_of_guards_beside_an_await() {
    paused().block_on(async {
        // Borrowed: free before the cleanup runs. Moved into it: free after.
        for owned in [false, true] {
            let lock = Rc::new(myrt::sync::Mutex::new(()));
            let (held, check) = (lock.clone().lock_owned().await, lock.clone());
            let free = Rc::new(Cell::new(None));
            let seen = free.clone();
            let work = async move {
                let mut held = Some(held);
                let moved = if owned { held.take() } else { None };
                let cleanup = async move || {
                    sleep(Duration::from_millis(1)).await;
                    seen.set(Some(check.try_lock().is_ok()));
                    drop(moved);
                };
                myrt::finally(pending::<()>(), cleanup).await;
                drop(held);
            };
            cancelled(work).await;
            assert_eq!(free.get(), Some(!owned));
            assert!(lock.try_lock().is_ok());
        }
    });
}

#[test]
fn g_9_a_cancelled_awaiter_leaves_the_task_and_first_error_counts_cancels() {
    paused().block_on(async {
        let task = myrt::spawn(sleep(Duration::from_millis(5)));
        let id = task.id();
        let awaiter = myrt::spawn(task);
        settle().await;
        awaiter.cancel().await;
        assert!(task::all().iter().any(|task| task.id == id));

        let mut set = task::JoinSet::new();
        let gone = set.spawn(pending::<()>());
        set.spawn(pending::<()>());
        settle().await;
        gone.cancel().await;
        let ended = myrt::wait(&mut set, myrt::When::FirstError, None).await;
        assert!(ended[0].1.as_ref().unwrap_err().is_cancelled());
    });
}

#[test]
fn g_8_what_the_documentation_says_of_destructors_after_a_panic() {
    struct Panics(#[expect(dead_code, reason = "dropped with it")] Box<dyn std::any::Any>);
    impl Future for Panics {
        type Output = ();
        fn poll(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<()> {
            panic!("in poll");
        }
    }
    let seen = Rc::new(RefCell::new(Vec::new()));
    let witness = || {
        let seen = seen.clone();
        on_drop(
            Box::new(move || seen.borrow_mut().push(std::thread::panicking())) as Box<dyn FnOnce()>,
        )
    };
    runtime().block_on(async {
        let local = witness();
        let task = myrt::spawn(async move {
            let _local = local;
            panic!("in the body");
        });
        assert!(task.await.unwrap_err().is_panic());
        let task = myrt::spawn(Panics(Box::new(witness())));
        assert!(task.await.unwrap_err().is_panic());
    });
    assert_eq!(*seen.borrow(), [true, false]);
}
