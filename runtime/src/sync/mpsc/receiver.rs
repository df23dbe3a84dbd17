//! The receiving end of both kinds of channel, and its futures.
//!
//! A poll that is not ready takes no message, so nothing is lost when it is dropped.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::MpscStatistics;
use super::chan::Chan;
use super::error::TryRecvError;
use super::sender::Bounded;

/// The receiving end of a channel. It is a [`Stream`] too. Without a mark, of a bounded one.
pub struct Receiver<T, K = Bounded> {
    chan: Rc<Chan<T>>,
    kind: PhantomData<K>,
}

impl<T, K> Receiver<T, K> {
    pub(super) fn new(chan: Rc<Chan<T>>) -> Self {
        Self {
            chan,
            kind: PhantomData,
        }
    }

    /// Waits for a message; `None` once all senders are gone, or the channel was closed, and
    /// nothing is left.
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

    /// Waits until there are messages, appends up to `limit` of them to `into`, and says how many
    /// they were: 0 once all senders are gone, or the channel was closed, and nothing is left; and
    /// when `limit` is 0.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes no message.
    ///
    /// # Examples
    ///
    /// ```
    /// use myrt::sync::mpsc;
    ///
    /// myrt::run(async {
    ///     let (sender, mut receiver) = mpsc::unbounded();
    ///     for n in 0..5 {
    ///         sender.send(n).unwrap();
    ///     }
    ///     let mut batch = Vec::new();
    ///     assert_eq!(receiver.recv_many(&mut batch, 3).await, 3);
    ///     assert_eq!(receiver.recv_many(&mut batch, 100).await, 2);
    ///     assert_eq!(batch, [0, 1, 2, 3, 4]);
    /// });
    /// ```
    #[track_caller]
    pub fn recv_many<'a>(
        &'a mut self,
        into: &'a mut Vec<T>,
        limit: usize,
    ) -> RecvManyFuture<'a, T> {
        RecvManyFuture {
            chan: &self.chan,
            into,
            limit,
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

    /// What [`recv_many`](Self::recv_many) does, for hand-written futures. The last waker is the
    /// one woken.
    #[track_caller]
    pub fn poll_recv_many(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut Vec<T>,
        limit: usize,
    ) -> Poll<usize> {
        self.chan
            .poll_recv_many(cx, into, limit, Location::caller())
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

    /// How many senders there are.
    pub fn sender_strong_count(&self) -> usize {
        self.chan.senders.get()
    }

    /// How many weak senders there are.
    pub fn sender_weak_count(&self) -> usize {
        self.chan.weak.get()
    }

    /// How the channel stands.
    pub fn statistics(&self) -> MpscStatistics {
        self.chan.statistics()
    }
}

impl<T> Receiver<T> {
    /// How many places are free.
    pub fn capacity(&self) -> usize {
        self.chan.slots.free()
    }

    /// How many places there are.
    pub fn max_capacity(&self) -> usize {
        self.chan.capacity.unwrap_or(usize::MAX)
    }
}

/// Nothing in it is pinned, whatever the mark is.
impl<T, K> Unpin for Receiver<T, K> {}

impl<T, K> Stream for Receiver<T, K> {
    type Item = T;

    #[track_caller]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll_recv(cx)
    }
}

impl<T, K> Drop for Receiver<T, K> {
    fn drop(&mut self) {
        self.chan.receiver_gone();
    }
}

impl<T, K> fmt::Debug for Receiver<T, K> {
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
    pub(super) chan: &'a Rc<Chan<T>>,
    pub(super) at: &'static Location<'static>,
}

impl<T> Future for RecvFuture<'_, T> {
    type Output = Option<T>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.chan.poll_recv(cx, self.at)
    }
}

/// The future of [`Receiver::recv_many`].
#[must_use = "futures do nothing unless awaited"]
pub struct RecvManyFuture<'a, T> {
    chan: &'a Rc<Chan<T>>,
    into: &'a mut Vec<T>,
    limit: usize,
    at: &'static Location<'static>,
}

impl<T> Future for RecvManyFuture<'_, T> {
    type Output = usize;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        let this = &mut *self;
        this.chan.poll_recv_many(cx, this.into, this.limit, this.at)
    }
}

impl<T> fmt::Debug for RecvManyFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvManyFuture")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
