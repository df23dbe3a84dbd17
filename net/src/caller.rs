//! Where in the user's source a leaf operation waits.
//!
//! A task's "waits at" line must be the user's, not that of the adapter between them:
//! [`Reader`](crate::io::Reader) polls its inner stream through a trait, and the trait method has
//! no room for a location. So the adapter sets the caller around that poll, and a leaf without
//! bytes reports it. Only the waiting path looks here.

use std::cell::Cell;
use std::panic::Location;

use myrt_runtime::task::{self, Wait};

/// A line of the user's program.
pub(crate) type Caller = &'static Location<'static>;

thread_local! {
    static OUTER: Cell<Option<Caller>> = const { Cell::new(None) };
}

/// Runs `poll` with `at` as the caller that leaf operations inside it report. An outer caller wins:
/// it is nearer to the user.
#[inline]
pub(crate) fn within<T>(at: Caller, poll: impl FnOnce() -> T) -> T {
    /// Puts the former caller back even when the poll panics.
    struct Restore(Option<Caller>);
    impl Drop for Restore {
        fn drop(&mut self) {
            OUTER.set(self.0);
        }
    }
    let before = OUTER.get();
    let _restore = Restore(before);
    if before.is_none() {
        OUTER.set(Some(at));
    }
    poll()
}

/// The line to report for an operation that was called at `at`: an adapter's, if one is around it.
#[inline]
pub(crate) fn of(at: Caller) -> Caller {
    OUTER.get().unwrap_or(at)
}

/// Tells the runtime that the current task is about to wait for `wait`; `at` counts unless an
/// adapter knows better.
pub(crate) fn note(wait: Wait, at: Caller) {
    task::note_wait(wait, of(at));
}
