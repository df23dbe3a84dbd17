//! Bugs that the wakers of other runtimes had, by their rows in `KNOWN_BUGS.md`.
#![allow(clippy::disallowed_methods, reason = "tests start threads")]

mod support;

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::sync::{Mutex, OnceLock, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use myrt::task::JoinHandle;
use myrt::time::sleep;
use support::{careless, hooked, on_drop, own_waker, poll_with, runtime, settle};

#[test]
fn r26_threads_wake_while_the_runtime_is_dropped() {
    for _ in 0..200 {
        let runtime = runtime();
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (give, take) = mpsc::channel::<Waker>();
                (
                    give,
                    thread::spawn(move || {
                        for waker in take {
                            (0..50).for_each(|_| waker.wake_by_ref());
                        }
                    }),
                )
            })
            .collect();
        for _ in 0..8 {
            let gives: Vec<_> = threads.iter().map(|(give, _)| give.clone()).collect();
            drop(runtime.spawn(async move {
                let waker = own_waker().await;
                let _guard = on_drop(|| drop(myrt::spawn(async {})));
                for give in gives {
                    give.send(waker.clone()).unwrap();
                }
                pending::<()>().await;
            }));
        }
        runtime.block_on(settle());
        drop(runtime); // while the threads are at it
        for (give, thread) in threads {
            drop(give);
            thread.join().unwrap();
        }
    }
}

/// The joiner's wake drops the handle, and with it the last claim on the task's slot, while the
/// task's end is being told.
#[test]
fn r27_the_last_claim_on_a_task_is_dropped_inside_its_own_wake() {
    let runtime = runtime();
    runtime.block_on(async {
        for large in [false, true] {
            let handle = Rc::new(RefCell::new(None::<JoinHandle<Vec<u8>>>));
            let inner = handle.clone();
            let called = Rc::new(Cell::new(false));
            let flag = called.clone();
            let waker = hooked(
                move || {
                    drop(inner.take());
                    // Its slot and its memory are somebody else's at once.
                    drop(myrt::spawn(async { [1_u8; 64] }));
                    flag.set(true);
                },
                || (),
            );
            let mut task = myrt::spawn(async move {
                let ballast = [0_u8; 9000];
                myrt::yield_now().await;
                vec![ballast[8999]; if large { 100_000 } else { 1 }]
            });
            assert!(poll_with(&mut task, &waker).is_pending());
            *handle.borrow_mut() = Some(task);
            settle().await;
            assert!(called.get());
        }
        settle().await;
        assert_eq!(runtime.metrics().tasks, 0);
    });
}

#[test]
fn r27_a_wake_by_value_of_the_last_clone_from_within_the_task() {
    runtime().block_on(async {
        let task = myrt::spawn(async {
            own_waker().await.wake();
            let mut first = true;
            poll_fn(|cx| {
                if std::mem::take(&mut first) {
                    let only = cx.waker().clone();
                    only.wake();
                    return Poll::Pending;
                }
                Poll::Ready(())
            })
            .await;
        });
        task.await.unwrap();
    });
}

static KEPT: OnceLock<Mutex<Vec<Waker>>> = OnceLock::new();

#[test]
fn r28_wakers_in_a_static_neither_revive_nor_keep_a_task_of_a_runtime_that_is_gone() {
    let kept = KEPT.get_or_init(Mutex::default);
    let dropped = Rc::new(Cell::new(0));
    for _ in 0..10 {
        let runtime = runtime();
        let count = dropped.clone();
        drop(runtime.spawn(async move {
            let waker = own_waker().await;
            let again = waker.clone();
            // Woken during the drop, too.
            let _guard = on_drop(move || {
                count.set(count.get() + 1);
                again.wake();
            });
            kept.lock().unwrap().push(waker);
            pending::<()>().await;
        }));
        runtime.block_on(settle());
        drop(runtime);
        kept.lock().unwrap().iter().for_each(Waker::wake_by_ref);
    }
    assert_eq!(dropped.get(), 10);
    let last = thread::spawn(|| {
        let mut kept = KEPT.get().expect("made above").lock().unwrap();
        kept.drain(..).for_each(Waker::wake);
    });
    last.join().unwrap();
}

#[test]
fn r29_a_wake_polls_and_drops_nothing_inline() {
    runtime().block_on(async {
        let shared = Rc::new(RefCell::new(0));
        let lock = Rc::new(Mutex::new(()));
        let place = Rc::new(RefCell::new(None));
        let (s, l, p) = (shared.clone(), lock.clone(), place.clone());
        let task = myrt::spawn(async move {
            let mut polls = 0;
            poll_fn(|cx| {
                *s.borrow_mut() += 1;
                drop(l.try_lock().expect("not held by the waker"));
                *p.borrow_mut() = Some(cx.waker().clone());
                polls += 1;
                if polls >= 3 {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
        });
        settle().await;
        for _ in 0..2 {
            let waker = place.take().expect("polled");
            {
                let _held = (shared.borrow_mut(), lock.lock().unwrap());
                waker.wake();
            }
            settle().await;
        }
        // From a destructor that holds both, in the middle of a cancel.
        let waker = own_waker().await;
        let (s, l) = (shared.clone(), lock.clone());
        let guard = on_drop(move || {
            let _held = (s.borrow_mut(), l.lock().unwrap());
            waker.wake();
        });
        let dying = myrt::spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        settle().await;
        dying.cancel().await;
        if let Some(waker) = place.take() {
            waker.wake();
        }
        task.await.unwrap();
    });
}

#[test]
fn r30_wakers_that_call_back_when_woken_or_dropped_find_nothing_borrowed() {
    let runtime = careless();
    runtime.block_on(async {
        let calls = Rc::new(Cell::new(0));
        let (ours, theirs) = support::half_unix();
        let ours = Rc::new(ours);
        let everything = |calls: &Rc<Cell<usize>>, ours: &Rc<myrt::io::Async<_>>| {
            let (calls, ours) = (calls.clone(), ours.clone());
            move || {
                calls.set(calls.get() + 1);
                // Timers, reactor, table, joins: from inside of whichever is at work.
                let mut nap = sleep(Duration::from_secs(1));
                assert!(poll_with(&mut nap, Waker::noop()).is_pending());
                drop(poll_with(&mut Box::pin(ours.readable()), Waker::noop()));
                drop(ours.poll_writable(&mut Context::from_waker(Waker::noop())));
                let task = myrt::spawn(pending::<()>());
                task.cancel();
                drop(task);
            }
        };
        let make = || hooked(everything(&calls, &ours), everything(&calls, &ours));
        // Replaced by another waker: the old one is dropped inside of the call.
        let mut nap = sleep(Duration::from_millis(1));
        let mut wait = Box::pin(ours.readable());
        let mut task = myrt::spawn(settle());
        for _ in 0..3 {
            let waker = make();
            assert!(poll_with(&mut nap, &waker).is_pending());
            assert!(poll_with(&mut wait, &waker).is_pending());
            assert!(poll_with(&mut task, &waker).is_pending());
        }
        (&theirs).write_all_bytes(b"x");
        settle().await;
        sleep(Duration::from_millis(5)).await;
        assert!(poll_with(&mut task, Waker::noop()).is_ready());
        assert!(poll_with(&mut nap, Waker::noop()).is_ready());
        assert!(poll_with(&mut wait, Waker::noop()).is_ready());
        // Dropped with what they waited for.
        let mut nap = sleep(Duration::from_secs(60));
        let mut task = myrt::spawn(pending::<()>());
        assert!(poll_with(&mut nap, &make()).is_pending());
        assert!(poll_with(&mut task, &make()).is_pending());
        drop((nap, task));
        assert!(calls.get() >= 3 * 2 + 2, "{} calls", calls.get());
    });
}

trait WriteAll {
    fn write_all_bytes(&mut self, bytes: &[u8]);
}

impl WriteAll for &std::os::unix::net::UnixStream {
    fn write_all_bytes(&mut self, bytes: &[u8]) {
        std::io::Write::write_all(self, bytes).unwrap();
    }
}

/// A future and its output that are not `Send` are only ever touched by their own thread, whichever
/// thread has the last waker.
#[test]
fn r41_what_is_not_send_is_polled_and_dropped_at_home() {
    let home = thread::current().id();
    let runtime = runtime();
    let seen = Rc::new(RefCell::new(Vec::new()));
    let (tell, told) = mpsc::channel::<Waker>();
    let log = seen.clone();
    let handle = runtime.spawn(async move {
        let (polled, dropped) = (log.clone(), log.clone());
        let _guard = on_drop(move || dropped.borrow_mut().push(thread::current().id()));
        let mut left = 3;
        poll_fn(|cx| {
            polled.borrow_mut().push(thread::current().id());
            tell.send(cx.waker().clone()).unwrap();
            left -= 1;
            if left == 0 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        on_drop(move || log.borrow_mut().push(thread::current().id()))
    });
    let handle = thread::scope(|scope| {
        scope.spawn(move || {
            for waker in told {
                waker.wake(); // the only clone there is
            }
        });
        runtime.block_on(async {
            while seen.borrow().len() < 4 {
                sleep(Duration::from_millis(1)).await;
            }
        });
        handle
    });
    // The output goes home as well, when the handle is dropped elsewhere.
    drop(thread::spawn(move || handle.id()).join());
    runtime.block_on(sleep(Duration::from_millis(1)));
    assert_eq!(seen.borrow().len(), 5);
    assert!(seen.borrow().iter().all(|thread| *thread == home));
}

#[test]
fn r48_what_is_send_and_what_is_not() {
    fn send_and_sync<T: Send + Sync>(_: &T) {}
    careless().block_on(async {
        // A handle is a key, whatever the output is.
        let task: JoinHandle<Rc<Cell<u8>>> = myrt::spawn(async { Rc::default() });
        send_and_sync(&task);
        send_and_sync(&sleep(Duration::ZERO));
        send_and_sync(&myrt::time::interval(Duration::from_secs(1)));
        send_and_sync(&myrt::runtime::Remote::current());
        let (ours, _theirs) = support::half_unix();
        send_and_sync(&ours);
        // The noop waker of std is a foreign one like any other.
        let mut task = task;
        assert!(poll_with(&mut task, Waker::noop()).is_pending());
        send_and_sync(&task.cancel());
    });
}
