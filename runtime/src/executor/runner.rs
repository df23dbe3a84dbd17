//! Which task runs, for other threads to read.
//!
//! The loop keeps the key of the running task in its thread's state, where a wake compares it.
//! Writing it once more at every poll, for the monitor, would cost as much as all the rest that is
//! told about a poll. So the monitor reads the loop's own word: through a pointer that stands here
//! only while the thread is inside of the runtime, and a thread that leaves waits until nobody
//! reads. It must not know who asks, nor what a key means, and uses nothing of the crate: the model
//! checker (the package `loom/`) includes it as it stands.

use std::ptr;

use self::shim::{AtomicPtr, AtomicU32, AtomicU64, Ordering, fence, yield_now};

/// Where the loop's thread says who runs.
pub(crate) struct Runner {
    /// The thread's word; null while the thread is outside.
    place: AtomicPtr<AtomicU64>,
    /// How many threads may be reading through `place` right now.
    readers: AtomicU32,
    /// Who runs while `place` is null or says nobody: a task that drops another one, or that has
    /// entered another runtime.
    aside: AtomicU64,
}

impl Runner {
    pub(crate) fn new() -> Self {
        Self {
            place: AtomicPtr::new(ptr::null_mut()),
            readers: AtomicU32::new(0),
            aside: AtomicU64::new(0),
        }
    }

    /// Key of the task that runs, 0 when none does. From any thread.
    pub(crate) fn key(&self) -> u64 {
        // Either the leaving thread sees this reader, or this reader sees that it has left: each
        // writes its own word before it reads the other's, with a fence between.
        self.readers.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let place = self.place.load(Ordering::Acquire);
        // SAFETY: null, or a word that lives until `close` returns, which does not while `readers`
        // counts this one.
        let word = unsafe { place.as_ref() };
        let key = word.map_or(0, |word| word.load(Ordering::Relaxed));
        self.readers.fetch_sub(1, Ordering::Release);
        match key {
            0 => self.aside.load(Ordering::Relaxed),
            key => key,
        }
    }

    /// The thread enters the runtime; `word` is good until [`Runner::close`].
    pub(crate) fn open(&self, word: &AtomicU64) {
        self.aside.store(0, Ordering::Relaxed);
        self.place
            .store(ptr::from_ref(word).cast_mut(), Ordering::Release);
    }

    /// The thread leaves the runtime, in which `running` goes on, or nobody (0).
    pub(crate) fn close(&self, running: u64) {
        self.aside.store(running, Ordering::Relaxed);
        self.place.store(ptr::null_mut(), Ordering::Relaxed);
        fence(Ordering::SeqCst);
        while self.readers.load(Ordering::Acquire) != 0 {
            yield_now(); // a reader takes some nanoseconds
        }
    }

    /// Says who runs while the thread's word says nobody. Returns who was said before.
    pub(crate) fn set_aside(&self, key: u64) -> u64 {
        let before = self.aside.load(Ordering::Relaxed);
        self.aside.store(key, Ordering::Relaxed);
        before
    }
}

/// The same names from std, or from the model checker.
mod shim {
    #[cfg(myrt_loom)]
    pub(super) use loom::{
        sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering, fence},
        thread::yield_now,
    };
    #[cfg(not(myrt_loom))]
    pub(super) use std::{
        sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering, fence},
        thread::yield_now,
    };
}
