//! Cleanups that a future awaits on its way to its own end.
//!
//! Why: such a future (a timeout, a race, a `finally`) is `Send` when what it was given is, but the
//! cleanups that a dropped future left belong to their thread. So they are kept in a
//! [`Local`](super::Local): polled elsewhere they refuse, dropped elsewhere they go home, where a
//! task runs them.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::extra::cleanup::{self, Cleanup, Left};
use super::of_thread::Local;
use super::registry;

/// See the module's head. Nothing, as nearly always, is a word.
#[derive(Default)]
pub(crate) struct Awaited {
    cleanup: Option<Box<Local<Cleanup>>>,
}

impl Awaited {
    /// Nothing to wait for.
    pub(crate) const NOTHING: Self = Self { cleanup: None };

    /// What was left since `mark`.
    #[inline]
    pub(crate) fn collect(mark: usize) -> Self {
        let mut awaited = Self::NOTHING;
        awaited.take_over(mark);
        awaited
    }

    /// Takes over what was left since `mark`.
    #[inline]
    pub(crate) fn take_over(&mut self, mark: usize) {
        if cleanup::mark() > mark {
            self.here().take_over(mark);
        }
    }

    /// Puts one behind the others.
    pub(crate) fn push(&mut self, left: impl Into<Left>) {
        self.here().push(left);
    }

    /// Runs them; ready when none is left.
    #[inline]
    #[track_caller]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.cleanup {
            None => Poll::Ready(()),
            Some(_) => self.poll_some(cx),
        }
    }

    #[track_caller]
    fn poll_some(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let polled = Pin::new(self.here()).poll(cx);
        if polled.is_ready() {
            self.cleanup = None;
        }
        polled
    }

    /// Takes over what was left since `mark`, and runs everything that it has.
    #[inline]
    #[track_caller]
    pub(crate) fn poll_with_left(&mut self, cx: &mut Context<'_>, mark: usize) -> Poll<()> {
        self.take_over(mark);
        self.poll(cx)
    }

    #[cold]
    #[track_caller]
    fn here(&mut self) -> &mut Cleanup {
        let cleanup = self
            .cleanup
            .get_or_insert_with(|| Box::new(Local::new(Cleanup::none())));
        let runtime = cleanup.runtime();
        let Some(cleanup) = cleanup.try_get_mut() else {
            registry::refuse("a future that waits for async cleanups was polled", runtime);
        };
        cleanup
    }
}

impl fmt::Debug for Awaited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cleanup.fmt(f)
    }
}
