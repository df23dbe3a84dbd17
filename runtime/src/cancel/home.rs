//! Where a guarded future began, so that its cleanup runs there.
//!
//! Why: such a future is `Send` when what it holds is. Polled elsewhere it refuses before it touches
//! anything, dropped elsewhere its cleanup goes home.

use crate::executor::extra::cleanup::{self, Left};
use crate::executor::{registry, runtime_serial};

/// The runtime of a guarded future.
pub(super) struct Home {
    /// Where it was made, then where it is polled; 0 for none.
    runtime: u64,
    /// It was polled there.
    begun: bool,
}

impl Home {
    /// Here, where it was not polled yet.
    pub(super) fn here() -> Self {
        Self {
            runtime: runtime_serial().unwrap_or(0),
            begun: false,
        }
    }

    /// The future is polled.
    ///
    /// # Panics
    /// Where it began in another runtime, and that lives.
    #[inline]
    #[track_caller]
    pub(super) fn enter(&mut self) {
        let here = runtime_serial().unwrap_or(0);
        if here != self.runtime {
            self.change_to(here);
        }
        self.begun |= here != 0;
    }

    #[cold]
    #[track_caller]
    fn change_to(&mut self, here: u64) {
        if self.begun && registry::by_serial(self.runtime).is_some() {
            registry::refuse("a future with an async cleanup was polled", self.runtime);
        }
        if here != 0 {
            self.runtime = here;
        }
    }

    /// Leaves a cleanup there.
    pub(super) fn leave<L: Into<Left>>(&self, make: impl FnOnce() -> L + 'static) {
        cleanup::leave_in(self.runtime, make);
    }
}
