//! [`WeakSender`]: a sender of a broadcast channel that does not keep it open.

use std::fmt;
use std::rc::Rc;

use super::{Receiver, Sender, Shared};

/// A sender that does not keep the channel open; made by [`Sender::downgrade`].
///
/// ```
/// use myrt::sync::broadcast;
///
/// let (sender, mut receiver) = broadcast::channel(4);
/// let weak = sender.downgrade();
/// weak.upgrade().unwrap().send(1).unwrap();
/// drop(sender);
/// assert!(weak.upgrade().is_none());
/// assert_eq!(receiver.try_recv(), Ok(1));
/// ```
pub struct WeakSender<T> {
    shared: Rc<Shared<T>>,
}

impl<T> WeakSender<T> {
    /// A sender, if there is another still.
    pub fn upgrade(&self) -> Option<Sender<T>> {
        let senders = self.shared.senders.get();
        (senders > 0).then(|| {
            self.shared.senders.set(senders + 1);
            Sender {
                shared: Rc::clone(&self.shared),
            }
        })
    }

    /// How many senders there are.
    pub fn strong_count(&self) -> usize {
        self.shared.senders.get()
    }

    /// How many weak senders there are.
    pub fn weak_count(&self) -> usize {
        self.shared.weak.get()
    }
}

impl<T> Sender<T> {
    /// A sender that does not keep the channel open.
    pub fn downgrade(&self) -> WeakSender<T> {
        self.shared.weak.set(self.shared.weak.get() + 1);
        WeakSender {
            shared: Rc::clone(&self.shared),
        }
    }

    /// How many senders there are.
    pub fn strong_count(&self) -> usize {
        self.shared.senders.get()
    }

    /// How many weak senders there are.
    pub fn weak_count(&self) -> usize {
        self.shared.weak.get()
    }
}

impl<T> Receiver<T> {
    /// How many senders there are.
    pub fn sender_strong_count(&self) -> usize {
        self.shared.senders.get()
    }

    /// How many weak senders there are.
    pub fn sender_weak_count(&self) -> usize {
        self.shared.weak.get()
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        self.shared.weak.set(self.shared.weak.get() + 1);
        Self {
            shared: Rc::clone(&self.shared),
        }
    }
}

impl<T> Drop for WeakSender<T> {
    fn drop(&mut self) {
        self.shared.weak.set(self.shared.weak.get() - 1);
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakSender")
            .field("senders", &self.strong_count())
            .finish_non_exhaustive()
    }
}
