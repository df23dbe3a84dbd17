//! The loop's side of all tasks: table, ready ring, memory, and what a wake does.
//!
//! It exists so that spawning and waking touch one struct without locks or borrows. It must not
//! know the reactor, the clock or the loop; polling is `poll.rs`, ending is `end.rs`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::Location;
use std::ptr::NonNull;
use std::rc::Rc;
use std::task::{RawWakerVTable, Waker};

use super::block::{self, Header};
use super::extra::children::Sets;
use super::extra::cleanup::Left;
use super::extra::local::Locals;
use super::extras::ExtrasTable;
use super::holders::Holders;
use super::pool::Pool;
use super::ready_queue::Ring;
use super::slot::{
    CHILD, DONE, EXTRAS, FINISHING, HANDLE, NESTED, NESTED_WOKEN, QUEUED, Slot, index_of,
};
use super::stored::StoredWaker;
use super::waker;
use super::waker_table::Slots;

/// Every task of one runtime.
pub(crate) struct Tasks {
    /// The runtime's id, where it stands in a key.
    key_bits: u64,
    pub(crate) slots: Slots,
    pub(crate) ring: Ring,
    pub(crate) pool: Pool,
    pub(crate) extras: ExtrasTable,
    pub(crate) sets: Sets,
    pub(crate) holders: Holders,
    /// The task locals that a task spawned now inherits.
    pub(crate) locals: RefCell<Option<Rc<Locals>>>,
    pub(crate) has_locals: Cell<bool>,
    /// How many drops of futures and outputs are on the stack, one inside of the other.
    pub(crate) depth: Cell<u32>,
    /// Tasks whose end is put off until the outermost drop is through: see `end::Deep`.
    pub(crate) doomed: RefCell<VecDeque<u64>>,
    /// Async cleanups that dropped futures left and nobody has collected yet.
    pub(crate) left: RefCell<Vec<Left>>,
    pub(crate) left_count: Cell<usize>,
    /// Somebody observes (see `observe/notice.rs`).
    pub(crate) observed: Cell<bool>,
    /// Identities of children that were woken and that no observer was told of yet.
    pub(crate) children_woken: RefCell<Vec<u64>>,
    /// Milliseconds of the runtime's clock at the start of this turn.
    pub(crate) now_ms: Cell<u32>,
    /// The vtable of its wakers: counted ones in debug mode.
    pub(crate) vtable: &'static RawWakerVTable,
    pub(crate) spawned: Cell<u64>,
    /// Of those that were spawned, how many are done.
    completed: Cell<u64>,
    /// Tasks whose futures are gone and whose cleanups still run.
    pub(crate) finishing: Cell<usize>,
    /// The runtime is ending: the last cleanup wakes `ended`.
    pub(crate) ending: Cell<bool>,
    /// The runtime's own grace is over: what is left from now on is dropped.
    pub(crate) closed: Cell<bool>,
    ended: RefCell<StoredWaker>,
}

impl Tasks {
    pub(crate) fn new(runtime: u16, counted: bool) -> Self {
        let key_bits = u64::from(runtime) << 48;
        Self {
            key_bits,
            slots: Slots::new(key_bits),
            ring: Ring::new(),
            pool: Pool::new(),
            extras: ExtrasTable::new(),
            sets: Sets::new(),
            holders: Holders::default(),
            locals: RefCell::new(None),
            has_locals: Cell::new(false),
            depth: Cell::new(0),
            doomed: RefCell::default(),
            left: RefCell::new(Vec::new()),
            left_count: Cell::new(0),
            observed: Cell::new(false),
            children_woken: RefCell::default(),
            now_ms: Cell::new(0),
            vtable: waker::vtable(counted),
            spawned: Cell::new(0),
            completed: Cell::new(0),
            finishing: Cell::new(0),
            ending: Cell::new(false),
            closed: Cell::new(false),
            ended: RefCell::new(StoredWaker::EMPTY),
        }
    }

    /// Whether a key belongs to this runtime.
    #[inline]
    pub(crate) fn owns(&self, key: u64) -> bool {
        (self.key_bits ^ key) >> 48 == 0
    }

    /// The slot of an identity that is still its occupant.
    #[inline]
    pub(crate) fn find(&self, identity: u64) -> Option<&Slot> {
        self.slots
            .get(index_of(identity))
            .filter(|slot| slot.is(identity))
    }

    /// Wakes the occupant that a key names, if it is still there. False: the key is stale, or
    /// another runtime's. On the loop's thread only.
    #[inline]
    pub(crate) fn wake(&self, key: u64) -> bool {
        let Some(slot) = self.slots.get(index_of(key)) else {
            return false;
        };
        if slot.key() != key {
            return false;
        }
        let flags = slot.flags();
        if flags & (QUEUED | CHILD) == 0 {
            slot.set_flags(flags | QUEUED);
            self.ring.push(slot);
        } else if flags & (NESTED | CHILD) != 0 {
            self.wake_special(slot, flags);
        }
        true
    }

    #[inline(never)]
    fn wake_special(&self, slot: &Slot, flags: u16) {
        if flags & NESTED != 0 {
            slot.set_flags(flags | NESTED_WOKEN);
        } else if flags & QUEUED == 0 {
            slot.set_flags(flags | QUEUED);
            self.sets.child_woken(slot.place());
            self.note_child(slot);
        }
    }

    /// A child is ready, which the ring does not show.
    #[inline]
    pub(crate) fn note_child(&self, slot: &Slot) {
        if self.observed.get() {
            self.keep_child(slot);
        }
    }

    #[cold]
    fn keep_child(&self, slot: &Slot) {
        self.children_woken.borrow_mut().push(slot.identity());
    }

    /// Makes a task of a future and queues it. Its handle is counted as existing.
    #[inline]
    pub(crate) fn spawn<F>(&self, future: F, parent: u64, at: &'static Location<'static>) -> &Slot
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let block = block::write(&self.pool, future);
        let slot = self.take_slot();
        slot.occupy(block.as_ptr(), QUEUED | HANDLE, parent, at);
        if self.has_locals.get() {
            self.inherit_locals(slot);
        }
        self.spawned.set(self.spawned.get() + 1);
        self.ring.push(slot);
        slot
    }

    #[cold]
    pub(crate) fn inherit_locals(&self, slot: &Slot) {
        let locals = self.locals.borrow().clone();
        self.extras.with(slot, |extras| extras.locals = locals);
    }

    #[inline]
    pub(crate) fn take_slot(&self) -> &Slot {
        match self.slots.take() {
            Some(slot) => slot,
            None => self.take_fresh_slot(),
        }
    }

    #[cold]
    fn take_fresh_slot(&self) -> &Slot {
        let slot = self
            .slots
            .take_fresh()
            .expect("more than 2^28 tasks at once: await or cancel some first");
        self.ring.grow(self.slots.high() as usize);
        slot
    }

    /// The block of a slot that has one.
    #[inline]
    pub(crate) fn block(slot: &Slot) -> Option<NonNull<Header>> {
        NonNull::new(slot.block())
    }

    /// Frees a slot whose task is done, whose handle is gone and which is not in the ring.
    #[inline]
    pub(crate) fn retire(&self, slot: &Slot) {
        debug_assert!(slot.has(DONE));
        if let Some(block) = Self::block(slot) {
            // SAFETY: the task is done, its output has been taken or dropped (the callers' rule),
            // and the slot, which holds the only pointer to the block, is released right below.
            unsafe { block::free(&self.pool, block) };
        }
        if slot.has(EXTRAS) {
            self.remove_extras(slot);
        }
        self.slots.release(slot);
    }

    /// Drops the extras of a slot's occupant.
    #[cold]
    pub(crate) fn remove_extras(&self, slot: &Slot) {
        if self.extras.remove(slot) {
            self.slots.shared().set_name(slot.identity(), None);
        }
    }

    /// Gives the occupant of a slot a name, here and where other threads look.
    pub(crate) fn set_name(&self, slot: &Slot, name: Rc<str>) {
        self.slots.shared().set_name(slot.identity(), Some(&name));
        let old = self.extras.with(slot, |extras| extras.name.replace(name));
        drop(old);
    }

    /// How many spawned tasks are not done.
    #[inline]
    pub(crate) fn live(&self) -> u64 {
        self.spawned.get() - self.completed.get()
    }

    /// One task less.
    #[inline]
    pub(crate) fn count_end(&self, flags: u16) {
        self.completed.set(self.completed.get() + 1);
        if flags & FINISHING != 0 {
            self.count_cleaned();
        }
    }

    #[cold]
    fn count_cleaned(&self) {
        self.finishing.set(self.finishing.get() - 1);
        if self.ending.get() && self.finishing.get() == 0 {
            let ended = self.ended.take();
            ended.wake();
        }
    }

    /// How many tasks are finishing; `waker` is woken when none is, while the runtime ends.
    pub(crate) fn watch_finishing(&self, waker: &Waker) -> usize {
        let old = self.ended.replace(StoredWaker::new(waker));
        drop(old);
        self.finishing.get()
    }
}
