//! What tasks use between themselves: locks, permits, events, queues, channels.
//!
//! Names and shapes are tokio's where tokio has the concept, asyncio's where only asyncio has it.
//! Everything here belongs to one thread: plain cells, no atomics, nothing is `Send`. (Between
//! threads use any executor-agnostic channel, or the runtime's `Remote`.)
//!
//! Three promises hold for all of it:
//!
//! - **First come, first served.** Waiters are served in the order of their first poll, and nobody
//!   overtakes them by the `try_` methods.
//! - **Cancellation loses nothing.** A future may be dropped at any await. What it had been granted
//!   goes to the next waiter; a message stays in its channel until a `recv` that is ready takes it.
//! - **No user code under a borrow.** Wakers, destructors and closures may call back into the same
//!   primitive. The few exceptions (a closure that is lent the protected value) are documented.
//!
//! Every primitive has `statistics()`, a small record of how it stands at the moment.
//! It must not know tasks beyond their wakers and ids, and nothing of the reactor.

mod mutex;
mod raw_lock;
mod wait_list;

pub use mutex::{MappedMutexGuard, Mutex, MutexGuard, OwnedMutexGuard, TryLockError};

/// The futures that the methods of this module return, for those who want to name them.
pub mod futures {
    pub use super::mutex::{Lock, LockOwned};
}

/// The records that the `statistics()` methods return.
pub mod statistics {
    pub use super::mutex::MutexStatistics;
}
