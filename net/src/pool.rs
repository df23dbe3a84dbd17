//! Waiting for a job on the blocking pool, from within another future.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use myrt_runtime::task::{JoinHandle, Wait};

use crate::place::{self, Place};

/// Ready with what a job on the pool returned. An error means that it never ran, as its runtime ended, or that it panicked.
pub(crate) fn poll_handle<T: 'static>(
    handle: &mut JoinHandle<T>,
    cx: &mut Context<'_>,
    at: Place,
) -> Poll<io::Result<T>> {
    match Pin::new(handle).poll(cx) {
        Poll::Ready(result) => {
            Poll::Ready(result.map_err(|error| io::Error::other(error.to_string())))
        }
        Poll::Pending => {
            place::note(Wait::Blocking, at);
            Poll::Pending
        }
    }
}
