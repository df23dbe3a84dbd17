//! TCP: sockets stand in the reactor's table from their beginning to their end.

use std::future::poll_fn;
use std::task::Poll;

mod cleanup;
mod event;
mod executor;
mod join;
mod reactor;
mod ready_queue;
mod retry;
mod tcp;
mod time;
mod timers;

pub use cleanup::{Elapsed, finally, timeout};
pub use event::Event;
pub use executor::block_on;
pub use join::{JoinError, JoinHandle, spawn};
pub use tcp::{TcpListener, TcpStream};
pub use time::{Sleep, now, pause, sleep};
pub use timers::{Key, Timers, Wheel};

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
