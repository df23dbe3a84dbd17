//! `poll(2)`: which of these descriptors are ready?

use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

use crate::count;

/// What is asked about one descriptor, and the answer.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct PollFd(libc::pollfd);

impl PollFd {
    /// Asks whether `fd` can be read, written, or both.
    pub fn new(fd: RawFd, read: bool, write: bool) -> Self {
        let mut events = 0;
        if read {
            events |= libc::POLLIN;
        }
        if write {
            events |= libc::POLLOUT;
        }
        Self(libc::pollfd { fd, events, revents: 0 })
    }

    pub fn fd(&self) -> RawFd {
        self.0.fd
    }

    /// A read would not block. An error or a hang-up counts: the read then returns it at once.
    pub fn readable(&self) -> bool {
        self.0.revents & (libc::POLLIN | libc::POLLERR | libc::POLLHUP | libc::POLLNVAL) != 0
    }

    /// A write would not block.
    pub fn writable(&self) -> bool {
        self.0.revents & (libc::POLLOUT | libc::POLLERR | libc::POLLHUP | libc::POLLNVAL) != 0
    }
}

/// Waits until a descriptor is ready or `timeout` has passed; without a timeout, until one is
/// ready. Returns how many are ready. A signal ends the wait with 0.
pub fn poll(fds: &mut [PollFd], timeout: Option<Duration>) -> io::Result<usize> {
    count::call("poll", || {
        // SAFETY: `PollFd` is transparent over `pollfd`, and the kernel writes `fds.len()` of them
        // at most.
        let n = unsafe {
            libc::poll(fds.as_mut_ptr().cast(), fds.len() as libc::nfds_t, millis(timeout))
        };
        outcome(n)
    })
}

/// The kernel counts in milliseconds. Rounded up: a wait that ends early would only be begun again.
pub(crate) fn millis(timeout: Option<Duration>) -> i32 {
    match timeout {
        None => -1,
        Some(wait) => i32::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX),
    }
}

pub(crate) fn outcome(n: i32) -> io::Result<usize> {
    match usize::try_from(n) {
        Ok(n) => Ok(n),
        Err(_) => match io::Error::last_os_error() {
            error if error.kind() == io::ErrorKind::Interrupted => Ok(0),
            error => Err(error),
        },
    }
}
