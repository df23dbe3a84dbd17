//! The futures of [`TcpStream`](super::TcpStream)'s own methods.
//!
//! Named types, so that they can be stored and so that the monitor can say where a task waits. `Read` and `Write` are the hottest
//! futures of the crate: a turn and a buffer, nothing else. They know no protocol.

use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice, IoSliceMut};
use std::net;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use myrt_runtime::io::Async;

use crate::calls;
use crate::leaf::{Direction, Turn, leaf};

leaf! {
    /// Future of [`TcpStream::read`](super::TcpStream::read).
    pub struct Read<'a> on net::TcpStream { buf: &'a mut [u8] }
    Read transfer buf.len() => usize, |stream| calls::read(stream, buf)
}

leaf! {
    /// Future of [`TcpStream::write`](super::TcpStream::write).
    pub struct Write<'a> on net::TcpStream { buf: &'a [u8] }
    Write transfer buf.len() => usize, |stream| calls::write(stream, buf)
}

leaf! {
    /// Future of [`TcpStream::peek`](super::TcpStream::peek).
    pub struct Peek<'a> on net::TcpStream { buf: &'a mut [u8] }
    Read => usize, |stream| calls::peek(stream, buf)
}

/// Future of [`TcpStream::read_vectored`](super::TcpStream::read_vectored).
#[must_use = "futures do nothing unless awaited"]
pub struct ReadVectored<'a, 'b> {
    turn: Turn<'a, net::TcpStream>,
    bufs: &'a mut [IoSliceMut<'b>],
}

impl<'a, 'b> ReadVectored<'a, 'b> {
    #[track_caller]
    pub(super) fn new(io: &'a Async<net::TcpStream>, bufs: &'a mut [IoSliceMut<'b>]) -> Self {
        Self {
            turn: Turn::new(io, Direction::Read, Location::caller()),
            bufs,
        }
    }
}

impl Future for ReadVectored<'_, '_> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { turn, bufs } = self.get_mut();
        let wanted = bufs.iter().map(|buf| buf.len()).sum();
        turn.poll_transfer(cx, wanted, |stream| calls::read_vectored(stream, bufs))
    }
}

/// Future of [`TcpStream::write_vectored`](super::TcpStream::write_vectored).
#[must_use = "futures do nothing unless awaited"]
pub struct WriteVectored<'a, 'b> {
    turn: Turn<'a, net::TcpStream>,
    bufs: &'a [IoSlice<'b>],
}

impl<'a, 'b> WriteVectored<'a, 'b> {
    #[track_caller]
    pub(super) fn new(io: &'a Async<net::TcpStream>, bufs: &'a [IoSlice<'b>]) -> Self {
        Self {
            turn: Turn::new(io, Direction::Write, Location::caller()),
            bufs,
        }
    }
}

impl Future for WriteVectored<'_, '_> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { turn, bufs } = self.get_mut();
        let wanted = bufs.iter().map(|buf| buf.len()).sum();
        turn.poll_transfer(cx, wanted, |stream| calls::write_vectored(stream, bufs))
    }
}

/// Future of [`TcpStream::read_exact`](super::TcpStream::read_exact).
#[must_use = "futures do nothing unless awaited"]
pub struct ReadExact<'a> {
    turn: Turn<'a, net::TcpStream>,
    buf: &'a mut [u8],
    filled: usize,
}

impl<'a> ReadExact<'a> {
    #[track_caller]
    pub(super) fn new(io: &'a Async<net::TcpStream>, buf: &'a mut [u8]) -> Self {
        Self {
            turn: Turn::new(io, Direction::Read, Location::caller()),
            buf,
            filled: 0,
        }
    }
}

impl Future for ReadExact<'_> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { turn, buf, filled } = self.get_mut();
        while *filled < buf.len() {
            let rest = &mut buf[*filled..];
            let count =
                ready!(turn.poll_transfer(cx, rest.len(), |stream| calls::read(stream, rest)))?;
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

/// Future of [`TcpStream::write_all`](super::TcpStream::write_all).
#[must_use = "futures do nothing unless awaited"]
pub struct WriteAll<'a> {
    turn: Turn<'a, net::TcpStream>,
    rest: &'a [u8],
}

impl<'a> WriteAll<'a> {
    #[track_caller]
    pub(super) fn new(io: &'a Async<net::TcpStream>, rest: &'a [u8]) -> Self {
        Self {
            turn: Turn::new(io, Direction::Write, Location::caller()),
            rest,
        }
    }
}

impl Future for WriteAll<'_> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { turn, rest } = self.get_mut();
        while !rest.is_empty() {
            let count =
                ready!(turn.poll_transfer(cx, rest.len(), |stream| calls::write(stream, rest)))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *rest = &rest[count..];
        }
        Poll::Ready(Ok(()))
    }
}

/// Debug output names the operation and its place.
macro_rules! debug_op {
    ($($name:ty),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("at", &self.turn.at()).finish_non_exhaustive()
            }
        }
    )*};
}
debug_op!(
    ReadVectored<'_, '_>,
    WriteVectored<'_, '_>,
    ReadExact<'_>,
    WriteAll<'_>
);
