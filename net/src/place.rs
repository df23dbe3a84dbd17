//! Where in the user's source a leaf operation waits.
//!
//! A task's "waits at" line must be the user's, not that of the adapter between them:
//! [`Reader`](crate::io::Reader) polls its inner stream through a trait, and the trait method
//! cannot be told a location. So the adapter sets the place around that poll, and the leaf that
//! finds itself without bytes reports it. Only the waiting path looks here; it knows nothing of
//! I/O.

use std::cell::Cell;
use std::panic::Location;

use myrt_runtime::task::{self, Wait};

/// A line of the user's program.
pub(crate) type Place = &'static Location<'static>;

thread_local! {
    static OUTER: Cell<Option<Place>> = const { Cell::new(None) };
}

/// Runs `poll` with `at` as the place that leaf operations inside it report. An outer place wins:
/// it is nearer to the user.
#[inline]
pub(crate) fn within<T>(at: Place, poll: impl FnOnce() -> T) -> T {
    /// Puts the former place back even when the poll panics.
    struct Restore(Option<Place>);
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

/// The place to report for an operation that was called at `at`: an adapter's, if one is around it.
#[inline]
pub(crate) fn of(at: Place) -> Place {
    OUTER.get().unwrap_or(at)
}

/// Tells the runtime that the current task is about to wait for `wait`; `at` counts unless an
/// adapter knows better.
pub(crate) fn note(wait: Wait, at: Place) {
    task::note_wait(wait, of(at));
}
