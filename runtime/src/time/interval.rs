//! `interval`: ticks that do not drift.
//!
//! Why: a loop of `sleep(period)` drifts by whatever the body takes; an interval
//! counts from its start.

use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;

use super::instant::{Instant, nanos_of};
use super::sleep::Sleep;

/// What an [`Interval`] does about ticks that were missed because nobody awaited them in time.
///
/// tokio's type of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissedTickBehavior {
    /// Fires them one after the other, at once, until it has caught up.
    #[default]
    Burst,
    /// Fires once, and counts from then: the next tick is a period after the call that came late,
    /// by however little. Up to five milliseconds are taken for the loop's own lateness, not the
    /// caller's (as in tokio), so that the ticks of a caller who is always there do not drift.
    Delay,
    /// Fires once, and goes on at the next multiple of the period.
    Skip,
}

/// How late a tick may be without its caller being late.
const OWN_LATENESS: Duration = Duration::from_millis(5);

/// Ticks every `period`, the first at once.
///
/// # Panics
/// When `period` is zero.
///
/// ```
/// use myrt::time::{Duration, interval};
/// myrt::run(async {
///     let mut frames = interval(Duration::from_millis(2));
///     for _ in 0..3 {
///         frames.tick().await;
///     }
/// });
/// ```
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    interval_at(Instant::now(), period)
}

/// Ticks every `period`, the first at `start`.
///
/// # Panics
/// When `period` is zero.
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    assert!(
        !period.is_zero(),
        "the period of an interval must not be zero: use yield_now in a loop instead"
    );
    Interval {
        sleep: Sleep::at(start, Location::caller()),
        period,
        missed: MissedTickBehavior::default(),
    }
}

/// Ticks at a fixed period; made by [`interval`] and [`interval_at`]. Also a `Stream` that never
/// ends.
#[derive(Debug)]
pub struct Interval {
    sleep: Sleep,
    period: Duration,
    missed: MissedTickBehavior,
}

impl Interval {
    /// Waits for the next tick; gives the time at which it was due. Cancel safe: a tick is not
    /// lost.
    #[track_caller]
    pub fn tick(&mut self) -> Tick<'_> {
        Tick {
            interval: self,
            at: Location::caller(),
        }
    }

    /// As [`Interval::tick`], for a `poll` function.
    #[track_caller]
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        self.poll_at(cx, Location::caller())
    }

    fn poll_at(&mut self, cx: &mut Context<'_>, at: &'static Location<'static>) -> Poll<Instant> {
        if self.sleep.poll_at(cx, at).is_pending() {
            return Poll::Pending;
        }
        let due = self.sleep.deadline();
        let now = Instant::now();
        self.sleep.reset(self.next_after(due, now));
        Poll::Ready(due)
    }

    fn next_after(&self, due: Instant, now: Instant) -> Instant {
        let next = due + self.period;
        match self.missed {
            MissedTickBehavior::Delay if now > next.min(due + OWN_LATENESS) => now + self.period,
            MissedTickBehavior::Burst | MissedTickBehavior::Delay => next,
            // A tick that is less than a period late was not missed.
            MissedTickBehavior::Skip if now <= next => next,
            MissedTickBehavior::Skip => {
                let period = nanos_of(self.period).max(1);
                let late = (now.as_nanos() - due.as_nanos()) % period;
                now + Duration::from_nanos(period - late)
            }
        }
    }

    /// The period.
    #[must_use]
    pub fn period(&self) -> Duration {
        self.period
    }

    /// Starts again: the next tick is a period from now.
    pub fn reset(&mut self) {
        self.sleep.reset(Instant::now() + self.period);
    }

    /// Makes the next tick come at once.
    pub fn reset_immediately(&mut self) {
        self.sleep.reset(Instant::now());
    }

    /// Makes the next tick come at `deadline`.
    pub fn reset_at(&mut self, deadline: Instant) {
        self.sleep.reset(deadline);
    }

    /// What is done about missed ticks.
    #[must_use]
    pub fn missed_tick_behavior(&self) -> MissedTickBehavior {
        self.missed
    }

    /// Chooses what is done about missed ticks.
    pub fn set_missed_tick_behavior(&mut self, behavior: MissedTickBehavior) {
        self.missed = behavior;
    }
}

impl Stream for Interval {
    type Item = Instant;

    #[track_caller]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Instant>> {
        self.poll_tick(cx).map(Some)
    }
}

/// The future of [`Interval::tick`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Tick<'a> {
    interval: &'a mut Interval,
    at: &'static Location<'static>,
}

impl Future for Tick<'_> {
    type Output = Instant;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Instant> {
        let at = self.at;
        self.interval.poll_at(cx, at)
    }
}
