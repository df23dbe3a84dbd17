//! `sleep`: a future that gets a timer at its first poll.
//!
//! It is a deadline and a key, so it is `Send + Sync`, and one that is dropped unpolled touches no
//! table.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use myrt_timer::Key;

use super::instant::Instant;
use crate::core::Core;
use crate::executor::current::{self, Hot};
use crate::executor::registry;
use crate::executor::stored::StoredWaker;
use crate::executor::wait::{Wait, note_wait, poll_budget};

/// Waits until `duration` has passed: never less, and at most about two milliseconds more on an
/// idle loop.
///
/// A zero duration is ready at once; [`Duration::MAX`] never ends. Under a paused clock it takes no
/// time at all (see [`pause`](crate::time::pause)). Cancel safe. asyncio's and tokio's `sleep`.
///
/// ```
/// use myrt::time::{Duration, Instant, sleep};
/// myrt::run(async {
///     let start = Instant::now();
///     sleep(Duration::from_millis(5)).await;
///     assert!(start.elapsed() >= Duration::from_millis(5));
/// });
/// ```
#[track_caller]
#[inline]
pub fn sleep(duration: Duration) -> Sleep {
    Sleep::after(duration, Location::caller())
}

/// Waits until `deadline`; ready at once when it has passed. See [`sleep`].
#[track_caller]
#[inline]
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep::at(deadline, Location::caller())
}

/// The future of [`sleep`] and [`sleep_until`].
///
/// It is a token: `Send + Sync`, 32 bytes, `Unpin`. After it was ready it stays ready until it is
/// [reset](Sleep::reset).
///
/// # Panics
/// When polled outside of a runtime, or in another one than before.
#[must_use = "futures do nothing unless awaited"]
pub struct Sleep {
    deadline: Instant,
    /// The timer's key; 0 before the first `Pending` and after the end.
    key: AtomicU64,
    /// Where the timer is; [`UNREAD`] or 0 while there is none.
    runtime: AtomicU64,
    at: &'static Location<'static>,
}

/// In place of a runtime's serial: the deadline was not reckoned from a reading of the clock just
/// now, so it may have passed long since, and the first poll reads the clock.
const UNREAD: u64 = u64::MAX;

impl Sleep {
    #[inline]
    pub(crate) const fn at(deadline: Instant, at: &'static Location<'static>) -> Self {
        Self::new(deadline, UNREAD, at)
    }

    /// Ends `duration` from now.
    #[inline]
    pub(super) fn after(duration: Duration, at: &'static Location<'static>) -> Self {
        // One that is over at once is ready however long ago the loop has read the clock.
        let short = duration < Duration::from_millis(1);
        Self::new(
            Instant::now() + duration,
            if short { UNREAD } else { 0 },
            at,
        )
    }

    #[inline]
    const fn new(deadline: Instant, runtime: u64, at: &'static Location<'static>) -> Self {
        Self {
            deadline,
            key: AtomicU64::new(0),
            runtime: AtomicU64::new(runtime),
            at,
        }
    }

    /// For the runtime's own use: a sleep made where the caller's line says nothing.
    #[track_caller]
    pub(crate) fn until(deadline: Instant) -> Self {
        Self::at(deadline, Location::caller())
    }

    /// When it ends.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Whether the deadline has passed.
    #[must_use]
    pub fn is_elapsed(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Sets another deadline without allocating; works on a sleep that has ended too. A timer that
    /// already waits keeps its waker. Set to what has passed, it is ready at its next poll, and the
    /// task that polled it last is woken.
    pub fn reset(&mut self, deadline: Instant) {
        self.deadline = deadline;
        let Some(key) = Key::from_bits(self.key.load(Relaxed)) else {
            self.runtime.store(UNREAD, Relaxed);
            return;
        };
        let over = current::with_core(|core| {
            let Some(core) = self.home(core) else {
                wake_remotely(self.runtime.load(Relaxed), key);
                return Some(None);
            };
            if !core.timers.has_passed(deadline) && core.timers.reschedule(key, deadline) {
                return None;
            }
            Some(core.timers.remove(key))
        });
        if let Some(waker) = over {
            self.key.store(0, Relaxed);
            self.runtime.store(UNREAD, Relaxed);
            waker.unwrap_or_default().wake();
        }
    }

    fn home<'a>(&self, core: Option<&'a Core>) -> Option<&'a Core> {
        core.filter(|core| core.serial == self.runtime.load(Relaxed))
    }

    /// Takes the timer out of the wheel.
    #[inline]
    fn forget(&self) {
        let bits = self.key.load(Relaxed);
        if bits == 0 {
            return;
        }
        self.key.store(0, Relaxed);
        let Some(key) = Key::from_bits(bits) else {
            return;
        };
        let waker = current::with_core(|core| match self.home(core) {
            Some(core) => core.timers.remove(key),
            None => {
                forget_remotely(self.runtime.load(Relaxed), key);
                None
            }
        });
        drop(waker);
    }

    #[inline]
    fn begin(&self, core: &Core, cx: &mut Context<'_>) -> Poll<()> {
        // The loop's last reading settles most cases; a fresh one is taken when the deadline is
        // near, or may be.
        let near = self.runtime.load(Relaxed) == UNREAD
            || core.timers.seen() + Duration::from_millis(1) >= self.deadline;
        if near && core.timers.has_passed(self.deadline) {
            return poll_budget(cx);
        }
        let key = core
            .timers
            .insert(self.deadline, StoredWaker::new(cx.waker()));
        self.key.store(key.to_bits(), Relaxed);
        self.runtime.store(core.serial, Relaxed);
        Poll::Pending
    }

    #[inline]
    #[track_caller]
    pub(crate) fn poll_at(&self, cx: &mut Context<'_>, at: &'static Location<'static>) -> Poll<()> {
        let poll = current::with_core(|core| {
            let core = core?;
            match Key::from_bits(self.key.load(Relaxed)) {
                None => Some(self.begin(core, cx)),
                Some(_) if self.is_elsewhere(core) => None,
                Some(key) => Some(self.go_on(core, key, cx)),
            }
        });
        // Not in the closure, whose line would be the panic's.
        let Some(poll) = poll else { self.refuse() };
        if poll.is_pending() {
            self.note(at);
        }
        poll
    }

    /// Says what is waited for. Who waits for something else too (the future in a timeout, another
    /// branch) has said so, and that tells more than a time does: it stays, as one of several.
    #[inline]
    fn note(&self, at: &'static Location<'static>) {
        if !current::with(Hot::note_another) {
            note_wait(Wait::Timer(self.deadline), at);
        }
    }

    fn go_on(&self, core: &Core, key: Key, cx: &mut Context<'_>) -> Poll<()> {
        if core.serial != self.runtime.load(Relaxed) {
            return self.go_over(core, cx);
        }
        match core.timers.watch(key, cx.waker()) {
            Some(old) => {
                drop(old);
                Poll::Pending
            }
            None => {
                ready!(poll_budget(cx));
                self.key.store(0, Relaxed);
                Poll::Ready(())
            }
        }
    }

    /// Whether it began in another runtime, and that lives.
    #[inline]
    fn is_elsewhere(&self, core: &Core) -> bool {
        let home = self.runtime.load(Relaxed);
        core.serial != home && registry::by_serial(home).is_some()
    }

    #[cold]
    #[track_caller]
    fn refuse(&self) -> ! {
        registry::refuse(
            format_args!("the sleep of {} was polled", self.at),
            self.runtime.load(Relaxed),
        )
    }
}

impl Sleep {
    /// The runtime of before has ended, and its wheel with it: the timer begins once more in this
    /// one.
    #[cold]
    fn go_over(&self, core: &Core, cx: &mut Context<'_>) -> Poll<()> {
        self.key.store(0, Relaxed);
        self.runtime.store(UNREAD, Relaxed);
        self.begin(core, cx)
    }
}

#[cold]
fn forget_remotely(runtime: u64, key: Key) {
    registry::call_in(runtime, move |core| {
        drop(core.timers.remove(key));
    });
}

/// The sleep was reset outside of its runtime: the task that polled it polls it again, and begins a
/// new timer.
#[cold]
fn wake_remotely(runtime: u64, key: Key) {
    registry::call_in(runtime, move |core| {
        core.timers.remove(key).unwrap_or_default().wake();
    });
}

impl Future for Sleep {
    type Output = ();

    #[inline]
    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_at(cx, self.at)
    }
}

impl Drop for Sleep {
    #[inline]
    fn drop(&mut self) {
        self.forget();
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep")
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
