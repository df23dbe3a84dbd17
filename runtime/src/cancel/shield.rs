//! `shield`: finishes what has begun, although its caller is cancelled.
//!
//! Why: some steps must not be cut in the middle: a commit, a hand-over.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::home::Home;
use crate::executor::extra::cleanup::{Boxed, Left};

/// Awaits `future`, and once it has begun runs it to its end even if the caller is cancelled
/// meanwhile: the canceller (a `cancel().await`, a timeout, a scope, Ctrl-C) waits for it, up to
/// the grace. Its output is dropped then, and a panic goes to the unhandled hook.
///
/// Never polled, it is dropped like any other future.
///
/// trio's `CancelScope(shield=True)`. asyncio's `shield` instead lets the inner task run on *unawaited*:
/// to give up waiting without giving up the work, spawn it and put the timeout around `&mut
/// handle`.
///
/// ```
/// use myrt::time::{Duration, sleep, timeout};
/// use std::{cell::Cell, rc::Rc};
/// myrt::run(async {
///     let done = Rc::new(Cell::new(false));
///     let flag = done.clone();
///     let commit = myrt::shield(async move {
///         sleep(Duration::from_millis(10)).await;
///         flag.set(true);
///     });
///     assert!(timeout(Duration::from_millis(1), commit).await.is_err()); // the caller is told …
///     assert!(done.get()); // … after the commit is through
/// });
/// ```
pub fn shield<F>(future: F) -> Shield<F::IntoFuture>
where
    F: IntoFuture,
    F::IntoFuture: 'static,
{
    Shield {
        future: Some(Box::pin(future.into_future())),
        begun: false,
        home: Home::here(),
        grace: None,
    }
}

/// As [`shield`], but the canceller waits for at most `grace` instead of the runtime's own.
pub fn shield_for<F>(grace: Duration, future: F) -> Shield<F::IntoFuture>
where
    F: IntoFuture,
    F::IntoFuture: 'static,
{
    let mut shielded = shield(future);
    shielded.grace = Some(grace);
    shielded
}

/// The future of [`shield`] and [`shield_for`].
#[must_use = "futures do nothing unless awaited"]
pub struct Shield<F: Future + 'static> {
    future: Option<Pin<Box<F>>>,
    begun: bool,
    home: Home,
    grace: Option<Duration>,
}

impl<F: Future + 'static> Future for Shield<F> {
    type Output = F::Output;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.home.enter();
        self.begun = true;
        let mut future = self
            .future
            .take()
            .expect("a Shield was polled again after it was ready");
        // Out of its place meanwhile: after a panic there is nothing left to shield.
        let polled = future.as_mut().poll(cx);
        if polled.is_pending() {
            self.future = Some(future);
        }
        polled
    }
}

impl<F: Future + 'static> Drop for Shield<F> {
    fn drop(&mut self) {
        let Some(future) = self.future.take().filter(|_| self.begun) else {
            return;
        };
        let grace = self.grace;
        self.home.leave(move || {
            let rest = Box::pin(async move { drop(future.await) });
            match grace {
                Some(grace) => Left::within(grace, rest),
                None => Left::from(rest as Boxed),
            }
        });
    }
}

impl<F: Future + 'static> fmt::Debug for Shield<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shield")
            .field("begun", &self.begun)
            .finish_non_exhaustive()
    }
}
