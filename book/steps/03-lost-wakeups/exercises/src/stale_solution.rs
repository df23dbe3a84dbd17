//! A fourth way to lose a wake: to keep the first waker only. Mended.

use std::cell::{Cell, RefCell};
use std::task::{Context, Poll, Waker};

/// A result for one waiting task, which may ask from another place than before.
#[derive(Default)]
pub struct Slot {
    value: Cell<Option<u32>>,
    waker: RefCell<Option<Waker>>,
    clones: Cell<u32>,
}

impl Slot {
    pub fn set(&self, value: u32) {
        self.value.set(Some(value));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Wakes the task that asked last. Clones a waker only where the one it has would wake another
    /// task.
    pub fn poll_take(&self, cx: &mut Context<'_>) -> Poll<u32> {
        if let Some(value) = self.value.take() {
            return Poll::Ready(value);
        }
        let same = self.waker.borrow().as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        if !same {
            self.clones.set(self.clones.get() + 1);
            self.waker.replace(Some(cx.waker().clone()));
        }
        Poll::Pending
    }

    /// How often a waker was cloned.
    pub fn clones(&self) -> u32 {
        self.clones.get()
    }
}
