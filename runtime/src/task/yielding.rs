//! `yield_now` and `unconstrained`: giving way, and not having to.
//!
//! It exists for tasks that compute. It must not know the ready ring.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::hot;
use super::waker::yield_by;

/// Lets every other task that is ready run once, then goes on. asyncio's `sleep(0)`, tokio's `yield_now`.
#[doc(alias = "sleep0")]
#[inline]
pub fn yield_now() -> YieldNow {
    YieldNow { yielded: false }
}

/// The future of [`yield_now`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        yield_by(cx.waker());
        Poll::Pending
    }
}

/// Runs `future` without the cooperative budget: its operations that are always ready never make it give way.
/// tokio's `unconstrained`.
pub fn unconstrained<F: Future>(future: F) -> Unconstrained<F> {
    Unconstrained { future }
}

pin_project_lite::pin_project! {
    /// The future of [`unconstrained`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct Unconstrained<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Unconstrained<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let _budget = Refill::now();
        let mut future = self.project().future;
        // Budget runs out only by 128 operations within one poll; topped up until the future really waits.
        loop {
            let poll = future.as_mut().poll(cx);
            let spent = hot::with(|hot| hot.budget.get() == 0 && hot.slot().is_some());
            if poll.is_ready() || !spent {
                return poll;
            }
            hot::with(|hot| hot.budget.set(hot::BUDGET));
        }
    }
}

/// Puts the budget back as it was.
struct Refill {
    before: u8,
}

impl Refill {
    fn now() -> Self {
        Self {
            before: hot::with(|hot| hot.budget.replace(hot::BUDGET)),
        }
    }
}

impl Drop for Refill {
    fn drop(&mut self) {
        hot::with(|hot| hot.budget.set(self.before));
    }
}

impl<F> fmt::Debug for Unconstrained<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unconstrained")
    }
}
