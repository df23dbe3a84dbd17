//! Deadlines in a heap.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::task::Waker;

use step05::{Key, Timers};

/// The next deadline is on top. A cancelled one stays in the heap until it comes to the top.
#[derive(Default)]
pub struct Heap(BinaryHeap<Reverse<Key>>, BTreeMap<Key, Waker>);

impl Timers for Heap {
    fn insert(&mut self, key: Key, waker: Waker) {
        self.0.push(Reverse(key));
        self.1.insert(key, waker);
    }

    fn cancel(&mut self, key: Key) {
        self.1.remove(&key);
    }

    fn next(&mut self) -> Option<u64> {
        while self.0.peek().is_some_and(|top| !self.1.contains_key(&top.0)) {
            self.0.pop();
        }
        self.0.peek().map(|top| top.0.0)
    }

    fn expire(&mut self, now: u64) -> Vec<Waker> {
        let mut due = Vec::new();
        while self.next().is_some_and(|at| at <= now) {
            let Reverse(key) = self.0.pop().expect("it was on top");
            due.extend(self.1.remove(&key));
        }
        due
    }
}
