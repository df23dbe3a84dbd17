//! Deadlines in a heap.
#![allow(unused_variables, dead_code, reason = "an exercise that is not done yet")]

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::task::Waker;

use step05::{Key, Timers};

/// The next deadline is on top. A cancelled one stays in the heap until it comes to the top.
#[derive(Default)]
pub struct Heap(BinaryHeap<Reverse<Key>>, BTreeMap<Key, Waker>);

impl Timers for Heap {
    fn insert(&mut self, key: Key, waker: Waker) {
        todo!("the key goes into both")
    }

    fn cancel(&mut self, key: Key) {
        todo!("a heap cannot remove from its middle: leave the key there, take the waker")
    }

    fn next(&mut self) -> Option<u64> {
        todo!("a key on top without a waker was cancelled")
    }

    fn expire(&mut self, now: u64) -> Vec<Waker> {
        todo!("from the top, while it is due")
    }
}
