//! [`Mutex`]: a value that one task at a time may use, across awaits.
//!
//! On one thread a `RefCell` is enough as long as no borrow is held over an `.await`; this is for
//! the case where one is. The waiting is in `raw_lock.rs`; here is what has a type: the value, its
//! guards, and the futures. The value sits in a `RefCell<Option<T>>`: a borrowing guard is a
//! `RefMut`, an owned guard moves the value out and puts it back, and neither needs `unsafe`.

use std::cell::{RefCell, RefMut};
use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::raw_lock::{RawLock, Unlock};
use super::wait_list::Key;
use crate::executor::Id;

/// A fair lock around a value, for one thread: tokio's `Mutex` and asyncio's `Lock`.
///
/// Tasks get the lock in the order in which their `lock()` was first polled. It is handed over on
/// release: nobody overtakes those who wait.
///
/// A panic while the lock is held releases it and does not poison it, as in tokio.
///
/// `T` is sized, unlike tokio's: an owned guard moves the value out and back, which is how it does
/// without unsafe code. For a trait object, use `Mutex<Box<dyn Trait>>`.
///
/// Not `Send`, not `Sync`: there are no atomics in it.
///
/// ```compile_fail
/// fn send<T: Send>(_: T) {}
/// send(myrt::sync::Mutex::new(1));
/// ```
///
/// # Examples
///
/// ```
/// use myrt::sync::Mutex;
///
/// myrt::run(async {
///     let total = Mutex::new(1);
///     *total.lock().await += 1;
///     assert_eq!(*total.lock().await, 2);
/// });
/// ```
#[doc(alias = "Lock")]
pub struct Mutex<T> {
    raw: RawLock,
    /// `None` while an owned guard has the value.
    value: RefCell<Option<T>>,
}

impl<T> Mutex<T> {
    /// A free mutex around `value`. Allocates nothing.
    pub const fn new(value: T) -> Self {
        Self {
            raw: RawLock::new(),
            value: RefCell::new(Some(value)),
        }
    }

    /// Waits for the lock.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up its place in the queue; a lock that it had just been handed
    /// goes to the next task in line.
    ///
    /// # Deadlock
    ///
    /// A task that locks a mutex which it holds itself waits for ever; the monitor shows that task
    /// as both holder and waiter.
    #[doc(alias = "acquire")]
    #[track_caller]
    #[inline]
    pub fn lock(&self) -> Lock<'_, T> {
        self.lock_at(Location::caller())
    }

    /// As [`lock`](Self::lock), for one who waits on behalf of another line.
    #[inline]
    pub(super) fn lock_at(&self, at: &'static Location<'static>) -> Lock<'_, T> {
        Lock {
            mutex: self,
            key: None,
            at,
        }
    }

    /// Waits for the lock and keeps the mutex alive as long as it is held: the guard has no
    /// lifetime. The value itself moves into the guard and back.
    ///
    /// Cancel safe as [`lock`](Self::lock) is.
    #[track_caller]
    pub fn lock_owned(self: Rc<Self>) -> LockOwned<T> {
        LockOwned {
            mutex: Some(self),
            key: None,
            at: Location::caller(),
        }
    }

    /// Takes the lock if it is free.
    ///
    /// # Errors
    ///
    /// [`TryLockError`] if it is held, or has been handed to a task that has not run yet.
    #[inline]
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, TryLockError> {
        if self.raw.try_lock() {
            Ok(self.guard())
        } else {
            Err(TryLockError(()))
        }
    }

    /// As [`try_lock`](Self::try_lock), with a guard that has no lifetime.
    ///
    /// # Errors
    ///
    /// [`TryLockError`] if it is held, or has been handed to a task that has not run yet.
    pub fn try_lock_owned(self: Rc<Self>) -> Result<OwnedMutexGuard<T>, TryLockError> {
        if self.raw.try_lock() {
            Ok(Self::guard_owned(self))
        } else {
            Err(TryLockError(()))
        }
    }

    /// Whether somebody holds the lock.
    #[doc(alias = "locked")]
    pub fn is_locked(&self) -> bool {
        self.raw.is_locked()
    }

    /// The value, without locking: `&mut self` proves that nobody else can see it.
    pub fn get_mut(&mut self) -> &mut T {
        in_place(self.value.get_mut().as_mut())
    }

    /// The value, out of the mutex.
    pub fn into_inner(self) -> T {
        in_place(self.value.into_inner())
    }

    /// Who holds the lock, and how many wait for it.
    pub fn statistics(&self) -> MutexStatistics {
        MutexStatistics {
            locked: self.raw.is_locked(),
            holder: self.raw.holder(),
            waiting: self.raw.waiting(),
        }
    }

    /// The guard of a lock just taken.
    #[inline]
    fn guard(&self) -> MutexGuard<'_, T> {
        let value = RefMut::map(self.value.borrow_mut(), |value| in_place(value.as_mut()));
        MutexGuard {
            value,
            mutex: self,
            unlock: Unlock(&self.raw),
        }
    }

    fn guard_owned(this: Rc<Self>) -> OwnedMutexGuard<T> {
        let value = this.value.borrow_mut().take();
        this.raw.lend();
        OwnedMutexGuard { value, mutex: this }
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Mutex");
        match self.value.try_borrow() {
            Ok(value) if value.is_some() => out.field("value", &value.as_ref()),
            _ => out.field("value", &format_args!("<locked>")),
        };
        out.field("waiting", &self.raw.waiting()).finish()
    }
}

/// What [`Mutex::statistics`] tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MutexStatistics {
    /// Whether the lock is held, or handed to a task that has not run yet.
    pub locked: bool,
    /// The task that holds it, or to which it is handed; `None` if it is free, or held outside of a
    /// task.
    pub holder: Option<Id>,
    /// How many wait for it.
    pub waiting: usize,
}

/// The lock was not free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TryLockError(pub(super) ());

impl fmt::Display for TryLockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the lock is held by somebody else")
    }
}

impl std::error::Error for TryLockError {}

/// The future of [`Mutex::lock`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct Lock<'a, T> {
    mutex: &'a Mutex<T>,
    key: Option<Key>,
    at: &'static Location<'static>,
}

impl<'a, T> Future for Lock<'a, T> {
    type Output = MutexGuard<'a, T>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        ready!(this.mutex.raw.poll_lock(&mut this.key, cx, this.at));
        Poll::Ready(this.mutex.guard())
    }
}

impl<T> Drop for Lock<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.mutex.raw.cancel(self.key);
    }
}

/// The future of [`Mutex::lock_owned`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct LockOwned<T> {
    /// `None` once the guard has it.
    mutex: Option<Rc<Mutex<T>>>,
    key: Option<Key>,
    at: &'static Location<'static>,
}

impl<T> Future for LockOwned<T> {
    type Output = OwnedMutexGuard<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let mutex = this.mutex.take().expect("polled after it was ready");
        if mutex.raw.poll_lock(&mut this.key, cx, this.at).is_pending() {
            this.mutex = Some(mutex);
            return Poll::Pending;
        }
        Poll::Ready(Mutex::guard_owned(mutex))
    }
}

impl<T> Drop for LockOwned<T> {
    fn drop(&mut self) {
        if let Some(mutex) = &self.mutex {
            mutex.raw.cancel(self.key);
        }
    }
}

/// Access to the value of a locked [`Mutex`]; dropping it hands the lock on.
#[must_use = "the lock is released when the guard is dropped"]
pub struct MutexGuard<'a, T> {
    // Dropped in this order: the borrow ends before the next task is woken.
    value: RefMut<'a, T>,
    mutex: &'a Mutex<T>,
    unlock: Unlock<'a>,
}

impl<'a, T> MutexGuard<'a, T> {
    /// A guard of a part of the value. The whole stays locked.
    pub fn map<U: ?Sized>(
        this: Self,
        part: impl FnOnce(&mut T) -> &mut U,
    ) -> MappedMutexGuard<'a, U> {
        MappedMutexGuard {
            value: RefMut::map(this.value, part),
            _unlock: this.unlock,
        }
    }

    /// The mutex that this guard locks.
    pub fn mutex(this: &Self) -> &'a Mutex<T> {
        this.mutex
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// Access to a part of the value of a locked [`Mutex`], made by [`MutexGuard::map`].
#[must_use = "the lock is released when the guard is dropped"]
#[derive(Debug)]
pub struct MappedMutexGuard<'a, U: ?Sized> {
    value: RefMut<'a, U>,
    _unlock: Unlock<'a>,
}

impl<U: ?Sized> Deref for MappedMutexGuard<'_, U> {
    type Target = U;

    fn deref(&self) -> &U {
        &self.value
    }
}

impl<U: ?Sized> DerefMut for MappedMutexGuard<'_, U> {
    fn deref_mut(&mut self) -> &mut U {
        &mut self.value
    }
}

/// Access to the value of a locked [`Mutex`] by a guard that keeps the mutex alive.
///
/// It holds the value itself: `mem::forget` of it leaves the mutex locked for ever.
#[must_use = "the lock is released when the guard is dropped"]
pub struct OwnedMutexGuard<T> {
    /// `Some` until the drop.
    value: Option<T>,
    mutex: Rc<Mutex<T>>,
}

impl<T> OwnedMutexGuard<T> {
    /// The mutex that this guard locks.
    pub fn mutex(this: &Self) -> &Rc<Mutex<T>> {
        &this.mutex
    }
}

impl<T> Deref for OwnedMutexGuard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        in_place(self.value.as_ref())
    }
}

impl<T> DerefMut for OwnedMutexGuard<T> {
    fn deref_mut(&mut self) -> &mut T {
        in_place(self.value.as_mut())
    }
}

impl<T> Drop for OwnedMutexGuard<T> {
    fn drop(&mut self) {
        // The place is empty, so this drops nothing under the borrow.
        *self.mutex.value.borrow_mut() = self.value.take();
        self.mutex.raw.release();
    }
}

impl<T: fmt::Debug> fmt::Debug for OwnedMutexGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// Who holds the lock finds the value in its place, and so does who owns the whole mutex: an owned
/// guard keeps the mutex shared.
#[inline]
pub(super) fn in_place<T>(value: Option<T>) -> T {
    value.expect("only an owned guard takes the value away")
}
