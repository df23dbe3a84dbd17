//! `Instant`: a point in time in eight bytes, that stands still when the runtime's clock is paused.
//!
//! Why: std's cannot be made from a number, so it could not follow a virtual clock.

use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::time::Duration;

use super::clock;

/// A point on the monotonic clock, in nanoseconds, as the running runtime's clock tells it.
///
/// Arithmetic saturates: an instant beyond the 584 years that fit is [`Instant::FAR_FUTURE`], never
/// a panic (see [`Instant::checked_add`]). tokio's `time::Instant`, asyncio's `loop.time()`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// Later than everything; a sleep until then never ends.
    pub const FAR_FUTURE: Self = Self(u64::MAX);

    /// Now, by the clock of the runtime that this thread is inside of (which may be virtual), else
    /// by the system's.
    #[inline]
    #[must_use]
    pub fn now() -> Self {
        clock::now()
    }

    #[inline]
    pub(crate) const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    #[inline]
    pub(crate) const fn as_nanos(self) -> u64 {
        self.0
    }

    /// How long ago this was; zero if it is still to come.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        Self::now().saturating_duration_since(*self)
    }

    /// The time from `earlier` to this; zero if `earlier` is later.
    #[must_use]
    pub fn duration_since(&self, earlier: Self) -> Duration {
        self.saturating_duration_since(earlier)
    }

    /// The time from `earlier` to this; zero if `earlier` is later.
    #[must_use]
    pub fn saturating_duration_since(&self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The time from `earlier` to this; none if `earlier` is later.
    #[must_use]
    pub fn checked_duration_since(&self, earlier: Self) -> Option<Duration> {
        self.0.checked_sub(earlier.0).map(Duration::from_nanos)
    }

    /// This and `duration` later; none beyond what fits.
    #[must_use]
    pub fn checked_add(&self, duration: Duration) -> Option<Self> {
        let nanos = u64::try_from(duration.as_nanos()).ok()?;
        self.0.checked_add(nanos).map(Self)
    }

    /// This less `duration`; none before the clock's zero.
    #[must_use]
    pub fn checked_sub(&self, duration: Duration) -> Option<Self> {
        let nanos = u64::try_from(duration.as_nanos()).ok()?;
        self.0.checked_sub(nanos).map(Self)
    }

    /// The std instant of the same moment, by the system's clock.
    #[must_use]
    pub fn into_std(self) -> std::time::Instant {
        clock::into_std(self)
    }

    /// The instant of the same moment as a std instant.
    #[must_use]
    pub fn from_std(instant: std::time::Instant) -> Self {
        clock::from_std(instant)
    }
}

/// Nanoseconds of a duration, saturating. The common case is two multiplications; `as_nanos` is 128
/// bits wide.
#[inline]
pub(crate) fn nanos_of(duration: Duration) -> u64 {
    duration
        .as_secs()
        .saturating_mul(1_000_000_000)
        .saturating_add(u64::from(duration.subsec_nanos()))
}

impl Add<Duration> for Instant {
    type Output = Self;

    #[inline]
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos_of(duration)))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(nanos_of(duration)))
    }
}

impl SubAssign<Duration> for Instant {
    fn sub_assign(&mut self, duration: Duration) {
        *self = *self - duration;
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.saturating_duration_since(earlier)
    }
}

impl From<std::time::Instant> for Instant {
    fn from(instant: std::time::Instant) -> Self {
        Self::from_std(instant)
    }
}

impl From<Instant> for std::time::Instant {
    fn from(instant: Instant) -> Self {
        instant.into_std()
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Instant({:?})", Duration::from_nanos(self.0))
    }
}
