//! The sending ends of a channel between threads.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::chan::{Chan, Ticket};
use super::error::{SendError, TrySendError};
use crate::sync::remote::park;
use crate::sync::statistics::MpscStatistics;

/// The sending end of a bounded channel between threads; clones send to the same receiver.
pub struct Sender<T> {
    chan: Arc<Chan<T>>,
}

impl<T> Sender<T> {
    /// Sends a message, waiting for a place if there is none.
    ///
    /// # Errors
    /// [`SendError`] gives the message back if the receiver is gone or has closed the channel.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, the message was not sent, and is dropped with the future.
    #[track_caller]
    pub fn send(&self, value: T) -> SendFuture<'_, T> {
        SendFuture {
            chan: &self.chan,
            value: Some(value),
            ticket: None,
            at: Location::caller(),
        }
    }

    /// Sends a message from a thread without a loop, and blocks it until there is a place.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// # Panics
    /// Inside of a runtime: use [`send`](Self::send) there.
    #[track_caller]
    pub fn blocking_send(&self, value: T) -> Result<(), SendError<T>> {
        let call = "remote::mpsc::Sender::blocking_send";
        park::block_on(call, "send(..).await", self.send(value))
    }

    /// Sends a message if there is a place that no other sender waits for.
    ///
    /// # Errors
    /// [`TrySendError`] gives the message back and says why.
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        self.chan.try_send(value)
    }

    /// How many places are free.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.chan.free()
    }

    /// How many places there are.
    #[must_use]
    pub fn max_capacity(&self) -> usize {
        self.chan.capacity.unwrap_or(usize::MAX)
    }
}

/// The sending end of an unbounded channel between threads; clones send to the same receiver.
pub struct UnboundedSender<T> {
    chan: Arc<Chan<T>>,
}

impl<T> UnboundedSender<T> {
    /// Sends a message at once, from any thread.
    ///
    /// # Errors
    /// [`SendError`] gives the message back if the receiver is gone or has closed the channel.
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        let sent = self.chan.try_send(value);
        sent.map_err(|error| SendError(error.into_inner()))
    }
}

/// What both kinds of sender can do.
macro_rules! both_kinds {
    ($($name:ident),*) => { $(
        impl<T> $name<T> {
            pub(super) fn new(chan: Arc<Chan<T>>) -> Self {
                Self { chan }
            }

            /// Waits until the receiver is gone or has closed the channel. Dropping the future
            /// loses nothing.
            #[track_caller]
            pub fn closed(&self) -> ClosedFuture<'_, T> {
                ClosedFuture {
                    chan: &self.chan,
                    ticket: None,
                    at: Location::caller(),
                }
            }

            /// Whether the receiver is gone or has closed the channel.
            #[must_use]
            pub fn is_closed(&self) -> bool {
                self.chan.is_closed()
            }

            /// Whether both send to the same receiver.
            #[must_use]
            pub fn same_channel(&self, other: &Self) -> bool {
                Arc::ptr_eq(&self.chan, &other.chan)
            }

            /// How many senders there are.
            #[must_use]
            pub fn strong_count(&self) -> usize {
                self.chan.senders()
            }

            /// How the channel stands.
            #[must_use]
            pub fn statistics(&self) -> MpscStatistics {
                self.chan.statistics()
            }
        }

        impl<T> Clone for $name<T> {
            fn clone(&self) -> Self {
                self.chan.add_sender();
                Self::new(Arc::clone(&self.chan))
            }
        }

        impl<T> Drop for $name<T> {
            fn drop(&mut self) {
                self.chan.drop_sender();
            }
        }

        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("chan", &self.chan)
                    .finish()
            }
        }
    )* };
}
both_kinds!(Sender, UnboundedSender);

/// The future of [`Sender::send`].
#[must_use = "futures do nothing unless awaited"]
pub struct SendFuture<'a, T> {
    chan: &'a Chan<T>,
    /// `None` once it is ready.
    value: Option<T>,
    ticket: Option<Ticket>,
    at: &'static Location<'static>,
}

/// Nothing in it is pinned.
impl<T> Unpin for SendFuture<'_, T> {}

impl<T> Future for SendFuture<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let sent = ready!(
            this.chan
                .poll_send(&mut this.ticket, &mut this.value, cx, this.at)
        );
        Poll::Ready(sent.map_err(SendError))
    }
}

impl<T> Drop for SendFuture<'_, T> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.chan.cancel_send(ticket);
        }
    }
}

impl<T> fmt::Debug for SendFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendFuture")
            .field("waits", &self.ticket.is_some())
            .finish_non_exhaustive()
    }
}

/// The future of `closed` of both kinds of sender.
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct ClosedFuture<'a, T> {
    chan: &'a Chan<T>,
    ticket: Option<Ticket>,
    at: &'static Location<'static>,
}

impl<T> Future for ClosedFuture<'_, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.chan.poll_closed(&mut this.ticket, cx, this.at)
    }
}

impl<T> Drop for ClosedFuture<'_, T> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.chan.cancel_closed(ticket);
        }
    }
}
