//! The clock: the only source of time.
//!
//! Why: time can be virtual, because nothing else reads the system's clock.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::instant::Instant;
use crate::executor::current;
use crate::sys;

/// The clock of one runtime: the system's, or one that stands until it is advanced. Any thread may
/// read it; only the loop's changes it.
#[derive(Debug)]
pub(crate) struct Clock {
    /// Virtual now in nanoseconds while paused, else 0.
    paused: AtomicU64,
    /// What virtual time is ahead of the system's, once resumed; behind it, the difference wraps.
    ahead: AtomicU64,
}

impl Clock {
    pub(crate) fn new(paused: bool) -> Self {
        let now = if paused {
            sys::clock::monotonic_ns()
        } else {
            0
        };
        Self {
            paused: AtomicU64::new(now),
            ahead: AtomicU64::new(0),
        }
    }

    #[inline]
    pub(crate) fn now(&self) -> Instant {
        Instant::from_nanos(match self.paused.load(Relaxed) {
            0 => sys::clock::monotonic_ns().wrapping_add(self.ahead.load(Relaxed)),
            now => now,
        })
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused.load(Relaxed) != 0
    }

    /// Stops at `at`.
    pub(crate) fn pause(&self, at: Instant) {
        self.paused.store(at.as_nanos(), Relaxed);
    }

    pub(crate) fn resume(&self) {
        if self.is_paused() {
            // With room for a century to run on: a clock that stands at the end of time must not
            // wrap.
            let now = self.now().as_nanos().min(u64::MAX - (1 << 62));
            let ahead = now.wrapping_sub(sys::clock::monotonic_ns());
            self.ahead.store(ahead, Relaxed);
            self.paused.store(0, Relaxed);
        }
    }

    /// Moves virtual time on; never back.
    pub(crate) fn advance_to(&self, to: Instant) {
        if self.is_paused() {
            self.pause(self.now().max(to));
        }
    }
}

/// Now, by the clock of the runtime that this thread is inside of, else by the system's.
#[inline]
pub(super) fn now() -> Instant {
    current::with_core(|core| match core {
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
