//! A datagram socket of the Unix domain: borders kept, nothing lost, nothing reordered.

mod poll;

use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::{self, SocketAddr};
use std::panic::Location;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use myrt_runtime::io::Async;
use myrt_runtime::task;
use myrt_runtime::time::{Sleep, sleep};
use socket2::{Domain, SockAddr, Type};

use super::SocketFile;
use crate::caller::{self, Caller};
use crate::calls;
use crate::ready::{Interest, Readiness, ReadyFor};
use crate::socket_op::{Direction, socket_op};

/// A datagram socket of the Unix domain. Dropping a bound one removes its file.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// use myrt::net::UnixDatagram;
///
/// let (near, far) = UnixDatagram::pair()?;
/// near.send(b"one whole").await?;
/// let mut buf = [0; 64];
/// assert_eq!(far.recv(&mut buf).await?, 9);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct UnixDatagram {
    io: Async<net::UnixDatagram>,
    file: Option<SocketFile>,
}

impl UnixDatagram {
    /// A socket at a path; on Linux a path that begins with a zero byte is an abstract name.
    ///
    /// # Errors
    /// What the system says: [`AddrInUse`](io::ErrorKind::AddrInUse) also for a file that an
    /// earlier socket left behind.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let socket = calls::socket(Domain::UNIX, Type::DGRAM, None)?;
        socket.bind(&SockAddr::unix(path)?)?;
        Ok(Self {
            file: SocketFile::at(path),
            io: Async::new_nonblocking(socket.into()),
        })
    }

    /// A socket without an address: it can send, and receive only once connected.
    ///
    /// # Errors
    /// What the system says, such as no descriptor being left.
    pub fn unbound() -> io::Result<Self> {
        let socket = calls::socket(Domain::UNIX, Type::DGRAM, None)?;
        Ok(Self {
            file: None,
            io: Async::new_nonblocking(socket.into()),
        })
    }

    /// Two sockets, connected to each other.
    ///
    /// # Errors
    /// What the system says, such as no descriptor being left.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (a, b) = calls::pair(Type::DGRAM)?;
        let own = |socket: socket2::Socket| Self {
            file: None,
            io: Async::new_nonblocking(socket.into()),
        };
        Ok((own(a), own(b)))
    }

    /// Takes over a std socket and makes it non-blocking. Its file is not removed later.
    ///
    /// # Errors
    /// If it cannot be made non-blocking.
    pub fn from_std(socket: net::UnixDatagram) -> io::Result<Self> {
        Ok(Self {
            file: None,
            io: Async::new(socket)?,
        })
    }

    /// Gives the std socket back, still non-blocking, and leaves its file.
    ///
    /// # Errors
    /// If the runtime cannot let go of it.
    pub fn into_std(mut self) -> io::Result<net::UnixDatagram> {
        if let Some(mut file) = self.file.take() {
            file.path.clear();
        }
        self.io.into_inner()
    }

    /// Sends to and receives from this peer only from now on.
    ///
    /// # Errors
    /// What the system says, such as [`NotFound`](io::ErrorKind::NotFound).
    pub fn connect(&self, path: impl AsRef<Path>) -> io::Result<()> {
        calls::connect(
            &socket2::SockRef::from(self.io.get_ref()),
            &SockAddr::unix(path)?,
        )
        .map(drop)
    }

    /// Sends a datagram to the connected peer, waiting while its queue is full. **Cancel safe.**
    ///
    /// # Errors
    /// What the system says.
    #[track_caller]
    pub fn send<'a>(&'a self, datagram: &'a [u8]) -> DatagramSend<'a> {
        DatagramSend::new(&self.io, datagram)
    }

    /// Receives a datagram from the connected peer; what does not fit into `buf` is lost. **Cancel
    /// safe.**
    ///
    /// # Errors
    /// What the system says.
    #[track_caller]
    pub fn recv<'a>(&'a self, buf: &'a mut [u8]) -> DatagramRecv<'a> {
        DatagramRecv::new(&self.io, buf)
    }

    /// Sends a datagram to the socket at a path, waiting while there is no room. **Cancel safe.**
    ///
    /// The system tells nobody when the queue of a *receiver* has room again, so this asks after 1
    /// ms, then less often, at least every 16 ms. A connected socket waits for an event instead:
    /// [`connect`](Self::connect) and [`send`](Self::send).
    ///
    /// # Errors
    /// What the system says.
    #[track_caller]
    pub fn send_to<'a>(&'a self, datagram: &'a [u8], path: impl AsRef<Path>) -> DatagramSendTo<'a> {
        DatagramSendTo {
            io: &self.io,
            datagram,
            target: SockAddr::unix(path).map_err(Some),
            pause: None,
            refusals: 0,
            at: Location::caller(),
        }
    }

    /// Receives a datagram and its sender's address; what does not fit into `buf` is lost. **Cancel
    /// safe.**
    ///
    /// # Errors
    /// What the system says.
    #[track_caller]
    pub fn recv_from<'a>(&'a self, buf: &'a mut [u8]) -> DatagramRecvFrom<'a> {
        DatagramRecvFrom::new(&self.io, buf)
    }

    /// Sends if that is possible at once.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if not, and what else the system says.
    pub fn try_send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.io
            .try_write_with(|socket| calls::unix_send(socket, datagram))
    }

    /// Sends to the socket at a path if that is possible at once.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if the receiver's queue is full (of which no wait
    /// tells when it has room again, see [`send_to`](Self::send_to)), and what else the system
    /// says.
    pub fn try_send_to(&self, datagram: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        calls::unix_send_to(self.io.get_ref(), datagram, &SockAddr::unix(path)?)
    }

    /// Receives a datagram and its sender's address if one is there.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if not, and what else the system says.
    pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.io
            .try_read_with(|socket| calls::unix_recv_from(socket, buf))
    }

    /// Receives if something is there.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if not, and what else the system says.
    pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.io
            .try_read_with(|socket| calls::unix_recv(socket, buf))
    }

    /// Waits until a receive may succeed. A hint. **Cancel safe.**
    #[track_caller]
    pub fn readable(&self) -> Readiness<'_, net::UnixDatagram> {
        Readiness::new(&self.io, Direction::Read)
    }

    /// Waits until a send may succeed. A hint. **Cancel safe.**
    #[track_caller]
    pub fn writable(&self) -> Readiness<'_, net::UnixDatagram> {
        Readiness::new(&self.io, Direction::Write)
    }

    /// Waits until any direction of `interest` may be tried, and says which. **Cancel safe.**
    #[track_caller]
    pub fn ready(&self, interest: Interest) -> ReadyFor<'_, net::UnixDatagram> {
        ReadyFor::new(&self.io, interest)
    }

    /// Ends one direction or both.
    ///
    /// # Errors
    /// What the system says.
    pub fn shutdown(&self, how: std::net::Shutdown) -> io::Result<()> {
        calls::shutdown(self.io.get_ref(), how)
    }

    /// Takes the error that the system holds for this socket (`SO_ERROR`).
    ///
    /// # Errors
    /// If it cannot be asked.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.io.get_ref().take_error()
    }

    /// The address at this end.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// The connected peer's address.
    ///
    /// # Errors
    /// What the system says.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().peer_addr()
    }
}

socket_op! {
    /// Future of [`UnixDatagram::send`].
    pub struct DatagramSend<'a> on net::UnixDatagram { datagram: &'a [u8] }
    Write => usize, |socket| calls::unix_send(socket, datagram)
}

socket_op! {
    /// Future of [`UnixDatagram::recv`].
    pub struct DatagramRecv<'a> on net::UnixDatagram { buf: &'a mut [u8] }
    Read => usize, |socket| calls::unix_recv(socket, buf)
}

/// Future of [`UnixDatagram::send_to`].
#[must_use = "futures do nothing unless awaited"]
pub struct DatagramSendTo<'a> {
    io: &'a Async<net::UnixDatagram>,
    datagram: &'a [u8],
    target: Result<SockAddr, Option<io::Error>>,
    /// Until the next try, after one that found no room.
    pause: Option<Pin<Box<Sleep>>>,
    /// Tries that found no room.
    refusals: u32,
    at: Caller,
}

impl Future for DatagramSendTo<'_> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let address = match &mut this.target {
            Ok(address) => address,
            Err(error) => {
                return Poll::Ready(Err(error.take().expect("polled after it was ready")));
            }
        };
        loop {
            if let Some(pause) = &mut this.pause {
                ready!(caller::within(this.at, || pause.as_mut().poll(cx)));
                this.pause = None;
            }
            ready!(task::poll_share(cx));
            // The reactor hears nothing of a `WouldBlock`: the socket itself has room, so that no
            // event would follow.
            match calls::unix_send_to(this.io.get_ref(), this.datagram, address) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let pause = FIRST_PAUSE * (1 << this.refusals.min(4));
                    this.pause = Some(Box::pin(sleep(pause)));
                    this.refusals += 1;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => {
                    task::take_share();
                    return Poll::Ready(result);
                }
            }
        }
    }
}

impl fmt::Debug for DatagramSendTo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatagramSendTo")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// How long to wait for room in a receiver's queue at first; doubled four times.
const FIRST_PAUSE: Duration = Duration::from_millis(1);

socket_op! {
    /// Future of [`UnixDatagram::recv_from`].
    pub struct DatagramRecvFrom<'a> on net::UnixDatagram { buf: &'a mut [u8] }
    Read => (usize, SocketAddr), |socket| calls::unix_recv_from(socket, buf)
}

impl AsFd for UnixDatagram {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}

impl AsRawFd for UnixDatagram {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}
