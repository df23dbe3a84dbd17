//! A channel with room for a few messages: two semaphores and a queue.
#![allow(unused_variables, dead_code, reason = "an exercise that is not done yet")]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use step11::Semaphore;

/// What both ends share. A sender waits for a gap, the receiver for a message.
struct Channel<T> {
    gaps: Semaphore,
    messages: Semaphore,
    queue: RefCell<VecDeque<T>>,
    closed: Cell<bool>,
}

/// Several tasks share one in an `Rc`.
pub struct Sender<T>(Rc<Channel<T>>);

pub struct Receiver<T>(Rc<Channel<T>>);

pub fn channel<T>(room: usize) -> (Sender<T>, Receiver<T>) {
    todo!("how many gaps are there at first, and how many messages?")
}

impl<T> Sender<T> {
    /// Waits for room. The message comes back when the receiver is gone.
    pub async fn send(&self, message: T) -> Result<(), T> {
        todo!("what becomes of the gap's permit once the message is in the queue?")
    }
}

impl<T> Receiver<T> {
    /// The next message. None when the sender is gone and the queue is empty.
    pub async fn recv(&mut self) -> Option<T> {
        todo!("after the last await nothing can be lost: do all the rest there")
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        // How does a receiver that waits learn of this? A permit without a message would wake it.
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        // The same for senders. There may be many of them, in several tasks.
    }
}
