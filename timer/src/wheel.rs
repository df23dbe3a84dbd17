//! The wheel: entries ordered by deadline, as far as order is needed and no further.
//!
//! Why: a runtime makes and cancels far more timers than ever expire. A heap orders all of them; a
//! wheel only sorts an entry a level finer when its time draws near, and a cancelled one is never
//! sorted at all. The scheme is Varghese and Lauck's, "Hashed and Hierarchical Timing Wheels" (SOSP
//! 1987), their scheme 7.

use std::fmt;

use crate::{
    entry::Key,
    level::{DUE, EXPIRED, Levels, SLOTS},
    slab::Slab,
    statistics::Statistics,
    tick::{Tick, list_of, start_of},
};

/// A hierarchical timing wheel: values of type `T`, each with a deadline.
///
/// Eleven levels of 64 slots, which cover every deadline a [`Tick`] can name:
///
/// | level | a slot is this many ticks | the level spans | if a tick is 1 ms |
/// |------:|--------------------------:|----------------:|-------------------|
/// | 0     | 1                         | 64              | 64 ms             |
/// | 1     | 64                        | 64²             | 4 s               |
/// | 2     | 64²                       | 64³             | 4 min             |
/// | 3     | 64³                       | 64⁴             | 4 h               |
/// | 4     | 64⁴                       | 64⁵             | 12 days           |
/// | 5     | 64⁵                       | 64⁶             | 2 years           |
/// | …     | …                         | …               | …                 |
/// | 10    | 64¹⁰                      | the rest        | 500 million years |
///
/// An entry sits at the level of the highest base-64 digit in which its deadline differs from now,
/// in the slot of that digit. This holds at every moment, not only when the entry came:
/// [`advance`](Self::advance) takes apart each slot it enters. So the place follows from deadline
/// and now, no level is special, and a far entry cannot stand in front of a near one.
///
/// # Order
///
/// Entries expire in the order of their deadlines, and at equal deadlines in the order in which
/// they came. A deadline that is not after now counts as now; [`reschedule`](Self::reschedule)
/// counts as a new one.
///
/// # Examples
///
/// ```
/// use myrt_timer::Wheel;
///
/// let mut wheel = Wheel::new();
/// wheel.insert(30, "tea");
/// let eggs = wheel.insert(10, "eggs");
/// wheel.insert(u64::MAX, "never");
///
/// assert_eq!(wheel.next_deadline(), Some(10));
/// assert_eq!(wheel.remove(eggs), Some("eggs"));
///
/// wheel.advance(1_000);
/// assert_eq!(wheel.pop_expired(), Some("tea"));
/// assert_eq!(wheel.pop_expired(), None);
/// assert_eq!(wheel.len(), 1);
/// ```
pub struct Wheel<T> {
    now: Tick,
    levels: Levels,
    slab: Slab<T>,
    cascaded: u64,
}

impl<T> Wheel<T> {
    /// An empty wheel that stands at tick 0.
    #[must_use]
    pub fn new() -> Self {
        Self::new_at(0)
    }

    /// An empty wheel that stands at `now`.
    #[must_use]
    pub fn new_at(now: Tick) -> Self {
        Self {
            now,
            levels: Levels::new(),
            slab: Slab::new(),
            cascaded: 0,
        }
    }

    /// Where the wheel stands: the greatest tick it was advanced to.
    #[inline]
    #[must_use]
    pub fn now(&self) -> Tick {
        self.now
    }

    /// How many entries there are: waiting, due, or expired and not yet popped.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.slab.occupied()
    }

    /// Whether there are none of those.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds an entry that expires once the wheel is advanced to `deadline` or beyond. O(1).
    ///
    /// A deadline that is not after [`now`](Self::now) is due: it expires at the next
    /// [`advance`](Self::advance), even one that goes nowhere, and not before. So a loop over
    /// [`pop_expired`](Self::pop_expired) ends although what it pops inserts due entries.
    ///
    /// # Panics
    ///
    /// When there are about 2³² entries already.
    #[inline]
    pub fn insert(&mut self, deadline: Tick, value: T) -> Key {
        let list = list_of(self.now, deadline, DUE);
        // Marked first, which costs fewer registers. Should the insertion panic, a bit stays set
        // over an empty list, which the next advance over it finds out and mends.
        self.levels.mark(list);
        self.slab.insert(list, deadline, value)
    }

    /// Takes an entry out, whether it waits or has expired; `None` if it was popped or removed
    /// before. O(1), and nothing is scanned.
    #[inline]
    pub fn remove(&mut self, key: Key) -> Option<T> {
        self.slab.remove(key, |list| self.levels.clear(list))
    }

    /// Gives an entry another deadline, in place; `false` if it was popped or removed before. O(1).
    ///
    /// Any deadline will do, earlier or later, and an entry that has expired but was not popped
    /// waits again.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut wheel = myrt_timer::Wheel::new();
    /// let key = wheel.insert(10, "idle for too long");
    /// wheel.advance(9);
    /// assert!(wheel.reschedule(key, 19));
    /// wheel.advance(10);
    /// assert_eq!(wheel.pop_expired(), None);
    /// ```
    #[inline]
    pub fn reschedule(&mut self, key: Key, deadline: Tick) -> bool {
        let Some((old, _)) = self.slab.entry_mut(key) else {
            return false;
        };
        *old = deadline;
        self.slab.unlink(key.index, |list| self.levels.clear(list));
        let list = list_of(self.now, deadline, DUE);
        self.levels.mark(list);
        self.slab.push_back(list, key.index);
        true
    }

    /// An entry's value, unless it was popped or removed before.
    #[inline]
    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        self.slab.entry_mut(key).map(|(_, value)| value)
    }

    /// Whether an entry is still there: neither popped nor removed.
    #[inline]
    #[must_use]
    pub fn contains(&self, key: Key) -> bool {
        self.slab.entry(key).is_some()
    }

    /// An entry's deadline, as it was given, unless the entry was popped or removed before.
    #[inline]
    #[must_use]
    pub fn deadline(&self, key: Key) -> Option<Tick> {
        self.slab.entry(key).map(|(deadline, _)| deadline)
    }

    /// Moves the wheel to `now`; every entry with a deadline of at most `now` expires.
    ///
    /// A `now` before [`Wheel::now`] moves nothing, but what is due expires nevertheless. A jump of
    /// any width costs as much as the slots that it finds occupied, not as the ticks that it
    /// passes. An entry is moved at most once a level during its life, and a whole slot at level 0
    /// expires at once, however many share it.
    pub fn advance(&mut self, now: Tick) {
        // What is due now precedes whatever comes after now.
        self.expire(DUE);
        while let Some((level, slot)) = self.levels.earliest() {
            let start = start_of(self.now, level, slot);
            debug_assert!(start > self.now, "an occupied slot lies ahead");
            if start > now {
                break;
            }
            self.now = start;
            let list = level * SLOTS + slot;
            if level == 0 {
                self.expire(list);
            } else {
                self.cascade(list);
            }
        }
        self.now = self.now.max(now);
    }

    /// Takes out the next expired entry, in the [order](Self#order) of expiry.
    ///
    /// Between two calls entries may be inserted, removed and rescheduled freely. What was inserted
    /// or rescheduled meanwhile does not turn up before the next [`advance`](Self::advance).
    #[inline]
    pub fn pop_expired(&mut self) -> Option<T> {
        self.slab.pop_front(EXPIRED, |list| self.levels.clear(list))
    }

    /// When to look again: nothing expires before this tick. `None` when the wheel is empty.
    ///
    /// O(levels). What it says is
    /// - [`now`](Self::now), if anything is due, or expired and not yet popped;
    /// - exactly the earliest deadline, if that is in level 0, which is to say in the same block of
    ///   64 ticks as now;
    /// - else a tick after now and not after the earliest deadline. Advancing there sorts that slot
    ///   finer, so asking again comes nearer, and after ten times at the latest it is exact.
    #[inline]
    #[must_use]
    pub fn next_deadline(&self) -> Option<Tick> {
        if self.levels.anything_late() {
            return Some(self.now);
        }
        let (level, slot) = self.levels.earliest()?;
        Some(start_of(self.now, level, slot))
    }

    /// Gives back the memory of vacant places behind the last entry. O(places).
    ///
    /// The wheel never does so by itself. It is worth a call when many entries have gone, best when
    /// none are left. Keys given out before stay unique: new places begin in generations that the
    /// old ones have not reached, and since that uses generations up, a place stays where it would
    /// take more than half of them.
    pub fn shrink_to_fit(&mut self) {
        self.slab.shrink();
    }

    /// Every entry that waits, or has expired and was not popped yet, with its deadline: for
    /// looking at. In no order, and O([`places`](Statistics::places)).
    ///
    /// ```
    /// let mut wheel = myrt_timer::Wheel::new();
    /// wheel.insert(30, "tea");
    /// assert_eq!(wheel.iter().collect::<Vec<_>>(), [(30, &"tea")]);
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (Tick, &T)> {
        self.slab.iter()
    }

    /// The wheel in numbers.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        Statistics {
            entries: self.len(),
            places: self.slab.places(),
            retired: self.slab.retired(),
            occupied: self.levels.occupied(),
            cascaded: self.cascaded,
        }
    }

    /// Lets a whole list expire: it is appended as it is.
    fn expire(&mut self, list: usize) {
        if self.levels.is_marked(list) {
            self.levels.clear(list);
            if self.slab.append(list, EXPIRED) {
                self.levels.mark(EXPIRED);
            }
        }
    }

    /// Takes a slot apart whose first tick is now: what is due expires, the rest goes where its
    /// next digit says. All levels below are empty, or this slot would not have been the earliest;
    /// hence what expires here is in order.
    fn cascade(&mut self, list: usize) {
        self.levels.clear(list);
        let Self {
            now,
            levels,
            slab,
            cascaded,
        } = self;
        *cascaded += slab.distribute(list, |deadline| {
            let to = list_of(*now, deadline, EXPIRED);
            debug_assert!(
                to == EXPIRED || to / SLOTS < list / SLOTS,
                "entries only come nearer"
            );
            levels.mark(to);
            to
        });
    }
}

impl<T> Default for Wheel<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Wheel<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Wheel")
            .field("now", &self.now)
            .field("statistics", &self.statistics())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, num::NonZeroU32};

    use super::Wheel;

    /// A wheel whose places have `left` generations left.
    fn aged(left: u32) -> Wheel<u32> {
        let mut wheel = Wheel::new();
        let first = NonZeroU32::new(u32::MAX - left + 1).expect("some generations are used");
        wheel.slab.begin_generations_at(first);
        wheel
    }

    #[test]
    fn r55_a_place_whose_generations_are_used_up_is_retired() {
        let mut wheel = aged(3);
        let mut seen = HashSet::new();
        for round in 0..10 {
            let key = wheel.insert(7, round);
            assert!(seen.insert(key), "a key came twice");
            assert_ne!(key.to_bits(), 0);
            assert_eq!(wheel.remove(key), Some(round));
            assert!(
                seen.iter()
                    .all(|&old| !wheel.contains(old) && wheel.remove(old).is_none())
            );
        }
        // Three rounds a place: three places are used up, the fourth has two rounds left.
        assert_eq!(wheel.statistics().retired, 3);
        assert_eq!(wheel.statistics().places, 4);
    }

    #[test]
    fn r55_a_stale_key_does_not_touch_the_next_owner() {
        let mut wheel = aged(2);
        let old = wheel.insert(5, 1);
        wheel.advance(5);
        assert_eq!(wheel.pop_expired(), Some(1));
        let new = wheel.insert(9, 2);
        assert_eq!(new.index, old.index, "the place is used again");
        assert_eq!(wheel.remove(old), None);
        assert!(!wheel.reschedule(old, 6));
        assert_eq!(wheel.get_mut(old), None);
        assert_eq!(wheel.deadline(old), None);
        assert_eq!(wheel.remove(new), Some(2));
        assert!(!wheel.contains(new), "not even the last generation wraps");
    }

    #[test]
    fn r55_shrinking_keeps_places_that_are_old() {
        let mut wheel = aged(2);
        let key = wheel.insert(5, 1);
        wheel.remove(key);
        wheel.shrink_to_fit();
        assert_eq!(wheel.statistics().places, 1);
        assert_ne!(wheel.insert(5, 1), key);
    }
}
