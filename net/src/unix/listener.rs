//! A listening socket of the Unix domain; its file goes when it goes.

use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::{self, SocketAddr};
use std::panic::Location;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use myrt_runtime::io::Async;
use socket2::{Domain, SockAddr, Socket, Type};

use super::SocketFile;
use super::stream::UnixStream;
use crate::accept_backoff::{AcceptBackoff, Backoff};
use crate::caller;
use crate::calls;
use crate::socket_op::{Direction, IoWaiter};

/// A socket that accepts connections at a path or, on Linux, an abstract name.
///
/// Dropping it removes its file, if the file is still the one that it made.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// use myrt::net::UnixListener;
///
/// let listener = UnixListener::bind("/tmp/example.sock")?;
/// let (stream, _) = listener.accept().await?;
/// println!("user {} came", stream.peer_cred()?.uid);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct UnixListener {
    io: Async<net::UnixListener>,
    backoff: AcceptBackoff,
    file: Option<SocketFile>,
}

impl UnixListener {
    /// Listens at a path, with a queue of 1,024 connections; on Linux a path that begins with a
    /// zero byte is an abstract name.
    ///
    /// # Errors
    /// What the system says: [`AddrInUse`](io::ErrorKind::AddrInUse) also for a file that an
    /// earlier listener left behind.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let address = SockAddr::unix(path)?;
        let socket = calls::socket(Domain::UNIX, Type::STREAM, None)?;
        socket.bind(&address)?;
        // From here on a failure must take the file along.
        let file = SocketFile::at(path);
        socket.listen(crate::tcp::BACKLOG)?;
        Ok(Self {
            io: Async::new_nonblocking(socket.into()),
            backoff: AcceptBackoff::new(),
            file,
        })
    }

    /// Takes over a std listener and makes it non-blocking. Its file is not removed later.
    ///
    /// # Errors
    /// If it cannot be made non-blocking.
    pub fn from_std(listener: net::UnixListener) -> io::Result<Self> {
        Ok(Self {
            io: Async::new(listener)?,
            backoff: AcceptBackoff::new(),
            file: None,
        })
    }

    /// Gives the std listener back, still non-blocking, and leaves its file.
    ///
    /// # Errors
    /// If the runtime cannot let go of it.
    pub fn into_std(mut self) -> io::Result<net::UnixListener> {
        self.keep_file();
        self.io.into_inner()
    }

    /// Leaves the file behind when dropped.
    pub fn keep_file(&mut self) {
        if let Some(mut file) = self.file.take() {
            file.path.clear();
        }
    }

    /// Takes the next connection, with its peer's address (most often unnamed). **Cancel safe.**
    ///
    /// # Errors
    /// As [`TcpListener::accept`](crate::TcpListener::accept), with the same pauses after errors.
    #[track_caller]
    pub fn accept(&self) -> Accept<'_> {
        let at = Location::caller();
        Accept {
            listener: self,
            waiter: IoWaiter::new(&self.io, Direction::Read, at),
            backoff: self.backoff.next(),
        }
    }

    /// [`accept`](Self::accept) for `poll` functions, with the same pauses after errors. There is
    /// one waker: the last caller is woken.
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    #[track_caller]
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(UnixStream, SocketAddr)>> {
        loop {
            ready!(self.backoff.poll(cx));
            let result = ready!(self.io.poll_read_with(cx, calls::accept));
            self.backoff.note(result.is_ok());
            let stream = UnixStream::fresh(result?.0);
            // A peer that is gone already has no address on some systems, and is passed over.
            if let Ok(address) = stream.peer_addr() {
                return Poll::Ready(Ok((stream, address)));
            }
        }
    }

    /// The connections as a stream of `io::Result<UnixStream>` that never ends.
    #[track_caller]
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming {
            accept: self.accept(),
        }
    }

    /// The address that it listens at.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }
}

/// Future of [`UnixListener::accept`].
#[must_use = "futures do nothing unless awaited"]
pub struct Accept<'a> {
    listener: &'a UnixListener,
    waiter: IoWaiter<'a, net::UnixListener>,
    backoff: Backoff,
}

impl Accept<'_> {
    fn poll_socket(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Socket>> {
        ready!(caller::within(self.waiter.at(), || self.backoff.poll(cx)));
        let result = ready!(self.waiter.poll(cx, calls::accept));
        self.listener.backoff.note(result.is_ok());
        Poll::Ready(result.map(|(socket, _)| socket))
    }
}

impl Future for Accept<'_> {
    type Output = io::Result<(UnixStream, SocketAddr)>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        loop {
            let stream = UnixStream::fresh(ready!(this.poll_socket(cx))?);
            // A peer that is gone already has no address on some systems, and is passed over.
            if let Ok(address) = stream.peer_addr() {
                return Poll::Ready(Ok((stream, address)));
            }
        }
    }
}

/// Stream of [`UnixListener::incoming`].
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct Incoming<'a> {
    accept: Accept<'a>,
}

impl Stream for Incoming<'_> {
    type Item = io::Result<UnixStream>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let result = ready!(self.accept.poll_socket(cx));
        self.accept.backoff = self.accept.listener.backoff.next();
        Poll::Ready(Some(result.map(UnixStream::fresh)))
    }
}

impl AsFd for UnixListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}

impl AsRawFd for UnixListener {
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
