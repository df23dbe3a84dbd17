//! The two directions of a TCP stream as two values.
//!
//! Borrowed halves cost nothing; owned ones share the stream by a count and may go to different tasks (they are `Send` and `Sync`
//! because the stream is). The owned write half ends its direction when dropped, as in tokio: the peer of a task that is done
//! writing should see the end. Nothing here waits by itself.

use std::error::Error;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem;
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;

use super::stream::TcpStream;
use super::{Peek, Read, ReadExact, ReadVectored, Write, WriteAll, WriteVectored};
use crate::stream::by_reference;

/// Half of a [`TcpStream`] to read from, borrowed; see [`TcpStream::split`].
#[derive(Debug)]
pub struct ReadHalf<'s> {
    stream: &'s TcpStream,
}

/// Half of a [`TcpStream`] to write to, borrowed; see [`TcpStream::split`].
#[derive(Debug)]
pub struct WriteHalf<'s> {
    stream: &'s TcpStream,
}

/// Half of a [`TcpStream`] to read from; see [`TcpStream::into_split`].
#[derive(Debug)]
pub struct OwnedReadHalf {
    stream: Arc<TcpStream>,
}

/// Half of a [`TcpStream`] to write to; see [`TcpStream::into_split`]. Dropping it ends the direction of writing.
#[derive(Debug)]
pub struct OwnedWriteHalf {
    stream: Arc<TcpStream>,
    shutdown_on_drop: bool,
}

pub(super) const fn split(stream: &mut TcpStream) -> (ReadHalf<'_>, WriteHalf<'_>) {
    let stream = &*stream;
    (ReadHalf { stream }, WriteHalf { stream })
}

pub(super) fn into_split(stream: Arc<TcpStream>) -> (OwnedReadHalf, OwnedWriteHalf) {
    let read = OwnedReadHalf {
        stream: stream.clone(),
    };
    (
        read,
        OwnedWriteHalf {
            stream,
            shutdown_on_drop: true,
        },
    )
}

impl OwnedReadHalf {
    /// The stream, whole again.
    ///
    /// # Errors
    /// If `other` is the half of another stream: both halves come back in the error.
    #[expect(
        clippy::missing_panics_doc,
        reason = "halves are not Clone, so two is all there are"
    )]
    pub fn reunite(self, mut other: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
        if !Arc::ptr_eq(&self.stream, &other.stream) {
            return Err(ReuniteError {
                read: self,
                write: other,
            });
        }
        other.shutdown_on_drop = false;
        drop(other);
        Ok(Arc::into_inner(self.stream).expect("two halves and no third share the stream"))
    }
}

impl OwnedWriteHalf {
    /// The stream, whole again.
    ///
    /// # Errors
    /// If `other` is the half of another stream: both halves come back in the error.
    pub fn reunite(self, other: OwnedReadHalf) -> Result<TcpStream, ReuniteError> {
        other.reunite(self)
    }

    /// Drops the half without ending the direction of writing.
    pub fn forget(mut self) {
        self.shutdown_on_drop = false;
    }
}

impl Drop for OwnedWriteHalf {
    fn drop(&mut self) {
        if mem::take(&mut self.shutdown_on_drop) {
            // Nobody is left to tell of an error, and the connection is over either way.
            let _ = self.stream.shutdown(Shutdown::Write);
        }
    }
}

/// The two halves belong to different streams. Here they are, untouched.
#[derive(Debug)]
pub struct ReuniteError {
    /// The half to read from.
    pub read: OwnedReadHalf,
    /// The half to write to.
    pub write: OwnedWriteHalf,
}

impl fmt::Display for ReuniteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the two halves belong to different streams")
    }
}

impl Error for ReuniteError {}

/// The methods of a half that reads.
macro_rules! reads {
    ($type:ty) => {
        impl $type {
            /// See [`TcpStream::read`].
            #[inline]
            #[track_caller]
            pub fn read<'a>(&'a self, buf: &'a mut [u8]) -> Read<'a> {
                self.stream.read(buf)
            }

            /// See [`TcpStream::read_exact`].
            #[track_caller]
            pub fn read_exact<'a>(&'a self, buf: &'a mut [u8]) -> ReadExact<'a> {
                self.stream.read_exact(buf)
            }

            /// See [`TcpStream::read_vectored`].
            #[track_caller]
            pub fn read_vectored<'a, 'b>(
                &'a self,
                bufs: &'a mut [IoSliceMut<'b>],
            ) -> ReadVectored<'a, 'b> {
                self.stream.read_vectored(bufs)
            }

            /// See [`TcpStream::peek`].
            #[track_caller]
            pub fn peek<'a>(&'a self, buf: &'a mut [u8]) -> Peek<'a> {
                self.stream.peek(buf)
            }

            /// See [`TcpStream::try_read`].
            ///
            /// # Errors
            /// As there.
            pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
                self.stream.try_read(buf)
            }
        }
        common!($type);
    };
}

/// The methods of a half that writes.
macro_rules! writes {
    ($type:ty) => {
        impl $type {
            /// See [`TcpStream::write`].
            #[inline]
            #[track_caller]
            pub fn write<'a>(&'a self, buf: &'a [u8]) -> Write<'a> {
                self.stream.write(buf)
            }

            /// See [`TcpStream::write_all`].
            #[track_caller]
            pub fn write_all<'a>(&'a self, buf: &'a [u8]) -> WriteAll<'a> {
                self.stream.write_all(buf)
            }

            /// See [`TcpStream::write_vectored`].
            #[track_caller]
            pub fn write_vectored<'a, 'b>(
                &'a self,
                bufs: &'a [IoSlice<'b>],
            ) -> WriteVectored<'a, 'b> {
                self.stream.write_vectored(bufs)
            }

            /// See [`TcpStream::try_write`].
            ///
            /// # Errors
            /// As there.
            pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
                self.stream.try_write(buf)
            }

            /// See [`TcpStream::shutdown`].
            ///
            /// # Errors
            /// As there.
            pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
                self.stream.shutdown(how)
            }
        }
        common!($type);
    };
}

/// The methods of every half.
macro_rules! common {
    ($type:ty) => {
        impl $type {
            /// The address at the other end.
            ///
            /// # Errors
            /// See [`TcpStream::peer_addr`].
            pub fn peer_addr(&self) -> io::Result<SocketAddr> {
                self.stream.peer_addr()
            }

            /// The address at this end.
            ///
            /// # Errors
            /// See [`TcpStream::local_addr`].
            pub fn local_addr(&self) -> io::Result<SocketAddr> {
                self.stream.local_addr()
            }
        }

        impl AsRef<TcpStream> for $type {
            fn as_ref(&self) -> &TcpStream {
                &self.stream
            }
        }
    };
}

reads!(ReadHalf<'_>);
reads!(OwnedReadHalf);
writes!(WriteHalf<'_>);
writes!(OwnedWriteHalf);
by_reference!(@read ReadHalf<'s>, ['s], |this| &mut this.stream);
by_reference!(@read OwnedReadHalf, [], |this| &mut &*this.stream);
by_reference!(@write WriteHalf<'s>, ['s], |this| &mut this.stream);
by_reference!(@write OwnedWriteHalf, [], |this| &mut &*this.stream);
