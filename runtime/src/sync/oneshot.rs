//! A channel for one message; tokio's `oneshot`.
//!
//! Why: the answer to one question. It costs one small block, which its thread uses again, and no
//! queue. The message is in the shared part from the `send` until a poll that is ready takes it, so
//! dropping any other future loses nothing.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::ptr;
use std::task::{Context, Poll, ready};

use crate::executor::pair::{Half, pair};
use crate::executor::wait::try_ready;
use crate::executor::{StoredWaker, Wait, note_wait, poll_budget};

/// A channel for one message.
///
/// # Examples
///
/// ```
/// use myrt::sync::oneshot;
///
/// myrt::run(async {
///     let (sender, receiver) = oneshot::channel();
///     myrt::spawn(async move { sender.send(42).unwrap() });
///     assert_eq!(receiver.await, Ok(42));
/// });
/// ```
#[inline]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = pair(Shared {
        value: Cell::new(None),
        sender_gone: Cell::new(false),
        closed: Cell::new(false),
        told: Cell::new(false),
        receiver: Cell::new(StoredWaker::EMPTY),
        sender: Cell::new(StoredWaker::EMPTY),
    });
    (Sender { shared: sender }, Receiver { shared: receiver })
}

struct Shared<T> {
    value: Cell<Option<T>>,
    /// The sender has sent, or was dropped.
    sender_gone: Cell<bool>,
    /// The receiver is gone or wants no message.
    closed: Cell<bool>,
    /// The receiver's user was given the message, or told that there is none.
    told: Cell<bool>,
    /// Who waits for the message.
    receiver: Cell<StoredWaker>,
    /// Who waits for the close.
    sender: Cell<StoredWaker>,
}

impl<T> Shared<T> {
    #[inline]
    fn close(&self) {
        if !self.closed.replace(true) {
            self.sender.replace(StoredWaker::EMPTY).wake();
        }
    }

    fn has_value(&self) -> bool {
        let value = self.value.take();
        let has = value.is_some();
        self.value.set(value);
        has
    }

    fn statistics(&self) -> OneshotStatistics {
        OneshotStatistics {
            sent: self.has_value(),
            sender_gone: self.sender_gone.get(),
            closed: self.closed.get(),
        }
    }

    fn wait(&self) -> Wait {
        Wait::Channel(ptr::from_ref(self).addr())
    }
}

/// Brings a stored waker up to date. What it replaces is dropped while nothing is borrowed.
fn store(place: &Cell<StoredWaker>, cx: &mut Context<'_>) {
    let mut waker = place.replace(StoredWaker::EMPTY);
    waker.set(cx.waker());
    drop(place.replace(waker));
}

/// How a oneshot channel stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OneshotStatistics {
    /// A message is there and was not received yet.
    pub sent: bool,
    /// The sender has sent, or was dropped.
    pub sender_gone: bool,
    /// The receiver is gone or has closed the channel.
    pub closed: bool,
}

/// The sending end; used up by [`send`](Self::send).
pub struct Sender<T> {
    shared: Half<Shared<T>>,
}

impl<T> Sender<T> {
    /// Sends the message, at once.
    ///
    /// # Errors
    ///
    /// Gives the message back if the receiver is gone or has closed the channel. That it was sent
    /// does not mean that it will be received.
    #[inline]
    pub fn send(self, value: T) -> Result<(), T> {
        if self.shared.closed.get() {
            return Err(value);
        }
        self.shared.value.set(Some(value));
        Ok(())
        // The drop of `self` wakes the receiver.
    }

    /// Waits until the receiver is gone or has closed the channel. Dropping the future loses
    /// nothing.
    #[track_caller]
    pub fn closed(&mut self) -> ClosedFuture<'_, T> {
        ClosedFuture {
            shared: &self.shared,
            at: Location::caller(),
        }
    }

    /// What [`closed`](Self::closed) does, for hand-written futures.
    #[track_caller]
    pub fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        poll_closed(&self.shared, cx, Location::caller())
    }

    /// Whether the receiver is gone or has closed the channel.
    pub fn is_closed(&self) -> bool {
        self.shared.closed.get()
    }

    /// How the channel stands.
    pub fn statistics(&self) -> OneshotStatistics {
        self.shared.statistics()
    }
}

fn poll_closed<T>(
    shared: &Shared<T>,
    cx: &mut Context<'_>,
    at: &'static Location<'static>,
) -> Poll<()> {
    store(&shared.sender, cx);
    // Only now look: cloning the waker may have run user code that closed the channel.
    if shared.closed.get() {
        ready!(poll_budget(cx));
        // Kept, a waker that refers back to this channel would keep it.
        drop(shared.sender.replace(StoredWaker::EMPTY));
        return Poll::Ready(());
    }
    note_wait(shared.wait(), at);
    Poll::Pending
}

impl<T> Drop for Sender<T> {
    #[inline]
    fn drop(&mut self) {
        if self.shared.is_alone() {
            return; // nobody is there to be told, and what is left goes with us
        }
        self.shared.sender_gone.set(true);
        self.shared.receiver.replace(StoredWaker::EMPTY).wake();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("closed", &self.is_closed())
            .finish()
    }
}

/// The future of [`Sender::closed`].
#[must_use = "futures do nothing unless awaited"]
pub struct ClosedFuture<'a, T> {
    shared: &'a Shared<T>,
    at: &'static Location<'static>,
}

impl<T> Future for ClosedFuture<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        poll_closed(self.shared, cx, self.at)
    }
}

impl<T> fmt::Debug for ClosedFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClosedFuture")
            .field("at", &self.at)
            .finish()
    }
}

/// The receiving end: a future of the message.
///
/// # Cancel safety
///
/// Await it by `&mut receiver` to keep it: a poll that is not ready takes nothing.
#[must_use = "futures do nothing unless awaited"]
pub struct Receiver<T> {
    shared: Half<Shared<T>>,
}

impl<T> Receiver<T> {
    /// Takes the message if it is there.
    ///
    /// # Errors
    ///
    /// [`TryRecvError`](error::TryRecvError) says whether it may still come.
    pub fn try_recv(&mut self) -> Result<T, error::TryRecvError> {
        match self.outcome() {
            Some(outcome) => outcome.map_err(|error::RecvError(())| error::TryRecvError::Closed),
            None => Err(error::TryRecvError::Empty),
        }
    }

    /// Wants no message any more: a later `send` fails. One that was sent before is still there.
    pub fn close(&mut self) {
        self.shared.close();
    }

    /// Whether this receiver has given what it had to give: the message, or, by an await or by
    /// [`try_recv`](Self::try_recv), the word that there is none. Until then an await is of use,
    /// also when the sender is gone.
    pub fn is_terminated(&self) -> bool {
        self.shared.told.get()
    }

    /// Whether no message is there.
    pub fn is_empty(&self) -> bool {
        !self.shared.has_value()
    }

    /// How the channel stands.
    pub fn statistics(&self) -> OneshotStatistics {
        self.shared.statistics()
    }

    /// Whether there is a message, or there will be none.
    fn is_over(&self) -> bool {
        self.shared.sender_gone.get() || self.shared.closed.get()
    }

    /// The message, or that there will be none.
    #[inline]
    fn outcome(&self) -> Option<Result<T, error::RecvError>> {
        let outcome = match self.shared.value.take() {
            Some(value) => Ok(value),
            None if self.is_over() => Err(error::RecvError(())),
            None => return None,
        };
        self.shared.told.set(true);
        Some(outcome)
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, error::RecvError>;

    #[track_caller]
    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(outcome) = try_ready(|| self.outcome()) {
            return Poll::Ready(outcome);
        }
        store(&self.shared.receiver, cx);
        // Look again: cloning the waker may have run user code that sent; and perhaps there was no
        // share left.
        if self.is_over() {
            ready!(poll_budget(cx));
            drop(self.shared.receiver.replace(StoredWaker::EMPTY));
            return Poll::Ready(self.outcome().unwrap_or(Err(error::RecvError(()))));
        }
        note_wait(self.shared.wait(), Location::caller());
        Poll::Pending
    }
}

impl<T> Drop for Receiver<T> {
    #[inline]
    fn drop(&mut self) {
        if self.shared.is_alone() {
            return; // nobody is there to be told, and what is left goes with us
        }
        self.shared.close();
        // A waker that refers back to this channel must not keep it.
        drop(self.shared.receiver.replace(StoredWaker::EMPTY));
        drop(self.shared.value.take());
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("sent", &self.shared.has_value())
            .finish()
    }
}

/// What can go wrong on a oneshot channel.
pub mod error {
    use std::error::Error;
    use std::fmt;

    /// The sender is gone and has sent nothing.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct RecvError(pub(in crate::sync) ());

    impl fmt::Display for RecvError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the sender was dropped without sending")
        }
    }

    impl Error for RecvError {}

    /// Why `try_recv` got nothing.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum TryRecvError {
        /// Nothing was sent yet.
        Empty,
        /// Nothing is there and nothing will come.
        Closed,
    }

    impl fmt::Display for TryRecvError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(match self {
                Self::Empty => "nothing was sent yet",
                Self::Closed => "the channel is closed",
            })
        }
    }

    impl Error for TryRecvError {}
}
