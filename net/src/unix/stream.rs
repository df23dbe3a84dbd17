//! A connected stream socket of the Unix domain.
//!
//! As `TcpStream` (what they share is in `../stream.rs`), but for one thing: a short read does not
//! mean that the kernel has no more (its buffers are in pieces), so each wait is preceded by a try
//! that says `WouldBlock`.

use std::fmt;
use std::future::Future;
use std::io;
use std::mem;
use std::os::fd::AsFd;
use std::os::unix::net::{self, SocketAddr};
use std::panic::Location;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use myrt_runtime::io::Async;
use myrt_runtime::os::{self, Credentials};
use socket2::{Domain, SockAddr, Socket, Type};

use super::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
use crate::caller::{self, Caller};
use crate::calls;
use crate::socket_op::{Read, Write};
use crate::stream::byte_stream;

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
    /// Connects to the socket at a path; on Linux a path that begins with a zero byte is an
    /// abstract name.
    ///
    /// # Errors
    /// What the system says, such as [`NotFound`](io::ErrorKind::NotFound) or
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused).
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

    /// Who is at the other end: the process that connected (or listened), as the system noted it
    /// then.
    ///
    /// # Errors
    /// What the system says.
    pub fn peer_cred(&self) -> io::Result<Credentials> {
        os::peer_credentials(self.io.get_ref().as_fd())
    }
}

impl UnixStream {
    /// Reads what there is, at least one byte, into `buf`; `Ok(0)` is the end of the stream (or an
    /// empty `buf`). **Cancel safe.**
    ///
    /// # Errors
    /// What the system says, such as [`ConnectionReset`](io::ErrorKind::ConnectionReset).
    #[inline]
    #[track_caller]
    pub fn read<'a>(&'a self, buf: &'a mut [u8]) -> Read<'a, net::UnixStream> {
        Read::new(&self.io, buf)
    }

    /// Writes as much of `buf` as the system takes at once, and says how much; `Ok(0)` at once for
    /// an empty `buf`. **Cancel safe.**
    ///
    /// # Errors
    /// What the system says, such as [`BrokenPipe`](io::ErrorKind::BrokenPipe).
    #[inline]
    #[track_caller]
    pub fn write<'a>(&'a self, buf: &'a [u8]) -> Write<'a, net::UnixStream> {
        Write::new(&self.io, buf)
    }
}

byte_stream!(UnixStream over net::UnixStream, with addresses: SocketAddr);

/// Future of [`UnixStream::connect`].
#[must_use = "futures do nothing unless awaited"]
pub struct Connect {
    state: State,
    at: Caller,
}

enum State {
    /// The listener's queue is full: Linux says EAGAIN and gives nothing to wait for, so it is
    /// asked again after a moment.
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
                    ready!(caller::within(this.at, || pause.as_mut().poll(cx)));
                    let State::Full(socket, address, _) =
                        mem::replace(&mut this.state, State::Settled(None))
                    else {
                        unreachable!("it was just matched")
                    };
                    this.state = Self::again(socket, address);
                }
                State::UnderWay(io, asked) => {
                    ready!(caller::within(this.at, || io.poll_write_with(
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
                    ready!(myrt_runtime::task::poll_budget(cx));
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

/// How long to wait for room in a listener's full queue.
const RETRY: std::time::Duration = std::time::Duration::from_millis(1);
