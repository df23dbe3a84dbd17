//! A channel with room for a few messages: two semaphores and a queue.

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
    let channel = Rc::new(Channel {
        gaps: Semaphore::new(room),
        messages: Semaphore::new(0),
        queue: RefCell::default(),
        closed: Cell::new(false),
    });
    (Sender(Rc::clone(&channel)), Receiver(channel))
}

impl<T> Sender<T> {
    /// Waits for room. The message comes back when the receiver is gone.
    pub async fn send(&self, message: T) -> Result<(), T> {
        let gap = self.0.gaps.acquire().await;
        if self.0.closed.get() {
            return Err(message); // the gap goes on to the next sender, which ends the same way
        }
        gap.forget();
        self.0.queue.borrow_mut().push_back(message);
        self.0.messages.release();
        Ok(())
    }
}

impl<T> Receiver<T> {
    /// The next message. None when the sender is gone and the queue is empty.
    pub async fn recv(&mut self) -> Option<T> {
        let permit = self.0.messages.acquire().await;
        // Nothing waits from here on: a `recv` that is dropped has taken no message.
        let message = self.0.queue.borrow_mut().pop_front()?;
        permit.forget();
        self.0.gaps.release();
        Some(message)
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.messages.release(); // a permit without a message: the end
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.0.closed.set(true);
        self.0.gaps.release();
    }
}
