//! The receiving end of a channel between threads.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::chan::Chan;
use super::error::TryRecvError;
use crate::sync::remote::park;
use crate::sync::statistics::MpscStatistics;

/// The receiving end of a channel between threads. It is a [`Stream`] too.
pub struct Receiver<T> {
    chan: Arc<Chan<T>>,
}

impl<T> Receiver<T> {
    pub(super) fn new(chan: Arc<Chan<T>>) -> Self {
        Self { chan }
    }

    /// Waits for a message; `None` once all senders are gone, or the channel was closed, and
    /// nothing is left.
    ///
    /// # Cancel safety
    /// Dropping the future takes no message.
    #[track_caller]
    pub fn recv(&mut self) -> RecvFuture<'_, T> {
        RecvFuture {
            chan: &self.chan,
            at: Location::caller(),
        }
    }

    /// Receives a message on a thread without a loop, and blocks it until there is one. `None` as
    /// in [`recv`](Self::recv).
    ///
    /// # Panics
    /// Inside of a runtime: use [`recv`](Self::recv) there.
    #[track_caller]
    pub fn blocking_recv(&mut self) -> Option<T> {
        let call = "remote::mpsc::Receiver::blocking_recv";
        park::block_on(call, "recv().await", self.recv())
    }

    /// Takes a message if there is one.
    ///
    /// # Errors
    /// [`TryRecvError`] says whether one may still come.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.chan.try_recv()
    }

    /// What [`recv`](Self::recv) does, for hand-written futures. The last waker is the one woken.
    #[track_caller]
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.chan.poll_recv(cx, Location::caller())
    }

    /// Refuses further messages: senders that wait get theirs back. What is there may be received.
    pub fn close(&mut self) {
        self.chan.close();
    }

    /// Whether no new message can be sent: closed, or all senders gone.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.chan.is_closed() || self.chan.senders() == 0
    }

    /// How many messages are there.
    #[must_use]
    pub fn len(&self) -> usize {
        self.chan.len()
    }

    /// Whether no message is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How the channel stands.
    #[must_use]
    pub fn statistics(&self) -> MpscStatistics {
        self.chan.statistics()
    }
}

impl<T> Stream for Receiver<T> {
    type Item = T;

    #[track_caller]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll_recv(cx)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.chan.receiver_gone();
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("chan", &self.chan)
            .finish()
    }
}

/// The future of [`Receiver::recv`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct RecvFuture<'a, T> {
    chan: &'a Chan<T>,
    at: &'static Location<'static>,
}

impl<T> Future for RecvFuture<'_, T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.chan.poll_recv(cx, self.at)
    }
}
