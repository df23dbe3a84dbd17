//! Who holds what is waited for: a small table from the address of a lock to the task that has it.
//!
//! It exists because a lock's own memory may go at any moment, so another thread must not look
//! there; and because a waiting task's slot has room for one word, the address. A primitive
//! publishes its holder here only while somebody waits for it, so one that is never waited for has
//! no entry. One thread writes, any thread reads; the entries are plain moves. It must not know
//! what kinds of locks there are.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::id::Id;

/// Places at the beginning; a power of two.
const SMALLEST: usize = 64;
/// The holder of an object that nobody is known to hold.
const UNKNOWN: u64 = u64::MAX;
/// With an identity: the task took the object, and may have given it away since. Identities have 56
/// bits.
pub(crate) const UNSURE: u64 = 1 << 63;

#[derive(Default)]
struct Entry {
    /// An address; 0: free. Once set it stays, so that a reader never mixes two objects.
    object: AtomicUsize,
    /// An identity, or [`UNKNOWN`]; 0: the object is gone.
    holder: AtomicU64,
}

type Entries = Arc<[Entry]>;

fn entries(many: usize) -> Entries {
    (0..many).map(|_| Entry::default()).collect()
}

/// The place of `object`, or the free one where it belongs. There always is a free one.
fn find(entries: &[Entry], object: usize) -> &Entry {
    // Fibonacci hashing; the lowest bits of an address say little.
    let hash = (object as u64 >> 3).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let mut place = hash as usize & (entries.len() - 1);
    loop {
        let entry = &entries[place];
        let there = entry.object.load(Relaxed);
        if there == object || there == 0 {
            return entry;
        }
        place = (place + 1) & (entries.len() - 1);
    }
}

/// The table as other threads see it.
#[derive(Default)]
pub(crate) struct Published(Mutex<Option<Entries>>);

impl Published {
    /// Who holds an object that somebody waits for, if it is known.
    pub(crate) fn holder(&self, object: usize) -> Option<Id> {
        let identity = self.read(object)? & !UNSURE;
        (identity != 0).then(|| Id::from_identity(identity))
    }

    /// The same, if the holder cannot have given it away since.
    pub(crate) fn sure_holder(&self, object: usize) -> Option<Id> {
        let identity = self.read(object)?;
        (identity & UNSURE == 0).then(|| Id::from_identity(identity))
    }

    /// Whether what is published of an object may have been given away since.
    pub(crate) fn is_unsure(&self, object: usize) -> bool {
        self.read(object).is_some_and(|holder| holder & UNSURE != 0)
    }

    fn read(&self, object: usize) -> Option<u64> {
        let entries = self.lock().clone()?;
        let entry = find(&entries, object);
        let holder = entry.holder.load(Relaxed);
        let known = !matches!(holder, 0 | UNKNOWN) && entry.object.load(Relaxed) == object;
        known.then_some(holder)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Entries>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The table as the loop's thread writes it.
#[derive(Default)]
pub(crate) struct Holders {
    entries: RefCell<Option<Entries>>,
    used: Cell<usize>,
}

impl Holders {
    /// Says who holds `object`, which somebody waits for.
    pub(crate) fn publish(&self, published: &Published, object: usize, holder: Option<Id>) {
        let holder = holder.map_or(UNKNOWN, Id::identity);
        if !self.write(object, holder) {
            self.renew(published);
            self.write(object, holder);
        }
    }

    /// False: half of the places are used.
    #[inline]
    fn write(&self, object: usize, holder: u64) -> bool {
        let entries = self.entries.borrow();
        let Some(entries) = entries.as_deref() else {
            return false;
        };
        let used = self.used.get();
        if 2 * used >= entries.len() {
            return false;
        }
        let entry = find(entries, object);
        entry.holder.store(holder, Relaxed);
        if entry.object.load(Relaxed) == 0 {
            entry.object.store(object, Relaxed);
            self.used.set(used + 1);
        }
        true
    }

    /// Says that `object` is gone.
    pub(crate) fn forget(&self, object: usize) {
        if let Some(entries) = &*self.entries.borrow() {
            find(entries, object).holder.store(0, Relaxed);
        }
    }

    /// Half of the places are used: those of objects that are still there move to a table with room
    /// for as many again.
    #[cold]
    fn renew(&self, published: &Published) {
        let old = self.entries.take();
        let counts = |entry: &&Entry| entry.holder.load(Relaxed) != 0;
        let kept: Vec<&Entry> = old.iter().flat_map(|it| it.iter()).filter(counts).collect();
        let many = (4 * kept.len()).next_power_of_two().max(SMALLEST);
        let new = entries(many);
        for entry in &kept {
            let object = entry.object.load(Relaxed);
            let place = find(&new, object);
            place.holder.store(entry.holder.load(Relaxed), Relaxed);
            place.object.store(object, Relaxed);
        }
        self.used.set(kept.len());
        *published.lock() = Some(Arc::clone(&new));
        self.entries.replace(Some(new));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_waited_for_survives_growth_and_what_is_not_makes_room() {
        let (published, holders) = (Published::default(), Holders::default());
        let id = |n: usize| Some(Id::from_identity(n as u64));
        assert_eq!(published.holder(8), None);
        for n in 1..1000 {
            holders.publish(&published, 8 * n, id(n));
        }
        for n in 1..1000 {
            assert_eq!(published.holder(8 * n), id(n));
            holders.forget(8 * n);
            assert_eq!(published.holder(8 * n), None);
        }
        holders.publish(&published, 8, None);
        assert_eq!(published.holder(8), None);
        for n in 1..100_000 {
            holders.publish(&published, 8 * n, id(n));
            holders.forget(8 * n);
        }
        let places = holders.entries.borrow().as_ref().map(|it| it.len());
        assert!(places <= Some(4096), "{places:?} places for nobody");
    }
}
