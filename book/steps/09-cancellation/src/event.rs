//! A flag for which tasks wait.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::{Poll, Waker};

// ANCHOR: event
/// Unset at first. Once set it stays so, and all who waited are woken.
#[derive(Default)]
pub struct Event {
    set: Cell<bool>,
    waiting: RefCell<Vec<Waker>>,
}

impl Event {
    pub fn set(&self) {
        self.set.set(true);
        for waker in self.waiting.take() {
            waker.wake(); // no borrow is held: a waker may run any code
        }
    }

    pub async fn wait(&self) {
        poll_fn(|cx| {
            if self.set.get() {
                return Poll::Ready(());
            }
            self.waiting.borrow_mut().push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}
// ANCHOR_END: event
