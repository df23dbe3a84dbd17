//! The one place that reads the system's clock.
//!
//! Why: virtual time can replace the clock in one place.

/// Nanoseconds of the monotonic clock since some fixed moment (boot, on Linux). Enough for 584
/// years.
#[inline]
pub(crate) fn monotonic_ns() -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `now` is a timespec that lives for the call, and the clock is one that POSIX demands.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    debug_assert_eq!(result, 0, "the monotonic clock can always be read");
    // Neither part is ever negative.
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
