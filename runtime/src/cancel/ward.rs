//! The guard behind `finally` and `bracket`: an armed cleanup, then the running one.
//!
//! Why: both have the same rules, so one file decides what runs when.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll, ready};
use std::thread;

use super::home::Home;
use crate::executor::awaited::Awaited;
use crate::executor::extra::cleanup::{self, Boxed};

/// What can become a cleanup. Making it one runs none of its code.
pub(super) trait Armed: 'static {
    fn start(self) -> Boxed;
}

/// Guards a future. Dropped before the cleanup is through, it leaves the rest for the code that
/// dropped it.
pub(super) struct Ward<A: Armed> {
    armed: Option<A>,
    inner: Inner,
}

/// What the guarded future itself left behind, and after it the cleanup that was armed.
pub(super) struct Inner {
    running: Awaited,
    home: Home,
}

impl<A: Armed> Ward<A> {
    pub(super) fn new(armed: A) -> Self {
        Self {
            armed: Some(armed),
            inner: Inner {
                running: Awaited::NOTHING,
                home: Home::here(),
            },
        }
    }

    pub(super) fn inner(&mut self) -> &mut Inner {
        &mut self.inner
    }

    /// What is armed, until [`Ward::begin`], and what polls the future beside it.
    pub(super) fn split(&mut self) -> (Option<&mut A>, &mut Inner) {
        (self.armed.as_mut(), &mut self.inner)
    }

    /// The future is gone: the cleanup begins.
    pub(super) fn begin(&mut self) {
        if let Some(armed) = self.armed.take() {
            self.inner.running.push(armed.start());
        }
    }

    /// Runs the cleanup.
    pub(super) fn poll_cleanup(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.inner.running.poll_with_left(cx, cleanup::mark())
    }
}

impl Inner {
    /// Polls the guarded future, at home; a panic is a result, and what it left behind is polled
    /// beside it.
    #[track_caller]
    pub(super) fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<thread::Result<T>> {
        self.home.enter();
        let mark = cleanup::mark();
        let polled = catch_unwind(AssertUnwindSafe(|| poll(cx)));
        let _ = self.running.poll_with_left(cx, mark);
        match polled {
            Ok(polled) => Poll::Ready(Ok(ready!(polled))),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }

    /// Drops the guarded future. A panic of its destructor becomes the result, if that was not a
    /// panic already.
    pub(super) fn end<T>(
        &mut self,
        result: thread::Result<T>,
        drop_it: impl FnOnce(),
    ) -> thread::Result<T> {
        let mark = cleanup::mark();
        let panic = catch_unwind(AssertUnwindSafe(drop_it)).err();
        self.running.take_over(mark);
        match (result, panic) {
            (result, None) => result,
            (Ok(_), Some(panic)) => Err(panic),
            (Err(first), Some(second)) => {
                cleanup::report_panic(second);
                Err(first)
            }
        }
    }
}

impl<A: Armed> Drop for Ward<A> {
    fn drop(&mut self) {
        // First what is inner: it is on the list already, or half-way in `running`.
        drop(std::mem::take(&mut self.inner.running));
        if let Some(armed) = self.armed.take() {
            self.inner.home.leave(move || armed.start());
        }
    }
}
