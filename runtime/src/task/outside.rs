//! What happens outside of the loop's thread on behalf of its tasks: child processes. Virtual time waits for it.
//!
//! It exists so that the network crate can count a child like the blocking pool counts a job. It must not know what is counted.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::hot;
use super::registry::{Home, Message};

/// While it lives, the virtual clock of the runtime that made it stands still.
#[doc(hidden)]
pub struct Outside {
    count: Arc<AtomicUsize>,
    /// To be told when time may go on; none under a clock that does not stand still.
    sleeper: Option<Arc<Home>>,
}

impl Outside {
    /// Whether the clock was a virtual one when this began.
    #[must_use]
    pub fn is_virtual(&self) -> bool {
        self.sleeper.is_some()
    }
}

/// Begins to count something that runs outside; none outside of a runtime.
#[doc(hidden)]
#[must_use]
pub fn outside() -> Option<Outside> {
    hot::with_core(|core| {
        let core = core?;
        core.outside.fetch_add(1, Ordering::AcqRel);
        Some(Outside {
            count: Arc::clone(&core.outside),
            sleeper: core.timers.clock.is_paused().then(|| Arc::clone(&core.home)),
        })
    })
}

/// Which runtime this thread is inside of: a number that is never used again.
#[doc(hidden)]
#[must_use]
pub fn runtime_serial() -> Option<u64> {
    hot::with_core(|core| core.map(|core| core.serial))
}

impl Drop for Outside {
    fn drop(&mut self) {
        let last = self.count.fetch_sub(1, Ordering::AcqRel) == 1;
        if let Some(home) = self.sleeper.take().filter(|_| last) {
            // The loop may sleep without a deadline because of this count. Refused: the runtime has ended.
            let _ = home.send(Message::Call(Box::new(|_| ())));
        }
    }
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outside").field("running", &self.count.load(Ordering::Relaxed)).finish_non_exhaustive()
    }
}
