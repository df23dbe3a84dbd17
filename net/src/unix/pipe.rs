//! Anonymous pipes, and any other descriptor that reads or writes bytes: standard streams of
//! children, FIFOs.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};
use myrt_runtime::io::Async;
use myrt_runtime::os;

use myrt_runtime::task::poll_budget;

use crate::calls;
use crate::ready::{Interest, Readiness, ReadyFor, own_calls};
use crate::socket_op::{self, Direction, Read, ReadExact, Write, WriteAll};
use crate::stream::by_reference;

/// A pipe: what is written to the sender is read from the receiver.
///
/// # Errors
/// What the system says, such as no descriptor being left.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// let (sender, receiver) = myrt::net::unix::pipe::pipe()?;
/// sender.write_all(b"through").await?;
/// drop(sender);
/// let mut buf = [0; 16];
/// assert_eq!(receiver.read(&mut buf).await?, 7);
/// # Ok(())
/// # }
/// ```
pub fn pipe() -> io::Result<(Sender, Receiver)> {
    let (reader, writer) = os::pipe()?;
    Ok((
        Sender {
            io: Some(Async::new_nonblocking(writer.into())),
        },
        Receiver {
            io: Async::new_nonblocking(reader.into()),
        },
    ))
}

/// The end of a pipe to write to. Writing after the receiver is gone is
/// [`BrokenPipe`](io::ErrorKind::BrokenPipe).
#[derive(Debug)]
pub struct Sender {
    /// None once closed.
    io: Option<Async<File>>,
}

/// The end of a pipe to read from. It ends when the last sender is gone.
#[derive(Debug)]
pub struct Receiver {
    io: Async<File>,
}

impl Sender {
    /// Takes over a descriptor to write to, and makes it non-blocking (for everyone who shares its
    /// open file).
    ///
    /// # Errors
    /// If it cannot be made non-blocking.
    pub fn from_owned_fd(fd: OwnedFd) -> io::Result<Self> {
        Ok(Self {
            io: Some(Async::new(fd.into())?),
        })
    }

    /// Gives the descriptor back, still non-blocking.
    ///
    /// # Errors
    /// [`BrokenPipe`](io::ErrorKind::BrokenPipe) if it was closed.
    pub fn into_owned_fd(self) -> io::Result<OwnedFd> {
        self.io.ok_or_else(closed)?.into_inner().map(Into::into)
    }

    /// Writes as much as the pipe takes at once, and says how much. **Cancel safe.**
    ///
    /// # Errors
    /// What the system says.
    ///
    /// # Panics
    /// If it was closed through [`AsyncWrite`].
    #[track_caller]
    pub fn write<'a>(&'a self, buf: &'a [u8]) -> Write<'a, File> {
        Write::new(self.open(), buf)
    }

    /// Writes `buf` whole. Not cancel safe.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// # Panics
    /// If it was closed through [`AsyncWrite`].
    #[track_caller]
    pub fn write_all<'a>(&'a self, buf: &'a [u8]) -> WriteAll<'a, File> {
        WriteAll::new(self.open(), buf)
    }

    /// Writes if that is possible at once.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if not, and what else the system says.
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        self.io
            .as_ref()
            .ok_or_else(closed)?
            .try_write_with(|file| calls::write(file, buf))
    }

    /// Waits until a write may succeed, or the receiver is gone. A hint. **Cancel safe.**
    ///
    /// # Panics
    /// If it was closed through [`AsyncWrite`].
    #[track_caller]
    pub fn writable(&self) -> Readiness<'_, File> {
        Readiness::new(self.open(), Direction::Write)
    }

    /// [`writable`](Self::writable) for `poll` functions, which share one waker.
    ///
    /// # Errors
    /// [`BrokenPipe`](io::ErrorKind::BrokenPipe) if it was closed, and what the selector says of
    /// the descriptor.
    #[track_caller]
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner()?.poll_writable(cx)
    }

    /// Waits until it may be written, and says whether the receiver is gone. **Cancel safe.**
    ///
    /// # Panics
    /// If it was closed through [`AsyncWrite`].
    #[track_caller]
    pub fn ready(&self, interest: Interest) -> ReadyFor<'_, File> {
        ReadyFor::new(self.open(), interest)
    }

    own_calls!(File, |this| this.inner()?, or panic: this.open());

    /// For splicing.
    pub(crate) fn inner(&self) -> io::Result<&Async<File>> {
        self.io.as_ref().ok_or_else(closed)
    }

    /// # Panics
    /// If it was closed.
    #[track_caller]
    fn open(&self) -> &Async<File> {
        self.io.as_ref().expect("the sender was closed")
    }
}

impl Receiver {
    /// Takes over a descriptor to read from, and makes it non-blocking (for everyone who shares its
    /// open file).
    ///
    /// # Errors
    /// If it cannot be made non-blocking.
    pub fn from_owned_fd(fd: OwnedFd) -> io::Result<Self> {
        Ok(Self {
            io: Async::new(fd.into())?,
        })
    }

    /// Gives the descriptor back, still non-blocking.
    ///
    /// # Errors
    /// If the runtime cannot let go of it.
    pub fn into_owned_fd(self) -> io::Result<OwnedFd> {
        self.io.into_inner().map(Into::into)
    }

    /// Waits until a read may succeed: bytes or the end are there. A hint. **Cancel safe.**
    #[track_caller]
    pub fn readable(&self) -> Readiness<'_, File> {
        Readiness::new(&self.io, Direction::Read)
    }

    /// [`readable`](Self::readable) for `poll` functions, which share one waker.
    ///
    /// # Errors
    /// What the selector says of the descriptor.
    #[track_caller]
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.poll_readable(cx)
    }

    /// Waits until it may be read, and says whether the last sender is gone. **Cancel safe.**
    #[track_caller]
    pub fn ready(&self, interest: Interest) -> ReadyFor<'_, File> {
        ReadyFor::new(&self.io, interest)
    }

    own_calls!(File, |this| &this.io);

    /// For splicing.
    pub(crate) const fn inner(&self) -> &Async<File> {
        &self.io
    }

    /// Reads what there is, at least one byte; `Ok(0)` is the end (or an empty `buf`). **Cancel
    /// safe.**
    ///
    /// # Errors
    /// What the system says.
    #[track_caller]
    pub fn read<'a>(&'a self, buf: &'a mut [u8]) -> Read<'a, File> {
        Read::new(&self.io, buf)
    }

    /// Fills `buf` whole. Not cancel safe ([`io::Reader`](crate::io::Reader) is the remedy).
    ///
    /// # Errors
    /// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) if the pipe ends before, and what the system
    /// says.
    #[track_caller]
    pub fn read_exact<'a>(&'a self, buf: &'a mut [u8]) -> ReadExact<'a, File> {
        ReadExact::new(&self.io, buf)
    }

    /// Reads if something is there.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if not, and what else the system says.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        self.io.try_read_with(|file| calls::read(file, buf))
    }
}

impl AsyncRead for &Receiver {
    #[track_caller]
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        socket_op::poll_read(&self.io, cx, buf)
    }
}

by_reference!(@read Receiver, [], |this| &mut &*this);

/// Closing closes the descriptor: a pipe has no other way to say that it is over.
impl AsyncWrite for Sender {
    #[track_caller]
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &self.io {
            Some(io) => socket_op::poll_write(io, cx, buf),
            None => Poll::Ready(Err(closed())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        poll_budget(cx).map(Ok)
    }

    fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io = None;
        Poll::Ready(Ok(()))
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the sender was closed")
}

/// # Panics
/// If it was closed through [`AsyncWrite`].
impl AsFd for Sender {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.open().as_fd()
    }
}

/// # Panics
/// If it was closed through [`AsyncWrite`].
impl AsRawFd for Sender {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl AsFd for Receiver {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}

impl AsRawFd for Receiver {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}
