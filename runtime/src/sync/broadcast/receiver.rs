//! The receiving end of a broadcast channel.
//!
//! A receiver is the number of the message that it reads next. A wake-up says only "look again", so
//! a cancelled wait has nothing to pass on.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::Shared;
use super::error::{Lagged, RecvError, TryRecvError};
use crate::executor::error::drop_each;
use crate::executor::{StoredWaker, note_wait, poll_budget};
use crate::sync::wait_list::Key;

/// A receiving end: gets every message that is sent while it lives. It is a [`Stream`] too, whose
/// items say where messages were lost.
pub struct Receiver<T> {
    pub(super) shared: Rc<Shared<T>>,
    /// The number of the message to read next.
    next: u64,
    /// The place in the queue, while a poll waits.
    key: Option<Key>,
}

impl<T> Receiver<T> {
    pub(super) fn new(shared: &Rc<Shared<T>>) -> Self {
        shared.receivers.set(shared.receivers.get() + 1);
        Self {
            next: shared.next(),
            key: None,
            shared: Rc::clone(shared),
        }
    }

    /// A receiver of what is sent from now on, whatever this one has still to read.
    pub fn resubscribe(&self) -> Self {
        Self::new(&self.shared)
    }

    /// How many messages this receiver has still to read, lost ones included.
    pub fn len(&self) -> usize {
        usize::try_from(self.shared.next() - self.next).unwrap_or(usize::MAX)
    }

    /// Whether this receiver has read everything.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether all senders are gone.
    pub fn is_closed(&self) -> bool {
        self.shared.senders.get() == 0
    }

    /// Whether both receive from the same senders.
    pub fn same_channel(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.shared, &other.shared)
    }

    /// Reads the next message, or says what stands in the way.
    fn read(&mut self) -> Result<Rc<T>, TryRecvError> {
        let first = self.shared.first.get();
        if self.next < first {
            let lost = first - self.next;
            self.next = first;
            return Err(TryRecvError::Lagged(lost));
        }
        match self.shared.read(self.next) {
            Some(value) => {
                self.next += 1;
                Ok(value)
            }
            None if self.shared.senders.get() == 0 => Err(TryRecvError::Closed),
            None => Err(TryRecvError::Empty),
        }
    }

    fn leave(&mut self) {
        if let Some(key) = self.key.take() {
            self.shared.queue.leave(key);
        }
    }
}

impl<T: Clone> Receiver<T> {
    /// Waits for the next message.
    ///
    /// # Errors
    ///
    /// [`RecvError::Lagged`] once with the number of messages that were lost; the next call gives
    /// the oldest one that is left. [`RecvError::Closed`] when all senders are gone and nothing is
    /// left.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes no message.
    #[track_caller]
    pub fn recv(&mut self) -> RecvFuture<'_, T> {
        RecvFuture {
            receiver: self,
            at: Location::caller(),
        }
    }

    /// Takes the next message if there is one.
    ///
    /// # Errors
    ///
    /// [`TryRecvError`] says why there is none.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.read().map(Rc::unwrap_or_clone)
    }

    fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
    ) -> Poll<Result<T, RecvError>> {
        let mut waker = None;
        loop {
            if self.shared.next() != self.next || self.shared.senders.get() == 0 {
                ready!(poll_budget(cx));
                self.leave();
                // The clone of the message is user code: nothing is borrowed.
                return Poll::Ready(self.read().map(Rc::unwrap_or_clone).map_err(
                    |error| match error {
                        TryRecvError::Lagged(lost) => RecvError::Lagged(lost),
                        TryRecvError::Closed | TryRecvError::Empty => RecvError::Closed,
                    },
                ));
            }
            match self.key {
                Some(key) if self.shared.queue.poll_granted(key, cx.waker()).is_some() => {
                    self.key = None;
                }
                Some(_) => break,
                None => match waker.take() {
                    Some(waker) => self.key = Some(self.shared.queue.join(waker, ())),
                    // The clone may run user code that sends or closes: look again before joining.
                    None => waker = Some(StoredWaker::new(cx.waker())),
                },
            }
        }
        note_wait(self.shared.wait(), at);
        Poll::Pending
    }
}

impl<T: Clone> Stream for Receiver<T> {
    type Item = Result<T, Lagged>;

    #[track_caller]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(match ready!(self.poll_recv(cx, Location::caller())) {
            Ok(value) => Some(Ok(value)),
            Err(RecvError::Lagged(lost)) => Some(Err(Lagged(lost))),
            Err(RecvError::Closed) => None,
        })
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.leave();
        let end = self.shared.next();
        // What is sent from here on, be it by the drop of a message, does not count this receiver.
        self.shared.receivers.set(self.shared.receivers.get() - 1);
        if self.shared.receivers.get() == 0 {
            self.shared.closing.grant_all(|()| ()).wake();
        }
        // Reads the rest, dropping each message outside of the borrow.
        drop_each(|| (self.next < end).then(|| self.read()));
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("len", &self.len())
            .finish()
    }
}

/// The future of [`Receiver::recv`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct RecvFuture<'a, T> {
    receiver: &'a mut Receiver<T>,
    at: &'static Location<'static>,
}

impl<T: Clone> Future for RecvFuture<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let at = self.at;
        self.receiver.poll_recv(cx, at)
    }
}

impl<T> Drop for RecvFuture<'_, T> {
    fn drop(&mut self) {
        self.receiver.leave();
    }
}
