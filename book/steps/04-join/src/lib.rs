//! Tasks have results: `spawn` returns a handle, a panic ends one task only, and `block_on` runs a
//! future to its end.

use std::future::poll_fn;
use std::task::Poll;

mod event;
mod executor;
mod join;
mod ready_queue;

pub use event::Event;
pub use executor::block_on;
pub use join::{JoinError, JoinHandle, spawn};

// ANCHOR: yield_now
/// Lets the other tasks run first.
pub async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref(); // "ask me again"
        Poll::Pending
    })
    .await;
}
// ANCHOR_END: yield_now
