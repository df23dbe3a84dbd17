//! Deadlines, and what keeps them: the wheel.

use std::task::Waker;

/// A deadline in milliseconds, and a number that makes it unique.
pub type Key = (u64, u64);

// ANCHOR: trait
pub trait Timers: Default {
    /// Adds a deadline that has not passed yet.
    fn insert(&mut self, key: Key, waker: Waker);
    /// Removes it, if it is still there.
    fn cancel(&mut self, key: Key);
    /// The next deadline.
    fn next(&mut self) -> Option<u64>;
    /// Removes all that are due at `now`, and returns their wakers.
    fn expire(&mut self, now: u64) -> Vec<Waker>;
}
// ANCHOR_END: trait

// ANCHOR: wheel
const SLOTS: u64 = 256;

/// A slot for each millisecond of the next quarter of a second; what is later goes round again.
pub struct Wheel {
    slots: Vec<Vec<(Key, Waker)>>,
    /// All deadlines up to here have been removed.
    now: u64,
}

impl Default for Wheel {
    fn default() -> Self {
        Self { slots: (0..SLOTS).map(|_| Vec::new()).collect(), now: 0 }
    }
}

impl Timers for Wheel {
    fn insert(&mut self, key: Key, waker: Waker) {
        self.slots[(key.0 % SLOTS) as usize].push((key, waker));
    }

    fn cancel(&mut self, key: Key) {
        let slot = &mut self.slots[(key.0 % SLOTS) as usize];
        if let Some(place) = slot.iter().position(|timer| timer.0 == key) {
            slot.swap_remove(place);
        }
    }

    fn next(&mut self) -> Option<u64> {
        let slot = |at: &u64| self.slots[(at % SLOTS) as usize].iter();
        let round = self.now + 1..=self.now + SLOTS;
        let soon = round.clone().find(|at| slot(at).any(|timer| timer.0.0 == *at));
        soon.or_else(|| round.clone().flat_map(|at| slot(&at).map(|timer| timer.0.0)).min())
    }

    fn expire(&mut self, now: u64) -> Vec<Waker> {
        let mut due = Vec::new();
        for at in (self.now + 1..=now).take(SLOTS as usize) {
            let slot = &mut self.slots[(at % SLOTS) as usize];
            due.extend(slot.extract_if(.., |timer| timer.0.0 <= now).map(|timer| timer.1));
        }
        self.now = now;
        due
    }
}
// ANCHOR_END: wheel
