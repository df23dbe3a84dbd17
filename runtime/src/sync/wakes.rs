//! [`Wakes`]: wakers of waiters that were granted something, collected to be woken later.
//!
//! Why: waking may run user code, so it must wait until the primitive's state is consistent and no
//! borrow is held.

use std::collections::VecDeque;

use crate::executor::StoredWaker;

/// Wakers to be woken, in order, once all state is consistent. One needs no allocation.
///
/// If a foreign waker panics, the rest are woken all the same while the panic unwinds.
#[derive(Debug)]
pub(crate) struct Wakes {
    first: StoredWaker,
    rest: VecDeque<StoredWaker>,
}

impl Wakes {
    /// Nobody to wake yet.
    pub(crate) const fn new() -> Self {
        Self {
            first: StoredWaker::EMPTY,
            rest: VecDeque::new(),
        }
    }

    /// Adds one.
    pub(crate) fn push(&mut self, waker: StoredWaker) {
        if self.first.is_empty() && self.rest.is_empty() {
            self.first = waker;
        } else {
            self.rest.push_back(waker);
        }
    }

    /// Wakes all. Not to be called under any borrow.
    #[inline]
    pub(crate) fn wake(self) {
        drop(self);
    }

    /// Makes room for this many.
    pub(crate) fn reserve(&mut self, total: usize) {
        self.rest.reserve(total.saturating_sub(1));
    }

    fn wake_each(&mut self) {
        self.first.take().wake();
        while let Some(waker) = self.rest.pop_front() {
            waker.wake();
        }
    }
}

impl Drop for Wakes {
    fn drop(&mut self) {
        /// Goes on with the rest when one of them panics.
        struct Rest<'a>(&'a mut Wakes);
        impl Drop for Rest<'_> {
            fn drop(&mut self) {
                self.0.wake_each();
            }
        }
        if !self.first.is_empty() {
            let rest = Rest(self);
            rest.0.wake_each();
        }
    }
}
