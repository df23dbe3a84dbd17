//! A waker kept for later in eight bytes.
//!
//! It exists because everything that waits keeps a waker, and nearly every waker is one of ours: a
//! key, which needs no clone, no drop and no vtable. Another runtime's waker is boxed. It must not
//! know what is waited for.

use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;
use std::task::Waker;
use std::thread;

use super::current;
use super::error::report;
use super::waker;

/// A waker that someone keeps: empty, a key of ours, or a boxed foreign waker.
///
/// Waking and dropping may run foreign code, so neither is done while a table of the runtime is
/// borrowed: take it out first.
pub struct StoredWaker {
    /// Null: empty. The upper 16 bits set: a key (a runtime's id is never 0). Else a `Box<Waker>`:
    /// addresses of user space have those bits clear on every 64-bit Unix.
    word: *mut (),
    _not_send: PhantomData<*mut ()>,
}

const KEY: usize = 0xffff << 48;

impl StoredWaker {
    /// Nobody.
    pub const EMPTY: Self = Self {
        word: ptr::null_mut(),
        _not_send: PhantomData,
    };

    /// Keeps a waker.
    #[inline]
    #[must_use]
    pub fn new(waker: &Waker) -> Self {
        match waker::key_of(waker) {
            Some(key) => Self::from_key(key),
            None => Self::foreign(waker),
        }
    }

    #[inline]
    pub(crate) fn from_key(key: u64) -> Self {
        Self::from_raw(ptr::without_provenance_mut(key as usize))
    }

    #[cold]
    fn foreign(waker: &Waker) -> Self {
        let word = Box::into_raw(Box::new(waker.clone())).cast::<()>();
        assert_eq!(word.addr() & KEY, 0, "user-space addresses fit 48 bits");
        Self::from_raw(word)
    }

    /// Keeps `waker` instead of what was kept, and gives that back; it is the caller's to drop it
    /// where no borrow is held. Does nothing when both wake the same task.
    #[inline]
    pub fn replace(&mut self, waker: &Waker) -> Self {
        if self.will_wake(waker) {
            Self::EMPTY
        } else {
            mem::replace(self, Self::new(waker))
        }
    }

    /// Keeps `waker`. For places where nothing is borrowed; else see [`StoredWaker::replace`].
    #[inline]
    pub fn set(&mut self, waker: &Waker) {
        drop(self.replace(waker));
    }

    /// Puts a waker where nobody is: an assignment that drops nothing.
    #[inline]
    pub(crate) fn fill(&mut self, waker: Self) {
        let nobody = mem::replace(self, waker).into_raw();
        debug_assert!(nobody.is_null());
    }

    /// Takes it out and leaves nobody.
    #[inline]
    #[must_use]
    pub fn take(&mut self) -> Self {
        mem::replace(self, Self::EMPTY)
    }

    /// Whether there is nobody to wake.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.word.is_null()
    }

    /// Whether waking this would wake the same task as `waker`.
    #[inline]
    #[must_use]
    pub fn will_wake(&self, waker: &Waker) -> bool {
        match (self.key(), waker::key_of(waker)) {
            (Some(mine), Some(theirs)) => mine == theirs,
            (None, None) => self.boxed().is_some_and(|mine| mine.will_wake(waker)),
            _ => false,
        }
    }

    /// Wakes whom it keeps, if anyone.
    #[inline(always)]
    pub fn wake(self) {
        let this = mem::ManuallyDrop::new(self);
        if let Some(key) = this.key() {
            waker::wake_key(key);
        } else if !this.is_empty() {
            mem::ManuallyDrop::into_inner(this).wake_foreign();
        }
    }

    /// A foreign waker may panic. Where a task called this, that is the task's; where the loop did,
    /// it is reported, and the loop goes on.
    #[cold]
    fn wake_foreign(self) {
        let called = catch_unwind(AssertUnwindSafe(|| {
            if let Some(waker) = self.boxed() {
                waker.wake_by_ref();
            }
            drop(self);
        }));
        if let Err(panic) = called {
            let by_the_loop =
                current::with(|hot| current::core(hot).is_some() && hot.slot().is_none());
            if by_the_loop || thread::panicking() {
                report("a waker", panic);
            } else {
                resume_unwind(panic);
            }
        }
    }

    /// Wakes without giving it up.
    #[inline]
    pub fn wake_by_ref(&self) {
        if let Some(key) = self.key() {
            waker::wake_key(key);
        } else if let Some(waker) = self.boxed() {
            waker.wake_by_ref();
        }
    }

    /// The key, when it is one of ours.
    #[inline]
    pub(crate) fn key(&self) -> Option<u64> {
        let word = self.word.addr();
        (word & KEY != 0).then_some(word as u64)
    }

    #[inline]
    fn boxed(&self) -> Option<&Waker> {
        if self.key().is_some() {
            return None;
        }
        // SAFETY: not a key, so null or the pointer of a `Box<Waker>` that `foreign` leaked and
        // that only our drop takes back.
        unsafe { self.word.cast::<Waker>().as_ref() }
    }

    #[inline]
    pub(crate) fn from_raw(word: *mut ()) -> Self {
        Self {
            word,
            _not_send: PhantomData,
        }
    }

    #[inline]
    pub(crate) fn into_raw(self) -> *mut () {
        mem::ManuallyDrop::new(self).word
    }
}

impl Default for StoredWaker {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl Drop for StoredWaker {
    #[inline]
    fn drop(&mut self) {
        // Nobody is the common case, a key the next.
        if !self.is_empty() && self.key().is_none() {
            drop_foreign(self.word.cast());
        }
    }
}

/// Wakes all, in order. One that panics keeps no other asleep: its panic goes on when all are
/// woken.
pub(crate) fn wake_all(wakers: impl IntoIterator<Item = StoredWaker>) {
    /// Goes on with the rest when one of them panics.
    struct Rest<I: Iterator<Item = StoredWaker>>(I);
    impl<I: Iterator<Item = StoredWaker>> Drop for Rest<I> {
        fn drop(&mut self) {
            self.0.by_ref().for_each(StoredWaker::wake);
        }
    }
    let mut rest = Rest(wakers.into_iter());
    rest.0.by_ref().for_each(StoredWaker::wake);
}

#[cold]
fn drop_foreign(waker: *mut Waker) {
    // SAFETY: called by `StoredWaker::drop` alone, once, with what `foreign` leaked.
    drop(unsafe { Box::from_raw(waker) });
}

impl fmt::Debug for StoredWaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key() {
            Some(key) => write!(f, "StoredWaker({key:#x})"),
            None if self.is_empty() => f.write_str("StoredWaker(none)"),
            None => f.write_str("StoredWaker(foreign)"),
        }
    }
}
