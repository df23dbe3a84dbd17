//! The queue in which tasks wait for a primitive: first in, first out, each waiter removable by
//! key.
//!
//! Every primitive of `sync` needs the same three things: to join the end of a queue, to be picked
//! from its front, and to leave it from the middle when a future is dropped. They are here once,
//! with the two rules that other runtimes learned from their bugs:
//!
//! - *A grant is never lost.* A waiter that was picked keeps its node, marked [`Stage::Granted`],
//!   until its future is polled or dropped. [`WaitQueue::leave`] says which of the two it was, so
//!   that the primitive can pass a grant on that nobody will use.
//! - *No user code runs under a borrow.* Cloning, dropping and waking a foreign waker may all call
//!   back into the primitive. [`WaitQueue`] clones before it borrows, and hands out what is to be
//!   woken or dropped after the borrow has ended.
//!
//! The nodes live in one `Vec` and link each other by index: joining, picking and leaving are O(1),
//! and no waiter costs an allocation of its own.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::mem;
use std::num::NonZeroU32;
use std::ptr;
use std::task::{Context, Poll, Waker};

use super::wakes::Wakes;
use crate::executor::probe::{self, Leaf, LeafNote};
use crate::executor::waker::give_way;
use crate::executor::{StoredWaker, WaitNote, current, has_share, take_share};

/// A queue of waiters behind a `RefCell` that is never borrowed while user code runs.
pub(crate) struct WaitQueue<T> {
    /// How many are waiting and not granted. Outside of the cell, so that the uncontended path of
    /// each primitive is one plain load.
    waiting: Cell<u32>,
    list: RefCell<WaitList<T>>,
}

impl<T: Copy> WaitQueue<T> {
    /// An empty queue. Allocates nothing.
    pub(crate) const fn new() -> Self {
        Self {
            waiting: Cell::new(0),
            list: RefCell::new(WaitList::new()),
        }
    }

    /// Whether nobody waits. Waiters that were granted and have not run yet do not count.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.get() == 0
    }

    /// How many wait, granted ones not counted.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.waiting.get() as usize
    }

    /// One poll of a future that waits here; `key` is its place, which it gives to [`Self::leave`]
    /// when it is dropped.
    ///
    /// Without a place it calls `look`, which says that there is nothing to wait for (`Ok`) or that
    /// there is (`Err`), each with what is kept with a waiter. With one it asks whether it was
    /// granted. While it waits, `note` is told.
    ///
    /// A grant takes a unit of the task's share. Where none is left the task gives way, but not its
    /// place: what `look` has taken is kept with it as a grant.
    #[inline]
    pub(crate) fn poll(
        &self,
        key: &mut Option<Key>,
        cx: &mut Context<'_>,
        note: WaitNote,
        look: impl FnOnce() -> Result<T, T>,
    ) -> Poll<T> {
        match *key {
            Some(place) => {
                if !has_share() && self.is_granted(place) {
                    return give_way_granted(cx);
                }
                if let Some(data) = self.poll_granted(place, cx.waker()) {
                    *key = None;
                    take_share();
                    return Poll::Ready(data);
                }
            }
            None => {
                // First, since the clone of a foreign waker is foreign code, which may change what
                // `look` sees.
                let waker = StoredWaker::new(cx.waker());
                match look() {
                    Ok(data) if has_share() => {
                        take_share();
                        return Poll::Ready(data);
                    }
                    Ok(data) => {
                        *key = Some(self.list.borrow_mut().push_granted(data));
                        return give_way_granted(cx);
                    }
                    Err(data) => {
                        let place = self.join(waker, data);
                        if current::looks() {
                            self.watch(place, note);
                        }
                        *key = Some(place);
                    }
                }
            }
        }
        note.by(cx.waker()).leave();
        Poll::Pending
    }

    /// Has the lookout know of a waiter. It runs nobody's code.
    #[cold]
    #[inline(never)]
    fn watch(&self, key: Key, note: WaitNote) {
        let mut list = self.list.borrow_mut();
        list.node_mut(key).stage = Stage::Watched;
        probe::leaf(LeafNote::Waits(list.leaf(key), note));
    }

    /// Joins the end of the queue. The caller clones its waker first (`StoredWaker::new`), and
    /// then, since that clone may have run user code, looks once more whether it has to wait at
    /// all.
    #[inline]
    pub(crate) fn join(&self, waker: StoredWaker, data: T) -> Key {
        let key = self.list.borrow_mut().push_back(waker, data);
        self.waiting.set(self.waiting.get() + 1);
        key
    }

    /// What a waiter that is polled again does first: if it was granted it leaves the queue with
    /// its data, else its waker is brought up to date.
    #[inline]
    pub(crate) fn poll_granted(&self, key: Key, waker: &Waker) -> Option<T> {
        self.leave_if_granted(key)
            .or_else(|| self.renew_waker(key, waker))
    }

    /// Brings the waker of a waiter up to date. That may run user code, and the waiter be granted
    /// by it.
    #[inline(never)]
    fn renew_waker(&self, key: Key, waker: &Waker) -> Option<T> {
        if let Some(data) = self.leave_if_watched(key) {
            return Some(data);
        }
        if self.list.borrow().node(key).waker.will_wake(waker) {
            return None;
        }
        let fresh = StoredWaker::new(waker);
        let stale = {
            let mut list = self.list.borrow_mut();
            let node = list.node_mut(key);
            match node.stage {
                // Granted by the clone just made: the wake went to the old waker.
                Stage::Granted | Stage::GrantedWatched => fresh,
                _ => mem::replace(&mut node.waker, fresh),
            }
        };
        // This may run user code too, which may grant, or panic: the node is still ours.
        drop(stale);
        self.leave_if_granted(key)
            .or_else(|| self.leave_if_watched(key))
    }

    /// The same as [`Self::leave_if_granted`] for waiters that the lints watch.
    fn leave_if_watched(&self, key: Key) -> Option<T> {
        let mut list = self.list.borrow_mut();
        let granted = list.node(key).stage == Stage::GrantedWatched;
        granted.then(|| list.remove(key).0.data)
    }

    #[inline]
    fn leave_if_granted(&self, key: Key) -> Option<T> {
        let mut list = self.list.borrow_mut();
        let node = list.node(key);
        let granted = (node.stage == Stage::Granted).then_some(node.data);
        if granted.is_some() {
            // The waker was taken when it was granted: nothing is dropped here.
            list.free(key);
        }
        granted
    }

    /// Whether the waiter was granted.
    pub(crate) fn is_granted(&self, key: Key) -> bool {
        let stage = self.list.borrow().node(key).stage;
        matches!(stage, Stage::Granted | Stage::GrantedWatched)
    }

    /// The data of the waiter at the front.
    #[inline]
    pub(crate) fn front(&self) -> Option<T> {
        if self.is_empty() {
            None
        } else {
            self.list.borrow().front().map(|node| node.data)
        }
    }

    /// Grants the waiter at the front. The caller wakes it when its own state is consistent.
    #[must_use = "the granted waiter sleeps until it is woken"]
    #[inline]
    pub(crate) fn grant_front(&self) -> Option<StoredWaker> {
        self.grant_front_if(|_| true)
    }

    /// Grants the waiter at the front if `fits` says so, which may change its data.
    #[must_use = "the granted waiter sleeps until it is woken"]
    #[inline]
    pub(crate) fn grant_front_if(&self, fits: impl FnOnce(&mut T) -> bool) -> Option<StoredWaker> {
        let mut list = self.list.borrow_mut();
        let waker = list.grant_front_if(fits)?;
        self.waiting.set(self.waiting.get() - 1);
        Some(waker)
    }

    /// Grants the waiter at the end, and applies `mark` to its data. The caller wakes it when its
    /// own state is consistent.
    #[must_use = "the granted waiter sleeps until it is woken"]
    pub(crate) fn grant_back(&self, mark: impl FnOnce(&mut T)) -> Option<StoredWaker> {
        let mut list = self.list.borrow_mut();
        let waker = list.grant_back(mark)?;
        self.waiting.set(self.waiting.get() - 1);
        Some(waker)
    }

    /// Grants everyone that waits now, in order; who joins during the wakes is not touched.
    /// `mark` is applied to the data of each.
    #[must_use = "the granted waiters sleep until they are woken"]
    pub(crate) fn grant_all(&self, mark: impl Fn(&mut T)) -> Wakes {
        let mut wakes = Wakes::new();
        if self.is_empty() {
            return wakes;
        }
        wakes.reserve(self.len());
        let mut list = self.list.borrow_mut();
        let marked = |data: &mut T| {
            mark(data);
            true
        };
        while let Some(waker) = list.grant_front_if(marked) {
            wakes.push(waker);
        }
        self.waiting.set(0);
        wakes
    }

    /// Leaves the queue, granted or not, and frees the node. Says which it was.
    pub(crate) fn leave(&self, key: Key) -> Left<T> {
        let (left, waker) = self.list.borrow_mut().remove(key);
        if !left.granted {
            self.waiting.set(self.waiting.get() - 1);
        }
        // A foreign waker may run user code when it is dropped: the borrow has ended.
        drop(waker);
        left
    }
}

impl<T: Copy> Default for WaitQueue<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Copy> fmt::Debug for WaitQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitQueue")
            .field("waiting", &self.waiting.get())
            .finish()
    }
}

/// It is granted, and its task's share is used up.
#[cold]
fn give_way_granted<T>(cx: &Context<'_>) -> Poll<T> {
    give_way(cx.waker());
    Poll::Pending
}

/// Names a waiter within its queue. It belongs to one future, which gives it back by
/// [`WaitQueue::leave`]; for that reason it needs no generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(NonZeroU32);

impl Key {
    fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// What a waiter was when it left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Left<T> {
    /// It had been granted what it waited for.
    pub(crate) granted: bool,
    /// What the primitive had kept with it.
    pub(crate) data: T,
}

/// The list itself: plain data, no user code.
struct WaitList<T> {
    nodes: Vec<Node<T>>,
    head: Link,
    tail: Link,
    free: Link,
    /// Nodes in use, waiting or granted.
    live: u32,
}

struct Node<T> {
    waker: StoredWaker,
    prev: Link,
    next: Link,
    stage: Stage,
    data: T,
}

type Link = Option<Key>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// In the list of free nodes.
    Free,
    /// In the queue.
    Waiting,
    /// The same, and the lookout knows of it.
    Watched,
    /// Picked, out of the queue, its future not yet polled.
    Granted,
    /// The same, and the lookout knows of it.
    GrantedWatched,
}

impl<T: Copy> WaitList<T> {
    const fn new() -> Self {
        Self {
            nodes: Vec::new(),
            head: None,
            tail: None,
            free: None,
            live: 0,
        }
    }

    #[inline]
    fn node(&self, key: Key) -> &Node<T> {
        &self.nodes[key.index()]
    }

    #[inline]
    fn node_mut(&mut self, key: Key) -> &mut Node<T> {
        &mut self.nodes[key.index()]
    }

    fn front(&self) -> Option<&Node<T>> {
        self.head.map(|key| self.node(key))
    }

    #[inline]
    fn push_back(&mut self, waker: StoredWaker, data: T) -> Key {
        let prev = self.tail;
        let key = match self.free {
            Some(key) => {
                let node = self.node_mut(key);
                let next_free = node.next;
                node.prev = prev;
                node.next = None;
                node.stage = Stage::Waiting;
                node.data = data;
                // Nodes are emptied before they are freed.
                node.waker.fill(waker);
                self.free = next_free;
                key
            }
            None => self.push_node(waker, data),
        };
        match prev {
            Some(tail) => self.node_mut(tail).next = Some(key),
            None => self.head = Some(key),
        }
        self.tail = Some(key);
        self.live += 1;
        key
    }

    /// A node that is granted from the start, and in no queue.
    #[cold]
    fn push_granted(&mut self, data: T) -> Key {
        let key = self.push_back(StoredWaker::EMPTY, data);
        self.unlink(key);
        self.node_mut(key).stage = Stage::Granted;
        key
    }

    /// A node that was not there before.
    #[cold]
    fn push_node(&mut self, waker: StoredWaker, data: T) -> Key {
        self.nodes.push(Node {
            waker,
            prev: self.tail,
            next: None,
            stage: Stage::Waiting,
            data,
        });
        let number = u32::try_from(self.nodes.len())
            .ok()
            .and_then(NonZeroU32::new);
        Key(number.expect("fewer than 2^32 tasks wait for one primitive"))
    }

    #[cold]
    fn grant_watched(&mut self, key: Key) {
        self.node_mut(key).stage = Stage::GrantedWatched;
        probe::leaf(LeafNote::Granted(self.leaf(key)));
    }

    /// Whether it was granted.
    #[cold]
    fn remove_watched(&mut self, key: Key, stage: Stage) -> bool {
        assert!(stage != Stage::Free, "a waiter leaves its queue once");
        probe::leaf(LeafNote::Left(self.leaf(key)));
        if stage == Stage::Watched {
            self.unlink(key);
        }
        stage == Stage::GrantedWatched
    }

    /// What names a waiter for the lookout.
    fn leaf(&self, key: Key) -> Leaf {
        Leaf(ptr::from_ref(self).addr(), key.0.get())
    }

    fn unlink(&mut self, key: Key) {
        let (prev, next) = {
            let node = self.node(key);
            (node.prev, node.next)
        };
        match prev {
            Some(prev) => self.node_mut(prev).next = next,
            None => self.head = next,
        }
        match next {
            Some(next) => self.node_mut(next).prev = prev,
            None => self.tail = prev,
        }
    }

    /// Takes the first one out of the queue, and marks it as granted, if `fits` says so.
    #[inline]
    fn grant_front_if(&mut self, fits: impl FnOnce(&mut T) -> bool) -> Option<StoredWaker> {
        let key = self.head?;
        let node = self.node_mut(key);
        if !fits(&mut node.data) {
            return None;
        }
        let watched = node.stage == Stage::Watched;
        node.stage = Stage::Granted;
        let waker = node.waker.take();
        let next = node.next;
        if watched {
            self.grant_watched(key);
        }
        self.head = next;
        match next {
            Some(next) => self.node_mut(next).prev = None,
            None => self.tail = None,
        }
        Some(waker)
    }

    /// Takes the last one out of the queue, and marks it as granted.
    fn grant_back(&mut self, mark: impl FnOnce(&mut T)) -> Option<StoredWaker> {
        let key = self.tail?;
        self.unlink(key);
        let node = self.node_mut(key);
        mark(&mut node.data);
        let watched = node.stage == Stage::Watched;
        node.stage = Stage::Granted;
        let waker = node.waker.take();
        if watched {
            self.grant_watched(key);
        }
        Some(waker)
    }

    fn remove(&mut self, key: Key) -> (Left<T>, StoredWaker) {
        let granted = match self.node(key).stage {
            Stage::Granted => true,
            Stage::Waiting => {
                self.unlink(key);
                false
            }
            other => self.remove_watched(key, other),
        };
        let node = self.node_mut(key);
        let left = Left {
            granted,
            data: node.data,
        };
        let waker = node.waker.take();
        self.free(key);
        (left, waker)
    }

    /// Gives up a node that is in no queue and holds no waker.
    #[inline]
    fn free(&mut self, key: Key) {
        let free = self.free;
        let node = self.node_mut(key);
        node.stage = Stage::Free;
        node.next = free;
        self.free = Some(key);
        self.live -= 1;
        if self.live == 0 && self.nodes.len() > KEEP {
            self.shrink();
        }
    }

    /// A burst is over: its memory is given back. The nodes hold no wakers.
    #[cold]
    fn shrink(&mut self) {
        self.nodes = Vec::new();
        self.free = None;
    }
}

/// Nodes that an idle queue may keep for the next waiters.
const KEEP: usize = 64;

#[cfg(test)]
mod tests {
    use super::{KEEP, WaitQueue};
    use crate::executor::StoredWaker;

    #[test]
    fn leaves_from_the_middle_keep_the_order() {
        let queue = WaitQueue::new();
        let keys: Vec<_> = (0..5).map(|n| queue.join(StoredWaker::EMPTY, n)).collect();
        assert!(!queue.leave(keys[1]).granted);
        assert!(!queue.leave(keys[4]).granted);
        let mut order = Vec::new();
        while let Some(n) = queue.front() {
            order.push(n);
            assert!(queue.grant_front().is_some());
        }
        assert_eq!(order, [0, 2, 3]);
        for key in [keys[0], keys[2], keys[3]] {
            assert!(queue.leave(key).granted);
        }
        assert!(queue.is_empty());
    }

    #[test]
    fn freed_nodes_are_used_again_and_a_burst_is_given_back() {
        let queue = WaitQueue::new();
        let first = queue.join(StoredWaker::EMPTY, ());
        queue.leave(first);
        assert_eq!(queue.join(StoredWaker::EMPTY, ()), first);
        let keys: Vec<_> = (0..2 * KEEP)
            .map(|_| queue.join(StoredWaker::EMPTY, ()))
            .collect();
        queue.leave(first);
        for key in keys {
            queue.leave(key);
        }
        assert_eq!(queue.list.borrow().nodes.capacity(), 0);
    }
}
