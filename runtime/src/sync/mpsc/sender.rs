//! The sending end of both kinds of channel: what does not depend on whether there are places.
//!
//! The two kinds share their type but for a mark, and differ only in how they send: the rest of the
//! bounded one is in `bounded.rs`, the unbounded one's `send` in `unbounded.rs`.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::MpscStatistics;
use super::chan::Chan;
use crate::sync::wait_list::Key;

/// The mark of the ends of a channel with a number of places.
#[derive(Debug)]
pub enum Bounded {}

/// The mark of the ends of a channel that holds any number of messages.
#[derive(Debug)]
pub enum Unbounded {}

/// The sending end of a channel; clones send to the same receiver. Without a mark, of a bounded
/// one.
pub struct Sender<T, K = Bounded> {
    pub(super) chan: Rc<Chan<T>>,
    kind: PhantomData<K>,
}

impl<T, K> Sender<T, K> {
    pub(super) fn new(chan: Rc<Chan<T>>) -> Self {
        Self {
            chan,
            kind: PhantomData,
        }
    }

    /// Waits until the receiver is gone or has closed the channel. Dropping the future loses
    /// nothing.
    #[track_caller]
    pub fn closed(&self) -> ClosedFuture<'_, T> {
        ClosedFuture {
            chan: &self.chan,
            key: None,
            at: Location::caller(),
        }
    }

    /// Whether the receiver is gone or has closed the channel.
    pub fn is_closed(&self) -> bool {
        self.chan.is_closed()
    }

    /// Whether both send to the same receiver.
    pub fn same_channel(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.chan, &other.chan)
    }

    /// A sender that does not keep the channel open.
    pub fn downgrade(&self) -> WeakSender<T, K> {
        self.chan.add_weak();
        WeakSender {
            chan: Rc::clone(&self.chan),
            kind: PhantomData,
        }
    }

    /// How many senders there are.
    pub fn strong_count(&self) -> usize {
        self.chan.senders.get()
    }

    /// How many weak senders there are.
    pub fn weak_count(&self) -> usize {
        self.chan.weak.get()
    }

    /// How the channel stands.
    pub fn statistics(&self) -> MpscStatistics {
        self.chan.statistics()
    }
}

impl<T, K> Clone for Sender<T, K> {
    fn clone(&self) -> Self {
        self.chan.add_sender();
        Self::new(Rc::clone(&self.chan))
    }
}

impl<T, K> Drop for Sender<T, K> {
    #[inline]
    fn drop(&mut self) {
        self.chan.drop_sender();
    }
}

impl<T, K> fmt::Debug for Sender<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("chan", &self.chan).finish()
    }
}

/// A sender that does not keep the channel open; made by [`Sender::downgrade`].
pub struct WeakSender<T, K = Bounded> {
    chan: Rc<Chan<T>>,
    kind: PhantomData<K>,
}

impl<T, K> WeakSender<T, K> {
    /// A sender, if there is another still.
    pub fn upgrade(&self) -> Option<Sender<T, K>> {
        self.chan
            .upgrade()
            .then(|| Sender::new(Rc::clone(&self.chan)))
    }

    /// How many senders there are.
    pub fn strong_count(&self) -> usize {
        self.chan.senders.get()
    }

    /// How many weak senders there are.
    pub fn weak_count(&self) -> usize {
        self.chan.weak.get()
    }
}

impl<T, K> Clone for WeakSender<T, K> {
    fn clone(&self) -> Self {
        self.chan.add_weak();
        Self {
            chan: Rc::clone(&self.chan),
            kind: PhantomData,
        }
    }
}

impl<T, K> Drop for WeakSender<T, K> {
    fn drop(&mut self) {
        self.chan.drop_weak();
    }
}

impl<T, K> fmt::Debug for WeakSender<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakSender")
            .field("chan", &self.chan)
            .finish()
    }
}

/// The future of `closed` of both kinds of sender.
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct ClosedFuture<'a, T> {
    pub(super) chan: &'a Chan<T>,
    pub(super) key: Option<Key>,
    pub(super) at: &'static Location<'static>,
}

impl<T> Future for ClosedFuture<'_, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.chan.poll_closed(&mut this.key, cx, this.at)
    }
}

impl<T> Drop for ClosedFuture<'_, T> {
    fn drop(&mut self) {
        self.chan.cancel_closed(self.key);
    }
}
