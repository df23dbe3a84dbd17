//! Tasks: spawned futures, the table that wakers point into, and how they are polled and ended.
//!
//! It exists as the executor's inside; the loop around it is `loop.rs`. All unsafe code of the
//! runtime that is not a system call is in this folder. It must not know descriptors, and of time
//! only that a cleanup has a deadline.
//!
//! # Reading order
//!
//! `slot.rs` (one row of the table) · `table.rs` · `ring.rs` · `waker.rs` (a number) · `cell.rs`
//! (the allocation) · `tasks.rs` (spawn, wake) · `poll.rs` (a batch) · `finish.rs` (ends) ·
//! `join.rs`. Then what fewer tasks need: `children.rs`, `cleanup.rs`, `local.rs`, `rare.rs`,
//! `pair.rs`, `holders.rs`; and the way in from other threads: `registry.rs`, `remote_queue.rs`.
//!
//! # Safety
//!
//! Four facts carry every unsafe block here, but for those of `pair.rs` and `pinned.rs`, which have
//! their own:
//! 1. Slots never move and live as long as their table, and are only touched through shared
//!    references to atomics.
//! 2. The thread's current runtime (`hot.rs`) is set by a guard that keeps the runtime borrowed.
//! 3. A block belongs to the loop's thread alone; the slot's flags say whether future or output is
//!    in it.
//! 4. A waker's data word is never dereferenced.

pub(crate) mod awaited;
pub(crate) mod cell;
pub(crate) mod children;
pub(crate) mod cleanup;
pub(crate) mod error;
pub(crate) mod finish;
pub(crate) mod holders;
pub(crate) mod hot;
pub(crate) mod id;
pub(crate) mod info;
pub(crate) mod join;
pub(crate) mod local;
pub(crate) mod of_thread;
pub(crate) mod pair;
pub(crate) mod pinned;
pub(crate) mod poll;
pub(crate) mod pool;
pub(crate) mod probe;
pub(crate) mod rare;
pub(crate) mod registry;
pub(crate) mod remote_queue;
pub(crate) mod ring;
mod runner;
pub(crate) mod slot;
pub(crate) mod spawn;
pub(crate) mod stored;
pub(crate) mod table;
pub(crate) mod tasks;
#[cfg(test)]
mod tests;
pub(crate) mod times;
pub(crate) mod together;
pub(crate) mod unhandled;
pub(crate) mod wait;
pub(crate) mod waker;
pub(crate) mod yielding;

pub use crate::blocking::limiter::{Limiter, LimiterStatistics};
pub use crate::blocking::{ExternalWork, PoolStatistics, blocking_pool, spawn_blocking};
pub use crate::future::JoinSet;
#[cfg(feature = "inspect")]
pub use crate::inspect::trace::{Graph, State, TaskInfo, all, graph};
pub use crate::task_local;
pub use error::{JoinError, Outcome};
pub use id::{Id, ParseIdError};
pub use info::{TaskRef, current, runtime_serial, try_current, try_current_id};
pub(crate) use info::{current_identity, id_of, identity_of, owns};
pub use join::{AbortOnDrop, Cancel, JoinHandle};
pub use local::{AccessError, LocalKey, Scoped};
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
