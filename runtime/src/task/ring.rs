//! The ready ring: who is to be polled, first in, first out.
//!
//! It exists because a `VecDeque` checks for room at every push. Here a slot stands in the ring at most once
//! (its `QUEUED` bit), so a ring as large as the table can never be full, and it grows where the table grows:
//! in spawn's cold path. It must not know what a slot means.

use std::cell::Cell;
use std::ptr::{self, NonNull};

use super::slot::Slot;

/// A queue of slots, never longer than the table.
pub(crate) struct Ring {
    /// The entries' memory; owned, freed by drop. Its length is a power of two.
    entries: Cell<NonNull<*const Slot>>,
    /// The length less one.
    mask: Cell<usize>,
    /// Counts pops; the entry is at `head & mask`.
    head: Cell<usize>,
    /// Counts pushes.
    tail: Cell<usize>,
    /// Pops before the ring grew last: both counts began anew then.
    before: Cell<u64>,
}

const FIRST: usize = 64;

impl Ring {
    pub(crate) fn new() -> Self {
        Self {
            entries: Cell::new(own(vec![ptr::null(); FIRST])),
            mask: Cell::new(FIRST - 1),
            head: Cell::new(0),
            tail: Cell::new(0),
            before: Cell::new(0),
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.tail.get().wrapping_sub(self.head.get())
    }

    /// How many slots were ever popped, and pushed.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let before = self.before.get();
        (
            before + self.head.get() as u64,
            before + self.tail.get() as u64,
        )
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.head.get() == self.tail.get()
    }

    /// Puts a slot behind the others. The caller keeps the rule: not there yet, and the ring as large as the table.
    #[inline]
    pub(crate) fn push(&self, slot: &Slot) {
        debug_assert!(self.len() <= self.mask.get());
        let tail = self.tail.get();
        // SAFETY: the masked place is within the entries.
        let entry = unsafe { self.entries.get().add(tail & self.mask.get()) };
        // SAFETY: in bounds as above, owned memory, and nobody holds a reference to it.
        unsafe { entry.write(slot) };
        self.tail.set(tail.wrapping_add(1));
    }

    /// The slot that has waited longest.
    #[inline]
    pub(crate) fn pop(&self) -> Option<&Slot> {
        let head = self.head.get();
        if head == self.tail.get() {
            return None;
        }
        self.head.set(head.wrapping_add(1));
        // SAFETY: the masked place is within the entries.
        let entry = unsafe { self.entries.get().add(head & self.mask.get()) };
        // SAFETY: in bounds as above; between head and tail every entry was written by `push`.
        let slot = unsafe { entry.read() };
        // SAFETY: `push` takes references to slots of the runtime's table, which never move and outlive the ring
        // (both are fields of one `Tasks`, dropped together).
        Some(unsafe { &*slot })
    }

    /// The slot that is popped next.
    pub(crate) fn peek(&self) -> Option<&Slot> {
        self.nth(0)
    }

    /// The slot that is popped after `n` others.
    pub(crate) fn nth(&self, n: usize) -> Option<&Slot> {
        if n >= self.len() {
            return None;
        }
        let head = self.head.get();
        self.head.set(head.wrapping_add(n));
        let slot = self.pop();
        self.head.set(head);
        slot
    }

    /// Makes room for a table of `slots`.
    #[cold]
    pub(crate) fn grow(&self, slots: usize) {
        if slots <= self.mask.get() {
            return;
        }
        let length = (slots + 1).next_power_of_two();
        self.before.set(self.before.get() + self.head.get() as u64);
        let mut larger: Vec<*const Slot> = Vec::with_capacity(length);
        while let Some(slot) = self.pop() {
            larger.push(slot);
        }
        let waiting = larger.len();
        larger.resize(length, ptr::null());
        let (old, mask) = (
            self.entries.replace(own(larger)),
            self.mask.replace(length - 1),
        );
        free(old, mask + 1);
        self.head.set(0);
        self.tail.set(waiting);
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        free(self.entries.get(), self.mask.get() + 1);
    }
}

fn own(entries: Vec<*const Slot>) -> NonNull<*const Slot> {
    NonNull::from(Box::leak(entries.into_boxed_slice())).cast()
}

fn free(entries: NonNull<*const Slot>, length: usize) {
    let entries = NonNull::slice_from_raw_parts(entries, length);
    // SAFETY: made by `own` from a boxed slice of this length; given up by `grow` or by drop, once.
    drop(unsafe { Box::from_raw(entries.as_ptr()) });
}
