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
use std::task::{Context, Poll, ready};

use myrt_runtime::io::Async;

use crate::caller::Caller;
use crate::calls;
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

/// What `ready` found: a direction to try at least, and what is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ready {
    read: bool,
    write: bool,
    read_closed: bool,
    write_closed: bool,
    error: bool,
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

    /// Whether the peer will send no more, whatever was asked for. What it sent before may still be
    /// there to read.
    #[must_use]
    pub const fn is_read_closed(self) -> bool {
        self.read_closed
    }

    /// Whether writing is over or has failed, whatever was asked for.
    #[must_use]
    pub const fn is_write_closed(self) -> bool {
        self.write_closed
    }

    /// Whether an error waits, which the next operation or `take_error` tells.
    #[must_use]
    pub const fn is_error(self) -> bool {
        self.error
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
    io: &'a Async<T>,
    read: Option<IoWaiter<'a, T>>,
    write: Option<IoWaiter<'a, T>>,
    at: Caller,
}

impl<'a, T: AsFd + 'static> ReadyFor<'a, T> {
    #[track_caller]
    pub(crate) fn new(io: &'a Async<T>, interest: Interest) -> Self {
        let at = std::panic::Location::caller();
        let waiter = |direction| IoWaiter::new(io, direction, at);
        Self {
            io,
            read: interest.read.then(|| waiter(Direction::Read)),
            write: interest.write.then(|| waiter(Direction::Write)),
            at,
        }
    }

    /// Which directions may be tried, one at least.
    fn poll_directions(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(bool, bool)>> {
        let mut poll = |waiter: &mut Option<IoWaiter<'_, T>>| match waiter {
            Some(waiter) => waiter.poll_ready(cx).map_ok(|()| true),
            None => Poll::Pending,
        };
        let (read, write) = (poll(&mut self.read)?, poll(&mut self.write)?);
        if read.is_pending() && write.is_pending() {
            return Poll::Pending;
        }
        Poll::Ready(Ok((read.is_ready(), write.is_ready())))
    }
}

impl<T: AsFd + 'static> Future for ReadyFor<'_, T> {
    type Output = io::Result<Ready>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let (read, write) = ready!(this.poll_directions(cx))?;
        let ends = calls::ends(this.io.get_ref())?;
        Poll::Ready(Ok(Ready {
            read,
            write,
            read_closed: ends.read_closed,
            write_closed: ends.write_closed,
            error: ends.error,
        }))
    }
}

/// Makes a call of the user's own once; a `WouldBlock` is noted for the directions of `interest`.
pub(crate) fn try_io<T: AsFd + 'static, R>(
    io: &Async<T>,
    interest: Interest,
    call: impl FnOnce() -> io::Result<R>,
) -> io::Result<R> {
    match interest {
        Interest::READABLE => io.try_read_with(|_| call()),
        Interest::WRITABLE => io.try_write_with(|_| call()),
        _ => io.try_read_with(|_| io.try_write_with(|_| call())),
    }
}

/// Future of `async_io`: waits until a direction of the interest may be tried, makes the call, and
/// waits again where it would block. Cancel safe if the call is.
#[must_use = "futures do nothing unless awaited"]
pub struct AsyncIo<'a, T: AsFd + 'static, F> {
    ready: ReadyFor<'a, T>,
    interest: Interest,
    call: F,
}

impl<'a, T: AsFd + 'static, F> AsyncIo<'a, T, F> {
    #[track_caller]
    pub(crate) fn new(io: &'a Async<T>, interest: Interest, call: F) -> Self {
        Self {
            ready: ReadyFor::new(io, interest),
            interest,
            call,
        }
    }
}

/// The call is not pinned: it is only called.
impl<T: AsFd + 'static, F> Unpin for AsyncIo<'_, T, F> {}

impl<T: AsFd + 'static, F, R> Future for AsyncIo<'_, T, F>
where
    F: FnMut() -> io::Result<R>,
{
    type Output = io::Result<R>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        loop {
            ready!(this.ready.poll_directions(cx))?;
            match try_io(this.ready.io, this.interest, &mut this.call) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }
}

impl<T: AsFd + 'static, F> fmt::Debug for AsyncIo<'_, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncIo")
            .field("at", &self.ready.at)
            .finish_non_exhaustive()
    }
}

/// Readiness for `poll` functions and for calls of the user's own: the same on all sockets.
macro_rules! readiness {
    ($name:ident over $system:ty: $poll_read:ident, $poll_write:ident) => {
        impl $name {
            /// [`readable`](Self::readable) for `poll` functions. All `poll` functions that read
            /// share one waker: the last caller is woken.
            ///
            /// # Errors
            /// What the selector says of the descriptor.
            #[track_caller]
            pub fn $poll_read(
                &self,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                self.io.poll_readable(cx)
            }

            /// [`writable`](Self::writable) for `poll` functions. All `poll` functions that write
            /// share one waker: the last caller is woken.
            ///
            /// # Errors
            /// What the selector says of the descriptor.
            #[track_caller]
            pub fn $poll_write(
                &self,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                self.io.poll_writable(cx)
            }

            $crate::ready::own_calls!($system, |this| &this.io);
        }
    };
}
pub(crate) use readiness;

/// `try_io` and `async_io` of one type.
macro_rules! own_calls {
    ($system:ty, |$this:ident| $io:expr $(, or panic: $open:expr)?) => {
        /// Makes a system call of your own on this descriptor, once. Where it says `WouldBlock`,
        /// that is noted, so that the next wait for a direction of `interest` really waits. The
        /// call must be on this descriptor, and must not block.
        ///
        /// # Errors
        /// What `call` says.
        pub fn try_io<R>(
            &self,
            interest: $crate::ready::Interest,
            call: impl FnOnce() -> std::io::Result<R>,
        ) -> std::io::Result<R> {
            let $this = self;
            $crate::ready::try_io($io, interest, call)
        }

        /// Makes a system call of your own on this descriptor, again and again until it does not
        /// say `WouldBlock`, and waits for a direction of `interest` before each. The call must be
        /// on this descriptor, and must not block. **Cancel safe**, if the call is.
        ///
        /// # Errors
        /// What `call` says, and what the selector says of the descriptor.
        $(
            #[doc = concat!("\n# Panics\nIf it was closed: `", stringify!($open), "` fails.")]
        )?
        #[track_caller]
        pub fn async_io<R, F>(
            &self,
            interest: $crate::ready::Interest,
            call: F,
        ) -> $crate::ready::AsyncIo<'_, $system, F>
        where
            F: FnMut() -> std::io::Result<R>,
        {
            let $this = self;
            $crate::ready::AsyncIo::new($crate::ready::own_calls!(@last $io $(, $open)?), interest, call)
        }
    };
    (@last $io:expr) => { $io };
    (@last $io:expr, $open:expr) => { $open };
}
pub(crate) use own_calls;

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
