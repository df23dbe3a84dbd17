//! The guards of an [`RwLock`] that have no lifetime, and the futures that wait for them.
//!
//! Apart from `rw_lock.rs` for its length only. They keep the lock alive by an `Rc` and hold the
//! value's own `Rc` while they live; who holds what is counted in `raw_rw_lock.rs`.

use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::mutex::in_place;
use super::raw_rw_lock::Access;
use super::rw_lock::{RwLock, alone};
use super::wait_list::Key;

/// Shared access to the value of an [`RwLock`] by a guard that keeps the lock alive.
#[must_use = "the lock is released when the guard is dropped"]
#[derive(Debug)]
pub struct OwnedRwLockReadGuard<T> {
    /// `Some` until the drop.
    value: Option<Rc<T>>,
    lock: Rc<RwLock<T>>,
}

impl<T> Deref for OwnedRwLockReadGuard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        in_place(self.value.as_deref())
    }
}

impl<T> Drop for OwnedRwLockReadGuard<T> {
    fn drop(&mut self) {
        // Before the release: the writer that comes next must find itself alone.
        drop(self.value.take());
        self.lock.raw.release(Access::Read);
    }
}

/// Exclusive access to the value of an [`RwLock`] by a guard that keeps the lock alive.
///
/// It holds the value itself: `mem::forget` of it leaves the lock taken for ever.
#[must_use = "the lock is released when the guard is dropped"]
#[derive(Debug)]
pub struct OwnedRwLockWriteGuard<T> {
    /// `Some` until the guard is dropped or downgraded.
    value: Option<Rc<T>>,
    lock: Rc<RwLock<T>>,
}

impl<T> OwnedRwLockWriteGuard<T> {
    /// Becomes a reader without letting a writer in between, as
    /// [`RwLockWriteGuard::downgrade`](super::RwLockWriteGuard::downgrade).
    pub fn downgrade(mut this: Self) -> OwnedRwLockReadGuard<T> {
        let lock = Rc::clone(&this.lock);
        let value = this.value.take();
        lock.value.borrow_mut().clone_from(&value);
        lock.raw.downgrade();
        let guard = OwnedRwLockReadGuard { value, lock };
        guard.lock.raw.hand_over();
        guard
    }
}

impl<T> Deref for OwnedRwLockWriteGuard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        in_place(self.value.as_deref())
    }
}

impl<T> DerefMut for OwnedRwLockWriteGuard<T> {
    fn deref_mut(&mut self) -> &mut T {
        alone(&mut self.value)
    }
}

impl<T> Drop for OwnedRwLockWriteGuard<T> {
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            // The place is empty, so this drops nothing under the borrow.
            *self.lock.value.borrow_mut() = Some(value);
            self.lock.raw.release(Access::Write);
        }
    }
}

/// The future of [`RwLock::read_owned`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct ReadOwned<T> {
    /// `None` once the guard has it.
    lock: Option<Rc<RwLock<T>>>,
    key: Option<Key>,
    at: &'static Location<'static>,
}

impl<T> ReadOwned<T> {
    pub(super) fn new(lock: Rc<RwLock<T>>, at: &'static Location<'static>) -> Self {
        Self {
            lock: Some(lock),
            key: None,
            at,
        }
    }
}

impl<T> Future for ReadOwned<T> {
    type Output = OwnedRwLockReadGuard<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let lock = this.lock.take().expect("polled after it was ready");
        if lock
            .raw
            .poll_lock(Access::Read, &mut this.key, cx, this.at)
            .is_pending()
        {
            this.lock = Some(lock);
            return Poll::Pending;
        }
        let value = lock.value.borrow().clone();
        lock.raw.lend();
        Poll::Ready(OwnedRwLockReadGuard { value, lock })
    }
}

impl<T> Drop for ReadOwned<T> {
    fn drop(&mut self) {
        if let Some(lock) = &self.lock {
            lock.raw.cancel(self.key);
        }
    }
}

/// The future of [`RwLock::write_owned`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct WriteOwned<T> {
    /// `None` once the guard has it.
    lock: Option<Rc<RwLock<T>>>,
    key: Option<Key>,
    at: &'static Location<'static>,
}

impl<T> WriteOwned<T> {
    pub(super) fn new(lock: Rc<RwLock<T>>, at: &'static Location<'static>) -> Self {
        Self {
            lock: Some(lock),
            key: None,
            at,
        }
    }
}

impl<T> Future for WriteOwned<T> {
    type Output = OwnedRwLockWriteGuard<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let lock = this.lock.take().expect("polled after it was ready");
        if lock
            .raw
            .poll_lock(Access::Write, &mut this.key, cx, this.at)
            .is_pending()
        {
            this.lock = Some(lock);
            return Poll::Pending;
        }
        let value = lock.value.borrow_mut().take();
        lock.raw.lend();
        Poll::Ready(OwnedRwLockWriteGuard { value, lock })
    }
}

impl<T> Drop for WriteOwned<T> {
    fn drop(&mut self) {
        if let Some(lock) = &self.lock {
            lock.raw.cancel(self.key);
        }
    }
}
