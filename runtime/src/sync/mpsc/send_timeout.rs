//! A send that gives the message back when it has waited too long.
//!
//! Why: a `timeout` around `send` would drop the message with the future.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::bounded::SendFuture;
use super::error::{SendError, SendTimeoutError};
use crate::time::{Duration, Instant, Sleep};

/// The future of [`Sender::send_timeout`](super::Sender::send_timeout).
#[must_use = "futures do nothing unless awaited"]
pub struct SendTimeoutFuture<'a, T> {
    send: SendFuture<'a, T>,
    limit: Duration,
    /// From the first poll that found no place.
    sleep: Option<Sleep>,
    at: &'static Location<'static>,
}

impl<'a, T> SendTimeoutFuture<'a, T> {
    pub(super) fn new(
        send: SendFuture<'a, T>,
        limit: Duration,
        at: &'static Location<'static>,
    ) -> Self {
        Self {
            send,
            limit,
            sleep: None,
            at,
        }
    }
}

impl<T> Future for SendTimeoutFuture<'_, T> {
    type Output = Result<(), SendTimeoutError<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Poll::Ready(sent) = Pin::new(&mut this.send).poll(cx) {
            return Poll::Ready(sent.map_err(|SendError(value)| SendTimeoutError::Closed(value)));
        }
        let (limit, at) = (this.limit, this.at);
        let sleep = this
            .sleep
            .get_or_insert_with(|| Sleep::at(Instant::now() + limit, at));
        ready!(Pin::new(sleep).poll(cx));
        let value = this.send.give_up().expect("polled after it was ready");
        Poll::Ready(Err(SendTimeoutError::Timeout(value)))
    }
}

impl<T> fmt::Debug for SendTimeoutFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendTimeoutFuture")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
