//! `io::readable` and `io::writable`: wait for any descriptor, and ask the kernel each time.
//!
//! These are for descriptors that myrt does not own. It does not see what their owner reads, so
//! nothing is cached and each wake is checked with poll(2). The wait uses a duplicate: a descriptor
//! can be in the selector's table only once, and may be there already as somebody's socket. The
//! descriptor's flags stay as they are.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::async_fd::Async;
use super::raw;
use super::source::Direction;
use crate::executor::wait::poll_budget;
use crate::sys;

/// Waits until `fd` can be read without blocking: data, the end, or an error. A regular file always
/// can.
///
/// The kernel is asked afresh each time. A second task may take the data first, so the read may
/// still find nothing. Cancel safe. asyncio's `add_reader`; the course's `wait_readable`.
///
/// # Errors
/// When the descriptor is not open, or the process has none left for the duplicate that is waited
/// on.
///
/// # Panics
/// Outside of a runtime.
#[doc(alias = "add_reader")]
#[track_caller]
pub fn readable<T: AsFd + Unpin>(fd: T) -> Ready<T> {
    Ready {
        fd,
        direction: Direction::Read,
        wait: None,
        at: Location::caller(),
    }
}

/// Waits until `fd` can be written without blocking. See [`readable`].
///
/// # Errors
/// When the descriptor is not open, or the process has none left for the duplicate that is waited
/// on.
#[doc(alias = "add_writer")]
#[track_caller]
pub fn writable<T: AsFd + Unpin>(fd: T) -> Ready<T> {
    Ready {
        fd,
        direction: Direction::Write,
        wait: None,
        at: Location::caller(),
    }
}

/// The future of [`readable`] and [`writable`].
#[must_use = "futures do nothing unless awaited"]
pub struct Ready<T> {
    fd: T,
    direction: Direction,
    wait: Option<Async<OwnedFd>>,
    at: &'static Location<'static>,
}

impl<T: AsFd + Unpin> Future for Ready<T> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            let interest = this.direction.interest();
            if sys::readable_now(raw(&this.fd), interest)?.contains(interest) {
                return poll_budget(cx).map(Ok);
            }
            let wait = match &this.wait {
                Some(wait) => wait,
                None => {
                    let duplicate = this.fd.as_fd().try_clone_to_owned()?;
                    &*this.wait.insert(Async::new_nonblocking(duplicate))
                }
            };
            wait.forget_ready(this.direction);
            ready!(wait.park(cx, this.direction, this.at))?;
        }
    }
}

impl<T> fmt::Debug for Ready<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready")
            .field("direction", &self.direction)
            .finish_non_exhaustive()
    }
}
