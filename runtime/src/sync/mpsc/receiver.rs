//! The receiving end of a bounded channel, and the future of both kinds of receiver.
//!
//! A poll that is not ready takes no message, so nothing is lost when it is dropped. It must not know
//! how senders wait.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::MpscStatistics;
use super::chan::Chan;
use super::error::TryRecvError;

/// The receiving end of a bounded channel. It is a [`Stream`] too.
pub struct Receiver<T> {
    chan: Rc<Chan<T>>,
}

impl<T> Receiver<T> {
    pub(super) fn new(chan: Rc<Chan<T>>) -> Self {
        Self { chan }
    }

    /// Waits for a message; `None` once all senders are gone, or the channel was closed, and nothing
    /// is left.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes no message.
    #[track_caller]
    #[inline]
    pub fn recv(&mut self) -> RecvFuture<'_, T> {
        RecvFuture {
            chan: &self.chan,
            at: Location::caller(),
        }
    }

    /// Takes a message if there is one.
    ///
    /// # Errors
    ///
    /// [`TryRecvError`] says whether one may still come.
    #[inline]
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.chan.try_recv()
    }

    /// What [`recv`](Self::recv) does, for hand-written futures. The last waker is the one woken.
    #[track_caller]
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.chan.poll_recv(cx, Location::caller())
    }

    /// Lets nobody send any more. What is there, and what permits are out for, may be received.
    pub fn close(&mut self) {
        self.chan.close();
    }

    /// Whether no new message can be sent: closed, or all senders gone.
    pub fn is_closed(&self) -> bool {
        self.chan.is_closed() || self.chan.senders.get() == 0
    }

    /// How many messages are there.
    pub fn len(&self) -> usize {
        self.chan.len()
    }

    /// Whether no message is there.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many places are free.
    pub fn capacity(&self) -> usize {
        self.chan.slots.free()
    }

    /// How many places there are.
    pub fn max_capacity(&self) -> usize {
        self.chan.capacity.unwrap_or(usize::MAX)
    }

    /// How many senders there are.
    pub fn sender_strong_count(&self) -> usize {
        self.chan.senders.get()
    }

    /// How the channel stands.
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

/// The future of `recv` of both kinds of receiver.
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct RecvFuture<'a, T> {
    pub(super) chan: &'a Chan<T>,
    pub(super) at: &'static Location<'static>,
}

impl<T> Future for RecvFuture<'_, T> {
    type Output = Option<T>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.chan.poll_recv(cx, self.at)
    }
}
