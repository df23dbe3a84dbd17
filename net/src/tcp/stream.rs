//! A TCP connection.
//!
//! A read is this: the future tries `recv` at once; when the kernel has nothing, its waiter
//! registers the descriptor (once in its life) and waits in line. A read that got less than it
//! asked for has emptied the kernel's buffer, so the next one waits without asking again ("short
//! transfers", see the reactor); that holds for TCP `read` and `write` only. It knows no protocol.

use std::io;
use std::net::{self, SocketAddr};
use std::task::{Context, Poll};
use std::time::Duration;

use myrt_runtime::io::Async;
use socket2::Socket;

use super::connect::Connect;
use super::{OwnedReadHalf, OwnedWriteHalf, Peek, ReadHalf, WriteHalf};
use crate::addr::{LookupHost, ToSocketAddrs};
use crate::calls;
use crate::socket_op::{Read, Write, poll_nothing};
use crate::stream::byte_stream;

/// A TCP connection.
///
/// Its own methods take `&self`, so that one task may read while another writes, without splitting
/// it. It also implements [`AsyncRead`](futures_io::AsyncRead) and
/// [`AsyncWrite`](futures_io::AsyncWrite), as does `&TcpStream`; through these there is one waiting
/// reader and one waiting writer at a time. Dropping it closes the connection (other handles to the
/// descriptor aside).
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// use myrt::net::TcpStream;
///
/// let stream = TcpStream::connect("example.org:80").await?;
/// stream.write_all(b"HEAD / HTTP/1.0\r\n\r\n").await?;
/// let mut buf = [0; 1024];
/// let count = stream.read(&mut buf).await?;
/// println!("{}", String::from_utf8_lossy(&buf[..count]));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TcpStream {
    io: Async<net::TcpStream>,
}

impl TcpStream {
    /// Connects to a host: to each of its addresses until one answers.
    ///
    /// Several addresses are tried as RFC 8305 ("happy eyeballs") says: families take turns, a new
    /// attempt starts 250 ms after the one before or as soon as that one fails, and the first to
    /// succeed wins. There is no limit in time but the system's own (minutes): wrap it in a
    /// `timeout`. Dropping the future gives all attempts up.
    ///
    /// # Errors
    /// That of the lookup; that of the only address; [`ConnectError`](super::ConnectError) within,
    /// with every address's own, where there were several.
    #[track_caller]
    #[doc(alias = "create_connection")]
    pub fn connect(address: impl ToSocketAddrs) -> Connect {
        Connect::to(LookupHost::new(&address))
    }

    /// Takes over a std stream and makes it non-blocking.
    ///
    /// # Errors
    /// If it cannot be made non-blocking.
    pub fn from_std(stream: net::TcpStream) -> io::Result<Self> {
        Ok(Self {
            io: Async::new(stream)?,
        })
    }

    /// A socket that was opened here, is non-blocking, and whose descriptor nobody else has.
    #[inline]
    pub(crate) fn fresh(socket: Socket) -> Self {
        Self::from_async(Async::new_nonblocking(socket.into()))
    }

    /// A connection that was just accepted: nothing has come on it yet.
    #[inline]
    pub(crate) fn accepted(socket: Socket) -> Self {
        let stream = Self::fresh(socket);
        stream.io.set_early();
        stream
    }

    /// The same, where it was waited for already.
    #[inline]
    pub(crate) fn from_async(io: Async<net::TcpStream>) -> Self {
        io.set_closing_unshared(true);
        Self { io }
    }

    /// Gives the std stream back. It is still non-blocking.
    ///
    /// # Errors
    /// If the runtime cannot let go of it.
    pub fn into_std(self) -> io::Result<net::TcpStream> {
        self.io.into_inner()
    }

    /// Reads without taking the bytes out of the system's buffer. **Cancel safe.**
    ///
    /// # Errors
    /// What the system says.
    #[track_caller]
    pub fn peek<'a>(&'a self, buf: &'a mut [u8]) -> Peek<'a> {
        Peek::new(&self.io, buf)
    }

    /// [`peek`](Self::peek) for `poll` functions. All `poll` functions that read share one waker:
    /// the last caller is woken.
    ///
    /// # Errors
    /// What the system says.
    #[track_caller]
    pub fn poll_peek(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return poll_nothing(cx);
        }
        self.io
            .poll_read_with(cx, |stream| calls::peek(stream, buf))
    }

    /// Sends small packets at once (`TCP_NODELAY`, no Nagle).
    ///
    /// # Errors
    /// What the system says.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        calls::set_option(self.io.get_ref(), |it| it.set_tcp_nodelay(nodelay))
    }

    /// Whether small packets are sent at once.
    ///
    /// # Errors
    /// What the system says.
    pub fn nodelay(&self) -> io::Result<bool> {
        calls::option(self.io.get_ref(), false, |it| it.tcp_nodelay())
    }

    /// Sets the time to live of packets (hops).
    ///
    /// # Errors
    /// What the system says.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        calls::set_option(self.io.get_ref(), |it| it.set_ttl_v4(ttl))
    }

    /// The time to live of packets (hops).
    ///
    /// # Errors
    /// What the system says.
    pub fn ttl(&self) -> io::Result<u32> {
        calls::option(self.io.get_ref(), 64, |it| it.ttl_v4())
    }

    /// What closing does with unsent bytes (`SO_LINGER`): `Some(0)` discards them and resets the
    /// connection; `None`, the default, sends them behind the program's back. More than zero makes
    /// closing *block the thread*: do not, on a runtime.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        calls::set_linger(self.io.get_ref(), linger)
    }

    /// See [`set_linger`](Self::set_linger).
    ///
    /// # Errors
    /// What the system says.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        calls::option(self.io.get_ref(), None, |it| it.linger())
    }
}

impl TcpStream {
    /// Reads what there is, at least one byte, into `buf`; `Ok(0)` is the end of the stream (or an
    /// empty `buf`). **Cancel safe.**
    ///
    /// # Errors
    /// What the system says, such as [`ConnectionReset`](io::ErrorKind::ConnectionReset).
    #[inline]
    #[track_caller]
    pub fn read<'a>(&'a self, buf: &'a mut [u8]) -> Read<'a, net::TcpStream> {
        Read::new(&self.io, buf)
    }

    /// Writes as much of `buf` as the system takes at once, and says how much; `Ok(0)` at once for
    /// an empty `buf`. **Cancel safe.**
    ///
    /// # Errors
    /// What the system says, such as [`BrokenPipe`](io::ErrorKind::BrokenPipe).
    #[inline]
    #[track_caller]
    pub fn write<'a>(&'a self, buf: &'a [u8]) -> Write<'a, net::TcpStream> {
        Write::new(&self.io, buf)
    }
}

byte_stream!(TcpStream over net::TcpStream, with addresses: SocketAddr);

impl TryFrom<net::TcpStream> for TcpStream {
    type Error = io::Error;

    fn try_from(stream: net::TcpStream) -> io::Result<Self> {
        Self::from_std(stream)
    }
}
