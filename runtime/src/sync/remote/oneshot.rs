//! A channel for one message between threads; tokio's `oneshot` between threads.
//!
//! The message is in the shared part from the `send` until a poll that is ready takes it. As in
//! `mpsc/chan.rs`, no user code runs under the lock.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use super::park;
use crate::executor::{Wait, note_wait, poll_budget};
use crate::sync::statistics::OneshotStatistics;

/// What can go wrong, as on a channel of one thread.
pub use crate::sync::oneshot::error;

/// A channel for one message, whose ends may be on different threads.
///
/// ```
/// use myrt::sync::remote::oneshot;
///
/// // A thread answers the loop.
/// let (sender, receiver) = oneshot::channel();
/// let thread = std::thread::spawn(move || sender.send(42).unwrap());
/// assert_eq!(myrt::run(receiver), Ok(42));
/// thread.join().unwrap();
///
/// // The loop answers a thread.
/// let (sender, receiver) = oneshot::channel();
/// let thread = std::thread::spawn(move || receiver.blocking_recv());
/// myrt::run(async move { sender.send("done").unwrap() });
/// assert_eq!(thread.join().unwrap(), Ok("done"));
/// ```
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State {
            value: None,
            sender_gone: false,
            closed: false,
            receiver: None,
            sender: None,
        }),
    });
    let sender = Sender {
        shared: Arc::clone(&shared),
    };
    (sender, Receiver { shared })
}

struct Shared<T> {
    state: Mutex<State<T>>,
}

struct State<T> {
    value: Option<T>,
    /// The sender has sent, or was dropped.
    sender_gone: bool,
    /// The receiver is gone or wants no message.
    closed: bool,
    /// The task that waits for the message.
    receiver: Option<Waker>,
    /// The task that waits for the close.
    sender: Option<Waker>,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self) -> Wait {
        Wait::Channel(ptr::from_ref(self).addr())
    }

    fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let waker = state.sender.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The message, or that there will be none.
    fn outcome(&self) -> Option<Result<T, error::RecvError>> {
        let mut state = self.lock();
        match state.value.take() {
            Some(value) => Some(Ok(value)),
            None if state.sender_gone || state.closed => Some(Err(error::RecvError(()))),
            None => None,
        }
    }

    fn statistics(&self) -> OneshotStatistics {
        let state = self.lock();
        OneshotStatistics {
            sent: state.value.is_some(),
            sender_gone: state.sender_gone,
            closed: state.closed,
        }
    }
}

/// The sending end; used up by [`send`](Self::send).
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// Sends the message at once, from any thread.
    ///
    /// # Errors
    /// Gives the message back if the receiver is gone or has closed the channel. That it was sent
    /// does not mean that it will be received.
    pub fn send(self, value: T) -> Result<(), T> {
        let mut state = self.shared.lock();
        if state.closed {
            return Err(value);
        }
        state.value = Some(value);
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

    /// Whether the receiver is gone or has closed the channel.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.lock().closed
    }

    /// How the channel stands.
    #[must_use]
    pub fn statistics(&self) -> OneshotStatistics {
        self.shared.statistics()
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.sender_gone = true;
        let receiver = state.receiver.take();
        let own = state.sender.take();
        drop(state);
        drop(own);
        if let Some(waker) = receiver {
            waker.wake();
        }
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
        let waker = cx.waker().clone();
        let mut state = self.shared.lock();
        if state.closed {
            drop(state);
            return poll_budget(cx);
        }
        let old = state.sender.replace(waker);
        drop(state);
        drop(old);
        note_wait(self.shared.wait(), self.at);
        Poll::Pending
    }
}

impl<T> fmt::Debug for ClosedFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClosedFuture")
            .field("at", &self.at)
            .finish()
    }
}

/// The receiving end: a future of the message, or [`blocking_recv`](Self::blocking_recv) for
/// threads.
///
/// # Cancel safety
/// Await it by `&mut receiver` to keep it: a poll that is not ready takes nothing.
#[must_use = "futures do nothing unless awaited"]
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Receiver<T> {
    /// Receives the message on a thread without a loop, and blocks it until it comes.
    ///
    /// # Errors
    /// When the sender is gone and has sent nothing.
    ///
    /// # Panics
    /// Inside of a runtime: await the receiver there.
    #[track_caller]
    pub fn blocking_recv(self) -> Result<T, error::RecvError> {
        let call = "remote::oneshot::Receiver::blocking_recv";
        park::block_on(call, "receiver.await", self)
    }

    /// Takes the message if it is there.
    ///
    /// # Errors
    /// [`TryRecvError`](error::TryRecvError) says whether it may still come.
    pub fn try_recv(&mut self) -> Result<T, error::TryRecvError> {
        match self.shared.outcome() {
            Some(outcome) => outcome.map_err(|error::RecvError(())| error::TryRecvError::Closed),
            None => Err(error::TryRecvError::Empty),
        }
    }

    /// Wants no message any more: a later `send` fails. One that was sent before is still there.
    pub fn close(&mut self) {
        self.shared.close();
    }

    /// How the channel stands.
    #[must_use]
    pub fn statistics(&self) -> OneshotStatistics {
        self.shared.statistics()
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, error::RecvError>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let waker = cx.waker().clone();
        let mut state = self.shared.lock();
        if !(state.sender_gone || state.closed) {
            let old = state.receiver.replace(waker);
            drop(state);
            drop(old);
            note_wait(self.shared.wait(), Location::caller());
            return Poll::Pending;
        }
        drop(state);
        ready!(poll_budget(cx));
        Poll::Ready(self.shared.outcome().unwrap_or(Err(error::RecvError(()))))
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.close();
        let mut state = self.shared.lock();
        let waker = state.receiver.take();
        let value = state.value.take();
        drop(state);
        drop(waker);
        drop(value);
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("sent", &self.statistics().sent)
            .finish()
    }
}
