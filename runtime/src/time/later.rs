//! `call_later`: a function, some time from now.
//!
//! asyncio's `loop.call_later`.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use super::sleep::sleep;
use crate::executor::current;
use crate::executor::join::JoinHandle;
use crate::executor::registry;
use crate::executor::spawn::spawn_in;

/// Calls `call` after `duration`, on the loop. Dropping the handle does not stop it,
/// [`TimerHandle::cancel`] does.
///
/// asyncio's `loop.call_later`.
///
/// # Panics
/// Outside of a runtime.
#[track_caller]
pub fn call_later(duration: Duration, call: impl FnOnce() + 'static) -> TimerHandle {
    let at = Location::caller();
    let sleep = sleep(duration);
    let task = async move {
        sleep.await;
        call();
    };
    match current::with_core(|core| Some(spawn_in(core?, task, at))) {
        Some(task) => TimerHandle { task },
        None => registry::refuse("call_later was called", 0),
    }
}

/// A call that is to come; made by [`call_later`].
#[must_use = "keep it to be able to cancel, or drop it to let the call come"]
pub struct TimerHandle {
    task: JoinHandle<()>,
}

impl TimerHandle {
    /// Takes the call back, if it has not been made.
    pub fn cancel(&self) {
        self.task.cancel();
    }

    /// Whether the call was made or taken back.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }
}

impl fmt::Debug for TimerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimerHandle")
            .field("finished", &self.is_finished())
            .finish()
    }
}
