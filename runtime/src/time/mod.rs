//! Time: sleeping, deadlines, intervals, and a clock that can be virtual.
//!
//! All of it goes through one clock, so under a paused one a program's timeline is exact and takes
//! no time.

pub(crate) mod clock;
mod deadline;
pub(crate) mod driver;
mod instant;
mod interval;
mod later;
mod sleep;
mod timeout;

pub use std::time::Duration;

pub use deadline::Deadline;
pub use instant::Instant;
pub use interval::{Interval, MissedTickBehavior, Tick, interval, interval_at};
pub use later::{TimerHandle, call_later};
pub use sleep::{Sleep, sleep, sleep_until};
pub use timeout::{Elapsed, MoveOn, Timeout, move_on_after, move_on_at, timeout, timeout_at};

use crate::core::Core;
use crate::executor::{current, registry};

/// Stops the clock of the running runtime. From here on time is virtual: it stands still while
/// anything can happen, and jumps to the next timer when nothing is ready, no event or message
/// waits, and no blocking job or child process of this runtime runs. Waiting for a descriptor does
/// not stop it.
///
/// tokio's `time::pause`; trio's `MockClock` with `autojump_threshold=0`.
///
/// # Panics
/// Outside of a runtime.
///
/// ```
/// use myrt::time::{Duration, Instant, pause, sleep};
/// myrt::run(async {
///     pause();
///     let start = Instant::now();
///     sleep(Duration::from_secs(86_400)).await; // a day, at once
///     assert_eq!(start.elapsed(), Duration::from_secs(86_400));
/// });
/// ```
#[track_caller]
pub fn pause() {
    with_core(|core| core.timers.pause());
}

/// Lets the clock run again, from where virtual time has got to.
///
/// # Panics
/// Outside of a runtime.
#[track_caller]
pub fn resume() {
    with_core(|core| core.timers.clock.resume());
}

/// Moves the paused clock on by `duration`, firing the timers on the way in order, each at its own
/// time; tasks that they wake run before later ones fire.
///
/// # Panics
/// When the clock is not paused, and outside of a runtime.
pub async fn advance(duration: Duration) {
    let end = with_core(|core| {
        assert!(
            core.timers.clock.is_paused(),
            "advance moves a paused clock: call time::pause first"
        );
        core.timers.clock.now() + duration
    });
    loop {
        crate::executor::yield_now().await;
        let reached = with_core(|core| {
            let next = core.timers.next_deadline().filter(|next| *next <= end);
            core.timers.clock.advance_to(next.unwrap_or(end));
            core.timers.fire(core.timers.look());
            next.is_none()
        });
        if reached {
            return crate::executor::yield_now().await;
        }
    }
}

#[track_caller]
fn with_core<R>(f: impl FnOnce(&Core) -> R) -> R {
    match current::with_core(|core| Some(f(core?))) {
        Some(result) => result,
        None => registry::refuse("the clock, which belongs to a runtime, was used", 0),
    }
}
