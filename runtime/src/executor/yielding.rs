//! `yield_now` and `unconstrained`: giving way, and not having to.
//!
//! It exists for tasks that compute. It must not know the ready ring.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::current;
use super::waker::yield_by;

/// Lets every other task that is ready run once, then goes on. asyncio's `sleep(0)`, tokio's
/// `yield_now`.
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

/// Runs `future` without the cooperative budget (see [`poll_budget`](super::poll_budget)): however
/// many of its operations are ready in one poll, none of them shows `Pending` for that, so it never
/// gives way but by waiting. Tasks that it spawns, and children of its scopes, have shares of their
/// own. tokio's `unconstrained`.
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
        let _share = Lifted {
            before: current::with(|hot| hot.budget.replace(current::UNCONSTRAINED)),
        };
        self.project().future.poll(cx)
    }
}

/// Puts the task's share back as it was.
struct Lifted {
    before: u64,
}

impl Drop for Lifted {
    fn drop(&mut self) {
        current::with(|hot| hot.budget.set(self.before));
    }
}

impl<F> fmt::Debug for Unconstrained<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unconstrained")
    }
}
