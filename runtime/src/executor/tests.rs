//! Foreign wakers that do everything a foreign waker may: come back into the runtime when they are
//! cloned, woken and dropped, and panic.
//!
//! These tests stand here because a waker whose *clone* does something needs a vtable of its own,
//! which is unsafe code. What `std::task::Wake` can do is tested from outside.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};
use std::time::Duration;

use crate::CancelToken;
use crate::io::Async;
use crate::runtime::Runtime;
use crate::sync::oneshot;
use crate::time::{Deadline, Instant, sleep};

thread_local! {
    /// What happens at each clone; wakes and drops are counted.
    static ON_CLONE: RefCell<Option<Rc<dyn Fn()>>> = const { RefCell::new(None) };
    static WAKES: Cell<usize> = const { Cell::new(0) };
    static ALIVE: Cell<isize> = const { Cell::new(0) };
}

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, release);

fn clone(data: *const ()) -> RawWaker {
    let call = ON_CLONE.with_borrow(Clone::clone);
    if let Some(call) = call {
        call();
    }
    ALIVE.set(ALIVE.get() + 1);
    RawWaker::new(data, &VTABLE)
}

fn wake(data: *const ()) {
    wake_by_ref(data);
    release(data);
}

fn wake_by_ref(_: *const ()) {
    WAKES.set(WAKES.get() + 1);
}

fn release(_: *const ()) {
    ALIVE.set(ALIVE.get() - 1);
}

/// A waker whose clones call `on_clone`. For this thread alone, which these tests keep.
fn hostile(on_clone: impl Fn() + 'static) -> Waker {
    ON_CLONE.set(Some(Rc::new(on_clone)));
    ALIVE.set(ALIVE.get() + 1);
    // SAFETY: the functions of the vtable touch thread locals only and ignore the data pointer; the
    // tests do not carry the waker to another thread.
    unsafe { Waker::new(std::ptr::null(), &VTABLE) }
}

/// Forgets the hook, and says how often a hostile waker was woken.
fn wakes() -> usize {
    ON_CLONE.set(None);
    WAKES.take()
}

#[test]
fn r31_a_wakers_clone_may_come_back_into_the_reactor() {
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let (ours, mut theirs) = UnixStream::pair().expect("a pair");
        let ours = Rc::new(Async::new(ours).expect("non-blocking"));
        let again = ours.clone();
        let waker = hostile(move || {
            // The same table: a wait of another waiter, and one that gives up.
            let mut wait = pin!(again.readable());
            assert!(
                wait.as_mut()
                    .poll(&mut Context::from_waker(Waker::noop()))
                    .is_pending()
            );
        });
        let mut cx = Context::from_waker(&waker);
        let mut read = pin!(ours.read_with(|mut io| io.read(&mut [0; 8])));
        for _ in 0..3 {
            assert!(read.as_mut().poll(&mut cx).is_pending());
        }
        assert!(ours.poll_readable(&mut cx).is_pending());
        theirs.write_all(b"x").expect("written");
        sleep(Duration::from_millis(2)).await;
        assert!(wakes() >= 1);
        assert!(
            read.as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_ready()
        );
    });
    drop(runtime);
    assert_eq!(ALIVE.take(), 0, "every clone was dropped");
}

#[test]
fn r31_a_wakers_clone_may_come_back_into_the_timers() {
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let waker = hostile(|| {
            let mut other = pin!(sleep(Duration::from_secs(1)));
            assert!(
                other
                    .as_mut()
                    .poll(&mut Context::from_waker(Waker::noop()))
                    .is_pending()
            );
        });
        let mut wait = pin!(sleep(Duration::from_millis(2)));
        for _ in 0..3 {
            assert!(
                wait.as_mut()
                    .poll(&mut Context::from_waker(&waker))
                    .is_pending()
            );
        }
        sleep(Duration::from_millis(5)).await;
        assert_eq!(wakes(), 1);
    });
    drop(runtime);
    assert_eq!(ALIVE.take(), 0);
}

#[test]
fn r31_a_wakers_clone_that_ends_the_joined_task_is_woken() {
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let task = crate::executor::spawn(pending::<()>());
        let (id, serial) = (
            task.id(),
            crate::executor::current::with_core(|core| core.map_or(0, |core| core.serial)),
        );
        let waker = hostile(move || {
            crate::executor::join::cancel_id(serial, id.identity(), None);
        });
        let mut task = pin!(task);
        assert!(
            task.as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        assert_eq!(wakes(), 1, "the end came before the waker was in place");
        let Poll::Ready(end) = task.poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("it has ended");
        };
        assert!(end.expect_err("cancelled").is_cancelled());
    });
    drop(runtime);
    ALIVE.take();
}

#[test]
fn r31_a_wakers_clone_that_panics_leaves_everything_usable() {
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let (ours, mut theirs) = UnixStream::pair().expect("a pair");
        let ours = Async::new(ours).expect("non-blocking");
        let waker = hostile(|| panic!("clone"));
        let mut cx = Context::from_waker(&waker);
        let mut wait = pin!(ours.readable());
        let mut nap = pin!(sleep(Duration::from_millis(1)));
        let mut task = pin!(crate::executor::spawn(async { 4 }));
        assert!(catch_unwind(AssertUnwindSafe(|| wait.as_mut().poll(&mut cx))).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| nap.as_mut().poll(&mut cx))).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(&mut cx))).is_err());
        wakes();
        theirs.write_all(b"x").expect("written");
        wait.await.expect("readable");
        nap.await;
        assert_eq!(task.await.expect("joined"), 4);
    });
    drop(runtime);
    ALIVE.take();
}

// B.4 of issue 11: whatever clones or stores a waker looks again afterwards. Looked at: every
// `StoredWaker::new`, `set` and `replace`, and every `waker().clone()` (the wait queue and all that
// stand on it, cancel tokens, deadlines, oneshot, mpsc, watch, broadcast, once cell, condvar, join
// and scope handles, starting, timers, the reactor's waiters, blocking jobs, remote handles,
// workers; in net: servers, standard input, duplex).

#[test]
fn b4_a_wakers_clone_that_cancels_the_token_it_waits_for_loses_no_wake() {
    let token = CancelToken::new();
    let again = token.clone();
    let waker = hostile(move || again.cancel());
    let mut wait = pin!(token.cancelled());
    for _ in 0..2 {
        let poll = wait.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(poll.is_ready());
    }
    assert_eq!(wakes(), 0);
    drop(waker);
    assert_eq!(ALIVE.take(), 0, "a cancelled token keeps no waker");
}

#[test]
fn b4_a_wakers_clone_that_cancels_while_another_waker_is_kept() {
    let token = CancelToken::new();
    let mut wait = pin!(token.child().cancelled());
    let mut poll = |waker: &Waker| wait.as_mut().poll(&mut Context::from_waker(waker));
    assert!(poll(Waker::noop()).is_pending());
    let waker = hostile(move || token.cancel());
    assert!(poll(&waker).is_ready());
    wakes();
    drop(waker);
    assert_eq!(ALIVE.take(), 0);
}

#[test]
fn b4_a_wakers_clone_that_moves_the_deadline_is_heard() {
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let deadline = Rc::new(Deadline::after(Duration::from_secs(60)));
        let again = Rc::clone(&deadline);
        let waker = hostile(move || again.set(Instant::now()));
        let mut run = pin!(deadline.run(pending::<()>()));
        assert!(
            run.as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_ready()
        );
        wakes();
    });
    ALIVE.take();
}

#[test]
fn b4_a_wakers_clone_that_closes_a_oneshot_is_heard_and_not_kept() {
    let (mut sender, receiver) = oneshot::channel::<()>();
    let receiver = RefCell::new(Some(receiver));
    let waker = hostile(move || drop(receiver.take()));
    let poll = sender.poll_closed(&mut Context::from_waker(&waker));
    assert!(poll.is_ready());
    wakes();
    drop(waker);
    assert_eq!(ALIVE.take(), 0, "no waker is kept beside the sender");
    drop(sender);

    let (sender, receiver) = oneshot::channel();
    let sender = RefCell::new(Some(sender));
    let waker = hostile(move || {
        if let Some(sender) = sender.take() {
            assert_eq!(sender.send(3), Ok(()));
        }
    });
    let mut receiver = pin!(receiver);
    let poll = receiver.as_mut().poll(&mut Context::from_waker(&waker));
    assert_eq!(poll, Poll::Ready(Ok(3)));
    wakes();
    drop(waker);
    assert_eq!(ALIVE.take(), 0, "no waker is kept beside the receiver");
}

#[test]
fn b4_a_wakers_clone_in_which_the_started_child_says_that_it_is_up_loses_no_wake() {
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let up = Rc::new(RefCell::new(None));
        let told = crate::scope(async |s| {
            let kept = Rc::clone(&up);
            let mut starting = pin!(s.start(async move |started| {
                kept.replace(Some(started));
            }));
            crate::executor::yield_now().await;
            let waker = hostile(move || {
                if let Some(started) = up.take() {
                    started.set(4);
                }
            });
            let poll = starting.as_mut().poll(&mut Context::from_waker(&waker));
            wakes();
            assert!(matches!(poll, Poll::Ready(Ok(4))));
        });
        told.await.expect("no child failed");
    });
    ALIVE.take();
}
