//! What happens outside of the loop's thread on behalf of its tasks: child processes. Virtual time waits for it.
//!
//! It exists so that the network crate can count a child as the blocking pool counts a job. It must not know what is counted.

use std::fmt;
use std::sync::Arc;

use super::hot;
use super::registry::{Home, Message};
use crate::core::Core;

/// While it lives, the virtual clock of the runtime that made it stands still.
#[doc(hidden)]
pub struct Outside {
    home: Arc<Home>,
    is_virtual: bool,
}

impl Outside {
    /// Whether the clock was a virtual one when this began.
    #[must_use]
    pub fn is_virtual(&self) -> bool {
        self.is_virtual
    }
}

/// Begins to count something that runs outside; none outside of a runtime.
#[doc(hidden)]
#[must_use]
pub fn outside() -> Option<Outside> {
    hot::with_core(|core| {
        let core = core?;
        core.outside.set(core.outside.get() + 1);
        Some(Outside {
            home: Arc::clone(&core.home),
            is_virtual: core.timers.clock.is_paused(),
        })
    })
}

/// Which runtime this thread is inside of: a number that is never used again.
#[doc(hidden)]
#[must_use]
pub fn runtime_serial() -> Option<u64> {
    hot::with_core(|core| core.map(|core| core.serial))
}

fn one_less(core: &Core) {
    core.outside.set(core.outside.get() - 1);
}

impl Drop for Outside {
    fn drop(&mut self) {
        let here = hot::with_core(|core| match core {
            Some(core) if core.serial == self.home.serial => {
                one_less(core);
                true
            }
            _ => false,
        });
        if !here {
            // The loop may sleep without a deadline because of this count. Refused: the runtime has ended.
            let _ = self.home.send(Message::call(one_less));
        }
    }
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outside")
            .field("runtime", &self.home.serial)
            .finish_non_exhaustive()
    }
}
