//! Waiting for readiness itself, without an operation: `readable`, `writable`, and `ready` for
//! either.
//!
//! For `try_*` loops and for code that does its own system calls. Readiness is a hint: what follows
//! may still say `WouldBlock`. It knows no particular socket.

use std::fmt;
use std::future::Future;
use std::io;
use std::ops::BitOr;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll};

use myrt_runtime::io::Async;

use crate::place::Place;
use crate::socket_op::{Direction, IoWaiter};

/// What to wait for in `ready`; combine with `|`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Interest {
    read: bool,
    write: bool,
}

impl Interest {
    /// Bytes, an end, or a connection to accept.
    pub const READABLE: Self = Self {
        read: true,
        write: false,
    };
    /// Room to write.
    pub const WRITABLE: Self = Self {
        read: false,
        write: true,
    };
}

impl BitOr for Interest {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self {
            read: self.read || other.read,
            write: self.write || other.write,
        }
    }
}

/// What `ready` found; at least one of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ready {
    read: bool,
    write: bool,
}

impl Ready {
    /// Whether reading may succeed.
    #[must_use]
    pub const fn is_readable(self) -> bool {
        self.read
    }

    /// Whether writing may succeed.
    #[must_use]
    pub const fn is_writable(self) -> bool {
        self.write
    }
}

/// Future of `readable` and `writable`: ready when a try in that direction may succeed. Cancel
/// safe.
#[must_use = "futures do nothing unless awaited"]
pub struct Readiness<'a, T: AsFd + 'static> {
    waiter: IoWaiter<'a, T>,
}

impl<'a, T: AsFd + 'static> Readiness<'a, T> {
    #[track_caller]
    pub(crate) fn new(io: &'a Async<T>, direction: Direction) -> Self {
        Self {
            waiter: IoWaiter::new(io, direction, std::panic::Location::caller()),
        }
    }
}

impl<T: AsFd + 'static> Future for Readiness<'_, T> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.get_mut().waiter.poll_ready(cx)
    }
}

/// Future of `ready`: ready when any direction of the interest is. Cancel safe.
#[must_use = "futures do nothing unless awaited"]
pub struct ReadyFor<'a, T: AsFd + 'static> {
    read: Option<IoWaiter<'a, T>>,
    write: Option<IoWaiter<'a, T>>,
    at: Place,
}

impl<'a, T: AsFd + 'static> ReadyFor<'a, T> {
    #[track_caller]
    pub(crate) fn new(io: &'a Async<T>, interest: Interest) -> Self {
        let at = std::panic::Location::caller();
        let waiter = |direction| IoWaiter::new(io, direction, at);
        Self {
            read: interest.read.then(|| waiter(Direction::Read)),
            write: interest.write.then(|| waiter(Direction::Write)),
            at,
        }
    }
}

impl<T: AsFd + 'static> Future for ReadyFor<'_, T> {
    type Output = io::Result<Ready>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let mut poll = |waiter: &mut Option<IoWaiter<'_, T>>| match waiter {
            Some(waiter) => waiter.poll_ready(cx).map_ok(|()| true),
            None => Poll::Pending,
        };
        let (read, write) = (poll(&mut this.read)?, poll(&mut this.write)?);
        if read.is_pending() && write.is_pending() {
            return Poll::Pending;
        }
        Poll::Ready(Ok(Ready {
            read: read.is_ready(),
            write: write.is_ready(),
        }))
    }
}

impl<T: AsFd + 'static> fmt::Debug for Readiness<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readiness")
            .field("at", &self.waiter.at())
            .finish_non_exhaustive()
    }
}

impl<T: AsFd + 'static> fmt::Debug for ReadyFor<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadyFor")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
