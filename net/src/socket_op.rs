//! The futures of socket operations: try at once, and when it would block wait in line for the
//! descriptor.
//!
//! Any number of tasks may use a socket at once by `&self`, so each future has a waiter of its own
//! ([`IoWaiter`]). Byte streams (TCP, Unix sockets, pipes) come first; `socket_op!` declares the
//! futures of everything else.
//!
//! Named types, so that they can be stored and so that the monitor can say where a task waits.
//! `Read` and `Write` are the hottest futures of the crate: a waiter and a buffer, nothing else.
//! What differs between streams is whether a short transfer means that the kernel has no more: a
//! constant of the type, so it costs nothing. They know no protocol.

use std::fmt;
use std::fs::File;
use std::future::Future;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use myrt_runtime::io::Async;
pub(crate) use myrt_runtime::io::{Direction, IoWaiter};
use myrt_runtime::task::poll_budget;

use crate::caller;
use crate::calls;

/// A byte stream of the system.
pub trait Stream: AsFd + 'static {
    /// A transfer shorter than asked for says that the next would block. True of TCP alone (see the
    /// reactor).
    const SHORT_IS_DRAINED: bool;
    #[doc(hidden)]
    fn read(&self, buf: &mut [u8]) -> io::Result<usize>;
    #[doc(hidden)]
    fn read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize>;
    #[doc(hidden)]
    fn write(&self, buf: &[u8]) -> io::Result<usize>;
    #[doc(hidden)]
    fn write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize>;
}

macro_rules! stream {
    ($type:ty, $short_is_drained:literal) => {
        impl Stream for $type {
            const SHORT_IS_DRAINED: bool = $short_is_drained;

            #[inline]
            fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
                calls::read(self, buf)
            }

            #[inline]
            fn read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                calls::read_vectored(self, bufs)
            }

            #[inline]
            fn write(&self, buf: &[u8]) -> io::Result<usize> {
                calls::write(self, buf)
            }

            #[inline]
            fn write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
                calls::write_vectored(self, bufs)
            }
        }
    };
}
stream!(TcpStream, true);
stream!(UnixStream, false);
stream!(File, false);

/// The number of bytes below which a transfer counts as short; none does where short means nothing.
#[inline]
pub(crate) const fn wanted<T: Stream>(length: usize) -> usize {
    if T::SHORT_IS_DRAINED { length } else { 0 }
}

/// All bytes of several buffers.
pub(crate) fn total<B: std::ops::Deref<Target = [u8]>>(bufs: &[B]) -> usize {
    bufs.iter().map(|buf| buf.len()).sum()
}

/// A transfer of no bytes: it is done without asking the system, which might say that it would
/// block.
#[cold]
#[inline(never)]
pub(crate) fn poll_nothing(cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
    poll_budget(cx).map(|()| Ok(0))
}

/// `AsyncRead` of a byte stream of the system. Its place is the caller's, as with the three after
/// it.
#[inline]
#[track_caller]
pub(crate) fn poll_read<T: Stream>(
    io: &Async<T>,
    cx: &mut Context<'_>,
    buf: &mut [u8],
) -> Poll<io::Result<usize>> {
    if buf.is_empty() {
        return poll_nothing(cx);
    }
    let at = caller::of(Location::caller());
    let wanted = wanted::<T>(buf.len());
    io.poll_transfer(cx, Direction::Read, wanted, at, |stream| stream.read(buf))
}

/// `AsyncRead`'s other method.
#[inline]
#[track_caller]
pub(crate) fn poll_read_vectored<T: Stream>(
    io: &Async<T>,
    cx: &mut Context<'_>,
    bufs: &mut [IoSliceMut<'_>],
) -> Poll<io::Result<usize>> {
    let total = total(bufs);
    if total == 0 {
        return poll_nothing(cx);
    }
    let at = caller::of(Location::caller());
    let wanted = wanted::<T>(total);
    io.poll_transfer(cx, Direction::Read, wanted, at, |stream| {
        stream.read_vectored(bufs)
    })
}

/// `AsyncWrite` of a byte stream of the system.
#[inline]
#[track_caller]
pub(crate) fn poll_write<T: Stream>(
    io: &Async<T>,
    cx: &mut Context<'_>,
    buf: &[u8],
) -> Poll<io::Result<usize>> {
    if buf.is_empty() {
        return poll_nothing(cx);
    }
    let at = caller::of(Location::caller());
    let wanted = wanted::<T>(buf.len());
    io.poll_transfer(cx, Direction::Write, wanted, at, |stream| stream.write(buf))
}

/// `AsyncWrite`'s other method.
#[inline]
#[track_caller]
pub(crate) fn poll_write_vectored<T: Stream>(
    io: &Async<T>,
    cx: &mut Context<'_>,
    bufs: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    let total = total(bufs);
    if total == 0 {
        return poll_nothing(cx);
    }
    let at = caller::of(Location::caller());
    let wanted = wanted::<T>(total);
    io.poll_transfer(cx, Direction::Write, wanted, at, |stream| {
        stream.write_vectored(bufs)
    })
}

/// Declares a future and how it begins.
macro_rules! op {
    ($(#[$meta:meta])* $name:ident<$a:lifetime $(, $b:lifetime)?>, $direction:ident, $field:ident: $type:ty $(, $more:ident: $more_type:ty = $start:expr)?) => {
        $(#[$meta])*
        #[must_use = "futures do nothing unless awaited"]
        pub struct $name<$a, $($b,)? T: AsFd + 'static> {
            waiter: IoWaiter<$a, T>,
            $field: $type,
            $($more: $more_type,)?
        }

        impl<$a, $($b,)? T: AsFd + 'static> $name<$a, $($b,)? T> {
            #[inline]
            #[track_caller]
            pub(crate) fn new(io: &$a Async<T>, $field: $type) -> Self {
                Self { waiter: IoWaiter::new(io, Direction::$direction, Location::caller()), $field, $($more: $start)? }
            }
        }

        impl<$($b,)? T: AsFd + 'static> fmt::Debug for $name<'_, $($b,)? T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("at", &self.waiter.at()).finish_non_exhaustive()
            }
        }
    };
}

op! {
    /// Future of `read`.
    Read<'a>, Read, buf: &'a mut [u8]
}
op! {
    /// Future of `peek`.
    Peek<'a>, Read, buf: &'a mut [u8]
}
op! {
    /// Future of `write`.
    Write<'a>, Write, buf: &'a [u8]
}
op! {
    /// Future of `read_vectored`.
    ReadVectored<'a, 'b>, Read, bufs: &'a mut [IoSliceMut<'b>]
}
op! {
    /// Future of `write_vectored`.
    WriteVectored<'a, 'b>, Write, bufs: &'a [IoSlice<'b>]
}
op! {
    /// Future of `read_exact`.
    ReadExact<'a>, Read, buf: &'a mut [u8], filled: usize = 0
}
op! {
    /// Future of `write_all`.
    WriteAll<'a>, Write, rest: &'a [u8]
}

impl<T: Stream> Future for Read<'_, T> {
    type Output = io::Result<usize>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { waiter, buf } = self.get_mut();
        if buf.is_empty() {
            return poll_nothing(cx);
        }
        waiter.poll_transfer(Direction::Read, cx, wanted::<T>(buf.len()), |stream| {
            stream.read(buf)
        })
    }
}

impl Future for Peek<'_, TcpStream> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { waiter, buf } = self.get_mut();
        if buf.is_empty() {
            return poll_nothing(cx);
        }
        waiter.poll(cx, |stream| calls::peek(stream, buf))
    }
}

impl<T: Stream> Future for Write<'_, T> {
    type Output = io::Result<usize>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { waiter, buf } = self.get_mut();
        if buf.is_empty() {
            return poll_nothing(cx);
        }
        waiter.poll_transfer(Direction::Write, cx, wanted::<T>(buf.len()), |stream| {
            stream.write(buf)
        })
    }
}

impl<T: Stream> Future for ReadVectored<'_, '_, T> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { waiter, bufs } = self.get_mut();
        let total = total(bufs);
        if total == 0 {
            return poll_nothing(cx);
        }
        waiter.poll_transfer(Direction::Read, cx, wanted::<T>(total), |stream| {
            stream.read_vectored(bufs)
        })
    }
}

impl<T: Stream> Future for WriteVectored<'_, '_, T> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { waiter, bufs } = self.get_mut();
        let total = total(bufs);
        if total == 0 {
            return poll_nothing(cx);
        }
        waiter.poll_transfer(Direction::Write, cx, wanted::<T>(total), |stream| {
            stream.write_vectored(bufs)
        })
    }
}

impl<T: Stream> Future for ReadExact<'_, T> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self {
            waiter,
            buf,
            filled,
        } = self.get_mut();
        if buf.is_empty() {
            return poll_nothing(cx).map_ok(drop);
        }
        while *filled < buf.len() {
            let rest = &mut buf[*filled..];
            let count = ready!(waiter.poll_transfer(
                Direction::Read,
                cx,
                wanted::<T>(rest.len()),
                |stream| stream.read(rest)
            ))?;
            if count == 0 {
                let message = format!(
                    "the stream ended after {filled} of {} expected bytes",
                    buf.len()
                );
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, message)));
            }
            *filled += count;
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: Stream> Future for WriteAll<'_, T> {
    type Output = io::Result<()>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { waiter, rest } = self.get_mut();
        if rest.is_empty() {
            return poll_nothing(cx).map_ok(drop);
        }
        while !rest.is_empty() {
            let count = ready!(waiter.poll_transfer(
                Direction::Write,
                cx,
                wanted::<T>(rest.len()),
                |stream| stream.write(rest)
            ))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *rest = &rest[count..];
        }
        Poll::Ready(Ok(()))
    }
}

/// Declares a named future over one attempt.
macro_rules! socket_op {
    (
        $(#[$meta:meta])*
        pub struct $name:ident<'a> on $io:ty {$($field:ident: $type:ty),* $(,)?}
        $direction:ident => $output:ty, |$source:ident| $attempt:expr
    ) => {
        $(#[$meta])*
        #[must_use = "futures do nothing unless awaited"]
        pub struct $name<'a> {
            waiter: $crate::socket_op::IoWaiter<'a, $io>,
            $($field: $type,)*
        }

        impl<'a> $name<'a> {
            #[inline]
            #[track_caller]
            pub(crate) fn new(io: &'a myrt_runtime::io::Async<$io>, $($field: $type),*) -> Self {
                let at = std::panic::Location::caller();
                Self { waiter: $crate::socket_op::IoWaiter::new(io, $crate::socket_op::Direction::$direction, at), $($field),* }
            }
        }

        impl std::future::Future for $name<'_> {
            type Output = std::io::Result<$output>;

            #[inline]
            fn poll(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Self::Output> {
                #[allow(unused_variables, reason = "operations without arguments")]
                let Self { waiter, $($field),* } = self.get_mut();
                waiter.poll(cx, |$source| $attempt)
            }
        }

        impl std::fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).field("at", &self.waiter.at()).finish_non_exhaustive()
            }
        }
    };
}
pub(crate) use socket_op;
