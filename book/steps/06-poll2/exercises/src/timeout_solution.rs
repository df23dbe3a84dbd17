//! A wait for a socket that gives up.

use std::future::poll_fn;
use std::os::fd::AsFd;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use step06::{Direction, ready, sleep};

/// Waits until `fd` can be read, for `limit` at most. Returns whether it can.
pub async fn readable_within(fd: &impl AsFd, limit: Duration) -> bool {
    let mut socket = pin!(ready(fd, Direction::Read));
    let mut time = pin!(sleep(limit));
    poll_fn(|cx| {
        if socket.as_mut().poll(cx).is_ready() {
            return Poll::Ready(true);
        }
        time.as_mut().poll(cx).map(|()| false)
    })
    .await
}
