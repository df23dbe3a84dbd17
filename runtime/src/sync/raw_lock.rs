//! A fair lock without a value, for `Mutex`, `RateLimiter` and `Condvar`.
//!
//! Why: the hard part (hand-over, cancellation, which task holds it) is written and compiled once,
//! not once a type. Free and uncontended it is two loads and two stores, and touches neither the
//! wait list nor the heap.
//!
//! The lock is *handed over*: a release while a task waits does not free it, so no later task can
//! overtake. A waiter that has been handed the lock and is dropped before it runs releases it
//! again, to the next waiter.

use std::cell::Cell;
use std::panic::Location;
use std::ptr;
use std::task::{Context, Poll};

use super::holder::Holder;
use super::wait_list::{Key, WaitQueue};
use crate::executor::wait::try_ready;
use crate::executor::{Id, Wait, WaitNote};

#[derive(Debug)]
pub(crate) struct RawLock {
    locked: Cell<bool>,
    holder: Holder,
    queue: WaitQueue<()>,
}

impl RawLock {
    pub(crate) const fn new() -> Self {
        Self {
            locked: Cell::new(false),
            holder: Holder::nobody(),
            queue: WaitQueue::new(),
        }
    }

    #[inline]
    pub(crate) fn try_lock(&self) -> bool {
        if self.locked.get() {
            return false;
        }
        self.locked.set(true);
        self.holder.take();
        true
    }

    /// Takes the lock, or joins the queue for it. `key` is the place of the calling future, which
    /// passes it to [`Self::cancel`] when it is dropped.
    #[inline]
    pub(crate) fn poll_lock(
        &self,
        key: &mut Option<Key>,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
    ) -> Poll<()> {
        if key.is_none() && try_ready(|| self.try_lock().then_some(())).is_some() {
            return Poll::Ready(());
        }
        self.poll_contended(key, cx, WaitNote::new(Wait::Lock(self.address()), at))
    }

    fn poll_contended(
        &self,
        key: &mut Option<Key>,
        cx: &mut Context<'_>,
        note: WaitNote,
    ) -> Poll<()> {
        let look = || self.try_lock().then_some(()).ok_or(());
        let waited = key.is_some();
        let polled = self.queue.poll(key, cx, note, look);
        if polled.is_ready() {
            self.holder.take();
        }
        if waited != key.is_some() {
            self.publish();
        }
        polled
    }

    /// The future that waited with this key is gone. What it had been granted goes to the next.
    #[inline]
    pub(crate) fn cancel(&self, key: Option<Key>) {
        if let Some(key) = key {
            if self.queue.leave(key).granted {
                self.release();
            }
        }
    }

    /// It was taken by a guard that may be given to another task.
    pub(crate) fn lend(&self) {
        self.holder.lend();
        self.publish();
    }

    /// Hands the lock to the one that waits longest, or frees it.
    #[inline]
    pub(crate) fn release(&self) {
        self.holder.clear();
        if self.queue.is_empty() {
            self.locked.set(false);
        } else {
            self.hand_over();
        }
    }

    #[inline(never)]
    fn hand_over(&self) {
        let granted = self.queue.grant_front();
        self.holder.hand_to(granted.as_ref());
        self.publish();
        if let Some(waker) = granted {
            waker.wake();
        }
    }

    pub(crate) fn is_locked(&self) -> bool {
        self.locked.get()
    }

    pub(crate) fn holder(&self) -> Option<Id> {
        self.holder.id()
    }

    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Tells the graph who holds it, if somebody waits.
    fn publish(&self) {
        self.holder.publish(self.address(), self.waiting());
    }

    /// What a task that waits here reports as the thing it waits for.
    pub(crate) fn address(&self) -> usize {
        ptr::from_ref(self).addr()
    }
}

/// Releases the lock when it is dropped. In a guard it is declared after the borrow of the value,
/// so that the value is free before anybody is told.
#[derive(Debug)]
pub(crate) struct Unlock<'a>(pub(crate) &'a RawLock);

impl Drop for Unlock<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.release();
    }
}
