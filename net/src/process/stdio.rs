//! The pipes to a child's standard streams.
//!
//! Types of their own, as in std, so that an output cannot be taken for an input; inside they are
//! pipes like any other. Only this process's ends are made non-blocking: each end of a pipe has an
//! open file of its own, so the child's stays as programs expect it.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::pin::Pin;
use std::process::{self, Stdio};
use std::task::{Context, Poll};

use futures_io::AsyncWrite;

use crate::stream::by_reference;
use crate::unix::pipe::{Receiver, Sender};

type Read<'a> = crate::socket_op::Read<'a, std::fs::File>;
type ReadExact<'a> = crate::socket_op::ReadExact<'a, std::fs::File>;
type Write<'a> = crate::socket_op::Write<'a, std::fs::File>;
type WriteAll<'a> = crate::socket_op::WriteAll<'a, std::fs::File>;

/// What a child reads as its standard input. Drop it (or close it) to say that no more comes.
#[derive(Debug)]
pub struct ChildStdin {
    pipe: Sender,
}

impl ChildStdin {
    /// Writes as much as the pipe takes at once, and says how much. **Cancel safe.**
    ///
    /// # Errors
    /// [`BrokenPipe`](io::ErrorKind::BrokenPipe) when the child reads no more, and what else the
    /// system says.
    ///
    /// # Panics
    /// If it was closed through [`AsyncWrite`].
    #[track_caller]
    pub fn write<'a>(&'a self, buf: &'a [u8]) -> Write<'a> {
        self.pipe.write(buf)
    }

    /// Writes `buf` whole. Not cancel safe: how much went out is not told.
    ///
    /// # Errors
    /// [`BrokenPipe`](io::ErrorKind::BrokenPipe) when the child reads no more, and what else the
    /// system says.
    ///
    /// # Panics
    /// If it was closed through [`AsyncWrite`].
    #[track_caller]
    pub fn write_all<'a>(&'a self, buf: &'a [u8]) -> WriteAll<'a> {
        self.pipe.write_all(buf)
    }

    /// Writes if that is possible at once.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if not, and what else the system says.
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.pipe.try_write(buf)
    }

    /// Gives the descriptor back, blocking as other programs expect it.
    ///
    /// # Errors
    /// If it was closed, and what the system says.
    pub fn into_owned_fd(self) -> io::Result<OwnedFd> {
        blocking(self.pipe.into_owned_fd()?)
    }

    pub(crate) const fn pipe(&self) -> &Sender {
        &self.pipe
    }

    pub(super) fn from_std(stdin: process::ChildStdin) -> io::Result<Self> {
        Ok(Self {
            pipe: Sender::from_owned_fd(stdin.into())?,
        })
    }
}

/// Closing closes the descriptor: a pipe has no other way to say that it is over.
impl AsyncWrite for ChildStdin {
    #[track_caller]
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_close(cx)
    }
}

impl TryFrom<ChildStdin> for Stdio {
    type Error = io::Error;

    fn try_from(stdin: ChildStdin) -> io::Result<Self> {
        stdin.into_owned_fd().map(Into::into)
    }
}

/// The two outputs differ in name alone.
macro_rules! output {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug)]
        pub struct $name {
            pipe: Receiver,
        }

        impl $name {
            /// Reads what there is, at least one byte; `Ok(0)` is the end (or an empty `buf`). **Cancel
            /// safe.**
            ///
            /// # Errors
            /// What the system says.
            #[track_caller]
            pub fn read<'a>(&'a self, buf: &'a mut [u8]) -> Read<'a> {
                self.pipe.read(buf)
            }

            /// Fills `buf` whole. Not cancel safe ([`io::Reader`](crate::io::Reader) is the
            /// remedy).
            ///
            /// # Errors
            /// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) if the stream ends before, and what
            /// the system says.
            #[track_caller]
            pub fn read_exact<'a>(&'a self, buf: &'a mut [u8]) -> ReadExact<'a> {
                self.pipe.read_exact(buf)
            }

            /// Reads if something is there.
            ///
            /// # Errors
            /// [`WouldBlock`](io::ErrorKind::WouldBlock) if not, and what else the system says.
            pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
                self.pipe.try_read(buf)
            }

            /// Gives the descriptor back, blocking as other programs expect it.
            ///
            /// # Errors
            /// What the system says.
            pub fn into_owned_fd(self) -> io::Result<OwnedFd> {
                blocking(self.pipe.into_owned_fd()?)
            }

            pub(crate) const fn pipe(&self) -> &Receiver {
                &self.pipe
            }

            pub(super) fn from_std(output: process::$name) -> io::Result<Self> {
                Ok(Self { pipe: Receiver::from_owned_fd(output.into())? })
            }
        }

        by_reference!(@read $name, [], |this| &mut &this.pipe);

        impl AsFd for $name {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.pipe.as_fd()
            }
        }

        impl AsRawFd for $name {
            fn as_raw_fd(&self) -> RawFd {
                self.as_fd().as_raw_fd()
            }
        }

        impl TryFrom<$name> for Stdio {
            type Error = io::Error;

            fn try_from(output: $name) -> io::Result<Self> {
                output.into_owned_fd().map(Into::into)
            }
        }
    };
}

output! {
    /// What a child writes to its standard output. It ends when the child, and every process that
    /// inherited the stream from it, has closed it.
    ChildStdout
}
output! {
    /// What a child writes to its standard error. It ends when the child, and every process that
    /// inherited the stream from it, has closed it.
    ChildStderr
}

fn blocking(fd: OwnedFd) -> io::Result<OwnedFd> {
    myrt_runtime::os::set_blocking(fd.as_fd())?;
    Ok(fd)
}
