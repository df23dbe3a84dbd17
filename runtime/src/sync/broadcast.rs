//! A channel from many senders to many receivers, each of which gets every message; tokio's
//! `broadcast`.
//!
//! Why: publish and subscribe with a bound on memory: a receiver that is too slow loses the oldest
//! messages and is told how many. A message is stored once, and cloned for each receiver but the
//! last.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::ptr;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use self::error::SendError;
pub use self::receiver::{Receiver, RecvFuture};
pub use self::weak::WeakSender;
use super::wait_list::{Key, WaitQueue};
use crate::executor::{Wait, WaitNote};

pub mod error;
mod receiver;
mod weak;

/// A channel that keeps the last `capacity` messages for those who have not received them yet.
///
/// # Panics
///
/// If `capacity` is 0.
///
/// # Examples
///
/// ```
/// use myrt::sync::broadcast;
///
/// myrt::run(async {
///     let (sender, mut one) = broadcast::channel(16);
///     let mut two = sender.subscribe();
///     sender.send("news").unwrap();
///     assert_eq!(one.recv().await, Ok("news"));
///     assert_eq!(two.recv().await, Ok("news"));
/// });
/// ```
#[track_caller]
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(capacity);
    let receiver = sender.subscribe();
    (sender, receiver)
}

struct Shared<T> {
    slots: RefCell<VecDeque<Slot<T>>>,
    capacity: usize,
    /// The number of the message at the front of `slots`. Messages are counted from 0.
    first: Cell<u64>,
    senders: Cell<usize>,
    weak: Cell<usize>,
    receivers: Cell<usize>,
    /// Receivers that wait for a message.
    queue: WaitQueue<()>,
    /// Tasks in `Sender::closed`.
    closing: WaitQueue<()>,
}

struct Slot<T> {
    value: Rc<T>,
    /// Receivers that have still to get it. It never falls from one slot to the next, since who has
    /// not read a message has read none after it: what nobody needs is always at the front.
    unread: usize,
}

impl<T> Shared<T> {
    /// The number that the next message will have.
    fn next(&self) -> u64 {
        self.first.get() + self.slots.borrow().len() as u64
    }

    /// Takes the message with this number for one receiver. The last of them frees it.
    fn read(&self, number: u64) -> Option<Rc<T>> {
        let mut slots = self.slots.borrow_mut();
        let index = usize::try_from(number - self.first.get()).ok()?;
        let slot = slots.get_mut(index)?;
        slot.unread -= 1;
        if slot.unread > 0 {
            return Some(Rc::clone(&slot.value));
        }
        self.first.set(self.first.get() + 1);
        slots.pop_front().map(|slot| slot.value)
    }

    fn wait(&self) -> Wait {
        Wait::Channel(ptr::from_ref(self).addr())
    }
}

/// A sending end; clones send to the same receivers.
pub struct Sender<T> {
    shared: Rc<Shared<T>>,
}

impl<T> Sender<T> {
    /// A channel without receivers yet; see [`subscribe`](Self::subscribe).
    ///
    /// # Panics
    ///
    /// If `capacity` is 0.
    #[track_caller]
    pub fn new(capacity: usize) -> Self {
        assert!(
            capacity > 0,
            "a broadcast channel needs a capacity of at least 1"
        );
        let shared = Shared {
            slots: RefCell::new(VecDeque::new()),
            capacity,
            first: Cell::new(0),
            senders: Cell::new(1),
            weak: Cell::new(0),
            receivers: Cell::new(0),
            queue: WaitQueue::new(),
            closing: WaitQueue::new(),
        };
        Self {
            shared: Rc::new(shared),
        }
    }

    /// Sends a message to all receivers, at once. Returns how many there are. If the channel is
    /// full, the oldest message is dropped: those who have not read it have lagged.
    ///
    /// # Errors
    ///
    /// [`SendError`] gives the message back if there is no receiver.
    pub fn send(&self, value: T) -> Result<usize, SendError<T>> {
        let shared = &*self.shared;
        let receivers = shared.receivers.get();
        if receivers == 0 {
            return Err(SendError(value));
        }
        let value = Rc::new(value);
        let oldest = {
            let mut slots = shared.slots.borrow_mut();
            let full = slots.len() == shared.capacity;
            let oldest = if full { slots.pop_front() } else { None };
            shared.first.set(shared.first.get() + u64::from(full));
            slots.push_back(Slot {
                value,
                unread: receivers,
            });
            oldest
        };
        // User code from here on: the borrow has ended. The wakes come first, so that a panic in
        // the drop of a message keeps nobody asleep.
        shared.queue.grant_all(|()| ()).wake();
        drop(oldest);
        Ok(receivers)
    }

    /// A receiver of what is sent from now on.
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver::new(&self.shared)
    }

    /// How many receivers there are.
    pub fn receiver_count(&self) -> usize {
        self.shared.receivers.get()
    }

    /// How many messages are kept for receivers that have not read them.
    pub fn len(&self) -> usize {
        self.shared.slots.borrow().len()
    }

    /// Whether every receiver has read everything.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether both send to the same receivers.
    pub fn same_channel(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.shared, &other.shared)
    }

    /// Waits until there is no receiver. Dropping the future loses nothing.
    #[track_caller]
    pub fn closed(&self) -> ClosedFuture<'_, T> {
        ClosedFuture {
            shared: &self.shared,
            key: None,
            at: Location::caller(),
        }
    }

    /// How the channel stands.
    pub fn statistics(&self) -> BroadcastStatistics {
        BroadcastStatistics {
            len: self.len(),
            capacity: self.shared.capacity,
            senders: self.shared.senders.get(),
            receivers: self.shared.receivers.get(),
            waiting: self.shared.queue.len(),
        }
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.senders.set(self.shared.senders.get() + 1);
        Self {
            shared: Rc::clone(&self.shared),
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.senders.set(self.shared.senders.get() - 1);
        if self.shared.senders.get() == 0 {
            self.shared.queue.grant_all(|()| ()).wake();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("statistics", &self.statistics())
            .finish()
    }
}

/// How a broadcast channel stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BroadcastStatistics {
    /// Messages that some receiver has not read yet.
    pub len: usize,
    /// How many messages are kept at most.
    pub capacity: usize,
    /// How many senders there are.
    pub senders: usize,
    /// How many receivers there are.
    pub receivers: usize,
    /// How many receivers wait for a message.
    pub waiting: usize,
}

/// The future of [`Sender::closed`].
#[must_use = "futures do nothing unless awaited"]
pub struct ClosedFuture<'a, T> {
    shared: &'a Shared<T>,
    key: Option<Key>,
    at: &'static Location<'static>,
}

impl<T> Future for ClosedFuture<'_, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let shared = this.shared;
        let note = WaitNote::new(shared.wait(), this.at);
        let look = || (shared.receivers.get() == 0).then_some(()).ok_or(());
        // Granted when the last receiver went; somebody may have subscribed since, so it looks
        // again.
        loop {
            ready!(shared.closing.poll(&mut this.key, cx, note, look));
            if shared.receivers.get() == 0 {
                return Poll::Ready(());
            }
        }
    }
}

impl<T> Drop for ClosedFuture<'_, T> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.shared.closing.leave(key);
        }
    }
}

impl<T> fmt::Debug for ClosedFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClosedFuture")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
