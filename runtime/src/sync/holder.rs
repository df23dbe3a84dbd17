//! Which task holds a lock: one word in the lock, published only while a task waits for it.
//!
//! Why: `statistics()`, the task graph and the search for cycles can say "held by task 3" at the
//! price of one store when a lock is taken.

use std::cell::Cell;

use crate::executor::holders::UNSURE;
use crate::executor::probe::TELLS;
use crate::executor::{
    Id, StoredWaker, current_identity, forget_holder, id_of, identity_of, note_holder,
};

/// The task that took something last.
#[derive(Debug)]
pub(crate) struct Holder {
    /// Its identity; 0: nobody.
    task: Cell<u64>,
    /// The address under which others were told; 0: they were not.
    published: Cell<usize>,
    /// The holder that was published last; so a further waiter publishes nothing again.
    told: Cell<u64>,
}

impl Holder {
    pub(crate) const fn nobody() -> Self {
        Self {
            task: Cell::new(0),
            published: Cell::new(0),
            told: Cell::new(0),
        }
    }

    /// It is the task that runs; nobody, outside of a task.
    #[inline]
    pub(crate) fn take(&self) {
        if TELLS {
            self.task.set(current_identity());
        }
    }

    /// It is this one, by its identity.
    pub(crate) fn set(&self, task: u64) {
        self.task.set(task);
    }

    /// What it took is something that can be given away, so that it may be somebody else's by now.
    #[inline]
    pub(crate) fn lend(&self) {
        self.task.set(self.task.get() | UNSURE);
    }

    /// It is the task that `waker` wakes, which was granted the object and has not run since.
    #[inline]
    pub(crate) fn hand_to(&self, waker: Option<&StoredWaker>) {
        if TELLS {
            self.task.set(waker.map_or(0, identity_of));
        }
    }

    #[inline]
    pub(crate) fn clear(&self) {
        self.task.set(0);
    }

    #[inline]
    pub(crate) fn id(&self) -> Option<Id> {
        id_of(self.task.get() & !UNSURE)
    }

    /// Whether others were told, and nothing has changed since.
    #[inline]
    pub(crate) fn is_told(&self, address: usize) -> bool {
        self.published.get() == address && self.told.get() == self.task.get()
    }

    /// The next waiter must publish the holder again.
    pub(crate) fn tell_anew(&self) {
        self.told.set(0);
    }

    /// Its identity; 0: nobody.
    pub(crate) fn identity(&self) -> u64 {
        self.task.get() & !UNSURE
    }

    /// Tells the graph, if `waiting` tasks wait for the object at `address`. To be called after
    /// whatever changed the holder of a contended object, and when somebody begins to wait; while
    /// nobody waits, nobody asks.
    #[inline]
    pub(crate) fn publish(&self, address: usize, waiting: usize) {
        if TELLS && waiting > 0 && !self.is_told(address) {
            self.published.set(address);
            self.told.set(self.task.get());
            note_holder(address, id_of(self.task.get()));
        }
    }
}

impl Drop for Holder {
    #[inline]
    fn drop(&mut self) {
        if self.published.get() != 0 {
            forget_holder(self.published.get());
        }
    }
}
