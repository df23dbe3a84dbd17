//! `epoll(7)`: the kernel keeps the list, and returns only those that are ready.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use crate::count;
use crate::poll::{millis, outcome};

/// An epoll instance. Dropping it closes it.
pub struct Epoll(OwnedFd);

/// What to be told of a descriptor, and how.
#[derive(Clone, Copy, Default)]
pub struct Interest {
    pub read: bool,
    pub write: bool,
    /// Told once per change, not as long as it lasts.
    pub edge: bool,
}

/// One ready descriptor: the number that it was added with, and what can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub token: u64,
    pub readable: bool,
    pub writable: bool,
}

impl Epoll {
    pub fn new() -> io::Result<Self> {
        // SAFETY: The call takes no pointer.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        outcome(fd)?;
        // SAFETY: The kernel has just made `fd`, and nothing else owns it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Adds `fd`. Its events carry `token`.
    pub fn add(&self, fd: RawFd, token: u64, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, token, interest)
    }

    /// Changes what an added `fd` is watched for.
    pub fn modify(&self, fd: RawFd, token: u64, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, token, interest)
    }

    pub fn remove(&self, fd: RawFd) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_DEL, fd, 0, Interest::default())
    }

    fn control(&self, operation: i32, fd: RawFd, token: u64, interest: Interest) -> io::Result<()> {
        let mut events = 0;
        if interest.read {
            events |= libc::EPOLLIN | libc::EPOLLRDHUP;
        }
        if interest.write {
            events |= libc::EPOLLOUT;
        }
        if interest.edge {
            events |= libc::EPOLLET;
        }
        let mut event = libc::epoll_event { events: events as u32, u64: token };
        count::call("epoll_ctl", || {
            // SAFETY: `event` lives through the call, which copies it. A wrong `fd` is an error,
            // not a fault.
            outcome(unsafe { libc::epoll_ctl(self.0.as_raw_fd(), operation, fd, &mut event) })
                .map(drop)
        })
    }

    /// Waits for events, at most `most` of them, and puts them into `ready`, which is emptied
    /// first. Without a timeout it waits until one comes. A signal ends the wait without any.
    pub fn wait(
        &self,
        ready: &mut Vec<Event>,
        most: usize,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        const ROOM: usize = 256;
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; ROOM];
        let room = most.clamp(1, ROOM) as i32;
        let n = count::call("epoll_wait", || {
            // SAFETY: The kernel writes `room` events at most, and the array has room for as many.
            outcome(unsafe {
                libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), room, millis(timeout))
            })
        })?;
        ready.clear();
        ready.extend(events[..n].iter().map(|event| {
            let bits = event.events as i32;
            let failed = bits & (libc::EPOLLERR | libc::EPOLLHUP) != 0;
            Event {
                token: event.u64,
                readable: failed || bits & (libc::EPOLLIN | libc::EPOLLRDHUP) != 0,
                writable: failed || bits & libc::EPOLLOUT != 0,
            }
        }));
        Ok(())
    }
}
