//! The clock of an executor, and futures that wait for it.

use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::executor;
use crate::timers::{Key, Timers, Wheel};
use crate::waits;

// ANCHOR: time
pub(crate) struct Time {
    started: Instant,
    /// Set where time is virtual: it moves only when every task waits.
    paused_at: Cell<Option<u64>>,
    wheel: RefCell<Wheel>,
    made: Cell<u64>,
}

impl Default for Time {
    fn default() -> Self {
        let (paused_at, wheel, made) = Default::default();
        Self { started: Instant::now(), paused_at, wheel, made }
    }
}

impl Time {
    fn now(&self) -> u64 {
        self.paused_at.get().unwrap_or_else(|| self.started.elapsed().as_millis() as u64)
    }

    /// The wakers whose time has come.
    pub(crate) fn expire(&self) -> Vec<Waker> {
        self.wheel.borrow_mut().expire(self.now())
    }

    /// How long the executor may sleep: until the next deadline. Virtual time jumps there instead.
    pub(crate) fn until_next(&self) -> Option<Duration> {
        let next = self.wheel.borrow_mut().next()?;
        if self.paused_at.get().is_some() {
            self.paused_at.set(Some(next));
        }
        Some(Duration::from_millis(next.saturating_sub(self.now())))
    }
}
// ANCHOR_END: time

// ANCHOR: sleep
/// Waits until its deadline. Dropped, it leaves the wheel.
pub struct Sleep {
    time: Rc<Time>,
    deadline: u64,
    key: Option<Key>,
    at: &'static Location<'static>,
}

/// Waits for `duration`.
#[track_caller]
pub fn sleep(duration: Duration) -> Sleep {
    let time = Rc::clone(&executor::current().time);
    let deadline = time.now() + duration.as_nanos().div_ceil(1_000_000) as u64;
    Sleep { time, deadline, key: None, at: Location::caller() }
}

/// From here on time is virtual: when every task waits, the clock jumps to the next deadline.
pub fn pause() {
    let time = &executor::current().time;
    time.paused_at.set(Some(time.now()));
}

/// Milliseconds since the executor began.
pub fn now() -> u64 {
    executor::current().time.now()
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.leave();
        if self.time.now() >= self.deadline {
            return Poll::Ready(());
        }
        let key = (self.deadline, self.time.made.get());
        self.time.made.set(key.1 + 1);
        self.time.wheel.borrow_mut().insert(key, cx.waker().clone());
        self.key = Some(key);
        waits::note("its time", Some(self.at), None);
        Poll::Pending
    }
}

impl Sleep {
    fn leave(&mut self) {
        if let Some(key) = self.key.take() {
            self.time.wheel.borrow_mut().cancel(key);
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.leave();
    }
}
// ANCHOR_END: sleep
