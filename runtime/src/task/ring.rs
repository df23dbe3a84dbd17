//! The ready ring: who is to be polled, first in, first out.
//!
//! It exists because a `VecDeque` checks for room at every push. Here a slot stands in the ring at most once
//! (its `QUEUED` bit), so a ring as large as the table can never be full, and it grows where the table grows:
//! in spawn's cold path. It must not know what a slot means.

use std::cell::{Cell, UnsafeCell};
use std::ptr;

use super::slot::Slot;

/// A queue of slots, never longer than the table.
pub(crate) struct Ring {
    entries: UnsafeCell<Box<[*const Slot]>>,
    /// Counts pops; the entry is at `head & mask`.
    head: Cell<usize>,
    /// Counts pushes.
    tail: Cell<usize>,
}

impl Ring {
    pub(crate) fn new() -> Self {
        Self { entries: UnsafeCell::new(vec![ptr::null(); 64].into()), head: Cell::new(0), tail: Cell::new(0) }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.tail.get().wrapping_sub(self.head.get())
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.head.get() == self.tail.get()
    }

    /// Puts a slot behind the others. The caller keeps the rule: not there yet, and the ring as large as the table.
    #[inline]
    pub(crate) fn push(&self, slot: &Slot) {
        let tail = self.tail.get();
        debug_assert!(self.len() < self.capacity());
        let entries = self.entries();
        let place = tail & (entries.len() - 1);
        // SAFETY: the length is a power of two, so the masked place is within it.
        let entry = unsafe { entries.as_mut_ptr().add(place) };
        // SAFETY: in bounds as above; no other reference to the entries is alive (`entries` is not re-entered).
        unsafe { *entry = slot };
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
        let entries = self.entries();
        let place = head & (entries.len() - 1);
        // SAFETY: the length is a power of two, so the masked place is within it.
        let slot = unsafe { *entries.as_ptr().add(place) };
        // SAFETY: only `push` writes entries, from references to slots of the runtime's table, which never move
        // and outlive the ring (both are fields of one `Tasks`, dropped together).
        Some(unsafe { &*slot })
    }

    fn capacity(&self) -> usize {
        self.entries().len()
    }

    /// Makes room for a table of `slots`.
    #[cold]
    pub(crate) fn grow(&self, slots: usize) {
        let old = self.capacity();
        if slots < old {
            return;
        }
        let mut larger: Vec<*const Slot> = Vec::with_capacity((slots + 1).next_power_of_two());
        let waiting = self.len();
        while let Some(slot) = self.pop() {
            larger.push(slot);
        }
        larger.resize(larger.capacity(), ptr::null());
        *self.entries() = larger.into_boxed_slice();
        self.head.set(0);
        self.tail.set(waiting);
    }

    #[inline]
    #[expect(clippy::mut_from_ref, reason = "the cell is private and no caller keeps the reference over another call")]
    fn entries(&self) -> &mut Box<[*const Slot]> {
        // SAFETY: the ring is not Sync (`Cell`), no method of it calls user code or another method while it holds
        // this reference, so it is the only one.
        unsafe { &mut *self.entries.get() }
    }
}
