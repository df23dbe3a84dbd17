//! Cancellation that one can rely on: tokens, shields, and cleanups that may await.
//!
//! It exists because dropping a future is how everything is cancelled here, and `Drop` cannot await. The guards in
//! this folder leave an async cleanup when they are dropped, and whoever cancelled waits for it: `cancel().await`,
//! `timeout`, scopes, the end of the runtime. It must not know who that is.
//!
//! # What holds for every cleanup
//!
//! It is armed when `finally` or `bracket` is *called*, not when that is first polled. It runs exactly once, however the
//! future ends: ready, panicked, cancelled, given up by a timeout, dropped by a `select!`, by Ctrl-C or by the end of
//! the runtime. Nothing cancels it: a second cancel finds it running and lets it run. Nested ones run inner before
//! outer. If it panics, the unhandled hook is told and the future's result stands. If it hangs, it delays its canceller
//! until the grace is over ([`Builder::grace`](crate::runtime::Builder::grace), 5 s), then it is cut, and that is
//! reported.
//!
//! It does not run after `mem::forget`, `std::process::abort`, in a build with `panic = "abort"` after a panic, or when
//! its future is dropped outside of a runtime; the last is reported.

mod bracket;
mod finally;
mod shield;
mod token;
mod ward;

pub use bracket::bracket;
pub use finally::{Finally, finally};
pub use shield::{Shield, shield, shield_for};
pub use token::{CancelGuard, CancelToken, Cancelled, RunUntilCancelled};
