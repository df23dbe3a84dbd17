//! The thinnest epoll: create, add, wait. The raw server and the load generator use it.
//!
//! Level-triggered, as the man page's own example.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// An epoll instance with room for the events of one wait.
pub struct Epoll {
    fd: OwnedFd,
    events: Vec<libc::epoll_event>,
}

impl Epoll {
    /// # Errors
    /// When the process has no fd left.
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: the fd is fresh and ours.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self {
            fd,
            events: vec![libc::epoll_event { events: 0, u64: 0 }; 1024],
        })
    }

    /// Watches for reading, or for writing (a connect that ends).
    ///
    /// # Errors
    /// Those of `epoll_ctl`.
    pub fn add(&self, fd: RawFd, token: u64, writable: bool) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, token, writable)
    }

    /// Changes what is watched.
    ///
    /// # Errors
    /// Those of `epoll_ctl`.
    pub fn modify(&self, fd: RawFd, token: u64, writable: bool) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, token, writable)
    }

    fn control(&self, operation: i32, fd: RawFd, token: u64, writable: bool) -> io::Result<()> {
        let events = if writable {
            libc::EPOLLOUT
        } else {
            libc::EPOLLIN
        };
        let mut event = libc::epoll_event {
            events: events as u32,
            u64: token,
        };
        // SAFETY: `event` outlives the call.
        check(unsafe { libc::epoll_ctl(self.fd.as_raw_fd(), operation, fd, &mut event) })?;
        Ok(())
    }

    /// Calls `handle` with the token of every fd that is ready. `None` waits for ever.
    ///
    /// # Errors
    /// Those of `handle`; a signal is not one.
    pub fn wait(
        &mut self,
        timeout: Option<Duration>,
        mut handle: impl FnMut(&Self, u64) -> io::Result<()>,
    ) -> io::Result<usize> {
        let timeout = timeout.map_or(-1, |timeout| timeout.as_millis() as i32);
        let room = self.events.len() as i32;
        let buffer = self.events.as_mut_ptr();
        // SAFETY: the pointer and the length describe the buffer.
        let result = unsafe { libc::epoll_wait(self.fd.as_raw_fd(), buffer, room, timeout) };
        let count = match check(result) {
            Ok(count) => count as usize,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => return Err(error),
        };
        for index in 0..count {
            let token = self.events[index].u64;
            handle(self, token)?;
        }
        Ok(count)
    }
}

/// Turns the -1 of a system call into an error.
///
/// # Errors
/// `errno`, when the result is negative.
pub fn check(result: i32) -> io::Result<i32> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}
