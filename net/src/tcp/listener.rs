//! A TCP listener. What it does when descriptors run out is in `accept_backoff.rs`.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{self, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use myrt_runtime::io::Async;
use socket2::{SockAddr, Socket};

use super::stream::TcpStream;
use crate::accept_backoff::{AcceptBackoff, Backoff};
use crate::addr::{LookupHost, ToSocketAddrs};
use crate::caller;
use crate::calls;
use crate::socket_op::{Direction, IoWaiter};

/// A socket that accepts TCP connections.
///
/// Any number of tasks may accept from one listener; they are served in the order in which they
/// began to wait.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// use myrt::net::TcpListener;
///
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// loop {
///     let (stream, peer) = listener.accept().await?;
///     println!("{peer} came");
///     drop(stream);
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct TcpListener {
    io: Async<net::TcpListener>,
    backoff: AcceptBackoff,
}

impl TcpListener {
    /// Listens on the first address of the host that allows it, with a queue of 1,024 connections
    /// and `SO_REUSEADDR`. [`TcpSocket`](super::TcpSocket) gives other options. Port 0 lets the
    /// system choose; see [`local_addr`](Self::local_addr).
    ///
    /// # Errors
    /// Those of the lookup, and the last address's, such as
    /// [`AddrInUse`](io::ErrorKind::AddrInUse).
    #[track_caller]
    pub fn bind(address: impl ToSocketAddrs) -> Bind {
        Bind {
            lookup: LookupHost::new(&address),
        }
    }

    /// Takes over a std listener and makes it non-blocking.
    ///
    /// # Errors
    /// If it cannot be made non-blocking.
    pub fn from_std(listener: net::TcpListener) -> io::Result<Self> {
        Ok(Self {
            io: Async::new(listener)?,
            backoff: AcceptBackoff::new(),
        })
    }

    pub(crate) const fn fresh(io: Async<net::TcpListener>) -> Self {
        Self {
            io,
            backoff: AcceptBackoff::new(),
        }
    }

    /// Gives the std listener back. It is still non-blocking.
    ///
    /// # Errors
    /// If the runtime cannot let go of it.
    pub fn into_std(self) -> io::Result<net::TcpListener> {
        self.io.into_inner()
    }

    /// Takes the next connection, with its peer's address. **Cancel safe.**
    ///
    /// # Errors
    /// None that is about one connection: what was aborted, reset or cut off by the network while
    /// it waited in the queue (`ECONNABORTED`, `EPROTO`, `EPERM`, `ENETDOWN`, `EHOSTUNREACH` and
    /// the others that accept(2) names) is passed over, and the next connection is taken.
    ///
    /// When the process or the system is out of descriptors or memory (`EMFILE`, `ENFILE`,
    /// `ENOBUFS`, `ENOMEM`: [`is_out_of_resources`](crate::is_out_of_resources)), the listener is
    /// all right and the connection not lost: it waits in the queue. A server goes on. What is left
    /// is about the listener, such as a descriptor that is none.
    ///
    /// After any error the next accept tries again after a pause of 5 ms, doubling to one second
    /// while errors last, so a loop that goes on after an error neither spins nor starves other
    /// tasks.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn serve(listener: myrt::net::TcpListener) -> std::io::Result<()> {
    /// loop {
    ///     match listener.accept().await {
    ///         Ok((stream, _)) => {
    ///             drop(myrt::spawn(async move { stream.write_all(b"hello\n").await }));
    ///         }
    ///         Err(error) if myrt::net::is_out_of_resources(&error) => {
    ///             eprintln!("accept: {error}");
    ///         }
    ///         Err(error) => return Err(error),
    ///     }
    /// }
    /// # }
    /// ```
    #[track_caller]
    pub fn accept(&self) -> Accept<'_> {
        Accept {
            listener: self,
            waiter: IoWaiter::new(&self.io, Direction::Read, Location::caller()),
            backoff: self.backoff.next(),
        }
    }

    /// [`accept`](Self::accept) for `poll` functions, with the same pauses after errors. There is
    /// one waker: the last caller is woken.
    ///
    /// ```
    /// use std::future::poll_fn;
    /// use myrt::net::{TcpListener, TcpStream};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// myrt::run(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     let _client = TcpStream::connect(listener.local_addr()?).await?;
    ///     let (_stream, peer) = poll_fn(|cx| listener.poll_accept(cx)).await?;
    ///     assert!(peer.ip().is_loopback());
    ///     Ok(())
    /// })
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    #[track_caller]
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        loop {
            ready!(self.backoff.poll(cx));
            let result = ready!(self.io.poll_read_with(cx, calls::accept));
            self.backoff.note(result.is_ok());
            let (socket, address) = result?;
            if let Some(accepted) = with_address(socket, &address) {
                return Poll::Ready(Ok(accepted));
            }
        }
    }

    /// Takes a connection that waits already.
    pub(crate) fn try_accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (socket, address) = self.io.try_read_with(calls::accept)?;
        let stream = TcpStream::accepted(socket);
        let address = match address.as_socket() {
            Some(address) => address,
            None => stream.peer_addr()?,
        };
        Ok((stream, address))
    }

    /// The connections as a stream of `io::Result<TcpStream>` that never ends. After an error it
    /// may be polled on, with the pauses of [`accept`](Self::accept).
    #[track_caller]
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming {
            listener: self,
            accept: self.accept(),
            at: Location::caller(),
        }
    }

    /// The address that it listens on.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        calls::local_addr(self.io.get_ref())
    }

    /// Sets the time to live of packets (hops) of connections yet to come.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        calls::set_option(self.io.get_ref(), |it| it.set_ttl_v4(ttl))
    }

    /// Takes the error that the system holds for this socket (`SO_ERROR`).
    ///
    /// # Errors
    /// If it cannot be asked.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        calls::take_error(self.io.get_ref())
    }
}

/// Future of [`TcpListener::bind`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct Bind {
    lookup: LookupHost,
}

impl Future for Bind {
    type Output = io::Result<TcpListener>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut last = None;
        for address in ready!(Pin::new(&mut self.lookup).poll(cx))? {
            match calls::listen(address, BACKLOG, false) {
                Ok(listener) => {
                    return Poll::Ready(Ok(TcpListener::fresh(Async::new_nonblocking(listener))));
                }
                Err(error) => last = Some(error),
            }
        }
        Poll::Ready(Err(last.expect("a lookup gives at least one address")))
    }
}

/// Future of [`TcpListener::accept`].
#[must_use = "futures do nothing unless awaited"]
pub struct Accept<'a> {
    listener: &'a TcpListener,
    waiter: IoWaiter<'a, net::TcpListener>,
    backoff: Backoff,
}

impl Accept<'_> {
    fn poll_socket(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(Socket, SockAddr)>> {
        ready!(caller::within(self.waiter.at(), || self.backoff.poll(cx)));
        let result = ready!(self.waiter.poll(cx, calls::accept));
        self.listener.backoff.note(result.is_ok());
        Poll::Ready(result)
    }
}

impl Future for Accept<'_> {
    type Output = io::Result<(TcpStream, SocketAddr)>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        loop {
            let (socket, address) = ready!(this.poll_socket(cx))?;
            if let Some(accepted) = with_address(socket, &address) {
                return Poll::Ready(Ok(accepted));
            }
        }
    }
}

/// A connection and its peer. A peer that is gone already has no address on some systems, and is
/// passed over.
fn with_address(socket: Socket, address: &SockAddr) -> Option<(TcpStream, SocketAddr)> {
    let stream = TcpStream::accepted(socket);
    let address = address.as_socket().or_else(|| stream.peer_addr().ok())?;
    Some((stream, address))
}

/// Stream of [`TcpListener::incoming`].
#[must_use = "streams do nothing unless polled"]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
    accept: Accept<'a>,
    at: caller::Caller,
}

impl Stream for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let result = ready!(this.accept.poll_socket(cx));
        this.accept.backoff = this.listener.backoff.next();
        Poll::Ready(Some(result.map(|(socket, _)| TcpStream::accepted(socket))))
    }
}

impl AsFd for TcpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}

impl AsRawFd for TcpListener {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl fmt::Debug for Accept<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accept")
            .field("at", &self.waiter.at())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Incoming<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// tokio's backlog, too; the system cuts it to its own limit.
pub(crate) const BACKLOG: i32 = 1024;
