//! The ready ring: who is to be polled, first in, first out.
//!
//! It exists because a `VecDeque` checks for room at every push. Here a slot stands in the ring at
//! most once (its `QUEUED` bit), so a ring as large as the table can never be full, and it grows
//! where the table grows: in spawn's cold path. It must not know what a slot means.

use std::cell::Cell;
use std::ptr::{self, NonNull};

use super::slot::Slot;
use crate::sys::os::{LARGEST_PAGE as LARGEST_PAGE_BYTES, forget_memory};

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
    /// Pops before both counts began anew last.
    before: Cell<u64>,
    /// The memory of what was popped before this one has been given back, but for a page at most.
    given_back: Cell<usize>,
}

const FIRST: usize = 64;
/// So many entries lie in one page: a ring that has come that far begins anew when few are ready.
const PAGE: usize = 512;
const FEW: usize = 16;
/// The memory of so many entries is worth a system call.
const CROWD: usize = 1 << 15;
/// So many entries are as large as the largest page: whoever gives back whole pages leaves less
/// than that for the next time.
const LARGEST_PAGE: usize = LARGEST_PAGE_BYTES / size_of::<*const Slot>();

impl Ring {
    pub(crate) fn new() -> Self {
        Self {
            entries: Cell::new(own(vec![ptr::null(); FIRST])),
            mask: Cell::new(FIRST - 1),
            head: Cell::new(0),
            tail: Cell::new(0),
            before: Cell::new(0),
            given_back: Cell::new(0),
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

    /// Puts a slot behind the others. The caller keeps the rule: not there yet, and the ring as
    /// large as the table.
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
        // SAFETY: `push` takes references to slots of the runtime's table, which never move and
        // outlive the ring (both are fields of one `Tasks`, dropped together).
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
        // Zeros from the system: what is never used is never there.
        let mut larger = vec![ptr::null(); length];
        let waiting = self.len();
        for entry in &mut larger[..waiting] {
            *entry = self.pop().map_or(ptr::null(), ptr::from_ref);
        }
        let (old, mask) = (
            self.entries.replace(own(larger)),
            self.mask.replace(length - 1),
        );
        free(old, mask + 1);
        self.head.set(0);
        self.tail.set(waiting);
        self.given_back.set(0);
    }

    /// Between two batches. Where few are ready, they move to the first entries: so a ring that is
    /// long, since there are many tasks, stays in the cache. And the memory of a crowd that has
    /// been popped goes back to the system.
    #[inline]
    pub(crate) fn tidy(&self) {
        if self.head.get() >= PAGE {
            self.tidy_now();
        }
    }

    #[inline(never)]
    fn tidy_now(&self) {
        let head = self.head.get();
        if head - self.given_back.get() >= CROWD {
            self.give_back();
        }
        if self.len() > FEW {
            return;
        }
        let mut few = [None; FEW];
        few.fill_with(|| self.pop());
        self.before.set(self.before.get() + head as u64);
        self.head.set(0);
        self.tail.set(0);
        self.given_back.set(0);
        few.into_iter().flatten().for_each(|slot| self.push(slot));
    }

    /// Gives back the memory of the entries that were popped and not written over since.
    #[cold]
    fn give_back(&self) {
        let (head, length) = (self.head.get(), self.mask.get() + 1);
        let from = self
            .given_back
            .replace(head - LARGEST_PAGE)
            .max(self.tail.get().saturating_sub(length));
        let (start, many) = (from & self.mask.get(), head - from);
        let first = many.min(length - start);
        for (start, many) in [(start, first), (0, many - first)] {
            // SAFETY: the range is within the entries.
            let range = unsafe { self.entries.get().add(start) };
            // SAFETY: owned memory; what stands there was popped, and `push` writes before `pop`
            // reads it again.
            unsafe { forget_memory(range.cast().as_ptr(), many * size_of::<*const Slot>()) };
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn names(slots: &[Slot]) -> Vec<*const Slot> {
        slots.iter().map(ptr::from_ref).collect()
    }

    /// A batch: so many are popped, and wake themselves.
    fn turn(ring: &Ring, many: usize) {
        for _ in 0..many {
            let slot = ring.pop().expect("a crowd");
            ring.push(slot);
        }
        ring.tidy();
    }

    #[test]
    fn few_move_to_the_front_in_order_and_are_counted_once() {
        let slots: Vec<Slot> = (0..FEW).map(|_| Slot::nobody()).collect();
        let ring = Ring::new();
        ring.grow(CROWD);
        slots.iter().for_each(|slot| ring.push(slot));
        for round in 1..=3 {
            turn(&ring, FEW * PAGE);
            assert_eq!((ring.head.get(), ring.len()), (0, FEW));
            let pops = (round * FEW * PAGE) as u64;
            assert_eq!(ring.counts(), (pops, pops + FEW as u64));
        }
        let popped: Vec<_> = std::iter::from_fn(|| ring.pop().map(ptr::from_ref)).collect();
        assert_eq!(popped, names(&slots));
    }

    /// The memory of popped entries is given back, again and again round the ring; none of those
    /// that wait is lost.
    #[test]
    fn a_crowd_keeps_its_order_while_memory_is_given_back() {
        let slots: Vec<Slot> = (0..CROWD + 1000).map(|_| Slot::nobody()).collect();
        let ring = Ring::new();
        ring.grow(2 * CROWD - 1);
        slots.iter().for_each(|slot| ring.push(slot));
        for _ in 0..7 {
            let before = ring.given_back.get();
            turn(&ring, CROWD - 1);
            turn(&ring, 1);
            assert!(ring.given_back.get() > before);
        }
        let mut expected = names(&slots);
        expected.rotate_left(7 * CROWD % slots.len());
        let popped: Vec<_> = std::iter::from_fn(|| ring.pop().map(ptr::from_ref)).collect();
        assert_eq!(popped, expected);
        ring.tidy();
        assert_eq!((ring.head.get(), ring.given_back.get()), (0, 0));
    }
}
