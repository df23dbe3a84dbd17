//! A channel that holds one value, the latest; tokio's `watch`.
//!
//! Why: many tasks follow one state (configuration, progress, a shutdown flag). Receivers see the
//! newest value and may miss those between.

use std::cell::{self, Cell, RefCell, RefMut};
use std::fmt;
use std::mem;
use std::ops::Deref;
use std::panic::Location;
use std::ptr;
use std::rc::Rc;

pub use self::closed::ClosedFuture;
use self::error::{RecvError, SendError};
pub use self::receiver::{Changed, Receiver, WaitFor};
use super::wait_list::WaitQueue;
use crate::executor::Wait;

mod closed;
pub mod error;
mod receiver;

/// A channel that holds `value` until another one is sent.
///
/// # Examples
///
/// ```
/// use myrt::sync::watch;
///
/// myrt::run(async {
///     let (sender, mut receiver) = watch::channel("starting");
///     let watcher = myrt::spawn(async move {
///         receiver.changed().await.unwrap();
///         *receiver.borrow_and_update()
///     });
///     sender.send("running").unwrap();
///     assert_eq!(watcher.await.unwrap(), "running");
/// });
/// ```
pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(value);
    let receiver = sender.subscribe();
    (sender, receiver)
}

struct Shared<T> {
    value: RefCell<T>,
    /// Counts the values; never wraps in practice (2^64).
    version: Cell<u64>,
    senders: Cell<usize>,
    receivers: Cell<usize>,
    /// Receivers that wait for a change.
    queue: WaitQueue<()>,
    /// Tasks in `Sender::closed`.
    closing: WaitQueue<()>,
}

impl<T> Shared<T> {
    fn wait(&self) -> Wait {
        Wait::Channel(ptr::from_ref(self).addr())
    }

    #[track_caller]
    fn value_mut(&self) -> RefMut<'_, T> {
        match self.value.try_borrow_mut() {
            Ok(value) => value,
            Err(_) => panic!("the value of a watch channel is changed while a `Ref` of it lives"),
        }
    }

    fn changed(&self) {
        self.version.set(self.version.get() + 1);
        self.queue.grant_all(|()| ()).wake();
    }

    fn borrow(&self, seen: u64) -> Ref<'_, T> {
        Ref {
            value: self.value.borrow(),
            has_changed: self.version.get() != seen,
        }
    }

    fn statistics(&self) -> WatchStatistics {
        WatchStatistics {
            version: self.version.get(),
            senders: self.senders.get(),
            receivers: self.receivers.get(),
            waiting: self.queue.len(),
        }
    }
}

/// How a watch channel stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WatchStatistics {
    /// How often the value was changed.
    pub version: u64,
    /// How many senders there are.
    pub senders: usize,
    /// How many receivers there are.
    pub receivers: usize,
    /// How many receivers wait for a change.
    pub waiting: usize,
}

/// A sending end; clones change the same value.
///
/// # Panics
///
/// What changes the value panics while a [`Ref`] of it lives: drop the `Ref` before any `.await`.
pub struct Sender<T> {
    shared: Rc<Shared<T>>,
}

impl<T> Sender<T> {
    /// A channel without receivers yet; see [`subscribe`](Self::subscribe).
    pub fn new(value: T) -> Self {
        let shared = Shared {
            value: RefCell::new(value),
            version: Cell::new(0),
            senders: Cell::new(1),
            receivers: Cell::new(0),
            queue: WaitQueue::new(),
            closing: WaitQueue::new(),
        };
        Self {
            shared: Rc::new(shared),
        }
    }

    /// Replaces the value and wakes all receivers.
    ///
    /// # Errors
    ///
    /// [`SendError`] gives the new value back if there is no receiver; the old one stays. To change
    /// it all the same use [`send_replace`](Self::send_replace).
    #[track_caller]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        if self.is_closed() {
            return Err(SendError(value));
        }
        drop(self.send_replace(value));
        Ok(())
    }

    /// Replaces the value, receivers or not, and returns the old one.
    #[track_caller]
    pub fn send_replace(&self, value: T) -> T {
        let old = mem::replace(&mut *self.shared.value_mut(), value);
        self.shared.changed();
        old
    }

    /// Changes the value in place. `change` must not touch this channel: it is lent the value.
    #[track_caller]
    pub fn send_modify(&self, change: impl FnOnce(&mut T)) {
        self.send_if_modified(|value| {
            change(value);
            true
        });
    }

    /// Changes the value in place, and wakes the receivers only if `change` says that it did.
    /// Returns what it said. `change` must not touch this channel: it is lent the value.
    #[track_caller]
    pub fn send_if_modified(&self, change: impl FnOnce(&mut T) -> bool) -> bool {
        let modified = change(&mut self.shared.value_mut());
        if modified {
            self.shared.changed();
        }
        modified
    }

    /// The value. While the [`Ref`] lives it cannot be changed.
    pub fn borrow(&self) -> Ref<'_, T> {
        self.shared.borrow(self.shared.version.get())
    }

    /// A receiver that has seen the present value.
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver::new(&self.shared)
    }

    /// Waits until there is no receiver. Dropping the future loses nothing.
    #[track_caller]
    pub fn closed(&self) -> ClosedFuture<'_, T> {
        ClosedFuture::new(&self.shared, Location::caller())
    }

    /// Whether there is no receiver.
    pub fn is_closed(&self) -> bool {
        self.shared.receivers.get() == 0
    }

    /// How many receivers there are.
    pub fn receiver_count(&self) -> usize {
        self.shared.receivers.get()
    }

    /// How many senders there are.
    pub fn sender_count(&self) -> usize {
        self.shared.senders.get()
    }

    /// Whether both change the same value.
    pub fn same_channel(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.shared, &other.shared)
    }

    /// How the channel stands.
    pub fn statistics(&self) -> WatchStatistics {
        self.shared.statistics()
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

impl<T: Default> Default for Sender<T> {
    fn default() -> Self {
        Self::new(T::default())
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

impl<T: fmt::Debug> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("value", &self.shared.value)
            .finish()
    }
}

/// The value of a watch channel, borrowed. Nobody can change it while this lives: do not hold it
/// over an `.await`.
#[derive(Debug)]
pub struct Ref<'a, T> {
    value: cell::Ref<'a, T>,
    has_changed: bool,
}

impl<T> Ref<'_, T> {
    /// Whether the receiver had not seen this value before the borrow.
    pub fn has_changed(&self) -> bool {
        self.has_changed
    }
}

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// A receiver's `changed` found no sender any more.
fn nobody_sends() -> RecvError {
    RecvError(())
}
