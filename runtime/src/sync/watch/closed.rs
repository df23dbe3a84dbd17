//! The future of `watch::Sender::closed`.
//!
//! A file of its own for the length of its neighbours only.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::Shared;
use crate::executor::WaitNote;
use crate::sync::wait_list::Key;

/// The future of [`Sender::closed`](super::Sender::closed).
#[must_use = "futures do nothing unless awaited"]
pub struct ClosedFuture<'a, T> {
    shared: &'a Shared<T>,
    key: Option<Key>,
    at: &'static Location<'static>,
}

impl<'a, T> ClosedFuture<'a, T> {
    pub(super) fn new(shared: &'a Shared<T>, at: &'static Location<'static>) -> Self {
        Self {
            shared,
            key: None,
            at,
        }
    }
}

impl<T> Future for ClosedFuture<'_, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let shared = this.shared;
        let note = WaitNote::new(shared.wait(), this.at);
        let look = || (shared.receivers.get() == 0).then_some(()).ok_or(());
        // Granted when the last receiver went; somebody may have subscribed since, so it looks
        // again.
        loop {
            ready!(shared.closing.poll(&mut this.key, cx, note, look));
            if shared.receivers.get() == 0 {
                return Poll::Ready(());
            }
        }
    }
}

impl<T> Drop for ClosedFuture<'_, T> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.shared.closing.leave(key);
        }
    }
}

impl<T> fmt::Debug for ClosedFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClosedFuture")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
