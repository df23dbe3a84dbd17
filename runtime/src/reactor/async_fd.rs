//! `Async<T>`: a descriptor that tasks can wait for. Operations are tried first; a task waits when
//! the system says `WouldBlock`.
//!
//! An `Async` is a token: the owner of the descriptor, a key into the runtime's table, and the
//! runtime's serial.
//!
//! Why: the network crate stands on it. Descriptors, readiness and waiting are here, sockets are
//! there.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::Location;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

use super::source::{Direction, WaiterId};
use super::waiter::{Operation, Readiness, Wait};
use super::{raw, remote_drop};
use crate::core::Core;
use crate::executor::current;
use crate::executor::probe::LeafNote;
use crate::executor::registry;
use crate::sys;

/// A non-blocking descriptor that tasks can wait for.
///
/// Operations are tried at once; when the system says that it would block, the task waits until it
/// no longer does. It may be made anywhere and belongs to the runtime in which it first waits, and
/// after that one's end to the next. It is `Send + Sync` when `T` is, since it is only a token:
/// used in another runtime while its own lives it panics, dropped elsewhere it is handed home.
///
/// smol's `Async<T>`, tokio's `AsyncFd<T>`; asyncio's `add_reader` is
/// [`io::readable`](crate::io::readable).
///
/// ```
/// use std::io::Write;
/// use std::os::unix::net::UnixStream;
/// use myrt::io::Async;
/// myrt::run(async {
///     let (a, mut b) = UnixStream::pair().unwrap();
///     let a = Async::new(a).unwrap();
///     b.write_all(b"hi").unwrap();
///     let mut buf = [0; 8];
///     let n = a.read_with(|mut a| std::io::Read::read(&mut a, &mut buf)).await.unwrap();
///     assert_eq!(&buf[..n], b"hi");
/// });
/// ```
pub struct Async<T: AsFd + 'static> {
    /// Taken only by drop and `into_inner`.
    io: Option<T>,
    /// Token of the entry in the runtime's table; 0 before the first wait.
    token: AtomicU64,
    runtime: AtomicU64,
    /// [`UNSHARED`], and what is known of each direction (see [`blocked`] and [`short`]).
    flags: AtomicU8,
}

/// No one else can hold the descriptor, so closing it ends every registration.
const UNSHARED: u8 = 1;

/// The flag of a direction in which the system said `WouldBlock`, and no event has been seen since.
#[inline]
const fn blocked(direction: Direction) -> u8 {
    match direction {
        Direction::Read => 2,
        Direction::Write => 4,
    }
}

/// The flag of a direction in which a transfer was short, and no event has been seen since.
#[inline]
const fn short(direction: Direction) -> u8 {
    match direction {
        Direction::Read => 8,
        Direction::Write => 16,
    }
}

impl<T: AsFd + 'static> Async<T> {
    /// Takes `io` over and makes it non-blocking.
    ///
    /// # Errors
    /// When the descriptor cannot be made non-blocking.
    pub fn new(io: T) -> io::Result<Self> {
        sys::set_nonblocking(io.as_fd())?;
        Ok(Self::new_nonblocking(io))
    }

    /// Takes over what is non-blocking already. A blocking descriptor would block the whole loop.
    #[inline]
    pub fn new_nonblocking(io: T) -> Self {
        Self {
            io: Some(io),
            token: AtomicU64::new(0),
            runtime: AtomicU64::new(0),
            flags: AtomicU8::new(0),
        }
    }

    /// What is inside. Do not read or write it without [`Async::try_read_with`]: a `WouldBlock`
    /// that is not seen here leaves the readiness standing, which costs one vain try.
    #[inline]
    pub fn get_ref(&self) -> &T {
        match &self.io {
            Some(io) => io,
            None => unreachable!("only drop and into_inner take it"),
        }
    }

    /// What is inside. It may be replaced, so the runtime forgets the descriptor; the next wait
    /// makes it known again.
    pub fn get_mut(&mut self) -> &mut T {
        self.forget();
        match &mut self.io {
            Some(io) => io,
            None => unreachable!("only drop and into_inner take it"),
        }
    }

    /// Takes it out, forgotten by the runtime but still non-blocking.
    ///
    /// # Errors
    /// None at present.
    pub fn into_inner(mut self) -> io::Result<T> {
        self.forget();
        match self.io.take() {
            Some(io) => Ok(io),
            None => unreachable!("only drop and into_inner take it"),
        }
    }

    /// Says that no one else can hold the descriptor, so that closing it need not be announced.
    /// Taken back by whatever lends the descriptor out.
    #[doc(hidden)]
    pub fn set_closing_unshared(&self, unshared: bool) {
        self.flag(UNSHARED, unshared);
    }

    /// Says that a first read would come too early: a connection that was just accepted has hardly
    /// ever sent anything yet. Its first read waits at once, which saves the call that would say
    /// so.
    #[doc(hidden)]
    pub fn set_early(&self) {
        self.flag(blocked(Direction::Read), true);
    }

    #[inline]
    fn flag(&self, flag: u8, on: bool) {
        let flags = self.flags.load(Relaxed);
        self.flags
            .store(if on { flags | flag } else { flags & !flag }, Relaxed);
    }

    /// The entry's token; 0 before the first wait.
    #[inline]
    pub(super) fn token(&self) -> u64 {
        self.token.load(Relaxed)
    }

    /// Tries `operation` until it does not say `WouldBlock`. Waiters are served in order. Cancel
    /// safe.
    #[track_caller]
    pub fn read_with<R, F>(&self, operation: F) -> Operation<'_, T, F>
    where
        F: FnMut(&T) -> io::Result<R> + Unpin,
    {
        Operation::new(self, Direction::Read, operation, Location::caller())
    }

    /// As [`Async::read_with`], for what writes.
    #[track_caller]
    pub fn write_with<R, F>(&self, operation: F) -> Operation<'_, T, F>
    where
        F: FnMut(&T) -> io::Result<R> + Unpin,
    {
        Operation::new(self, Direction::Write, operation, Location::caller())
    }

    /// Waits until reading may succeed. It may still say `WouldBlock`: readiness is a hint. Waiters
    /// are served in order. Cancel safe.
    #[track_caller]
    pub fn readable(&self) -> Readiness<'_, T> {
        Readiness::new(self, Direction::Read, Location::caller())
    }

    /// Waits until writing may succeed.
    #[track_caller]
    pub fn writable(&self) -> Readiness<'_, T> {
        Readiness::new(self, Direction::Write, Location::caller())
    }

    /// Tries once; a `WouldBlock` is noted, so that the next wait really waits.
    ///
    /// # Errors
    /// What `operation` says.
    #[inline]
    pub fn try_read_with<R>(&self, operation: impl FnOnce(&T) -> io::Result<R>) -> io::Result<R> {
        self.try_with(Direction::Read, operation)
    }

    /// Tries once; a `WouldBlock` is noted, so that the next wait really waits.
    ///
    /// # Errors
    /// What `operation` says.
    #[inline]
    pub fn try_write_with<R>(&self, operation: impl FnOnce(&T) -> io::Result<R>) -> io::Result<R> {
        self.try_with(Direction::Write, operation)
    }

    #[inline]
    fn try_with<R>(
        &self,
        direction: Direction,
        operation: impl FnOnce(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        let result = operation(self.get_ref());
        if matches!(&result, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
            self.note_blocked(direction);
        }
        result
    }

    /// As [`Async::read_with`] for a `poll` function. There is one waker a direction: a later
    /// caller replaces an earlier one.
    ///
    /// # Errors
    /// What `operation` says, and what the selector says of the descriptor.
    #[inline]
    #[track_caller]
    pub fn poll_read_with<R>(
        &self,
        cx: &mut Context<'_>,
        operation: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.poll_with(cx, Direction::Read, Location::caller(), operation)
    }

    /// As [`Async::poll_read_with`], for what writes.
    ///
    /// # Errors
    /// What `operation` says, and what the selector says of the descriptor.
    #[inline]
    #[track_caller]
    pub fn poll_write_with<R>(
        &self,
        cx: &mut Context<'_>,
        operation: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.poll_with(cx, Direction::Write, Location::caller(), operation)
    }

    /// A transfer of at most `wanted` bytes, for TCP: a shorter one means drained, and saves the
    /// call that would say `WouldBlock`. Not for peek, datagrams, Unix sockets or pipes, where
    /// short does not mean drained.
    #[doc(hidden)]
    #[inline]
    pub fn poll_transfer(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        wanted: usize,
        at: &'static Location<'static>,
        operation: impl FnMut(&T) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let done = ready!(self.poll_with(cx, direction, at, operation));
        if let Ok(n) = done {
            if n < wanted && n > 0 {
                self.note_short(direction);
            }
        }
        Poll::Ready(done)
    }

    /// Notes that a transfer was shorter than asked for; see [`Async::poll_transfer`].
    #[doc(hidden)]
    #[inline]
    pub fn note_short(&self, direction: Direction) {
        self.flag(short(direction), true);
    }

    /// Notes that the system said `WouldBlock`: whatever the selector said before that is over.
    #[inline]
    pub(super) fn note_blocked(&self, direction: Direction) {
        self.flag(blocked(direction), true);
        let token = self.token.load(Relaxed);
        if token != 0 {
            self.with_home(|core| core.reactor.would_block(token, direction));
        }
    }

    /// Whether nothing says that a try would block. Known here, without a look at the table.
    #[inline]
    pub(super) fn may_try(&self, direction: Direction) -> bool {
        self.flags.load(Relaxed) & (blocked(direction) | short(direction)) == 0
    }

    /// Nothing is said of a direction any more.
    #[inline]
    pub(super) fn forget_flags(&self, direction: Direction) {
        self.flag(blocked(direction) | short(direction), false);
    }

    /// Uses up an unused event of a direction. True: try now.
    #[inline(always)]
    pub(super) fn use_event(&self, direction: Direction) -> bool {
        let token = self.token.load(Relaxed);
        if token == 0 {
            return false;
        }
        let used = current::with_core(|core| {
            core.is_some_and(|core| {
                core.serial == self.runtime.load(Relaxed)
                    && core
                        .reactor
                        .use_event(token, direction, self.only_short(direction))
            })
        });
        if used {
            self.forget_flags(direction);
        }
        used
    }

    /// Whether all that says so is a transfer that was short.
    #[inline]
    pub(super) fn only_short(&self, direction: Direction) -> bool {
        self.flags.load(Relaxed) & blocked(direction) == 0
    }

    /// Waits until a direction may be tried.
    ///
    /// # Errors
    /// What the selector says of the descriptor.
    #[track_caller]
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_ready(cx, Direction::Read, Location::caller())
    }

    /// Waits until a direction may be tried.
    ///
    /// # Errors
    /// What the selector says of the descriptor.
    #[track_caller]
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_ready(cx, Direction::Write, Location::caller())
    }

    fn poll_ready(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        at: &'static Location<'static>,
    ) -> Poll<io::Result<()>> {
        self.wait(direction, at).poll_ready(cx)
    }

    /// Whether a direction of which nothing is said is ready: as far as is known, or, where it was
    /// never tried, as the system says.
    pub(super) fn is_ready_untried(&self, direction: Direction) -> io::Result<bool> {
        if self.token.load(Relaxed) != 0 {
            // In another runtime it is not known: the wait will say so.
            return Ok(self.with_home(|_| ()).is_some());
        }
        let interest = direction.interest();
        let ready = sys::readable_now(raw(self.get_ref()), interest)?.contains(interest);
        if !ready {
            self.flag(blocked(direction), true);
        }
        Ok(ready)
    }

    #[inline]
    fn poll_with<R>(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        at: &'static Location<'static>,
        operation: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.wait(direction, at).poll_with(direction, cx, operation)
    }

    /// For waits that ask the kernel afresh: what it said last is forgotten.
    pub(super) fn forget_ready(&self, direction: Direction) {
        self.note_blocked(direction);
    }

    /// Waits for the direction as its `poll_*` caller. Ready when there is nothing to wait for
    /// after all.
    pub(super) fn park(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        at: &'static Location<'static>,
    ) -> Poll<io::Result<()>> {
        self.wait(direction, at).park(direction, cx)
    }

    /// A wait of a `poll_*` function.
    #[inline(always)]
    fn wait(&self, direction: Direction, at: &'static Location<'static>) -> Wait<'_, T> {
        Wait {
            io: self,
            direction,
            id: WaiterId::POLLER,
            at,
        }
    }

    /// The runtime of this descriptor; the first wait decides.
    #[inline]
    pub(super) fn join_runtime<'a>(
        &self,
        core: Option<&'a Core>,
        at: &'static Location<'static>,
    ) -> &'a Core {
        let Some(core) = core else { self.refuse(at) };
        if self.token.load(Relaxed) == 0 {
            self.insert(core);
        } else if core.serial != self.runtime.load(Relaxed) {
            self.move_to(core, at);
        }
        core
    }

    /// Nothing that is polled knows its caller's line: the message has to say it.
    #[cold]
    fn refuse(&self, at: &'static Location<'static>) -> ! {
        let home = match self.token.load(Relaxed) {
            0 => 0,
            _ => self.runtime.load(Relaxed),
        };
        registry::refuse(format_args!("a descriptor was waited for at {at}"), home)
    }

    #[inline]
    fn insert(&self, core: &Core) {
        let token = core.reactor.insert(raw(self.get_ref()));
        self.token.store(token, Relaxed);
        self.runtime.store(core.serial, Relaxed);
    }

    /// The runtime of before has ended, and its table and selector with it: this one is the next.
    #[cold]
    fn move_to(&self, core: &Core, at: &'static Location<'static>) {
        if registry::by_serial(self.runtime.load(Relaxed)).is_some() {
            self.refuse(at);
        }
        self.insert(core);
    }

    #[inline]
    pub(super) fn with_home<R>(&self, f: impl FnOnce(&Core) -> R) -> Option<R> {
        current::with_core(|core| match core {
            Some(core) if core.serial == self.runtime.load(Relaxed) => Some(f(core)),
            _ => None,
        })
    }

    /// Forgets the entry while the descriptor goes on living, perhaps on a thread that is not its
    /// runtime's.
    fn forget(&mut self) {
        self.flag(UNSHARED, false);
        if !self.deregister() {
            remote_drop::forget(self.runtime.load(Relaxed), self.token.load(Relaxed));
        }
        self.token.store(0, Relaxed);
    }

    /// Forgets the entry, on its own thread. False: this is another one, and the runtime lives.
    #[inline]
    fn deregister(&self) -> bool {
        let token = self.token.load(Relaxed);
        if token == 0 {
            return true;
        }
        let unshared = self.flags.load(Relaxed) & UNSHARED != 0;
        if self
            .with_home(|core| {
                if core.probe.looks {
                    core.probe
                        .tell(|it| it.leaf(core, LeafNote::Deregistered(token)));
                }
                core.reactor.remove(token, unshared);
            })
            .is_some()
        {
            self.token.store(0, Relaxed);
            return true;
        }
        registry::by_serial(self.runtime.load(Relaxed)).is_none()
    }
}

impl<T: AsFd + 'static> Drop for Async<T> {
    #[inline]
    fn drop(&mut self) {
        if self.io.is_some() && !self.deregister() {
            if let Some(io) = self.io.take() {
                remote_drop::close(io, self.runtime.load(Relaxed), self.token.load(Relaxed));
            }
        }
    }
}

impl<T: AsFd + 'static> AsFd for Async<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.flag(UNSHARED, false);
        self.get_ref().as_fd()
    }
}

impl<T: AsFd + fmt::Debug + 'static> fmt::Debug for Async<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Async").field(self.get_ref()).finish()
    }
}
