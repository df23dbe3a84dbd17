//! Semaphore and mutex for the tasks of one thread: cells where others have atomics.

use std::cell::{Cell, RefCell, RefMut};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

// ANCHOR: semaphore
/// Permits, and the tasks that wait for one: first come, first served.
#[derive(Default)]
pub struct Semaphore {
    free: Cell<usize>,
    line: RefCell<VecDeque<Rc<Waiter>>>,
}

/// A task that waits. The line and the task's future share it.
struct Waiter {
    granted: Cell<bool>,
    waker: RefCell<Waker>,
}

impl Waiter {
    fn wake(&self) {
        let waker = self.waker.borrow().clone(); // the borrow ends here: a waker may call anything
        waker.wake();
    }
}
// ANCHOR_END: semaphore

impl Semaphore {
    pub fn new(permits: usize) -> Self {
        let free = Cell::new(permits);
        Self { free, ..Self::default() }
    }

    /// Waits for a permit, which goes back when it is dropped.
    pub async fn acquire(&self) -> Permit<'_> {
        let mut place = Place { of: self, waiter: None };
        poll_fn(|cx| place.poll(cx)).await
    }

    // ANCHOR: release
    /// Gives a permit to the first in the line. Without a line it is free.
    pub fn release(&self) {
        let first = self.line.borrow_mut().pop_front();
        match first {
            Some(waiter) => {
                waiter.granted.set(true);
                waiter.wake();
            }
            None => self.free.set(self.free.get() + 1),
        }
    }
    // ANCHOR_END: release
}

// ANCHOR: place
/// A place in the line. Empty until the first poll finds no permit.
struct Place<'a> {
    of: &'a Semaphore,
    waiter: Option<Rc<Waiter>>,
}

impl<'a> Place<'a> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Permit<'a>> {
        let of = self.of;
        match &self.waiter {
            Some(waiter) if waiter.granted.get() => {
                self.waiter = None;
                return Poll::Ready(Permit { of });
            }
            None if of.free.get() > 0 => {
                of.free.set(of.free.get() - 1);
                return Poll::Ready(Permit { of });
            }
            Some(waiter) => waiter.waker.borrow_mut().clone_from(cx.waker()),
            None => {
                let (granted, waker) = (Cell::new(false), RefCell::new(cx.waker().clone()));
                let waiter = Rc::new(Waiter { granted, waker });
                of.line.borrow_mut().push_back(Rc::clone(&waiter));
                self.waiter = Some(waiter);
            }
        }
        Poll::Pending
    }
}
// ANCHOR_END: place

// ANCHOR: leave
impl Drop for Place<'_> {
    fn drop(&mut self) {
        match self.waiter.take() {
            Some(waiter) if waiter.granted.get() => self.of.release(),
            Some(waiter) => self.of.line.borrow_mut().retain(|it| !Rc::ptr_eq(it, &waiter)),
            None => {}
        }
    }
}
// ANCHOR_END: leave

/// One permit of a semaphore.
pub struct Permit<'a> {
    of: &'a Semaphore,
}

impl Permit<'_> {
    /// The permit does not go back.
    pub fn forget(self) {
        std::mem::forget(self);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.of.release();
    }
}

// ANCHOR: mutex
/// A value that one task has at a time, across its awaits.
pub struct Mutex<T> {
    turn: Semaphore,
    value: RefCell<T>,
}

impl<T> Mutex<T> {
    pub fn new(value: T) -> Self {
        let (turn, value) = (Semaphore::new(1), RefCell::new(value));
        Self { turn, value }
    }

    pub async fn lock(&self) -> MutexGuard<'_, T> {
        let permit = self.turn.acquire().await;
        let value = self.value.borrow_mut();
        MutexGuard { value, _permit: permit }
    }
}

/// The value, until this is dropped: then the borrow ends, and after it the permit.
pub struct MutexGuard<'a, T> {
    value: RefMut<'a, T>,
    _permit: Permit<'a>,
}
// ANCHOR_END: mutex

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}
