//! Wrong on purpose: an event that loses a waker, and a queue that sleeps through a push.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Condvar, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

// ANCHOR: one_slot
/// Wrong: room for one waker. The second task that waits puts the first one's away.
#[derive(Default)]
pub struct OneSlot {
    set: Cell<bool>,
    waiting: RefCell<Option<Waker>>,
}

impl OneSlot {
    pub fn set(&self) {
        self.set.set(true);
        if let Some(waker) = self.waiting.take() {
            waker.wake();
        }
    }

    pub async fn wait(&self) {
        poll_fn(|cx| {
            if self.set.get() {
                return Poll::Ready(());
            }
            self.waiting.replace(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}
// ANCHOR_END: one_slot

// ANCHOR: gap
/// Wrong: looks, lets go of the lock, then sleeps. What is pushed in the gap wakes nothing.
#[derive(Default)]
pub struct Sleepy {
    tasks: Mutex<VecDeque<usize>>,
    pushed: Condvar,
}

impl Sleepy {
    pub fn push(&self, task: usize) {
        self.tasks.lock().unwrap().push_back(task);
        self.pushed.notify_one();
    }

    pub fn pop(&self) -> Option<usize> {
        self.tasks.lock().unwrap().pop_front()
    }

    /// Returns whether a push ended the sleep, within `limit`. `gap` is what another thread does
    /// meanwhile.
    pub fn wait(&self, limit: Duration, gap: impl FnOnce()) -> bool {
        let empty = self.tasks.lock().unwrap().is_empty();
        if !empty {
            return true;
        }
        gap();
        let (_tasks, timeout) =
            self.pushed.wait_timeout(self.tasks.lock().unwrap(), limit).unwrap();
        !timeout.timed_out()
    }
}
// ANCHOR_END: gap
