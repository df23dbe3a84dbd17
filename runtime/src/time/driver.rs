//! Deadlines to wakers: a clock and a wheel.
//!
//! It turns nanoseconds into the wheel's ticks of a millisecond, rounded up so that no timer fires
//! early, and expired entries into wakes, while nothing is borrowed.

use myrt_timer::{Key, Wheel};
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use super::clock::Clock;
use super::instant::Instant;
use crate::executor::probe::TELLS;
use crate::executor::stored::StoredWaker;

/// Length of a tick in nanoseconds.
const TICK: u64 = 1_000_000;

/// The timers of one runtime.
pub(crate) struct Timers {
    pub(crate) clock: Arc<Clock>,
    wheel: RefCell<Wheel<StoredWaker>>,
    /// The clock at tick 0.
    start: Instant,
    /// The clock when it was last read by the loop.
    seen: Cell<Instant>,
    /// When the runtime's present millisecond began, in the clock's nanoseconds.
    began: Cell<u64>,
    pub(crate) fired: Cell<u64>,
    /// The most that the loop overslept.
    pub(crate) lag: Cell<Duration>,
}

impl Timers {
    pub(crate) fn new(paused: bool) -> Self {
        let clock = Arc::new(Clock::new(paused));
        let start = clock.now();
        Self {
            clock,
            wheel: RefCell::new(Wheel::new()),
            start,
            seen: Cell::new(start),
            began: Cell::new(start.as_nanos()),
            fired: Cell::new(0),
            lag: Cell::new(Duration::ZERO),
        }
    }

    /// The first tick at whose start the deadline has passed; for "never" the wheel's last one,
    /// behind all others.
    #[inline]
    fn tick_of(&self, deadline: Instant) -> u64 {
        if deadline == Instant::FAR_FUTURE {
            return u64::MAX;
        }
        deadline
            .as_nanos()
            .saturating_sub(self.start.as_nanos())
            .div_ceil(TICK)
    }

    /// The moment at which a tick starts.
    fn moment_of(&self, tick: u64) -> Instant {
        let nanos = tick
            .checked_mul(TICK)
            .and_then(|nanos| nanos.checked_add(self.start.as_nanos()));
        nanos.map_or(Instant::FAR_FUTURE, Instant::from_nanos)
    }

    /// The clock as the loop last read it: for what may be a turn old.
    #[inline]
    pub(crate) fn seen(&self) -> Instant {
        self.seen.get()
    }

    /// Stops the clock, at the start of the next tick: so whole milliseconds are exact from here
    /// on.
    pub(crate) fn pause(&self) {
        if !self.clock.is_paused() {
            self.clock
                .pause(self.moment_of(self.tick_of(self.clock.now())));
        }
    }

    /// Whether `deadline` has passed, by a fresh reading of the clock.
    #[inline]
    pub(crate) fn has_passed(&self, deadline: Instant) -> bool {
        self.clock.now() >= deadline
    }

    /// Reads the clock.
    pub(crate) fn look(&self) -> Instant {
        let now = self.clock.now();
        self.seen.set(now);
        now
    }

    /// Milliseconds since the runtime began, for the task table.
    pub(crate) fn millis(&self, now: Instant) -> u32 {
        u32::try_from((now - self.start).as_millis()).unwrap_or(u32::MAX)
    }

    /// [`Timers::millis`] of the clock as the loop last read it, if that is another one than when
    /// this was asked last.
    #[inline]
    pub(crate) fn new_millisecond(&self) -> Option<u32> {
        let since = self.seen.get().as_nanos().wrapping_sub(self.began.get());
        (since >= 1_000_000).then(|| self.next_millisecond())
    }

    #[inline(never)]
    fn next_millisecond(&self) -> u32 {
        let millis = self.millis(self.seen.get());
        self.began
            .set(self.start.as_nanos() + u64::from(millis) * 1_000_000);
        millis
    }

    pub(crate) fn start(&self) -> Instant {
        self.start
    }

    /// Wakes `waker` once `deadline` has passed.
    #[inline]
    pub(crate) fn insert(&self, deadline: Instant, waker: StoredWaker) -> Key {
        let tick = self.tick_of(deadline);
        self.wheel.borrow_mut().insert(tick, waker)
    }

    /// Forgets a timer; returns its waker, to be dropped where nothing is borrowed. None when it
    /// has fired.
    #[inline]
    pub(crate) fn remove(&self, key: Key) -> Option<StoredWaker> {
        self.wheel.borrow_mut().remove(key)
    }

    /// Moves a timer. False when it has fired.
    pub(crate) fn reschedule(&self, key: Key, deadline: Instant) -> bool {
        let tick = self.tick_of(deadline);
        self.wheel.borrow_mut().reschedule(key, tick)
    }

    /// Whether a timer still waits; keeps `waker` as the one to wake. The waker that it replaces is
    /// returned.
    #[inline]
    pub(crate) fn watch(&self, key: Key, waker: &std::task::Waker) -> Option<StoredWaker> {
        // Made before anything is borrowed: the clone of a foreign waker is foreign code.
        let mut waker = StoredWaker::new(waker);
        let waits = match self.wheel.borrow_mut().get_mut(key) {
            Some(kept) => {
                std::mem::swap(kept, &mut waker);
                true
            }
            None => false,
        };
        waits.then_some(waker)
    }

    /// Wakes whose deadline has passed. Returns how many.
    pub(crate) fn fire(&self, now: Instant) -> usize {
        {
            let mut wheel = self.wheel.borrow_mut();
            if wheel.is_empty() {
                return 0;
            }
            wheel.advance((now.as_nanos().saturating_sub(self.start.as_nanos())) / TICK);
        }
        let mut fired = 0;
        loop {
            // Taken out one by one: a foreign waker is user code, and may touch the wheel.
            let Some(waker) = self.wheel.borrow_mut().pop_expired() else {
                break;
            };
            waker.wake();
            fired += 1;
        }
        if TELLS {
            self.fired.set(self.fired.get() + fired as u64);
        }
        fired
    }

    /// The moment at which the loop must look again: exact for near deadlines, earlier than due for
    /// far ones.
    #[inline]
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        if self.is_empty() {
            return None;
        }
        let tick = self.wheel.borrow().next_deadline()?;
        Some(self.moment_of(tick))
    }

    /// The loop slept no longer than until `deadline`, so it was told, and has read the clock.
    pub(crate) fn woke_from(&self, deadline: Instant) {
        let lag = self.seen.get().saturating_duration_since(deadline);
        if TELLS && lag > self.lag.get() {
            self.lag.set(lag);
        }
    }

    /// Whether no timer waits.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.wheel.borrow().is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.wheel.borrow().len()
    }

    /// When each timer is due, and the key of the task that it wakes; none if the waker is not one
    /// of myrt's.
    pub(crate) fn waiters(&self) -> Vec<(Instant, Option<u64>)> {
        let wheel = self.wheel.borrow();
        wheel
            .iter()
            .map(|(tick, waker)| (self.moment_of(tick), waker.key()))
            .collect()
    }

    /// Takes every timer, with its waker, to be dropped where nothing is borrowed.
    pub(crate) fn take_all(&self) -> Wheel<StoredWaker> {
        self.wheel.replace(Wheel::new())
    }
}
