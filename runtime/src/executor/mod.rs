//! Tasks: spawned futures, the table that wakers point into, and how they are polled and ended.
//!
//! It exists as the executor's inside; the loop around it is `loop.rs`. All unsafe code of the
//! runtime that is not a system call is in this folder. It must not know descriptors, and of time
//! only that a cleanup has a deadline.
//!
//! # Reading order
//!
//! `slot.rs` (one row of the table) · `waker_table.rs` · `ready_queue.rs` · `waker.rs` (a number) ·
//! `block.rs` (the allocation) · `tasks.rs` (spawn, wake) · `poll.rs` (a batch) · `end.rs` ·
//! `join.rs`. Then what fewer tasks need: `extra/`, `pair.rs`, `holders.rs`; and the way in from
//! other threads: `registry.rs`, `remote_queue.rs`.
//!
//! # Safety
//!
//! Four facts carry every unsafe block here, but for those of `pair.rs` and `pinned.rs`, which have
//! their own:
//! 1. Slots never move and live as long as their table, and are only touched through shared
//!    references to atomics.
//! 2. The thread's current runtime (`current.rs`) is set by a guard that keeps it borrowed.
//! 3. A block belongs to the loop's thread alone; the slot's flags say whether future or output is
//!    in it.
//! 4. A waker's data word is never dereferenced.

pub(crate) mod awaited;
pub(crate) mod block;
pub(crate) mod current;
pub(crate) mod end;
pub(crate) mod error;
pub(crate) mod extra;
pub(crate) mod extras;
pub(crate) mod holders;
pub(crate) mod id;
pub(crate) mod info;
pub(crate) mod join;
pub(crate) mod of_thread;
pub(crate) mod pair;
pub(crate) mod pinned;
pub(crate) mod poll;
pub(crate) mod pool;
pub(crate) mod probe;
pub(crate) mod ready_queue;
pub(crate) mod registry;
pub(crate) mod remote_queue;
mod runner;
pub(crate) mod slot;
pub(crate) mod spawn;
pub(crate) mod stored;
pub(crate) mod tasks;
#[cfg(test)]
mod tests;
pub(crate) mod times;
pub(crate) mod unhandled;
pub(crate) mod wait;
pub(crate) mod waker;
pub(crate) mod waker_table;
pub(crate) mod yielding;

pub use error::{JoinError, Outcome};
pub use extra::local::{AccessError, LocalKey, Scoped};
pub use id::{Id, ParseIdError};
pub use info::{TaskRef, current, runtime_serial, try_current, try_current_id};
pub(crate) use info::{current_identity, id_of, identity_of, owns};
pub use join::{AbortOnDrop, Cancel, JoinHandle};
pub use of_thread::Local;
#[doc(hidden)]
pub use spawn::{Builder, spawn, spawn_eager};
pub use stored::StoredWaker;
pub use times::PollTimes;
pub use wait::{Wait, note_wait};
pub(crate) use wait::{WaitNote, forget_holder, note_holder};
#[doc(hidden)]
pub use wait::{has_share, poll_share, take_share};
pub use wait::{poll_budget, poll_within_budget};
pub use yielding::{Unconstrained, YieldNow, unconstrained, yield_now};
