//! hyper's timer: `Sleep`, behind hyper's trait object.
//!
//! hyper speaks of std's instants. Translating each by the system's clock would cost two readings;
//! a pair of instants that mean the same moment, taken once, translates exactly and follows a
//! virtual clock too.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use ::hyper::rt;
use myrt_runtime::time::{self, Instant, Sleep};

/// Gives hyper its time limits: a server's header timeout, HTTP/2's keep-alive pings.
///
/// A server that is given none has no header timeout, whatever hyper's default says, and panics
/// where one was asked for by `header_read_timeout`. Moving a deadline, which hyper does for each
/// request, allocates nothing and reads the clock once. Under a paused clock (see
/// [`pause`](time::pause)) hyper's limits take no time.
#[derive(Clone, Copy)]
pub struct Timer {
    /// The same moment on both clocks.
    here: Instant,
    there: std::time::Instant,
}

impl Timer {
    /// A timer.
    #[must_use]
    pub fn new() -> Self {
        let here = Instant::now();
        Self {
            here,
            there: here.into_std(),
        }
    }

    /// std's instant as one of ours. A moment before the clock's zero is its zero, which has passed
    /// as well.
    fn translate(&self, instant: std::time::Instant) -> Instant {
        match instant.checked_duration_since(self.there) {
            Some(later) => self.here + later,
            None => self
                .here
                .checked_sub(self.there - instant)
                .unwrap_or(self.here),
        }
    }
}

impl Default for Timer {
    fn default() -> Self {
        Self::new()
    }
}

impl rt::Timer for Timer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(Sleeping(time::sleep(duration)))
    }

    fn sleep_until(&self, deadline: std::time::Instant) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(Sleeping(time::sleep_until(self.translate(deadline))))
    }

    /// The runtime's now: a virtual clock's while it is paused.
    fn now(&self) -> std::time::Instant {
        self.there + Instant::now().saturating_duration_since(self.here)
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn rt::Sleep>>, deadline: std::time::Instant) {
        match sleep.as_mut().downcast_mut_pin::<Sleeping>() {
            Some(ours) => ours.get_mut().0.reset(self.translate(deadline)),
            None => *sleep = self.sleep_until(deadline),
        }
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").finish_non_exhaustive()
    }
}

/// hyper's trait on our sleep, which is another crate's.
#[derive(Debug)]
struct Sleeping(Sleep);

impl Future for Sleeping {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl rt::Sleep for Sleeping {}
