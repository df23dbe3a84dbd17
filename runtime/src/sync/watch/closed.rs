//! The future of `watch::Sender::closed`.
//!
//! A file of its own for the length of its neighbours only.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::Shared;
use crate::sync::wait_list::Key;
use crate::task::{StoredWaker, note_wait};

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
        loop {
            match this.key {
                None => {
                    let waker = StoredWaker::new(cx.waker());
                    // Only now look: the clone may have run user code that dropped a receiver.
                    if shared.receivers.get() == 0 {
                        return Poll::Ready(());
                    }
                    this.key = Some(shared.closing.join(waker, ()));
                    break;
                }
                Some(key) if shared.closing.poll_granted(key, cx.waker()).is_some() => {
                    // Somebody may have subscribed since: look again.
                    this.key = None;
                }
                Some(_) => break,
            }
        }
        note_wait(shared.wait(), this.at);
        Poll::Pending
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
