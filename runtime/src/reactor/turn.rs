//! Waiting for a descriptor in line: the futures behind `read_with`, `write_with`, `readable` and `writable`.
//!
//! It exists apart from `Async` because a future keeps a place in the line that must be given back when it is dropped.
//! It must not know `Async`'s token and flags beyond what it asks for.

use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::Line;
use super::async_fd::Async;
use super::source::Direction;
use crate::task::hot;
use crate::task::wait::{WaitNote, poll_budget, poll_share, take_share};

/// A place in the line of those who wait for one direction: what the network crate's named futures are made of.
#[doc(hidden)]
pub struct Turn<'a, T: AsFd + 'static> {
    io: &'a Async<T>,
    direction: Direction,
    ticket: u32,
    at: &'static Location<'static>,
}

impl<'a, T: AsFd + 'static> Turn<'a, T> {
    /// A place that is not taken yet; `at` is where the user called.
    #[inline]
    pub fn new(io: &'a Async<T>, direction: Direction, at: &'static Location<'static>) -> Self {
        Self {
            io,
            direction,
            ticket: 0,
            at,
        }
    }

    /// Where the user called.
    #[inline]
    pub fn at(&self) -> &'static Location<'static> {
        self.at
    }

    /// Tries `operation` until it does not say `WouldBlock`, waiting in line.
    #[inline]
    pub fn poll<R>(
        &mut self,
        cx: &mut Context<'_>,
        operation: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.poll_in(self.direction, cx, operation)
    }

    /// The direction is an argument so that it is a constant where the caller's is.
    #[inline(always)]
    fn poll_in<R>(
        &mut self,
        direction: Direction,
        cx: &mut Context<'_>,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        loop {
            if !self.io.may_try(direction) {
                ready!(self.park(direction, cx))?;
            }
            ready!(poll_share(cx));
            match operation(self.io.get_ref()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.io.note_blocked(direction);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => {
                    take_share();
                    return Poll::Ready(result);
                }
            }
        }
    }

    /// As [`Turn::poll`] for a transfer of at most `wanted` bytes in `direction`, which is this turn's; see
    /// [`Async::poll_transfer`].
    #[inline(always)]
    pub fn poll_transfer(
        &mut self,
        direction: Direction,
        cx: &mut Context<'_>,
        wanted: usize,
        operation: impl FnMut(&T) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        debug_assert_eq!(direction, self.direction);
        let done = ready!(self.poll_in(direction, cx, operation));
        if let Ok(n) = done {
            if n < wanted && n > 0 {
                self.io.note_short(direction);
            }
        }
        Poll::Ready(done)
    }

    /// Waits until the direction may be tried.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.io.may_try(self.direction) && self.io.is_ready_untried(self.direction)? {
            return poll_budget(cx).map(Ok);
        }
        ready!(self.park(self.direction, cx))?;
        poll_budget(cx).map(Ok)
    }

    /// Takes a place in the line, or says that there is nothing to wait for: then everyone in the line has been woken,
    /// and the place there is gone.
    #[inline(always)]
    fn park(&mut self, direction: Direction, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Whoever has waited was most likely woken by an event; whoever comes anew looks for one while it takes its place.
        if self.ticket != 0 && self.io.use_event(direction) {
            self.ticket = 0;
            return Poll::Ready(Ok(()));
        }
        match direction {
            Direction::Read => self.stand_in_line::<true>(cx),
            Direction::Write => self.stand_in_line::<false>(cx),
        }
    }

    /// One copy for each direction, in which it is a constant.
    #[inline(never)]
    fn stand_in_line<const READ: bool>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let direction = if READ {
            Direction::Read
        } else {
            Direction::Write
        };
        hot::with(|hot| {
            let core = self.io.join_runtime(hot::core(hot));
            let (token, short) = (self.io.token(), self.io.only_short(direction));
            let line = core
                .reactor
                .stand_in_line(token, direction, short, self.ticket, cx.waker());
            match line {
                Line::Waits { ticket, fd } => {
                    self.ticket = ticket;
                    hot.note_wait(WaitNote::new(direction.wait(fd), self.at));
                    Poll::Pending
                }
                Line::NoNeed => {
                    self.ticket = 0;
                    self.io.forget_flags(direction);
                    Poll::Ready(Ok(()))
                }
                Line::Refused(error) => Poll::Ready(Err(error)),
            }
        })
    }
}

impl<T: AsFd + 'static> fmt::Debug for Turn<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn")
            .field("direction", &self.direction)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl<T: AsFd + 'static> Drop for Turn<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.ticket != 0 {
            let (token, direction, ticket) = (self.io.token(), self.direction, self.ticket);
            self.io
                .with_home(|core| core.reactor.leave_line(token, direction, ticket));
        }
    }
}

/// The future of [`Async::read_with`] and [`Async::write_with`].
#[must_use = "futures do nothing unless awaited"]
pub struct Operation<'a, T: AsFd + 'static, F> {
    turn: Turn<'a, T>,
    operation: F,
}

impl<'a, T: AsFd + 'static, F> Operation<'a, T, F> {
    #[inline]
    pub(super) fn new(
        io: &'a Async<T>,
        direction: Direction,
        operation: F,
        at: &'static Location<'static>,
    ) -> Self {
        Self {
            turn: Turn::new(io, direction, at),
            operation,
        }
    }
}

impl<T: AsFd + 'static, F, R> Future for Operation<'_, T, F>
where
    F: FnMut(&T) -> io::Result<R> + Unpin,
{
    type Output = io::Result<R>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<R>> {
        let this = &mut *self;
        this.turn.poll(cx, &mut this.operation)
    }
}

impl<T: AsFd + 'static, F> fmt::Debug for Operation<'_, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation")
            .field("direction", &self.turn.direction)
            .finish_non_exhaustive()
    }
}

/// The future of [`Async::readable`] and [`Async::writable`].
#[must_use = "futures do nothing unless awaited"]
pub struct Readiness<'a, T: AsFd + 'static> {
    turn: Turn<'a, T>,
}

impl<'a, T: AsFd + 'static> Readiness<'a, T> {
    pub(super) fn new(
        io: &'a Async<T>,
        direction: Direction,
        at: &'static Location<'static>,
    ) -> Self {
        Self {
            turn: Turn::new(io, direction, at),
        }
    }
}

impl<T: AsFd + 'static> Future for Readiness<'_, T> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.turn.poll_ready(cx)
    }
}

impl<T: AsFd + 'static> fmt::Debug for Readiness<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readiness")
            .field("direction", &self.turn.direction)
            .finish_non_exhaustive()
    }
}
