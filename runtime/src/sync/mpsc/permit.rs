//! A place in a bounded channel, kept for a message to come: [`Permit`] and [`OwnedPermit`].
//!
//! Why: a task can wait for a place before it makes, or gives away, the message.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::chan::Chan;
use super::error::SendError;
use super::sender::Sender;
use crate::sync::wait_list::Key;

/// A place in the channel; sending into it cannot fail. Dropped unused, it is free again.
#[must_use = "the place is free again when this is dropped"]
#[derive(Debug)]
pub struct Permit<'a, T> {
    /// `None` once it is used.
    chan: Option<&'a Chan<T>>,
}

impl<'a, T> Permit<'a, T> {
    pub(super) fn new(chan: &'a Chan<T>) -> Self {
        Self { chan: Some(chan) }
    }

    /// Sends the message. If the receiver is gone by now, the message is dropped.
    pub fn send(mut self, value: T) {
        if let Some(chan) = self.chan.take() {
            fill(chan, value);
        }
    }
}

/// Puts a message into a place that was kept for it.
fn fill<T>(chan: &Chan<T>, value: T) {
    if chan.is_gone() {
        chan.return_slot();
    } else {
        chan.push(value);
    }
}

impl<T> Drop for Permit<'_, T> {
    fn drop(&mut self) {
        if let Some(chan) = self.chan {
            chan.return_slot();
        }
    }
}

/// A place in the channel that holds its sender. Dropped unused, it is free again.
#[must_use = "the place is free again when this is dropped"]
pub struct OwnedPermit<T> {
    /// `None` once it is used.
    sender: Option<Sender<T>>,
}

impl<T> OwnedPermit<T> {
    pub(super) fn new(sender: Sender<T>) -> Self {
        Self {
            sender: Some(sender),
        }
    }

    /// Sends the message and gives the sender back. If the receiver is gone by now, the message is
    /// dropped.
    pub fn send(mut self, value: T) -> Sender<T> {
        let sender = self.take();
        fill(&sender.chan, value);
        sender
    }

    /// Frees the place and gives the sender back.
    pub fn release(mut self) -> Sender<T> {
        let sender = self.take();
        sender.chan.return_slot();
        sender
    }

    fn take(&mut self) -> Sender<T> {
        self.sender.take().expect("the permit is used up by value")
    }
}

impl<T> Drop for OwnedPermit<T> {
    fn drop(&mut self) {
        if let Some(sender) = &self.sender {
            sender.chan.return_slot();
        }
    }
}

impl<T> fmt::Debug for OwnedPermit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedPermit")
            .field("sender", &self.sender)
            .finish()
    }
}

/// The future of [`Sender::reserve`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct ReserveFuture<'a, T> {
    chan: &'a Chan<T>,
    key: Option<Key>,
    at: &'static Location<'static>,
}

impl<'a, T> ReserveFuture<'a, T> {
    pub(super) fn new(chan: &'a Chan<T>, at: &'static Location<'static>) -> Self {
        Self {
            chan,
            key: None,
            at,
        }
    }
}

impl<'a, T> Future for ReserveFuture<'a, T> {
    type Output = Result<Permit<'a, T>, SendError<()>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        ready!(this.chan.poll_place(&mut this.key, cx, this.at))?;
        Poll::Ready(Ok(Permit::new(this.chan)))
    }
}

impl<T> Drop for ReserveFuture<'_, T> {
    fn drop(&mut self) {
        self.chan.cancel_slot(self.key);
    }
}

/// The future of [`Sender::reserve_owned`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct ReserveOwnedFuture<T> {
    /// `None` once the permit has it.
    sender: Option<Sender<T>>,
    key: Option<Key>,
    at: &'static Location<'static>,
}

impl<T> ReserveOwnedFuture<T> {
    pub(super) fn new(sender: Sender<T>, at: &'static Location<'static>) -> Self {
        Self {
            sender: Some(sender),
            key: None,
            at,
        }
    }
}

impl<T> Future for ReserveOwnedFuture<T> {
    type Output = Result<OwnedPermit<T>, SendError<()>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let sender = this.sender.as_ref().expect("polled after it was ready");
        ready!(sender.chan.poll_place(&mut this.key, cx, this.at))?;
        Poll::Ready(Ok(OwnedPermit {
            sender: this.sender.take(),
        }))
    }
}

impl<T> Drop for ReserveOwnedFuture<T> {
    fn drop(&mut self) {
        if let Some(sender) = &self.sender {
            sender.chan.cancel_slot(self.key);
        }
    }
}
