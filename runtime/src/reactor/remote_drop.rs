//! Removing a descriptor from the reactor of a runtime that lives on another thread.
//!
//! Why: an [`Async`](super::async_fd::Async) is a token that may be dropped on any thread, but only
//! the thread of its runtime reaches the table and the selector.

use crate::executor::registry;

/// Removes the entry, while the descriptor goes on living on this thread.
#[cold]
pub(super) fn forget(runtime: u64, token: u64) {
    registry::call_in(runtime, move |core| core.reactor.remove_late(token));
}

/// Sends a descriptor to its runtime's thread: the selector forgets it there before it is closed.
/// If the runtime has ended, it is closed here.
#[cold]
pub(super) fn close<T: 'static>(io: T, runtime: u64, token: u64) {
    registry::carry_home(runtime, io, move |core, io| {
        core.reactor.remove(token, false);
        drop(io);
    });
}
