//! The one way to wait for a direction of a descriptor, and the futures of `Async` that are made of
//! it.
//!
//! A future waits in line under a [`WaiterId`] of its own, which it gives back when it is dropped.
//! A `poll_*` function has no place to keep one, so all its callers share [`WaiterId::POLLER`].
//!
//! Why: try, and wait where it would block, is one loop with a lost wake-up behind each of its
//! details.

use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::Registered;
use super::async_fd::Async;
use super::source::{Direction, WaiterId};
use crate::executor::current;
use crate::executor::wait::{WaitNote, poll_budget, poll_share, take_share};

/// Where the user called.
type Caller = &'static Location<'static>;

/// One wait for a direction, without a destructor. A `poll_*` function makes one for each call,
/// under [`WaiterId::POLLER`].
pub(super) struct Wait<'a, T: AsFd + 'static> {
    pub(super) io: &'a Async<T>,
    pub(super) direction: Direction,
    pub(super) id: WaiterId,
    pub(super) at: Caller,
}

impl<T: AsFd + 'static> Wait<'_, T> {
    /// Tries `operation` until it does not say `WouldBlock`, and waits in between. The direction is
    /// an argument so that it is a constant where the caller's is.
    #[inline(always)]
    pub(super) fn poll_with<R>(
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

    /// Waits until the direction may be tried.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.io.may_try(self.direction) && self.io.is_ready_untried(self.direction)? {
            return poll_budget(cx).map(Ok);
        }
        ready!(self.park(self.direction, cx))?;
        poll_budget(cx).map(Ok)
    }

    /// Registers the waiter, or says that there is nothing to wait for: then everyone in the line
    /// has been woken, and the place there is gone.
    #[inline(always)]
    pub(super) fn park(
        &mut self,
        direction: Direction,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        // One that has waited was most likely woken by an event; a new one looks for an event while
        // it registers.
        if self.id != WaiterId::NONE && self.io.use_event(direction) {
            self.id.forget();
            return Poll::Ready(Ok(()));
        }
        match direction {
            Direction::Read => self.register::<true>(cx),
            Direction::Write => self.register::<false>(cx),
        }
    }

    /// One copy for each direction, in which it is a constant.
    #[inline(never)]
    fn register<const READ: bool>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let direction = if READ {
            Direction::Read
        } else {
            Direction::Write
        };
        current::with(|hot| {
            let core = self.io.join_runtime(current::core(hot), self.at);
            let (token, short) = (self.io.token(), self.io.only_short(direction));
            let registered = core
                .reactor
                .register(token, direction, short, self.id, cx.waker());
            match registered {
                Registered::Waits { id, fd } => {
                    self.id = id;
                    hot.note_wait(WaitNote::new(direction.wait(fd), self.at));
                    Poll::Pending
                }
                Registered::NoNeed => {
                    self.id.forget();
                    self.io.forget_flags(direction);
                    Poll::Ready(Ok(()))
                }
                Registered::Refused(error) => Poll::Ready(Err(error)),
            }
        })
    }
}

/// Waits for one direction of a descriptor: what the network crate's named futures are made of.
#[doc(hidden)]
pub struct IoWaiter<'a, T: AsFd + 'static> {
    wait: Wait<'a, T>,
}

impl<'a, T: AsFd + 'static> IoWaiter<'a, T> {
    /// Not registered yet; `at` is where the user called.
    #[inline]
    pub fn new(io: &'a Async<T>, direction: Direction, at: Caller) -> Self {
        Self {
            wait: Wait {
                io,
                direction,
                id: WaiterId::NONE,
                at,
            },
        }
    }

    /// Where the user called.
    #[inline]
    pub fn at(&self) -> Caller {
        self.wait.at
    }

    /// Tries `operation` until it does not say `WouldBlock`, waiting in line.
    #[inline]
    pub fn poll<R>(
        &mut self,
        cx: &mut Context<'_>,
        operation: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.wait.poll_with(self.wait.direction, cx, operation)
    }

    /// As [`IoWaiter::poll`] for a transfer of at most `wanted` bytes in `direction`, which is this
    /// waiter's. See [`Async::poll_transfer`].
    #[inline(always)]
    pub fn poll_transfer(
        &mut self,
        direction: Direction,
        cx: &mut Context<'_>,
        wanted: usize,
        operation: impl FnMut(&T) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        debug_assert_eq!(direction, self.wait.direction);
        let done = ready!(self.wait.poll_with(direction, cx, operation));
        if let Ok(n) = done {
            if n < wanted && n > 0 {
                self.wait.io.note_short(direction);
            }
        }
        Poll::Ready(done)
    }

    /// Waits until the direction may be tried.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.wait.poll_ready(cx)
    }
}

impl<T: AsFd + 'static> fmt::Debug for IoWaiter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IoWaiter")
            .field("direction", &self.wait.direction)
            .field("at", &self.wait.at)
            .finish_non_exhaustive()
    }
}

impl<T: AsFd + 'static> Drop for IoWaiter<'_, T> {
    #[inline]
    fn drop(&mut self) {
        let Wait {
            io, direction, id, ..
        } = self.wait;
        if id != WaiterId::NONE {
            let token = io.token();
            io.with_home(|core| core.reactor.unregister(token, direction, id));
        }
    }
}

/// The future of [`Async::read_with`] and [`Async::write_with`].
#[must_use = "futures do nothing unless awaited"]
pub struct Operation<'a, T: AsFd + 'static, F> {
    waiter: IoWaiter<'a, T>,
    operation: F,
}

impl<'a, T: AsFd + 'static, F> Operation<'a, T, F> {
    #[inline]
    pub(super) fn new(io: &'a Async<T>, direction: Direction, operation: F, at: Caller) -> Self {
        Self {
            waiter: IoWaiter::new(io, direction, at),
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
        this.waiter.poll(cx, &mut this.operation)
    }
}

impl<T: AsFd + 'static, F> fmt::Debug for Operation<'_, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation")
            .field("direction", &self.waiter.wait.direction)
            .finish_non_exhaustive()
    }
}

/// The future of [`Async::readable`] and [`Async::writable`].
#[must_use = "futures do nothing unless awaited"]
pub struct Readiness<'a, T: AsFd + 'static> {
    waiter: IoWaiter<'a, T>,
}

impl<'a, T: AsFd + 'static> Readiness<'a, T> {
    pub(super) fn new(io: &'a Async<T>, direction: Direction, at: Caller) -> Self {
        Self {
            waiter: IoWaiter::new(io, direction, at),
        }
    }
}

impl<T: AsFd + 'static> Future for Readiness<'_, T> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.waiter.poll_ready(cx)
    }
}

impl<T: AsFd + 'static> fmt::Debug for Readiness<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readiness")
            .field("direction", &self.waiter.wait.direction)
            .finish_non_exhaustive()
    }
}
