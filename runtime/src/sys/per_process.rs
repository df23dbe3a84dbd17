//! What a process has once, and a forked child has again: a static whose value is a new one in each
//! process.
//!
//! Why: the child of a fork has its parent's memory and none of its threads. A lock that another
//! thread held stays held, and what a thread was to do is never done.
//!
//! It leaves the parent's value alone, for ever. A child made by a bare clone(2) is not noticed
//! (see `fork.rs`).

use std::fmt;
use std::ptr;
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering::{AcqRel, Acquire};

use super::fork::current_pid;

/// A static with a value of its own in each process.
pub struct PerProcess<T: 'static> {
    newest: AtomicPtr<Entry<T>>,
}

struct Entry<T: 'static> {
    pid: u32,
    value: T,
    /// The parent's. Only kept so that what it holds counts as held.
    _before: Option<&'static Self>,
}

impl<T> PerProcess<T> {
    /// No value yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            newest: AtomicPtr::new(ptr::null_mut()),
        }
    }
}

impl<T: Default + Send + Sync> PerProcess<T> {
    /// The value of this process, made by the first call.
    #[inline]
    pub fn get(&self) -> &'static T {
        let newest = self.newest.load(Acquire);
        // SAFETY: null, or an entry that `begin` leaked before it was stored here; entries are
        // never freed or changed.
        match unsafe { newest.as_ref() } {
            Some(entry) if entry.pid == current_pid() => &entry.value,
            before => self.begin(before),
        }
    }

    #[cold]
    fn begin(&self, before: Option<&'static Entry<T>>) -> &'static T {
        let mine = Box::into_raw(Box::new(Entry {
            pid: current_pid(),
            value: T::default(),
            _before: before,
        }));
        let expected = before.map_or(ptr::null_mut(), |entry| ptr::from_ref(entry).cast_mut());
        if self
            .newest
            .compare_exchange(expected, mine, AcqRel, Acquire)
            .is_err()
        {
            // Another thread was first, in this process: a value is replaced after a fork only.
            // SAFETY: it came out of a box a moment ago and was given to nobody.
            drop(unsafe { Box::from_raw(mine) });
        }
        self.get()
    }
}

impl<T> Default for PerProcess<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for PerProcess<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerProcess").finish_non_exhaustive()
    }
}
