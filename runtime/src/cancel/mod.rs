//! Cancellation that one can rely on: tokens, shields, and cleanups that may await.
//!
//! Why: everything here is cancelled by dropping its future, and `Drop` cannot await. The guards in
//! this folder leave an async cleanup when they are dropped, and the canceller waits for it:
//! `cancel().await`, `timeout`, scopes, the end of the runtime. Must not depend on: loop, reactor,
//! blocking, future, scope.
//!
//! # What holds for every cleanup
//!
//! It is armed when `finally` or `bracket` is *called*, not when that is first polled. It runs
//! exactly once, however the future ends: ready, panicked, cancelled, given up by a timeout,
//! dropped by a `select!`, by Ctrl-C or by the end of the runtime. Nothing cancels it: a second
//! cancel finds it running and lets it run. Nested ones run inner before outer. If it panics, the
//! unhandled hook is told and the future's result stands. If it hangs, it delays its canceller
//! until the grace is over ([`Builder::grace`](crate::runtime::Builder::grace), 5 s), then it is
//! cut, and that is reported.
//!
//! # What is dropped before a cleanup runs
//!
//! A cancel drops the whole future at once, and only then the cleanups run. So a guard that stands *beside*
//! an await, in the same function, is gone before the cleanup *inside* of that await has begun: a
//! lock is free, a temporary file deleted, a permit given back, while the cleanup still says
//! good-bye. (In asyncio `finally` blocks run from the inside to the outside.) Where the cleanup
//! needs what the guard keeps, give it to the cleanup: by [`bracket`], which hands the resource
//! over, or by moving an owned guard (`lock_owned`, an `Rc`) into the closure of [`finally`].
//!
//! ```
//! use std::rc::Rc;
//! use myrt::sync::Mutex;
//! use myrt::time::{Duration, sleep, timeout};
//! myrt::run(async {
//!     let lock = Rc::new(Mutex::new(()));
//!     let held = lock.clone().lock_owned().await;
//!     let check = lock.clone();
//!     let work = myrt::finally(sleep(Duration::from_secs(60)), async move || {
//!         sleep(Duration::from_millis(1)).await;
//!         assert!(check.try_lock().is_err()); // still ours
//!         drop(held);
//!     });
//!     assert!(timeout(Duration::from_millis(5), work).await.is_err());
//!     assert!(lock.try_lock().is_ok());
//! });
//! ```
//!
//! # When it does not run
//!
//! It does not run after `mem::forget`, `std::process::abort`, in a build with `panic = "abort"`
//! after a panic, or when its future is dropped outside of a runtime after its own has ended; the
//! last is reported. Dropped on another thread, or outside of its runtime while that lives, its
//! cleanup goes home: a task there runs it.

mod bracket;
mod finally;
mod home;
mod shield;
mod token;
mod ward;

pub use bracket::bracket;
pub use finally::{Finally, finally};
pub use shield::{Shield, shield, shield_for};
pub use token::{CancelGuard, CancelToken, Cancelled, RunUntilCancelled};
