//! `ScopedHandle`: the right to a child's output, and to cancel it.
//!
//! Why not `JoinHandle`: a child's output may borrow, so it cannot lie in the task table: child and
//! handle share a cell.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use crate::executor::id::Id;
use crate::executor::join::cancel_id;
use crate::executor::wait::poll_budget;
use crate::executor::{Cancel, JoinError, StoredWaker, TaskRef, Wait, WaitNote};

/// What child and handle share.
pub(super) struct Shared<T> {
    output: RefCell<Option<Result<T, JoinError>>>,
    /// The child and its cleanups have ended.
    done: Cell<bool>,
    waiter: RefCell<StoredWaker>,
}

impl<T> Shared<T> {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self {
            output: RefCell::new(None),
            done: Cell::new(false),
            waiter: RefCell::new(StoredWaker::EMPTY),
        })
    }

    pub(super) fn put(&self, output: Result<T, JoinError>) {
        let before = self.output.replace(Some(output));
        drop(before);
    }
}

/// A [`Shared`] whose output's type is forgotten.
pub(super) trait Settle {
    /// The child has ended: with its output, or where there is none with `error`.
    fn settle(&self, error: Option<JoinError>);
}

impl<T> Settle for Shared<T> {
    fn settle(&self, error: Option<JoinError>) {
        if let Some(error) = error {
            self.put(Err(error));
        }
        self.done.set(true);
        let waiter = self.waiter.take();
        waiter.wake();
    }
}

/// A child of a scope: awaiting it gives its output, or the [`JoinError`] that says why there is
/// none.
///
/// Dropping it changes nothing: the child runs on, and the scope waits for it. A child that failed
/// its scope says so here too, if somebody still asks; the error itself is in the
/// [`ScopeError`](super::ScopeError).
///
/// Cancel safe: awaiting `&mut handle` may be given up and taken up again.
///
/// # Panics
/// When polled again after it gave its output.
pub struct ScopedHandle<T> {
    shared: Rc<Shared<T>>,
    identity: u64,
    runtime: u64,
}

impl<T> ScopedHandle<T> {
    pub(super) fn new(shared: Rc<Shared<T>>, identity: u64, runtime: u64) -> Self {
        Self {
            shared,
            identity,
            runtime,
        }
    }

    /// The child's id.
    #[must_use]
    pub fn id(&self) -> Id {
        Id::from_identity(self.identity)
    }

    /// The child's name, if it has one and has not ended.
    #[must_use]
    pub fn name(&self) -> Option<Rc<str>> {
        self.task().name()
    }

    /// Whether the child has ended, its cleanups included.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.shared.done.get()
    }

    /// Cancels the child: its scope drops it at its await point, at the scope's next turn. That is
    /// no error of the scope. The future returned waits for the child's async cleanups; awaiting it
    /// is optional.
    #[track_caller]
    pub fn cancel(&self) -> Cancel {
        cancel_id(self.runtime, self.identity, None)
    }

    /// As [`ScopedHandle::cancel`], with a reason that [`JoinError::reason`] will give.
    #[track_caller]
    pub fn cancel_with(&self, reason: impl Into<Cow<'static, str>>) -> Cancel {
        cancel_id(self.runtime, self.identity, Some(reason.into()))
    }

    /// The child as a task, without a right to its output.
    #[must_use]
    pub fn task(&self) -> TaskRef {
        TaskRef::new(self.identity, self.runtime)
    }
}

impl<T> Future for ScopedHandle<T> {
    type Output = Result<T, JoinError>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // First, since the clone of a foreign waker is foreign code, and may let the child end.
        let waiter = StoredWaker::new(cx.waker());
        if self.shared.done.get() {
            ready!(poll_budget(cx));
            let output = self.shared.output.take();
            return Poll::Ready(
                output.expect("a ScopedHandle was polled again after it gave its output"),
            );
        }
        let before = self.shared.waiter.replace(waiter);
        drop(before);
        WaitNote::new(Wait::Join(self.id()), Location::caller())
            .by(cx.waker())
            .leave();
        Poll::Pending
    }
}

impl<T> fmt::Debug for ScopedHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedHandle")
            .field("id", &self.id())
            .field("finished", &self.is_finished())
            .finish()
    }
}
