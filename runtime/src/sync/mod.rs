//! What tasks use between themselves: locks, permits, events, queues, channels.
//!
//! Names and shapes are tokio's where tokio has the concept, asyncio's where only asyncio has it.
//! Everything here belongs to one thread: plain cells, no atomics, nothing is `Send`. The exception
//! is [`remote`]: channels between threads.
//! Must not depend on: loop, reactor, blocking, cancel, future, scope.
//!
//! Three promises hold for all of it:
//!
//! - **First come, first served.** Waiters are served in the order of their first poll, and the
//!   `try_` methods do not overtake them.
//! - **Cancellation loses nothing.** A future may be dropped at any await. What it had been granted
//!   goes to the next waiter; a message stays in its channel until a `recv` that is ready takes it.
//! - **No user code under a borrow.** Wakers, destructors and closures may call back into the same
//!   primitive. The few exceptions (a closure that is lent the protected value) are documented.
//!
//! Every primitive has `statistics()`, a small record of how it stands at the moment.

mod barrier;
mod bounded_semaphore;
pub mod broadcast;
mod condvar;
mod event;
mod holder;
pub mod mpsc;
mod mutex;
mod notify;
mod once_cell;
pub mod oneshot;
mod permits;
pub mod queue;
mod rate_limiter;
mod raw_lock;
mod raw_rw_lock;
pub mod remote;
mod rw_lock;
mod rw_lock_owned;
mod semaphore;
mod semaphore_owned;
mod set_once;
pub(crate) mod wait_list;
pub(crate) mod wakes;
pub mod watch;

pub use barrier::{Barrier, BarrierWaitResult, BrokenBarrier};
pub use bounded_semaphore::{BoundedPermit, BoundedSemaphore, OverRelease};
pub use condvar::Condvar;
pub use event::Event;
pub use mutex::{MappedMutexGuard, Mutex, MutexGuard, OwnedMutexGuard, TryLockError};
pub use notify::Notify;
pub use once_cell::{OnceCell, SetError};
pub use permits::{AcquireError, TryAcquireError};
pub use queue::{GetNowaitError, LifoQueue, PriorityQueue, PutNowaitError, Queue, QueueShutDown};
pub use rate_limiter::RateLimiter;
pub use rw_lock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use rw_lock_owned::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard};
pub use semaphore::{Semaphore, SemaphorePermit};
pub use semaphore_owned::OwnedSemaphorePermit;
pub use set_once::{SetOnce, SetOnceError};

/// The futures that the methods of this module return, for those who want to name them.
pub mod futures {
    pub use super::barrier::BarrierWait;
    pub use super::bounded_semaphore::AcquireBounded;
    pub use super::condvar::{CondvarWait, CondvarWaitWhile};
    pub use super::event::EventWait;
    pub use super::mutex::{Lock, LockOwned};
    pub use super::notify::{Notified, OwnedNotified};
    pub use super::once_cell::{GetOrInit, GetOrTryInit};
    pub use super::rate_limiter::RateAcquire;
    pub use super::rw_lock::{Read, Write};
    pub use super::rw_lock_owned::{ReadOwned, WriteOwned};
    pub use super::semaphore::Acquire;
    pub use super::semaphore_owned::AcquireOwned;
    pub use super::set_once::SetOnceWait;
}

/// The records that the `statistics()` methods return.
pub mod statistics {
    pub use super::barrier::BarrierStatistics;
    pub use super::broadcast::BroadcastStatistics;
    pub use super::condvar::CondvarStatistics;
    pub use super::event::EventStatistics;
    pub use super::mpsc::MpscStatistics;
    pub use super::mutex::MutexStatistics;
    pub use super::notify::NotifyStatistics;
    pub use super::once_cell::OnceCellStatistics;
    pub use super::oneshot::OneshotStatistics;
    pub use super::queue::QueueStatistics;
    pub use super::rate_limiter::RateLimiterStatistics;
    pub use super::rw_lock::RwLockStatistics;
    pub use super::semaphore::SemaphoreStatistics;
    pub use super::set_once::SetOnceStatistics;
    pub use super::watch::WatchStatistics;
}
