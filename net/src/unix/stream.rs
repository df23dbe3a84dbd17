//! A connected stream socket of the Unix domain.
//!
//! As `TcpStream`, but for one thing: a short read does not mean that the kernel has no more (its buffers are in pieces), so each wait is
//! preceded by a try that says `WouldBlock`.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::{self, SocketAddr};
use std::panic::Location;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use myrt_runtime::io::Async;
use myrt_runtime::os::{self, Credentials};
use socket2::{Domain, SockAddr, Socket, Type};

use super::{Read, ReadExact, ReadVectored, Write, WriteAll, WriteVectored};
use crate::calls;
use crate::leaf::Direction;
use crate::place::{self, Place};
use crate::ready::{Interest, Readiness, ReadyFor};
use crate::stream::by_reference;

/// A connected stream socket of the Unix domain.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// use myrt::net::UnixStream;
///
/// let (near, far) = UnixStream::pair()?;
/// near.write_all(b"hi").await?;
/// let mut buf = [0; 2];
/// far.read_exact(&mut buf).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct UnixStream {
    io: Async<net::UnixStream>,
}

impl UnixStream {
    /// Connects to the socket at a path; on Linux a path that begins with a zero byte is an abstract name.
    ///
    /// # Errors
    /// What the system says, such as [`NotFound`](io::ErrorKind::NotFound) or [`ConnectionRefused`](io::ErrorKind::ConnectionRefused).
    #[track_caller]
    pub fn connect(path: impl AsRef<Path>) -> Connect {
        Connect {
            state: Connect::begin(path.as_ref()),
            at: Location::caller(),
        }
    }

    /// Two streams, connected to each other.
    ///
    /// # Errors
    /// What the system says, such as no descriptor being left.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (a, b) = calls::pair(Type::STREAM)?;
        Ok((Self::fresh(a), Self::fresh(b)))
    }

    pub(super) fn fresh(socket: Socket) -> Self {
        Self {
            io: Async::new_nonblocking(socket.into()),
        }
    }

    /// Takes over a std stream and makes it non-blocking.
    ///
    /// # Errors
    /// If it cannot be made non-blocking.
    pub fn from_std(stream: net::UnixStream) -> io::Result<Self> {
        Ok(Self {
            io: Async::new(stream)?,
        })
    }

    /// Gives the std stream back. It is still non-blocking.
    ///
    /// # Errors
    /// If the runtime cannot let go of it.
    pub fn into_std(self) -> io::Result<net::UnixStream> {
        self.io.into_inner()
    }

    /// For splicing.
    pub(crate) const fn inner(&self) -> &Async<net::UnixStream> {
        &self.io
    }

    /// Reads what there is, at least one byte; `Ok(0)` is the end. **Cancel safe.**
    ///
    /// # Errors
    /// What the system says.
    #[inline]
    #[track_caller]
    pub fn read<'a>(&'a self, buf: &'a mut [u8]) -> Read<'a> {
        Read::new(&self.io, buf)
    }

    /// Fills `buf` whole. Not cancel safe ([`io::Reader`](crate::io::Reader) is the remedy).
    ///
    /// # Errors
    /// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) if the stream ends before, and what the system says.
    #[track_caller]
    pub fn read_exact<'a>(&'a self, buf: &'a mut [u8]) -> ReadExact<'a> {
        ReadExact::new(&self.io, buf)
    }

    /// Reads into several buffers, one after the other. **Cancel safe.**
    ///
    /// # Errors
    /// What the system says.
    #[track_caller]
    pub fn read_vectored<'a, 'b>(&'a self, bufs: &'a mut [IoSliceMut<'b>]) -> ReadVectored<'a, 'b> {
        ReadVectored::new(&self.io, bufs)
    }

    /// Writes as much of `buf` as the system takes at once, and says how much. **Cancel safe.**
    ///
    /// # Errors
    /// What the system says.
    #[inline]
    #[track_caller]
    pub fn write<'a>(&'a self, buf: &'a [u8]) -> Write<'a> {
        Write::new(&self.io, buf)
    }

    /// Writes `buf` whole. Not cancel safe ([`io::Writer`](crate::io::Writer) is the remedy).
    ///
    /// # Errors
    /// What the system says.
    #[track_caller]
    pub fn write_all<'a>(&'a self, buf: &'a [u8]) -> WriteAll<'a> {
        WriteAll::new(&self.io, buf)
    }

    /// Writes from several buffers in one call, and says how much. **Cancel safe.**
    ///
    /// # Errors
    /// What the system says.
    #[track_caller]
    pub fn write_vectored<'a, 'b>(&'a self, bufs: &'a [IoSlice<'b>]) -> WriteVectored<'a, 'b> {
        WriteVectored::new(&self.io, bufs)
    }

    /// Reads if that is possible at once.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if not, and what else the system says.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.io.try_read_with(|stream| calls::read(stream, buf))
    }

    /// Writes if that is possible at once.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if not, and what else the system says.
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.io.try_write_with(|stream| calls::write(stream, buf))
    }

    /// Waits until a read may succeed. A hint. **Cancel safe.**
    #[track_caller]
    pub fn readable(&self) -> Readiness<'_, net::UnixStream> {
        Readiness::new(&self.io, Direction::Read)
    }

    /// Waits until a write may succeed. A hint. **Cancel safe.**
    #[track_caller]
    pub fn writable(&self) -> Readiness<'_, net::UnixStream> {
        Readiness::new(&self.io, Direction::Write)
    }

    /// Waits until any direction of `interest` may be tried, and says which. **Cancel safe.**
    #[track_caller]
    pub fn ready(&self, interest: Interest) -> ReadyFor<'_, net::UnixStream> {
        ReadyFor::new(&self.io, interest)
    }

    /// Two halves that own the stream together. Dropping the write half ends the direction of writing.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        let stream = Arc::new(self);
        (
            OwnedReadHalf {
                stream: stream.clone(),
            },
            OwnedWriteHalf {
                stream,
                shutdown_on_drop: true,
            },
        )
    }

    /// Ends one direction or both. That the peer is gone already is no error.
    ///
    /// # Errors
    /// What the system says.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        calls::shutdown(self.io.get_ref(), how)
    }

    /// Who is at the other end: the process that connected (or listened), as the system noted it then.
    ///
    /// # Errors
    /// What the system says.
    pub fn peer_cred(&self) -> io::Result<Credentials> {
        os::peer_credentials(self.io.get_ref().as_fd())
    }

    /// The address at the other end; unnamed for a client that did not bind.
    ///
    /// # Errors
    /// What the system says.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().peer_addr()
    }

    /// The address at this end.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// Takes the error that the system holds for this socket (`SO_ERROR`).
    ///
    /// # Errors
    /// If it cannot be asked.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.io.get_ref().take_error()
    }
}

by_reference!(@system UnixStream, |stream| stream.io);
by_reference!(UnixStream);

/// Half of a [`UnixStream`] to read from; see [`UnixStream::into_split`].
#[derive(Debug)]
pub struct OwnedReadHalf {
    stream: Arc<UnixStream>,
}

/// Half of a [`UnixStream`] to write to; see [`UnixStream::into_split`]. Dropping it ends the direction of writing.
#[derive(Debug)]
pub struct OwnedWriteHalf {
    stream: Arc<UnixStream>,
    shutdown_on_drop: bool,
}

by_reference!(@read OwnedReadHalf, [], |this| &mut &*this.stream);
by_reference!(@write OwnedWriteHalf, [], |this| &mut &*this.stream);

impl OwnedReadHalf {
    /// The stream, whole again.
    ///
    /// # Errors
    /// If `other` is the half of another stream: both halves come back in the error.
    #[expect(
        clippy::missing_panics_doc,
        reason = "halves are not Clone, so two is all there are"
    )]
    pub fn reunite(self, mut other: OwnedWriteHalf) -> Result<UnixStream, ReuniteError> {
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

impl AsRef<UnixStream> for OwnedReadHalf {
    fn as_ref(&self) -> &UnixStream {
        &self.stream
    }
}

impl AsRef<UnixStream> for OwnedWriteHalf {
    fn as_ref(&self) -> &UnixStream {
        &self.stream
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

/// Future of [`UnixStream::connect`].
#[must_use = "futures do nothing unless awaited"]
pub struct Connect {
    state: State,
    at: Place,
}

enum State {
    /// The listener's queue is full: Linux says EAGAIN and gives nothing to wait for, so it is asked again after a moment.
    Full(
        Socket,
        SockAddr,
        Option<Pin<Box<myrt_runtime::time::Sleep>>>,
    ),
    /// Under way; writable when decided.
    UnderWay(Async<net::UnixStream>, bool),
    Settled(Option<io::Result<UnixStream>>),
}

impl Connect {
    fn begin(path: &Path) -> State {
        let prepared = SockAddr::unix(path)
            .and_then(|address| Ok((calls::socket(Domain::UNIX, Type::STREAM, None)?, address)));
        match prepared {
            Ok((socket, address)) => Self::again(socket, address),
            Err(error) => State::Settled(Some(Err(error))),
        }
    }

    fn again(socket: Socket, address: SockAddr) -> State {
        match calls::connect(&socket, &address) {
            Ok(true) => State::Settled(Some(Ok(UnixStream::fresh(socket)))),
            Ok(false) => State::UnderWay(Async::new_nonblocking(socket.into()), false),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                State::Full(socket, address, None)
            }
            Err(error) => State::Settled(Some(Err(error))),
        }
    }
}

impl Future for Connect {
    type Output = io::Result<UnixStream>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        loop {
            match &mut this.state {
                State::Full(_, _, pause) => {
                    let pause =
                        pause.get_or_insert_with(|| Box::pin(myrt_runtime::time::sleep(RETRY)));
                    ready!(place::within(this.at, || pause.as_mut().poll(cx)));
                    let State::Full(socket, address, _) =
                        mem::replace(&mut this.state, State::Settled(None))
                    else {
                        unreachable!("it was just matched")
                    };
                    this.state = Self::again(socket, address);
                }
                State::UnderWay(io, asked) => {
                    ready!(place::within(this.at, || io.poll_write_with(
                        cx,
                        |stream| {
                            if mem::replace(asked, true) {
                                calls::connected(stream)
                            } else {
                                Err(io::ErrorKind::WouldBlock.into())
                            }
                        }
                    )))?;
                    let State::UnderWay(io, _) =
                        mem::replace(&mut this.state, State::Settled(None))
                    else {
                        unreachable!("it was just matched")
                    };
                    return Poll::Ready(Ok(UnixStream { io }));
                }
                State::Settled(result) => {
                    return Poll::Ready(result.take().expect("polled after it was ready"));
                }
            }
        }
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl AsFd for UnixStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}

impl AsRawFd for UnixStream {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

/// How long to wait for room in a listener's full queue.
const RETRY: std::time::Duration = std::time::Duration::from_millis(1);
