//! The two directions of a stream socket as two values.
//!
//! A half holds the stream through a pointer: `&stream` for borrowed halves, which cost nothing; a
//! count for owned ones, which may go to different tasks (they are `Send` and `Sync` because the
//! stream is). The owned write half ends its direction when dropped, as in tokio: the peer of a
//! task that is done writing should see the end. Nothing here waits by itself, and it knows no
//! particular stream: [`tcp`](crate::tcp) and [`unix`](crate::unix) give the halves their short
//! names.

use std::error::Error;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem;
use std::net::Shutdown;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

use crate::calls;
use crate::socket_op::{self, Read, ReadExact, ReadVectored, Write, WriteAll, WriteVectored};
use crate::stream::Connection;

/// Half of a stream to read from; see [`TcpStream::split`](crate::TcpStream::split) and
/// [`TcpStream::into_split`](crate::TcpStream::into_split).
#[derive(Debug)]
pub struct ReadHalf<P> {
    stream: P,
}

/// Half of a stream to write to; see [`TcpStream::split`](crate::TcpStream::split) and
/// [`TcpStream::into_split`](crate::TcpStream::into_split).
#[derive(Debug)]
pub struct WriteHalf<P> {
    stream: P,
}

/// What an owned write half holds: its share of the stream, whose direction of writing ends with
/// it.
#[derive(Debug)]
pub struct Writing<S: Connection> {
    stream: Arc<S>,
    shutdown_on_drop: bool,
    keeper: Option<Keeper<S>>,
}

/// A third share of the stream, of which the halves know: they give it up when they become one
/// again.
pub(crate) struct Keeper<S>(Arc<Mutex<Option<Arc<S>>>>);

impl<S> Keeper<S> {
    /// Gives the share up: the stream, if it was still kept.
    pub(crate) fn release(&self) -> Option<Arc<S>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<S> fmt::Debug for Keeper<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").finish_non_exhaustive()
    }
}

pub(crate) const fn borrowed<S: Connection>(stream: &S) -> (ReadHalf<&S>, WriteHalf<&S>) {
    (ReadHalf { stream }, WriteHalf { stream })
}

pub(crate) fn owned<S: Connection>(stream: S) -> (ReadHalf<Arc<S>>, WriteHalf<Writing<S>>) {
    let stream = Arc::new(stream);
    let writing = Writing {
        stream: stream.clone(),
        shutdown_on_drop: true,
        keeper: None,
    };
    (ReadHalf { stream }, WriteHalf { stream: writing })
}

/// As [`owned`], and a share that outlives both halves.
pub(crate) fn kept<S: Connection>(
    stream: S,
) -> (ReadHalf<Arc<S>>, WriteHalf<Writing<S>>, Keeper<S>) {
    let (read, mut write) = owned(stream);
    let share = Arc::new(Mutex::new(Some(Arc::clone(&read.stream))));
    write.stream.keeper = Some(Keeper(Arc::clone(&share)));
    (read, write, Keeper(share))
}

impl<S: Connection> ReadHalf<Arc<S>> {
    /// The stream, whole again.
    ///
    /// # Errors
    /// If `other` is the half of another stream: both halves come back in the error.
    #[expect(
        clippy::missing_panics_doc,
        reason = "halves are not Clone, so two is all there are"
    )]
    pub fn reunite(self, other: WriteHalf<Writing<S>>) -> Result<S, ReuniteError<S>> {
        if !Arc::ptr_eq(&self.stream, &other.stream.stream) {
            return Err(ReuniteError {
                read: self,
                write: other,
            });
        }
        other.forget();
        Ok(Arc::into_inner(self.stream).expect("two halves and no third share the stream"))
    }
}

impl<S: Connection> WriteHalf<Writing<S>> {
    /// The stream, whole again.
    ///
    /// # Errors
    /// If `other` is the half of another stream: both halves come back in the error.
    pub fn reunite(self, other: ReadHalf<Arc<S>>) -> Result<S, ReuniteError<S>> {
        other.reunite(self)
    }

    /// Drops the half without ending the direction of writing.
    pub fn forget(mut self) {
        self.stream.shutdown_on_drop = false;
        if let Some(keeper) = self.stream.keeper.take() {
            drop(keeper.release());
        }
    }
}

impl<S: Connection> Deref for Writing<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.stream
    }
}

impl<S: Connection> Drop for Writing<S> {
    fn drop(&mut self) {
        if mem::take(&mut self.shutdown_on_drop) {
            // Nobody is left to tell of an error, and the connection is over either way.
            let _ = calls::shutdown(self.io().get_ref(), Shutdown::Write);
        }
    }
}

impl<S: Connection, P: Deref<Target = S>> ReadHalf<P> {
    /// See [`TcpStream::read`](crate::TcpStream::read).
    #[inline]
    #[track_caller]
    pub fn read<'a>(&'a self, buf: &'a mut [u8]) -> Read<'a, S::System> {
        Read::new(self.stream.io(), buf)
    }

    /// See [`TcpStream::read_exact`](crate::TcpStream::read_exact).
    #[track_caller]
    pub fn read_exact<'a>(&'a self, buf: &'a mut [u8]) -> ReadExact<'a, S::System> {
        ReadExact::new(self.stream.io(), buf)
    }

    /// See [`TcpStream::read_vectored`](crate::TcpStream::read_vectored).
    #[track_caller]
    pub fn read_vectored<'a, 'b>(
        &'a self,
        bufs: &'a mut [IoSliceMut<'b>],
    ) -> ReadVectored<'a, 'b, S::System> {
        ReadVectored::new(self.stream.io(), bufs)
    }

    /// See [`TcpStream::try_read`](crate::TcpStream::try_read).
    ///
    /// # Errors
    /// As there.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        use socket_op::Stream as _;
        self.stream.io().try_read_with(|stream| stream.read(buf))
    }

    /// The address at the other end.
    ///
    /// # Errors
    /// See [`TcpStream::peer_addr`](crate::TcpStream::peer_addr).
    pub fn peer_addr(&self) -> io::Result<S::Address> {
        self.stream.peer_addr()
    }

    /// The address at this end.
    ///
    /// # Errors
    /// See [`TcpStream::local_addr`](crate::TcpStream::local_addr).
    pub fn local_addr(&self) -> io::Result<S::Address> {
        self.stream.local_addr()
    }
}

impl<S: Connection, P: Deref<Target = S>> WriteHalf<P> {
    /// See [`TcpStream::write`](crate::TcpStream::write).
    #[inline]
    #[track_caller]
    pub fn write<'a>(&'a self, buf: &'a [u8]) -> Write<'a, S::System> {
        Write::new(self.stream.io(), buf)
    }

    /// See [`TcpStream::write_all`](crate::TcpStream::write_all).
    #[track_caller]
    pub fn write_all<'a>(&'a self, buf: &'a [u8]) -> WriteAll<'a, S::System> {
        WriteAll::new(self.stream.io(), buf)
    }

    /// See [`TcpStream::write_vectored`](crate::TcpStream::write_vectored).
    #[track_caller]
    pub fn write_vectored<'a, 'b>(
        &'a self,
        bufs: &'a [IoSlice<'b>],
    ) -> WriteVectored<'a, 'b, S::System> {
        WriteVectored::new(self.stream.io(), bufs)
    }

    /// See [`TcpStream::try_write`](crate::TcpStream::try_write).
    ///
    /// # Errors
    /// As there.
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        use socket_op::Stream as _;
        self.stream.io().try_write_with(|stream| stream.write(buf))
    }

    /// See [`TcpStream::shutdown`](crate::TcpStream::shutdown).
    ///
    /// # Errors
    /// As there.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        calls::shutdown(self.stream.io().get_ref(), how)
    }

    /// The address at the other end.
    ///
    /// # Errors
    /// See [`TcpStream::peer_addr`](crate::TcpStream::peer_addr).
    pub fn peer_addr(&self) -> io::Result<S::Address> {
        self.stream.peer_addr()
    }

    /// The address at this end.
    ///
    /// # Errors
    /// See [`TcpStream::local_addr`](crate::TcpStream::local_addr).
    pub fn local_addr(&self) -> io::Result<S::Address> {
        self.stream.local_addr()
    }
}

impl<S: Connection, P: Deref<Target = S>> AsyncRead for ReadHalf<P> {
    #[inline]
    #[track_caller]
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        socket_op::poll_read(self.stream.io(), cx, buf)
    }

    #[track_caller]
    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        socket_op::poll_read_vectored(self.stream.io(), cx, bufs)
    }
}

impl<S: Connection, P: Deref<Target = S>> AsyncWrite for WriteHalf<P> {
    #[inline]
    #[track_caller]
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        socket_op::poll_write(self.stream.io(), cx, buf)
    }

    #[track_caller]
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        socket_op::poll_write_vectored(self.stream.io(), cx, bufs)
    }

    /// Nothing to do: what was written is the system's.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Ends the direction of writing; reading goes on.
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.shutdown(Shutdown::Write))
    }
}

impl<S: Connection, P: Deref<Target = S>> AsRef<S> for ReadHalf<P> {
    fn as_ref(&self) -> &S {
        &self.stream
    }
}

impl<S: Connection, P: Deref<Target = S>> AsRef<S> for WriteHalf<P> {
    fn as_ref(&self) -> &S {
        &self.stream
    }
}

/// The two halves belong to different streams. Here they are, untouched.
#[derive(Debug)]
pub struct ReuniteError<S: Connection> {
    /// The half to read from.
    pub read: ReadHalf<Arc<S>>,
    /// The half to write to.
    pub write: WriteHalf<Writing<S>>,
}

impl<S: Connection> fmt::Display for ReuniteError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the two halves belong to different streams")
    }
}

impl<S: Connection> Error for ReuniteError<S> {}
