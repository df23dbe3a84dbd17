//! Who holds a lock: one word in the lock, told to others only while somebody waits.
//!
//! It exists so that `statistics()`, the task graph and the search for cycles can say "held by task 3" at the price of one
//! store when a lock is taken. It must not know when a lock may be taken.

use std::cell::Cell;

use crate::TELLS;
use crate::task::{Id, current_identity, id_of, note_holder};

/// The task that took something last.
#[derive(Debug)]
pub(crate) struct Holder {
    /// Its identity, 0 for nobody.
    identity: Cell<u64>,
    /// Where the graph's table has it.
    hint: Cell<u32>,
}

impl Holder {
    pub(crate) const fn nobody() -> Self {
        Self {
            identity: Cell::new(0),
            hint: Cell::new(0),
        }
    }

    /// It is the task that runs; nobody, outside of a task.
    #[inline]
    pub(crate) fn take(&self) {
        if TELLS {
            self.identity.set(current_identity());
        }
    }

    #[inline]
    pub(crate) fn clear(&self) {
        self.identity.set(0);
    }

    #[inline]
    pub(crate) fn id(&self) -> Option<Id> {
        id_of(self.identity.get())
    }

    /// Tells the graph, where `waiting` tasks wait for the object at `address`. To be called after whatever changed the
    /// holder of a contended object, or who waits for it.
    pub(crate) fn publish(&self, address: usize, waiting: usize) {
        note_holder(address, (waiting > 0).then(|| self.id()), &self.hint);
    }

    /// As [`Self::publish`], after one more task waits: if others did before, the graph knows.
    pub(crate) fn publish_to_first(&self, address: usize, waiting: usize) {
        if waiting == 1 {
            self.publish(address, waiting);
        }
    }
}
