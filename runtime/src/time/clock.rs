//! The clock: the one door through which time comes in.
//!
//! It exists so that time can be virtual: nothing else reads the system's clock. It must not know timers.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::instant::Instant;
use crate::sys;
use crate::task::hot;

/// The clock of one runtime: the system's, or one that stands until it is advanced.
pub(crate) struct Clock {
    /// Virtual now in nanoseconds while paused.
    paused: Cell<Option<u64>>,
    /// What virtual time is ahead of the system's, once resumed; behind it, the difference wraps.
    ahead: Cell<u64>,
    face: Arc<Face>,
}

/// A clock as other threads see it.
#[derive(Debug, Default)]
pub(crate) struct Face {
    /// Virtual now while paused, else 0.
    paused: AtomicU64,
    ahead: AtomicU64,
}

impl Face {
    pub(crate) fn now(&self) -> Instant {
        match self.paused.load(Relaxed) {
            0 => {
                let ahead = self.ahead.load(Relaxed);
                Instant::from_nanos(sys::clock::monotonic_ns().wrapping_add(ahead))
            }
            now => Instant::from_nanos(now),
        }
    }
}

impl Clock {
    pub(crate) fn new(paused: bool) -> Self {
        let clock = Self {
            paused: Cell::new(paused.then(sys::clock::monotonic_ns)),
            ahead: Cell::new(0),
            face: Arc::default(),
        };
        clock.show();
        clock
    }

    /// For other threads.
    pub(crate) fn face(&self) -> Arc<Face> {
        Arc::clone(&self.face)
    }

    /// Shows other threads what has changed.
    fn show(&self) {
        self.face.ahead.store(self.ahead.get(), Relaxed);
        self.face
            .paused
            .store(self.paused.get().unwrap_or(0), Relaxed);
    }

    #[inline]
    pub(crate) fn now(&self) -> Instant {
        match self.paused.get() {
            None => Instant::from_nanos(sys::clock::monotonic_ns().wrapping_add(self.ahead.get())),
            Some(now) => Instant::from_nanos(now),
        }
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused.get().is_some()
    }

    /// Stops at `at`.
    pub(crate) fn pause(&self, at: Instant) {
        self.paused.set(Some(at.as_nanos()));
        self.show();
    }

    pub(crate) fn resume(&self) {
        if let Some(now) = self.paused.take() {
            // With room for a century to run on: a clock that stands at the end of time must not wrap.
            let now = now.min(u64::MAX - (1 << 62));
            self.ahead.set(now.wrapping_sub(sys::clock::monotonic_ns()));
            self.show();
        }
    }

    /// Moves virtual time on; never back.
    pub(crate) fn advance_to(&self, to: Instant) {
        if let Some(now) = self.paused.get() {
            self.paused.set(Some(now.max(to.as_nanos())));
            self.show();
        }
    }
}

/// Now, by the clock of the runtime that this thread is inside of, else by the system's.
#[inline]
pub(super) fn now() -> Instant {
    hot::with_core(|core| match core {
        Some(core) => core.timers.clock.now(),
        None => Instant::from_nanos(sys::clock::monotonic_ns()),
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the door: std's clock is read to translate from and to it"
)]
pub(super) fn into_std(instant: Instant) -> std::time::Instant {
    let (here, there) = (sys::clock::monotonic_ns(), std::time::Instant::now());
    if instant.as_nanos() >= here {
        let later = Duration::from_nanos(instant.as_nanos() - here);
        there
            .checked_add(later)
            .unwrap_or(there + Duration::from_secs(u64::from(u32::MAX)))
    } else {
        there
            .checked_sub(Duration::from_nanos(here - instant.as_nanos()))
            .unwrap_or(there)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the door: std's clock is read to translate from and to it"
)]
pub(super) fn from_std(instant: std::time::Instant) -> Instant {
    let (here, there) = (
        Instant::from_nanos(sys::clock::monotonic_ns()),
        std::time::Instant::now(),
    );
    if instant >= there {
        here + (instant - there)
    } else {
        here - (there - instant)
    }
}
