//! A fair readers-writer lock without a value: what `RwLock` stands on.
//!
//! Strictly first in, first out: readers that come after a waiting writer wait behind it, so
//! neither side starves. It is apart from `rw_lock.rs` for the same reason as `raw_lock.rs` is from
//! `mutex.rs`.

use std::cell::Cell;
use std::panic::Location;
use std::ptr;
use std::task::{Context, Poll};

use super::holder::Holder;
use super::wait_list::{Key, WaitQueue};
use super::wakes::Wakes;
use crate::executor::wait::try_ready;
use crate::executor::{Id, Wait, WaitNote, current_identity};

#[derive(Debug)]
pub(crate) struct RawRwLock {
    /// How many more may read; [`WRITER`] while one writes.
    free: Cell<usize>,
    /// How many may read at a time.
    most: usize,
    /// The writer, or the reader that came last; nobody once a reader has left, since it may have
    /// been that one.
    holder: Holder,
    /// While others read: the writer at the front; the tasks behind it wait for it as well. Told
    /// under the lock's address and one.
    first: Holder,
    queue: WaitQueue<Request>,
}

/// Who waits, and for what.
#[derive(Clone, Copy, Debug)]
struct Request {
    access: Access,
    task: u64,
}

/// What a waiter wants, and what a guard holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// Beyond all numbers of readers, and what is left of it when a reader comes, too.
const WRITER: usize = usize::MAX;

/// Where no number of readers was chosen.
const MOST: usize = usize::MAX / 2;

impl RawRwLock {
    pub(crate) const fn new() -> Self {
        Self::with_most(MOST)
    }

    /// For `most` readers at a time, and not more than `MOST`.
    pub(crate) const fn with_most(most: usize) -> Self {
        Self {
            free: Cell::new(most),
            most,
            holder: Holder::nobody(),
            first: Holder::nobody(),
            queue: WaitQueue::new(),
        }
    }

    #[inline]
    pub(crate) fn try_lock(&self, access: Access) -> bool {
        let taken = self.queue.is_empty() && self.take(access);
        if taken {
            self.holder.take();
        }
        taken
    }

    /// Counts one more holder, if the others allow it.
    #[inline]
    fn take(&self, access: Access) -> bool {
        let free = self.free.get();
        let (allowed, left) = match access {
            // Wraps where none is free, and then is as far beyond as `WRITER` is.
            Access::Read => (free.wrapping_sub(1) < MOST, free.wrapping_sub(1)),
            Access::Write => (free == self.most, WRITER),
        };
        if allowed {
            self.free.set(left);
        }
        allowed
    }

    /// Takes the lock, or joins the queue for it; `key` as in [`super::raw_lock`].
    #[inline]
    pub(crate) fn poll_lock(
        &self,
        access: Access,
        key: &mut Option<Key>,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
    ) -> Poll<()> {
        if key.is_none() && try_ready(|| self.try_lock(access).then_some(())).is_some() {
            return Poll::Ready(());
        }
        let note = WaitNote::new(Wait::Lock(self.address()), at);
        self.poll_contended(access, key, cx, note)
    }

    fn poll_contended(
        &self,
        access: Access,
        key: &mut Option<Key>,
        cx: &mut Context<'_>,
        note: WaitNote,
    ) -> Poll<()> {
        let request = || Request {
            access,
            task: current_identity(),
        };
        let look = || {
            if self.try_lock(access) {
                Ok(request())
            } else {
                Err(request())
            }
        };
        let waited = key.is_some();
        let polled = self.queue.poll(key, cx, note, look);
        if polled.is_ready() {
            self.holder.take();
        }
        if waited != key.is_some() {
            self.publish();
        }
        polled.map(drop)
    }

    /// The future that waited with this key is gone.
    #[inline]
    pub(crate) fn cancel(&self, key: Option<Key>) {
        if let Some(key) = key {
            let left = self.queue.leave(key);
            if left.granted {
                self.release(left.data.access);
            } else {
                // It may have been the writer that held up the readers behind it.
                self.hand_over();
            }
        }
    }

    #[inline]
    pub(crate) fn release(&self, access: Access) {
        match access {
            Access::Read => self.free.set(self.free.get() + 1),
            Access::Write => self.free.set(self.most),
        }
        self.holder.clear();
        if !self.queue.is_empty() {
            self.hand_over();
        }
    }

    /// A writer becomes a reader. Those who may read with it are let in by
    /// [`hand_over`](Self::hand_over), which the caller calls once its own borrow is in place.
    pub(crate) fn downgrade(&self) {
        self.free.set(self.most - 1);
    }

    /// Admits waiters from the front: one writer, or all readers before the next writer.
    pub(crate) fn hand_over(&self) {
        let mut wakes = Wakes::new();
        while let Some(request) = self.queue.front() {
            if !self.take(request.access) {
                break;
            }
            let granted = self.queue.grant_front();
            self.holder.hand_to(granted.as_ref());
            if let Some(waker) = granted {
                wakes.push(waker);
            }
        }
        self.publish();
        wakes.wake();
    }

    pub(crate) fn readers(&self) -> usize {
        match self.free.get() {
            WRITER => 0,
            free => self.most - free,
        }
    }

    pub(crate) fn has_writer(&self) -> bool {
        self.free.get() == WRITER
    }

    pub(crate) fn holder(&self) -> Option<Id> {
        if self.has_writer() || self.readers() > 0 {
            self.holder.id()
        } else {
            None
        }
    }

    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// It was taken by a guard that may be given to another task.
    pub(crate) fn lend(&self) {
        self.holder.lend();
        self.publish();
    }

    /// Tells the graph who holds it, if somebody waits.
    fn publish(&self) {
        let waiting = self.waiting();
        self.holder.publish(self.address(), waiting);
        let readers = self.readers() > 0;
        let first = self.queue.front().filter(|_| readers);
        self.first.set(first.map_or(0, |request| request.task));
        if first.is_some_and(|request| request.task == 0) {
            self.first.lend(); // somebody, of whom nothing is known
        }
        self.first.publish(self.address() + 1, waiting);
    }

    fn address(&self) -> usize {
        ptr::from_ref(self).addr()
    }
}
