//! In which order the items of a queue come out.
//!
//! Why: the three queues differ in nothing else.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, VecDeque};

/// Where a queue keeps its items. Sealed: there are these three.
pub trait Order<T>: sealed::Sealed {
    /// Takes an item in.
    #[doc(hidden)]
    fn push(&mut self, item: T);

    /// The item whose turn it is.
    #[doc(hidden)]
    fn pop(&mut self) -> Option<T>;
}

mod sealed {
    pub trait Sealed {}
    impl<T> Sealed for super::Fifo<T> {}
    impl<T> Sealed for super::Lifo<T> {}
    impl<T: Ord> Sealed for super::Priority<T> {}
}

/// The oldest first.
#[derive(Debug)]
pub struct Fifo<T>(VecDeque<T>);

impl<T> Fifo<T> {
    pub(super) const fn new() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Order<T> for Fifo<T> {
    #[inline]
    fn push(&mut self, item: T) {
        self.0.push_back(item);
    }

    #[inline]
    fn pop(&mut self) -> Option<T> {
        self.0.pop_front()
    }
}

/// The newest first.
#[derive(Debug)]
pub struct Lifo<T>(Vec<T>);

impl<T> Lifo<T> {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }
}

impl<T> Order<T> for Lifo<T> {
    fn push(&mut self, item: T) {
        self.0.push(item);
    }

    fn pop(&mut self) -> Option<T> {
        self.0.pop()
    }
}

/// The smallest first, and of equal ones the oldest.
#[derive(Debug)]
pub struct Priority<T: Ord> {
    /// `BinaryHeap` gives the largest first.
    heap: BinaryHeap<Reverse<Numbered<T>>>,
    /// The number of the next item: a heap alone forgets who came first.
    next: u64,
}

#[derive(Debug)]
struct Numbered<T> {
    item: T,
    number: u64,
}

impl<T: Ord> Ord for Numbered<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.item
            .cmp(&other.item)
            .then(self.number.cmp(&other.number))
    }
}

impl<T: Ord> PartialOrd for Numbered<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Ord> PartialEq for Numbered<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T: Ord> Eq for Numbered<T> {}

impl<T: Ord> Priority<T> {
    pub(super) fn new() -> Self {
        Self {
            heap: BinaryHeap::new(),
            next: 0,
        }
    }
}

impl<T: Ord> Order<T> for Priority<T> {
    fn push(&mut self, item: T) {
        let number = self.next;
        self.next += 1;
        self.heap.push(Reverse(Numbered { item, number }));
    }

    fn pop(&mut self) -> Option<T> {
        self.heap.pop().map(|Reverse(numbered)| numbered.item)
    }
}
