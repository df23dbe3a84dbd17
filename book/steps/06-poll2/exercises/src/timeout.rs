//! A wait for a socket that gives up.
#![allow(unused_variables, reason = "an exercise that is not done yet")]

use std::os::fd::AsFd;
use std::time::Duration;

/// Waits until `fd` can be read, for `limit` at most. Returns whether it can.
pub async fn readable_within(fd: &impl AsFd, limit: Duration) -> bool {
    todo!("poll two futures, ready and sleep: who is first decides, and the other is dropped")
}
