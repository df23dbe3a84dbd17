//! The bounded channel: [`channel`], and what its [`Sender`] can do.
//!
//! A place in the buffer is a permit of the channel's `Permits`, so senders wait in order and a
//! cancelled one passes its place on.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::chan::Chan;
use super::error::{SendError, TrySendError};
use super::permit::{OwnedPermit, Permit, ReserveFuture, ReserveOwnedFuture};
use super::receiver::Receiver;
use super::reserve_many::{PermitIterator, ReserveManyFuture, try_reserve_many};
use super::send_timeout::SendTimeoutFuture;
use super::sender::Sender;
use crate::sync::permits::{Permits, TryAcquireError};
use crate::sync::wait_list::Key;
use crate::time::Duration;

/// A channel that holds at most `capacity` messages; who sends to a full one waits.
///
/// # Panics
///
/// If `capacity` is 0 or exceeds [`Semaphore::MAX_PERMITS`](crate::sync::Semaphore::MAX_PERMITS).
///
/// # Examples
///
/// ```
/// use myrt::sync::mpsc;
///
/// myrt::run(async {
///     let (sender, mut receiver) = mpsc::channel(2);
///     myrt::spawn(async move {
///         for n in 0..5 {
///             sender.send(n).await.unwrap();
///         }
///     });
///     let mut sum = 0;
///     while let Some(n) = receiver.recv().await {
///         sum += n;
///     }
///     assert_eq!(sum, 10);
/// });
/// ```
#[track_caller]
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(
        capacity > 0,
        "an mpsc channel needs a capacity of at least 1"
    );
    assert!(
        capacity <= Permits::MAX,
        "more places than Semaphore::MAX_PERMITS"
    );
    let chan = Rc::new(Chan::new(Some(capacity)));
    (Sender::new(Rc::clone(&chan)), Receiver::new(chan))
}

impl<T> Sender<T> {
    /// Sends a message, waiting for a place if there is none.
    ///
    /// # Errors
    ///
    /// [`SendError`] gives the message back if the receiver is gone or has closed the channel.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, the message was not sent, and is dropped with the future. To
    /// keep it, [`reserve`](Self::reserve) first.
    #[track_caller]
    #[inline]
    pub fn send(&self, value: T) -> SendFuture<'_, T> {
        SendFuture {
            chan: &self.chan,
            value: Some(value),
            key: None,
            at: Location::caller(),
        }
    }

    /// Sends a message, waiting at most so long for a place.
    ///
    /// # Errors
    ///
    /// [`SendTimeoutError`](super::error::SendTimeoutError) gives the message back: there was no
    /// place for so long, or the receiver is gone or has closed the channel.
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    ///
    /// # Examples
    ///
    /// ```
    /// use myrt::sync::mpsc::{self, error::SendTimeoutError};
    /// use myrt::time::Duration;
    ///
    /// myrt::run(async {
    ///     let (sender, _receiver) = mpsc::channel(1);
    ///     let limit = Duration::from_millis(1);
    ///     assert_eq!(sender.send_timeout(1, limit).await, Ok(()));
    ///     assert_eq!(sender.send_timeout(2, limit).await, Err(SendTimeoutError::Timeout(2)));
    /// });
    /// ```
    #[track_caller]
    pub fn send_timeout(&self, value: T, limit: Duration) -> SendTimeoutFuture<'_, T> {
        SendTimeoutFuture::new(self.send(value), limit, Location::caller())
    }

    /// Sends a message if there is a place and nobody waits for one.
    ///
    /// # Errors
    ///
    /// [`TrySendError`] gives the message back and says why.
    #[inline]
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        match self.chan.slots.try_acquire(1) {
            Ok(()) => {
                self.chan.push(value);
                Ok(())
            }
            Err(TryAcquireError::NoPermits) => Err(TrySendError::Full(value)),
            Err(TryAcquireError::Closed) => Err(TrySendError::Closed(value)),
        }
    }

    /// Waits for a place, and keeps it for a message to come. Dropping the [`Permit`] frees it.
    ///
    /// # Errors
    ///
    /// [`SendError`] if the receiver is gone or has closed the channel.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up its place in the queue; a place that it had been given goes to
    /// the next.
    #[track_caller]
    pub fn reserve(&self) -> ReserveFuture<'_, T> {
        ReserveFuture::new(&self.chan, Location::caller())
    }

    /// Waits for `n` places, and keeps them for messages to come: one [`Permit`] each. They are had
    /// all at once, in turn; what becomes free meanwhile is set aside.
    ///
    /// # Errors
    ///
    /// [`SendError`] if the receiver is gone or has closed the channel, or if it has fewer than `n`
    /// places.
    ///
    /// # Cancel safety
    ///
    /// As [`reserve`](Self::reserve).
    ///
    /// # Examples
    ///
    /// ```
    /// use myrt::sync::mpsc;
    ///
    /// myrt::run(async {
    ///     let (sender, mut receiver) = mpsc::channel(4);
    ///     for (permit, word) in sender.reserve_many(2).await.unwrap().zip(["in", "pairs"]) {
    ///         permit.send(word);
    ///     }
    ///     assert_eq!(receiver.recv().await, Some("in"));
    ///     assert_eq!(receiver.recv().await, Some("pairs"));
    /// });
    /// ```
    #[track_caller]
    pub fn reserve_many(&self, n: usize) -> ReserveManyFuture<'_, T> {
        ReserveManyFuture::new(&self.chan, n, Location::caller())
    }

    /// Keeps `n` places if that many are free and no task waits for them.
    ///
    /// # Errors
    ///
    /// [`TrySendError`] says why not.
    pub fn try_reserve_many(&self, n: usize) -> Result<PermitIterator<'_, T>, TrySendError<()>> {
        try_reserve_many(&self.chan, n)
    }

    /// As [`reserve`](Self::reserve), with a permit that has no lifetime and holds the sender.
    #[track_caller]
    pub fn reserve_owned(self) -> ReserveOwnedFuture<T> {
        ReserveOwnedFuture::new(self, Location::caller())
    }

    /// Keeps a place if there is one and nobody waits for it.
    ///
    /// # Errors
    ///
    /// [`TrySendError`] says why not.
    pub fn try_reserve(&self) -> Result<Permit<'_, T>, TrySendError<()>> {
        self.chan.try_places(1)?;
        Ok(Permit::new(&self.chan))
    }

    /// As [`try_reserve`](Self::try_reserve), with a permit that has no lifetime.
    ///
    /// # Errors
    ///
    /// [`TrySendError`] gives the sender back and says why.
    pub fn try_reserve_owned(self) -> Result<OwnedPermit<T>, TrySendError<Self>> {
        match self.chan.slots.try_acquire(1) {
            Ok(()) => Ok(OwnedPermit::new(self)),
            Err(TryAcquireError::NoPermits) => Err(TrySendError::Full(self)),
            Err(TryAcquireError::Closed) => Err(TrySendError::Closed(self)),
        }
    }

    /// How many places are free: neither taken by a message nor kept by a permit.
    pub fn capacity(&self) -> usize {
        self.chan.slots.free()
    }

    /// How many places there are.
    pub fn max_capacity(&self) -> usize {
        self.chan.capacity.unwrap_or(usize::MAX)
    }
}

/// The future of [`Sender::send`].
#[must_use = "futures do nothing unless awaited"]
pub struct SendFuture<'a, T> {
    chan: &'a Chan<T>,
    /// `None` once it is sent or given back.
    value: Option<T>,
    key: Option<Key>,
    at: &'static Location<'static>,
}

impl<T> SendFuture<'_, T> {
    /// Waits no longer: gives up its place in the queue, and the message back if it was not sent.
    pub(super) fn give_up(&mut self) -> Option<T> {
        self.chan.cancel_slot(self.key.take());
        self.value.take()
    }
}

/// The message is moved, never pinned.
impl<T> Unpin for SendFuture<'_, T> {}

impl<T> Future for SendFuture<'_, T> {
    type Output = Result<(), SendError<T>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let place = ready!(this.chan.poll_place(&mut this.key, cx, this.at));
        let value = this.value.take().expect("polled after it was ready");
        if place.is_err() {
            return Poll::Ready(Err(SendError(value)));
        }
        this.chan.push(value);
        Poll::Ready(Ok(()))
    }
}

impl<T> Drop for SendFuture<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.chan.cancel_slot(self.key);
    }
}

impl<T> fmt::Debug for SendFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendFuture")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
