//! Deadlines in a list: right, and slow.

use std::task::Waker;

use step05::{Key, Timers};

// ANCHOR: list
/// Every question looks at every deadline.
#[derive(Default)]
pub struct List(Vec<(Key, Waker)>);

impl Timers for List {
    fn insert(&mut self, key: Key, waker: Waker) {
        self.0.push((key, waker));
    }

    fn cancel(&mut self, key: Key) {
        self.0.retain(|timer| timer.0 != key);
    }

    fn next(&mut self) -> Option<u64> {
        self.0.iter().map(|timer| timer.0.0).min()
    }

    fn expire(&mut self, now: u64) -> Vec<Waker> {
        self.0.extract_if(.., |timer| timer.0.0 <= now).map(|timer| timer.1).collect()
    }
}
// ANCHOR_END: list
