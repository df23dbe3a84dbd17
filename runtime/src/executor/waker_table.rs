//! The task table: segments of slots that never move and are not freed before the last one who
//! looks.
//!
//! It exists because wakers hold an index and may be used from any thread at any time: growth must
//! be harmless to whoever looks meanwhile. Segment `n` has 1,024 << n slots, so twenty pointers
//! reach every index and an index finds its slot with one bit scan. A fresh segment is zeroed
//! memory that the system has not touched yet, so slots that were never used cost nothing. It must
//! not know tasks: it hands out slots and takes them back.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::cell::Cell;
use std::collections::HashMap;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::holders::Published;
use super::id::Id;
use super::runner::Runner;
use super::slot::{DONE, INDEX_BITS, LAST_GENERATION, MAX_INDEX, ONE_GENERATION, QUEUED, Slot};
use super::times::Times;
use super::wait::Wait;

const FIRST_BITS: u32 = 10;
const SEGMENTS: usize = (INDEX_BITS - FIRST_BITS) as usize + 1;

/// The slots, as every thread may see them.
pub(crate) struct Table {
    segments: [AtomicPtr<Slot>; SEGMENTS],
    /// One more than the highest index ever handed out.
    high: AtomicU32,
    /// Who is being polled; for others to read.
    pub(crate) runner: Runner,
    /// Names of tasks that have one, by identity: rare, and written only when a name is given or
    /// its task ends.
    names: Mutex<HashMap<u64, String>>,
    /// Who holds what is waited for.
    pub(crate) holders: Published,
    /// How long tasks were polled.
    pub(crate) times: Times,
}

impl Table {
    fn new() -> Self {
        Self {
            segments: [const { AtomicPtr::new(ptr::null_mut()) }; SEGMENTS],
            high: AtomicU32::new(0),
            runner: Runner::new(),
            names: Mutex::default(),
            holders: Published::default(),
            times: Times::default(),
        }
    }

    pub(crate) fn name(&self, identity: u64) -> Option<String> {
        self.lock_names().get(&identity).cloned()
    }

    /// Gives a task a name, or takes it away.
    pub(crate) fn set_name(&self, identity: u64, name: Option<&str>) {
        let mut names = self.lock_names();
        match name {
            Some(name) => names.insert(identity, name.to_owned()),
            None => names.remove(&identity),
        };
    }

    fn lock_names(&self) -> MutexGuard<'_, HashMap<u64, String>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The slot of an index that may never have existed; for other threads and for stale keys.
    #[inline]
    pub(crate) fn look(&self, index: u32) -> Option<&Slot> {
        let (segment, offset) = place(index);
        let base = self.segments[segment].load(Ordering::Acquire);
        if base.is_null() {
            return None;
        }
        // SAFETY: `place` keeps the offset below the segment's length, and a segment that is
        // published (Acquire pairs with the Release in `grow`) has all of its slots for the table's
        // whole life.
        let slot = unsafe { base.add(offset) };
        // SAFETY: as above; slots are only ever read and written through shared references to
        // atomics, and all-zero is a valid slot.
        Some(unsafe { &*slot })
    }

    /// What a slot's word says that its occupant waits for.
    pub(crate) fn wait(&self, word: u64) -> Wait {
        match Wait::joined_slot(word) {
            Some(address) => self.at_address(address).map_or(Wait::Unknown, |slot| {
                Wait::Join(Id::from_identity(slot.identity()))
            }),
            None => Wait::unpack(word),
        }
    }

    /// The slot that stands at an address.
    fn at_address(&self, address: usize) -> Option<&Slot> {
        self.segments.iter().enumerate().find_map(|(number, base)| {
            let base = base.load(Ordering::Acquire).addr();
            let offset = address.checked_sub(base)? / size_of::<Slot>();
            let length = 1 << (FIRST_BITS as usize + number);
            let index = length - (1 << FIRST_BITS) + offset;
            (base != 0 && offset < length)
                .then(|| self.look(u32::try_from(index).ok()?))
                .flatten()
        })
    }

    /// One more than the highest index ever used.
    pub(crate) fn high(&self) -> u32 {
        self.high.load(Ordering::Acquire)
    }

    fn grow(&self, segment: usize) {
        // SAFETY: the layout is not of size zero (a segment has at least 1,024 slots of 64 bytes).
        let memory = unsafe { alloc_zeroed(layout(segment)) };
        if memory.is_null() {
            handle_alloc_error(layout(segment));
        }
        let gap = (memory.addr() + WORD).next_multiple_of(align_of::<Slot>()) - memory.addr();
        // SAFETY: `layout` has room for the word and the gap beside the slots.
        let base = unsafe { memory.add(gap) }.cast::<Slot>();
        // SAFETY: the gap is at least a word, so this is inside the allocation, and aligned as
        // `base` is.
        let before = unsafe { base.cast::<*mut u8>().sub(1) };
        // SAFETY: as above; nobody else knows of this memory yet.
        unsafe { before.write(memory) };
        self.segments[segment].store(base, Ordering::Release);
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        for (number, segment) in self.segments.iter().enumerate() {
            let base = segment.load(Ordering::Acquire);
            if !base.is_null() {
                // SAFETY: `grow` wrote the allocation's address in the word before the slots.
                let before = unsafe { base.cast::<*mut u8>().sub(1) };
                // SAFETY: as above.
                let memory = unsafe { before.read() };
                // SAFETY: allocated in `grow` with this very layout; nobody looks any more, we are
                // dropped.
                unsafe { dealloc(memory, layout(number)) };
            }
        }
    }
}

/// The loop's side of the table: who is free, and how far it reaches.
pub(crate) struct Slots {
    table: Arc<Table>,
    /// The runtime's id, where it stands in a key.
    runtime: u64,
    /// Index of the first free slot, 0 for none (slot 0 is the main future's and never free).
    free: Cell<u32>,
    high: Cell<u32>,
}

impl Slots {
    pub(crate) fn new(runtime: u64) -> Self {
        let slots = Self {
            table: Arc::new(Table::new()),
            runtime,
            free: Cell::new(0),
            high: Cell::new(0),
        };
        slots.raise(0);
        slots
    }

    pub(crate) fn shared(&self) -> &Arc<Table> {
        &self.table
    }

    /// How many slots were ever in use at once; the ready ring holds as many.
    #[inline]
    pub(crate) fn high(&self) -> u32 {
        self.high.get()
    }

    #[inline]
    pub(crate) fn get(&self, index: u32) -> Option<&Slot> {
        self.table.look(index)
    }

    /// A slot that was used before; its identity is that of its next occupant.
    #[inline]
    pub(crate) fn take(&self) -> Option<&Slot> {
        let index = self.free.get();
        if index == 0 {
            return None;
        }
        let slot = self.get(index)?;
        self.free.set(slot.next_free());
        Some(slot)
    }

    /// A slot that was never used. None when 2^28 are in use.
    #[cold]
    pub(crate) fn take_fresh(&self) -> Option<&Slot> {
        let index = self.high.get();
        if index > MAX_INDEX {
            return None;
        }
        self.raise(index);
        self.get(index)
    }

    fn raise(&self, index: u32) {
        let (segment, _) = place(index);
        if self.table.look(index).is_none() {
            self.table.grow(segment);
        }
        if let Some(slot) = self.table.look(index) {
            // Index 0 starts at generation 1, so that no identity is ever zero.
            let first = if index == 0 {
                ONE_GENERATION
            } else {
                u64::from(index)
            };
            slot.set_identity(first, self.runtime);
        }
        self.high.set(index + 1);
        self.table.high.store(index + 1, Ordering::Release);
    }

    /// Ends an occupancy: whoever holds the old identity or key now holds nothing.
    #[inline]
    pub(crate) fn release(&self, slot: &Slot) {
        slot.set_block(ptr::null_mut());
        // Free slots look queued, so that a late wake from another thread never puts one into the
        // ring.
        slot.set_flags(DONE | QUEUED);
        // A slot that has had its last occupant is left alone for ever, so that no identity is ever
        // reused.
        if slot.next_generation() {
            slot.set_next_free(self.free.get());
            self.free.set(slot.index());
        }
    }

    /// Gives the main slot a fresh generation and returns it.
    pub(crate) fn renew_main(&self) -> &Slot {
        let slot = self.get(0).expect("slot 0 exists from the start");
        let identity = slot.identity();
        // 2^28 calls of block_on on one runtime: only here does an id come round again.
        let next = if identity >= LAST_GENERATION {
            2 * ONE_GENERATION
        } else {
            identity + ONE_GENERATION
        };
        slot.set_identity(next, self.runtime);
        slot
    }

    /// For tests: makes the next occupant of a free slot the last one of that slot.
    #[cfg(test)]
    pub(crate) fn age(&self, slot: &Slot) {
        slot.set_identity(LAST_GENERATION | u64::from(slot.index()), self.runtime);
    }
}

/// Segment and offset of an index: one addition, one bit scan.
#[inline]
fn place(index: u32) -> (usize, usize) {
    if index < 1 << FIRST_BITS {
        return (0, index as usize);
    }
    let number = (index & MAX_INDEX) + (1 << FIRST_BITS);
    let top = number.ilog2();
    ((top - FIRST_BITS) as usize, (number ^ (1 << top)) as usize)
}

const WORD: usize = size_of::<*mut u8>();

/// Room for a segment's slots, for the gap that aligns them and for a word before them. Of a word's
/// alignment: of memory with a larger one Rust's allocator writes the zeros itself, and slots that
/// were never used would not be free any more.
fn layout(segment: usize) -> Layout {
    let slots = size_of::<Slot>() << (FIRST_BITS as usize + segment);
    Layout::from_size_align(slots + align_of::<Slot>() + WORD, WORD)
        .expect("2^28 slots fit the address space")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_has_its_own_place() {
        assert_eq!(place(0), (0, 0));
        assert_eq!(place(1023), (0, 1023));
        assert_eq!(place(1024), (1, 0));
        assert_eq!(place(3071), (1, 2047));
        assert_eq!(place(3072), (2, 0));
        assert!(place(MAX_INDEX).0 < SEGMENTS);
    }

    /// Once the allocator wrote zeros over every new segment, and a program of 100,000 tasks held a
    /// fifth more than it used.
    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn slots_that_were_never_used_cost_nothing() {
        const PAGE: usize = 4096;
        let table = Table::new();
        let segment = SEGMENTS - 8; // 128 MiB, more than the C library keeps for later use
        table.grow(segment);
        let base = table.segments[segment].load(Ordering::Acquire);
        let start = base.addr().next_multiple_of(PAGE) - base.addr();
        let mut resident = vec![0_u8; 1024];
        // SAFETY: the segment is much larger than a page.
        let first = unsafe { base.cast::<u8>().add(start) };
        // SAFETY: 1,024 whole pages of the segment, and a byte for each to write to.
        let asked =
            unsafe { libc::mincore(first.cast(), resident.len() * PAGE, resident.as_mut_ptr()) };
        assert_eq!(asked, 0);
        assert!(resident.iter().all(|page| page & 1 == 0));
    }

    #[test]
    fn r55_a_slot_is_retired_when_its_generation_is_exhausted() {
        let slots = Slots::new(1 << 48);
        let first = slots.take_fresh().expect("room").index();
        let slot = slots.get(first).expect("exists");
        slots.age(slot);
        slots.release(slot);
        assert!(
            slots.take().is_none(),
            "the exhausted slot is never handed out again"
        );
    }
}
