//! Async cleanups that a dropped future left behind, and their turn to run.
//!
//! It exists because `Drop` cannot await: a guard's drop leaves its cleanup in the runtime, and whoever dropped
//! the guarded future (a cancel, a timeout, a scope, the end of a poll) collects what was left since its mark and
//! runs it to the end, or to the end of the grace. It must not know who collects.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::hot;
use crate::time::{Instant, Sleep};

/// One cleanup, on its way or half-way.
pub(crate) type Left = Pin<Box<dyn Future<Output = ()>>>;

/// Cleanups that run one after the other, inner before outer, each bounded by the grace.
///
/// A cleanup that panics goes to the unhandled hook and the next one runs; one that outlasts the grace is dropped
/// and reported.
pub(crate) struct Cleanup {
    queue: VecDeque<Left>,
    grace: Duration,
    /// Runs from the first `Pending` of the cleanup in front.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Cleanup {
    pub(crate) fn sequence(left: Vec<Left>, grace: Duration) -> Self {
        Self {
            queue: left.into(),
            grace,
            deadline: None,
        }
    }

    /// Nothing to run yet.
    pub(crate) fn none() -> Self {
        Self::sequence(Vec::new(), Duration::ZERO)
    }

    /// Takes over what was left since `mark`, and runs everything it has.
    #[inline]
    pub(crate) fn poll_with_left(&mut self, cx: &mut Context<'_>, mark: usize) -> Poll<()> {
        loop {
            if self::mark() > mark {
                if let Some(more) = Self::collect(mark) {
                    self.grace = more.grace;
                    self.put_after(more);
                }
            }
            if self.queue.is_empty() {
                return Poll::Ready(());
            }
            if Pin::new(&mut *self).poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Collects what was left since `mark`, if anything was.
    pub(crate) fn collect(mark: usize) -> Option<Self> {
        hot::with_core(|core| {
            let core = core?;
            let left = core.take_left(mark);
            (!left.is_empty()).then(|| Self::sequence(left, core.grace()))
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(crate) fn put_after(&mut self, mut later: Self) {
        self.queue.append(&mut later.queue);
    }

    /// Puts an older sequence, which was being polled, before this newer one.
    pub(crate) fn put_before(&mut self, mut older: Self) {
        older.queue.append(&mut self.queue);
        *self = older;
    }

    fn poll_front(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(front) = self.queue.front_mut() else {
            return Poll::Ready(());
        };
        match catch_unwind(AssertUnwindSafe(|| front.as_mut().poll(cx))) {
            Ok(Poll::Pending) => self.poll_grace(cx),
            Ok(Poll::Ready(())) => Poll::Ready(()),
            Err(panic) => {
                hot::with_core(|core| {
                    core.map(|core| core.unhandled("an async cleanup", 0, panic))
                });
                Poll::Ready(())
            }
        }
    }

    fn poll_grace(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let grace = self.grace;
        let deadline = self
            .deadline
            .get_or_insert_with(|| Box::pin(Sleep::until(Instant::now() + grace)));
        if deadline.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        hot::with_core(|core| core.map(|core| core.report_cut(grace)));
        Poll::Ready(())
    }
}

impl Future for Cleanup {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        while !self.queue.is_empty() {
            if self.poll_front(cx).is_pending() {
                return Poll::Pending;
            }
            self.deadline = None;
            let done = self.queue.pop_front();
            drop(done);
        }
        Poll::Ready(())
    }
}

impl fmt::Debug for Cleanup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cleanup")
            .field("left", &self.queue.len())
            .finish_non_exhaustive()
    }
}

/// How many cleanups are left and not collected; what is left from here on is above this mark.
pub(crate) fn mark() -> usize {
    hot::with_core(|core| core.map_or(0, |core| core.tasks.left_count.get()))
}
