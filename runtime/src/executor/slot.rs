//! One row of the task table: 64 bytes, one cache line, that never move.
//!
//! It exists so that a waker can be a number: the number names a slot, and the slot says whether
//! the number is still true. Everything that another thread may look at (the monitor, a remote
//! wake) is a Relaxed atomic here, which costs what a plain move costs; nothing here owns or frees
//! anything. It must not know futures, outputs or the ready queue.
//!
//! # Identity, id, key
//!
//! The **key** inside a waker is `runtime id (16 bits) | generation (20) | index (28)`; the slot
//! keeps the key of its occupant, so a wake compares one word. The generation counts the slot's
//! occupants, and eight more bits of it stand beside the key: the **identity** is `generation (28
//! bits) | index (28)`. A slot whose 2^28 generations are used up is retired for ever, so an
//! identity is *never* reused and serves what must not be confused (join, cancel). A key repeats
//! after 2^20 occupants of a slot, which costs one spurious wake at the very worst; `Future` allows
//! that.

use std::mem::MaybeUninit;
use std::panic::Location;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed};

use super::block::Header;
use super::current::{NOTES, ONE_NOTE};
use super::remote_queue::RemoteBit;
use super::stored::StoredWaker;
use super::wait::AMONG_OTHERS;
use crate::executor::probe::TELLS;

/// Bits of an identity that are the index of the slot.
pub(crate) const INDEX_BITS: u32 = 28;
/// The most slots that a runtime can have.
pub(crate) const MAX_INDEX: u32 = (1 << INDEX_BITS) - 1;
/// The part of an identity that goes into a waker's key.
pub(crate) const LOW_48: u64 = (1 << 48) - 1;
/// What one more occupant adds to an identity.
pub(crate) const ONE_GENERATION: u64 = 1 << INDEX_BITS;
/// Bits of an identity: index, generation.
const IDENTITY_BITS: u32 = 56;
/// An identity from here on is the last of its slot.
pub(crate) const LAST_GENERATION: u64 = ((1 << IDENTITY_BITS) - 1) & !(ONE_GENERATION - 1);

/// The slot is in the ready ring, or its task is being polled. *Left set* during the poll, so that
/// a wake from the task itself never touches the ring; cleared after a poll that left the task not
/// woken. A finished task keeps it, so that late wakes never queue it again.
pub(crate) const QUEUED: u16 = 1;
/// The future is gone and the result decided. Never set while `FINISHING`.
pub(crate) const DONE: u16 = 1 << 1;
/// A `JoinHandle` exists. The slot is freed when this is clear and `DONE` is set and `QUEUED` is
/// clear.
pub(crate) const HANDLE: u16 = 1 << 2;
/// The task is being polled, but something nested inside that poll runs under another key (a child
/// of a scope, a destructor). Wakes that find it set `NESTED_WOKEN` instead of being lost.
pub(crate) const NESTED: u16 = 1 << 3;
/// Woken while `NESTED`.
pub(crate) const NESTED_WOKEN: u16 = 1 << 4;
/// Cancelled while its own poll was on the stack; acted on when that poll returns.
pub(crate) const CANCEL: u16 = 1 << 5;
/// The task has a [`TaskExtras`](super::extras::TaskExtras) box.
pub(crate) const EXTRAS: u16 = 1 << 6;
/// The slot of a `block_on` future: its future lives on the stack of `block_on`.
pub(crate) const MAIN: u16 = 1 << 7;
/// The slot of a child that a scope or gather polls itself; never in the ring.
pub(crate) const CHILD: u16 = 1 << 8;
/// The future is gone, async cleanups that it left still run under the task's key.
pub(crate) const FINISHING: u16 = 1 << 9;
/// The future is being dropped right now by a cancel.
pub(crate) const DROPPING: u16 = 1 << 10;
/// The result is an error, kept in the `TaskExtras` box.
pub(crate) const FAILED: u16 = 1 << 11;
/// Cleanups of dropped branches run beside the future.
pub(crate) const ATTACHED: u16 = 1 << 12;
/// The output has been taken by a join.
pub(crate) const TAKEN: u16 = 1 << 13;
/// A runtime's own task (a cleanup, a blocking job): not counted where users count theirs.
pub(crate) const INTERNAL: u16 = 1 << 14;

/// Done, but the ready ring still holds it (it was cancelled while queued): freed when it is
/// popped.
pub(crate) const IN_RING: u16 = 1 << 15;

/// Flags that send a popped slot to the slow path of the poll.
pub(crate) const SLOW: u16 = DONE | EXTRAS | FINISHING | ATTACHED | DROPPING;

/// One row of the table. See the module's head.
#[repr(C, align(64))]
pub(crate) struct Slot {
    key: AtomicU64,
    block: AtomicPtr<Header>,
    spawned_at: AtomicPtr<Location<'static>>,
    wait_at: AtomicPtr<Location<'static>>,
    /// A word of `wait.rs`; a pointer since for a join it is one, to the joined slot.
    wait_for: AtomicPtr<()>,
    /// Whom to wake when the task is done (a `StoredWaker`'s word); for a child, its place in its
    /// set.
    joiner: AtomicPtr<()>,
    polls: AtomicU32,
    /// Milliseconds of the runtime's clock when it began to wait.
    pub(crate) since: AtomicU32,
    /// Index of the parent's slot, and above it four bits of the parent's generation, so that a
    /// reused slot is hardly ever taken for the parent. Index of the next free slot while this one
    /// is free.
    parent: AtomicU32,
    flags: AtomicU16,
    pub(crate) remote: RemoteBit,
    /// The upper bits of the generation, those that are not in the key.
    generation_high: AtomicU8,
}

const _: () = assert!(size_of::<Slot>() == 64);

impl Slot {
    /// A slot without an occupant, which is in no table.
    pub(crate) const fn nobody() -> Self {
        // SAFETY: it is made of atomic numbers and pointers, for which zero is a value; the table's
        // fresh ones are zeros too.
        unsafe { MaybeUninit::zeroed().assume_init() }
    }

    /// The key that wakes the occupant.
    #[inline]
    pub(crate) fn key(&self) -> u64 {
        self.key.load(Relaxed)
    }

    #[inline]
    pub(crate) fn identity(&self) -> u64 {
        (self.key() & LOW_48) | u64::from(self.generation_high.load(Relaxed)) << 48
    }

    /// Makes the next occupant's identity and key. False when the slot has had its last occupant.
    #[inline]
    pub(crate) fn next_generation(&self) -> bool {
        let key = self.key();
        let next = key.wrapping_add(ONE_GENERATION);
        if (next ^ key) >> 48 == 0 {
            self.key.store(next, Relaxed);
            return true;
        }
        self.next_high_generation(key)
    }

    /// The key's 20 bits are used up: they begin anew, and the bits beside the key count one more.
    #[cold]
    fn next_high_generation(&self, key: u64) -> bool {
        let Some(high) = self.generation_high.load(Relaxed).checked_add(1) else {
            return false;
        };
        self.generation_high.store(high, Relaxed);
        self.key
            .store(key & !(LOW_48 & !u64::from(MAX_INDEX)), Relaxed);
        true
    }

    /// Makes `identity` the occupant's; `runtime` is the runtime's id where it stands in a key.
    #[inline]
    pub(crate) fn set_identity(&self, identity: u64, runtime: u64) {
        self.generation_high.store((identity >> 48) as u8, Relaxed);
        self.key.store(runtime | (identity & LOW_48), Relaxed);
    }

    /// Whether `identity` is the occupant's.
    #[inline]
    pub(crate) fn is(&self, identity: u64) -> bool {
        (self.key() ^ identity) << 16 == 0
            && u64::from(self.generation_high.load(Relaxed)) == identity >> 48
    }

    #[inline]
    pub(crate) fn index(&self) -> u32 {
        index_of(self.key())
    }

    #[inline]
    pub(crate) fn block(&self) -> *mut Header {
        self.block.load(Relaxed)
    }

    #[inline]
    pub(crate) fn set_block(&self, block: *mut Header) {
        self.block.store(block, Relaxed);
    }

    #[inline]
    pub(crate) fn flags(&self) -> u16 {
        self.flags.load(Relaxed)
    }

    #[inline]
    pub(crate) fn has(&self, bits: u16) -> bool {
        self.flags() & bits != 0
    }

    /// Whether it holds a task that has not ended.
    pub(crate) fn is_alive(&self) -> bool {
        let there = !self.block().is_null() || self.has(CHILD);
        there && !self.has(DONE | INTERNAL)
    }

    #[inline]
    pub(crate) fn set_flags(&self, flags: u16) {
        self.flags.store(flags, Relaxed);
    }

    /// A load and a store: only the loop's thread writes flags.
    #[inline]
    pub(crate) fn add(&self, bits: u16) {
        self.set_flags(self.flags() | bits);
    }

    #[inline]
    pub(crate) fn remove(&self, bits: u16) {
        self.set_flags(self.flags() & !bits);
    }

    /// The occupant was polled and is queued still: what it said that it waits for does not hold.
    #[inline]
    pub(crate) fn go_on(&self) {
        if TELLS {
            self.count_poll();
            self.forget_wait();
        }
    }

    /// The occupant was polled and waits from now on. `signal` is what happened meanwhile (see
    /// [`hot`](super::current)), and so how often it said what it waits for.
    #[inline(always)]
    pub(crate) fn rest(&self, signal: u32, now_ms: u32) {
        self.remove(QUEUED);
        if TELLS {
            self.since.store(now_ms, Relaxed);
            self.polled(signal);
        }
    }

    /// The occupant was polled.
    #[inline(always)]
    pub(crate) fn polled(&self, signal: u32) {
        self.count_poll();
        match signal & NOTES {
            ONE_NOTE => {}
            0 => self.forget_wait(),
            _ => self.waits_for_others(),
        }
    }

    #[inline]
    fn forget_wait(&self) {
        self.wait_for.store(ptr::null_mut(), Relaxed);
    }

    /// The occupant waits for all that it named: the last one is told, and that there are others.
    fn waits_for_others(&self) {
        let wait = self.wait_for.load(Relaxed);
        let among_others = wait.map_addr(|word| word | AMONG_OTHERS as usize);
        self.wait_for.store(among_others, Relaxed);
    }

    #[inline]
    fn count_poll(&self) {
        self.polls
            .store(self.polls.load(Relaxed).wrapping_add(1), Relaxed);
    }

    /// What the occupant waits for, if it has not ended its poll otherwise when that is over.
    #[inline]
    pub(crate) fn set_wait(&self, wait: u64, at: &'static Location<'static>) {
        self.wait_for
            .store(ptr::without_provenance_mut(wait as usize), Relaxed);
        self.wait_at.store(ptr::from_ref(at).cast_mut(), Relaxed);
    }

    /// The occupant waits for the end of that of another slot.
    #[inline]
    pub(crate) fn set_join(&self, joined: &Self, at: &'static Location<'static>) {
        let joined = ptr::from_ref(joined).cast_mut().cast();
        self.wait_for.store(joined, Relaxed);
        self.wait_at.store(ptr::from_ref(at).cast_mut(), Relaxed);
    }

    /// What the occupant waits for since its last poll; 0 before its first one is over. Means
    /// nothing while it is polled.
    pub(crate) fn wait_for(&self) -> u64 {
        match self.polls() {
            0 => 0, // what stands there is the last occupant's
            _ => self.wait_for.load(Relaxed).addr() as u64,
        }
    }

    /// How many polls of the occupant are over.
    pub(crate) fn polls(&self) -> u32 {
        self.polls.load(Relaxed)
    }

    #[inline]
    pub(crate) fn set_spawned_at(&self, at: &'static Location<'static>) {
        self.spawned_at.store(ptr::from_ref(at).cast_mut(), Relaxed);
    }

    pub(crate) fn spawned_at(&self) -> Option<&'static Location<'static>> {
        location(self.spawned_at.load(Relaxed))
    }

    pub(crate) fn wait_at(&self) -> Option<&'static Location<'static>> {
        location(self.wait_at.load(Relaxed))
    }

    /// Takes whom to wake. Only the loop's thread calls it.
    #[inline]
    pub(crate) fn take_joiner(&self) -> StoredWaker {
        let word = self.joiner.load(Relaxed);
        self.joiner.store(ptr::null_mut(), Relaxed);
        StoredWaker::from_raw(word)
    }

    /// Puts whom to wake in place, and gives back who was there (dropping a foreign waker runs user
    /// code, so that is the caller's to do).
    #[inline]
    pub(crate) fn set_joiner(&self, joiner: StoredWaker) -> StoredWaker {
        let old = self.joiner.load(Relaxed);
        self.joiner.store(joiner.into_raw(), Relaxed);
        StoredWaker::from_raw(old)
    }

    /// Whether the one to be woken at the end is the task of `key` itself, without anybody between.
    pub(crate) fn is_joined_by(&self, key: u64) -> bool {
        self.joiner.load(Relaxed).addr() as u64 == key
    }

    /// The word where a child keeps its place; not a waker then.
    #[inline]
    pub(crate) fn place(&self) -> u64 {
        self.joiner.load(Relaxed).addr() as u64
    }

    #[inline]
    pub(crate) fn set_place(&self, place: u64) {
        self.joiner
            .store(ptr::without_provenance_mut(place as usize), Relaxed);
    }

    /// Makes a free slot the home of a new occupant.
    #[inline]
    pub(crate) fn occupy(
        &self,
        block: *mut Header,
        flags: u16,
        parent: u64,
        at: &'static Location<'static>,
    ) {
        self.set_block(block);
        if TELLS {
            self.tell_anew(at);
        }
        // The joiner is null: whoever ended the last occupant took it.
        self.set_parent(parent);
        self.set_flags(flags);
    }

    #[inline]
    fn tell_anew(&self, at: &'static Location<'static>) {
        self.set_spawned_at(at);
        // What the last occupant waited for means nothing while this is 0.
        self.polls.store(0, Relaxed);
    }

    #[inline]
    pub(crate) fn set_parent(&self, parent: u64) {
        self.parent.store(parent as u32, Relaxed);
    }

    /// Index of the parent's slot, and whether `parent` can be the parent.
    pub(crate) fn parent(&self) -> u32 {
        self.parent.load(Relaxed) & MAX_INDEX
    }

    pub(crate) fn is_child_of(&self, parent: &Self) -> bool {
        self.parent.load(Relaxed) == parent.key() as u32
    }

    #[inline]
    pub(crate) fn next_free(&self) -> u32 {
        self.parent.load(Relaxed)
    }

    #[inline]
    pub(crate) fn set_next_free(&self, index: u32) {
        self.parent.store(index, Relaxed);
    }
}

fn location(at: *mut Location<'static>) -> Option<&'static Location<'static>> {
    // SAFETY: the word is null or was made from a `&'static Location` by `set_wait` or
    // `set_spawned_at`; the slot starts zeroed (null).
    unsafe { at.as_ref() }
}

/// The index part of an identity or key.
#[inline]
pub(crate) fn index_of(identity: u64) -> u32 {
    (identity as u32) & MAX_INDEX
}
