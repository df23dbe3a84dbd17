//! [`RwLock`]: a value that many may read at a time, or one may write.
//!
//! The waiting is in `raw_rw_lock.rs`, the owned guards are in `rw_lock_owned.rs`; here are the
//! value, the borrowing guards and their futures. The value
//! sits in an `Rc`: an owned read guard is a clone of it, an owned write guard takes the `Rc` away
//! for a while, and so owned guards need no `unsafe`. Borrowing guards count nothing.

use std::cell::{Ref, RefCell, RefMut};
use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::mutex::{TryLockError, in_place};
use super::raw_rw_lock::{Access, RawRwLock};
use super::rw_lock_owned::{ReadOwned, WriteOwned};
use super::wait_list::Key;
use crate::executor::Id;

/// A fair readers-writer lock around a value, for one thread; tokio's `RwLock`.
///
/// First in, first out: a reader that comes after a waiting writer waits behind it. A task that
/// holds a read guard and asks for another may therefore deadlock with a writer between the two.
///
/// `T` is sized, as in [`Mutex`](crate::sync::Mutex): a trait object goes into a box.
///
/// # Examples
///
/// ```
/// use myrt::sync::RwLock;
///
/// myrt::run(async {
///     let config = RwLock::new(1);
///     {
///         let one = config.read().await;
///         let two = config.read().await;
///         assert_eq!(*one, *two);
///     }
///     *config.write().await = 2;
///     assert_eq!(*config.read().await, 2);
/// });
/// ```
pub struct RwLock<T> {
    pub(super) raw: RawRwLock,
    /// `None` while an owned write guard has the value.
    pub(super) value: RefCell<Option<Rc<T>>>,
}

impl<T> RwLock<T> {
    /// A free lock around `value`.
    pub fn new(value: T) -> Self {
        Self {
            raw: RawRwLock::new(),
            value: RefCell::new(Some(Rc::new(value))),
        }
    }

    /// A free lock around `value` that at most `max_readers` may read at a time; further ones wait.
    ///
    /// # Panics
    ///
    /// If `max_readers` is 0.
    ///
    /// ```
    /// use myrt::sync::RwLock;
    ///
    /// myrt::run(async {
    ///     let lock = RwLock::with_max_readers("value", 1);
    ///     let reader = lock.read().await;
    ///     assert!(lock.try_read().is_err());
    ///     drop(reader);
    ///     assert!(lock.try_read().is_ok());
    /// });
    /// ```
    #[track_caller]
    pub fn with_max_readers(value: T, max_readers: u32) -> Self {
        assert!(
            max_readers > 0,
            "an RwLock needs room for at least 1 reader"
        );
        Self {
            raw: RawRwLock::with_most(max_readers as usize),
            value: RefCell::new(Some(Rc::new(value))),
        }
    }

    /// Waits until no writer holds the lock or waits for it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up its place in the queue, and lets in the waiters behind it that
    /// it had held up.
    #[track_caller]
    #[inline]
    pub fn read(&self) -> Read<'_, T> {
        Read {
            lock: self,
            key: None,
            at: Location::caller(),
        }
    }

    /// Waits until nobody holds the lock. Cancel safe as [`read`](Self::read).
    #[track_caller]
    #[inline]
    pub fn write(&self) -> Write<'_, T> {
        Write {
            lock: self,
            key: None,
            at: Location::caller(),
        }
    }

    /// As [`read`](Self::read), with a guard that has no lifetime.
    #[track_caller]
    pub fn read_owned(self: Rc<Self>) -> ReadOwned<T> {
        ReadOwned::new(self, Location::caller())
    }

    /// As [`write`](Self::write), with a guard that has no lifetime.
    #[track_caller]
    pub fn write_owned(self: Rc<Self>) -> WriteOwned<T> {
        WriteOwned::new(self, Location::caller())
    }

    /// Reads if no writer holds the lock and nobody waits.
    ///
    /// # Errors
    ///
    /// [`TryLockError`] otherwise.
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, TryLockError> {
        if self.raw.try_lock(Access::Read) {
            Ok(self.read_guard())
        } else {
            Err(TryLockError(()))
        }
    }

    /// Writes if nobody holds the lock.
    ///
    /// # Errors
    ///
    /// [`TryLockError`] otherwise.
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T>, TryLockError> {
        if self.raw.try_lock(Access::Write) {
            Ok(self.write_guard())
        } else {
            Err(TryLockError(()))
        }
    }

    /// The value, without locking: `&mut self` proves that nobody else can see it.
    pub fn get_mut(&mut self) -> &mut T {
        alone(self.value.get_mut())
    }

    /// The value, out of the lock.
    pub fn into_inner(self) -> T {
        in_place(self.value.into_inner().and_then(Rc::into_inner))
    }

    /// How many read, whether one writes, and how many wait.
    pub fn statistics(&self) -> RwLockStatistics {
        RwLockStatistics {
            readers: self.raw.readers(),
            writer: self.raw.has_writer(),
            holder: self.raw.holder(),
            waiting: self.raw.waiting(),
        }
    }

    #[inline]
    fn read_guard(&self) -> RwLockReadGuard<'_, T> {
        RwLockReadGuard {
            value: Ref::map(self.value.borrow(), |value| &**in_place(value.as_ref())),
            release: Release {
                raw: &self.raw,
                access: Access::Read,
            },
        }
    }

    #[inline]
    fn write_guard(&self) -> RwLockWriteGuard<'_, T> {
        RwLockWriteGuard {
            value: RefMut::map(self.value.borrow_mut(), alone),
            lock: self,
            release: Release {
                raw: &self.raw,
                access: Access::Write,
            },
        }
    }
}

/// The value of one who writes: nobody else has a clone of the `Rc`.
#[inline]
pub(super) fn alone<T>(value: &mut Option<Rc<T>>) -> &mut T {
    in_place(value.as_mut().and_then(Rc::get_mut))
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("RwLock");
        match self.value.try_borrow() {
            Ok(value) if value.is_some() => out.field("value", &value.as_ref()),
            _ => out.field("value", &format_args!("<locked>")),
        };
        out.field("waiting", &self.raw.waiting()).finish()
    }
}

/// What [`RwLock::statistics`] tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RwLockStatistics {
    /// How many hold it for reading.
    pub readers: usize,
    /// Whether one holds it for writing.
    pub writer: bool,
    /// The task that was the last to get in, if it is known to be in: not where one of several
    /// readers has left.
    pub holder: Option<Id>,
    /// How many wait.
    pub waiting: usize,
}

/// Gives back what a guard holds; dropped after the guard's borrow of the value.
#[derive(Debug)]
struct Release<'a> {
    raw: &'a RawRwLock,
    access: Access,
}

impl Drop for Release<'_> {
    #[inline]
    fn drop(&mut self) {
        self.raw.release(self.access);
    }
}

/// Shared access to the value of an [`RwLock`].
#[must_use = "the lock is released when the guard is dropped"]
#[derive(Debug)]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    // Dropped in this order: the borrow ends before the next task is woken.
    value: Ref<'a, T>,
    release: Release<'a>,
}

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    /// A guard of a part of the value. The whole stays locked.
    pub fn map<U: ?Sized>(this: Self, part: impl FnOnce(&T) -> &U) -> RwLockReadGuard<'a, U> {
        RwLockReadGuard {
            value: Ref::map(this.value, part),
            release: this.release,
        }
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

/// Exclusive access to the value of an [`RwLock`].
#[must_use = "the lock is released when the guard is dropped"]
#[derive(Debug)]
pub struct RwLockWriteGuard<'a, T> {
    // Dropped in this order: the borrow ends before the next task is woken.
    value: RefMut<'a, T>,
    lock: &'a RwLock<T>,
    release: Release<'a>,
}

impl<'a, T> RwLockWriteGuard<'a, T> {
    /// Becomes a reader without letting a writer in between. Readers at the front of the queue come
    /// in too.
    pub fn downgrade(this: Self) -> RwLockReadGuard<'a, T> {
        let Self {
            value,
            lock,
            mut release,
        } = this;
        drop(value);
        lock.raw.downgrade();
        release.access = Access::Read;
        let value = Ref::map(lock.value.borrow(), |value| &**in_place(value.as_ref()));
        let guard = RwLockReadGuard { value, release };
        lock.raw.hand_over();
        guard
    }

    /// As [`downgrade`](Self::downgrade), to a guard of a part. The whole value stays locked.
    pub fn downgrade_map<U: ?Sized>(
        this: Self,
        part: impl FnOnce(&T) -> &U,
    ) -> RwLockReadGuard<'a, U> {
        RwLockReadGuard::map(Self::downgrade(this), part)
    }
}

impl<T> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for RwLockWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

/// The future of [`RwLock::read`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct Read<'a, T> {
    lock: &'a RwLock<T>,
    key: Option<Key>,
    at: &'static Location<'static>,
}

impl<'a, T> Future for Read<'a, T> {
    type Output = RwLockReadGuard<'a, T>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        ready!(
            this.lock
                .raw
                .poll_lock(Access::Read, &mut this.key, cx, this.at)
        );
        Poll::Ready(this.lock.read_guard())
    }
}

impl<T> Drop for Read<'_, T> {
    fn drop(&mut self) {
        self.lock.raw.cancel(self.key);
    }
}

/// The future of [`RwLock::write`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct Write<'a, T> {
    lock: &'a RwLock<T>,
    key: Option<Key>,
    at: &'static Location<'static>,
}

impl<'a, T> Future for Write<'a, T> {
    type Output = RwLockWriteGuard<'a, T>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        ready!(
            this.lock
                .raw
                .poll_lock(Access::Write, &mut this.key, cx, this.at)
        );
        Poll::Ready(this.lock.write_guard())
    }
}

impl<T> Drop for Write<'_, T> {
    fn drop(&mut self) {
        self.lock.raw.cancel(self.key);
    }
}
