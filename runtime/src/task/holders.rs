//! Who holds what is waited for: a small table from the address of a lock to the task that has it.
//!
//! It exists because a lock's own memory may go at any moment, so another thread must not look there; and because a
//! waiting task's slot has room for one word, the address. A primitive publishes its holder here only while somebody
//! waits for it, so locks that are free cost nothing. One thread writes, any thread reads; the entries are plain moves.
//! It must not know what kinds of locks there are.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::id::Id;

/// Places at the beginning; a power of two.
const SMALLEST: usize = 64;
/// The holder of an object that somebody waits for and nobody is known to hold.
const UNKNOWN: u64 = u64::MAX;

#[derive(Default)]
struct Entry {
    /// An address; 0: free. Once set it stays, so that a reader never mixes two objects.
    object: AtomicUsize,
    /// An identity, or [`UNKNOWN`]; 0: nobody waits any more.
    holder: AtomicU64,
}

type Entries = Arc<[Entry]>;

fn entries(many: usize) -> Entries {
    (0..many).map(|_| Entry::default()).collect()
}

/// The place of `object`, or the free one where it belongs. There always is a free one.
fn find(entries: &[Entry], object: usize) -> &Entry {
    &entries[place_of(entries, object)]
}

fn place_of(entries: &[Entry], object: usize) -> usize {
    // Fibonacci hashing; the lowest bits of an address say little.
    let hash = (object as u64 >> 3).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let mut place = hash as usize & (entries.len() - 1);
    loop {
        let entry = &entries[place];
        let there = entry.object.load(Relaxed);
        if there == object || there == 0 {
            return place;
        }
        place = (place + 1) & (entries.len() - 1);
    }
}

/// The table as other threads see it.
#[derive(Default)]
pub(crate) struct Published(Mutex<Option<Entries>>);

impl Published {
    /// Who holds an object, if somebody waits for it and it is known.
    pub(crate) fn holder(&self, object: usize) -> Option<Id> {
        let entries = self.lock().clone()?;
        let entry = find(&entries, object);
        match entry.holder.load(Relaxed) {
            0 | UNKNOWN => None,
            _ if entry.object.load(Relaxed) != object => None,
            identity => Some(Id::from_identity(identity)),
        }
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
    /// Says who holds `object`, which somebody waits for. `hint` is where its entry was last time, so that a lock which is
    /// handed on again and again is not looked for.
    #[inline]
    pub(crate) fn publish(
        &self,
        published: &Published,
        object: usize,
        holder: Option<Id>,
        hint: &Cell<u32>,
    ) {
        if !self.publish_at(hint.get(), object, holder) {
            self.publish_anew(published, object, holder, hint);
        }
    }

    /// Says it where `object` already has its entry; false if that is not there.
    #[inline]
    fn publish_at(&self, place: u32, object: usize, holder: Option<Id>) -> bool {
        let entries = self.entries.borrow();
        let entry = entries.as_deref().and_then(|it| it.get(place as usize));
        let Some(entry) = entry.filter(|it| it.object.load(Relaxed) == object) else {
            return false;
        };
        let holder = holder.map_or(UNKNOWN, Id::identity);
        entry.holder.store(holder, Relaxed);
        true
    }

    #[cold]
    fn publish_anew(
        &self,
        published: &Published,
        object: usize,
        holder: Option<Id>,
        hint: &Cell<u32>,
    ) {
        let full = match &*self.entries.borrow() {
            Some(entries) => 2 * self.used.get() >= entries.len(),
            None => true,
        };
        if full {
            self.renew(published);
        }
        let entries = self.entries.borrow();
        let Some(entries) = &*entries else { return };
        let place = place_of(entries, object);
        let entry = &entries[place];
        hint.set(place as u32);
        let holder = holder.map_or(UNKNOWN, Id::identity);
        entry.holder.store(holder, Relaxed);
        if entry.object.load(Relaxed) == 0 {
            entry.object.store(object, Relaxed);
            self.used.set(self.used.get() + 1);
        }
    }

    /// Says that nobody waits for `object` any more.
    pub(crate) fn forget(&self, object: usize) {
        if let Some(entries) = &*self.entries.borrow() {
            find(entries, object).holder.store(0, Relaxed);
        }
    }

    /// Half of the places are used: those that still count move to a table with room for as many again.
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
            holders.publish(&published, 8 * n, id(n), &Cell::new(n as u32 % 7));
        }
        for n in 1..1000 {
            assert_eq!(published.holder(8 * n), id(n));
            holders.forget(8 * n);
            assert_eq!(published.holder(8 * n), None);
        }
        holders.publish(&published, 8, None, &Cell::new(0));
        assert_eq!(published.holder(8), None);
        for n in 1..100_000 {
            holders.publish(&published, 8 * n, id(n), &Cell::new(n as u32 % 7));
            holders.forget(8 * n);
        }
        let places = holders.entries.borrow().as_ref().map(|it| it.len());
        assert!(places <= Some(4096), "{places:?} places for nobody");
    }
}
