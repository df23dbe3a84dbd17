//! `Scope::start`: a child that says when it is up.
//!
//! Why: it waits for a server without a channel and without a sleep.

use std::cell::RefCell;
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::spawn::cancelled;
use crate::executor::{JoinError, StoredWaker, TaskRef, Wait, WaitNote, poll_budget};

/// Given to a child that is started with [`Scope::start`](super::Scope::start): it says that it is
/// up by [`set`](Started::set).
#[must_use = "the starter waits until it is set"]
pub struct Started<V> {
    told: Rc<Told<V>>,
}

pub(super) struct Told<V> {
    state: RefCell<State<V>>,
    waiter: RefCell<StoredWaker>,
}

enum State<V> {
    Waiting,
    Up(V),
    /// The child ended without a word.
    Never,
    Taken,
}

impl<V> Started<V> {
    pub(super) fn new() -> (Self, Rc<Told<V>>) {
        let told = Rc::new(Told {
            state: RefCell::new(State::Waiting),
            waiter: RefCell::new(StoredWaker::EMPTY),
        });
        (
            Self {
                told: Rc::clone(&told),
            },
            told,
        )
    }

    /// The child is up, and this is what its starter gets. trio's `task_status.started(value)`.
    #[doc(alias = "started")]
    pub fn set(self, value: V) {
        self.told.become_(State::Up(value));
    }
}

impl<V> Told<V> {
    fn become_(&self, state: State<V>) {
        let before = self.state.replace(state);
        drop(before);
        let waiter = self.waiter.take();
        waiter.wake();
    }

    fn is_waiting(&self) -> bool {
        matches!(*self.state.borrow(), State::Waiting)
    }
}

impl<V> Drop for Started<V> {
    fn drop(&mut self) {
        if self.told.is_waiting() {
            self.told.become_(State::Never);
        }
    }
}

impl<V> fmt::Debug for Started<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Started")
    }
}

/// The future of [`Scope::start`](super::Scope::start).
#[must_use = "await it to learn when the child is up; dropping it before that cancels the child"]
pub struct Starting<V> {
    told: Rc<Told<V>>,
    child: TaskRef,
    at: &'static Location<'static>,
}

impl<V> Starting<V> {
    pub(super) fn new(told: Rc<Told<V>>, child: TaskRef, at: &'static Location<'static>) -> Self {
        Self { told, child, at }
    }

    /// The child, as a task.
    #[must_use]
    pub fn task(&self) -> TaskRef {
        self.child
    }
}

impl<V> Future for Starting<V> {
    type Output = Result<V, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // First, since the clone of a foreign waker is foreign code, and may let the child tell.
        let waiter = StoredWaker::new(cx.waker());
        if self.told.is_waiting() {
            let before = self.told.waiter.replace(waiter);
            drop(before);
            WaitNote::new(Wait::Join(self.child.id()), self.at)
                .by(cx.waker())
                .leave();
            return Poll::Pending;
        }
        ready!(poll_budget(cx));
        let state = self.told.state.replace(State::Taken);
        match state {
            State::Up(value) => Poll::Ready(Ok(value)),
            State::Never => {
                let identity = self.child.id().identity();
                Poll::Ready(Err(cancelled(
                    identity,
                    "it ended before it said that it is up",
                )))
            }
            State::Waiting | State::Taken => {
                panic!("a Starting was polled again after it was ready")
            }
        }
    }
}

impl<V> Drop for Starting<V> {
    fn drop(&mut self) {
        if self.told.is_waiting() {
            self.child.cancel();
        }
    }
}

impl<V> fmt::Debug for Starting<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Starting")
            .field("child", &self.child)
            .finish_non_exhaustive()
    }
}
