//! A TCP connection.
//!
//! A read is this: the future's turn tries `recv` at once; when the kernel has nothing, the turn registers the descriptor (once in its
//! life) and waits in line. A read that got less than it asked for has emptied the kernel's buffer, so the next one waits
//! without asking again ("short transfers", see the reactor); that holds for TCP `read` and `write` only. It knows no protocol.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{self, Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_io::{AsyncRead, AsyncWrite};
use myrt_runtime::io::Async;
use socket2::{SockRef, Socket};

use super::connect::Connect;
use super::halves::{self, OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
use super::{Peek, Read, ReadExact, ReadVectored, Write, WriteAll, WriteVectored};
use crate::addr::{LookupHost, ToSocketAddrs};
use crate::calls;
use crate::leaf::Direction;
use crate::ops;
use crate::place;
use crate::ready::{Interest, Readiness, ReadyFor};

/// A TCP connection.
///
/// Its own methods take `&self`, so that one task may read while another writes, without splitting it. It also implements
/// [`AsyncRead`] and [`AsyncWrite`], as does `&TcpStream`; through these there is one waiting reader and one waiting writer at a time.
/// Dropping it closes the connection (other handles to the descriptor aside).
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
    /// Several addresses are tried as RFC 8305 ("happy eyeballs") says: families take turns, a new attempt starts 250 ms after the
    /// one before or as soon as that one fails, and the first to succeed wins. There is no limit in time but the system's own (minutes):
    /// wrap it in a `timeout`. Dropping the future gives all attempts up.
    ///
    /// # Errors
    /// That of the lookup; that of the only address; [`ConnectError`](super::ConnectError) within, with every address's own, where there were several.
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

    /// For splicing.
    pub(crate) const fn inner(&self) -> &Async<net::TcpStream> {
        &self.io
    }

    /// Gives the std stream back. It is still non-blocking.
    ///
    /// # Errors
    /// If the runtime cannot let go of it.
    pub fn into_std(self) -> io::Result<net::TcpStream> {
        self.io.into_inner()
    }

    /// Reads what there is, at least one byte, into `buf`; `Ok(0)` is the end of the stream (or an empty `buf`). **Cancel safe.**
    ///
    /// # Errors
    /// What the system says, such as [`ConnectionReset`](io::ErrorKind::ConnectionReset).
    #[inline]
    #[track_caller]
    pub fn read<'a>(&'a self, buf: &'a mut [u8]) -> Read<'a> {
        Read::new(&self.io, buf)
    }

    /// Fills `buf` whole. Not cancel safe: what came is in `buf`, how much is not told ([`io::Reader`](crate::io::Reader) is the remedy).
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
    /// What the system says, such as [`BrokenPipe`](io::ErrorKind::BrokenPipe).
    #[inline]
    #[track_caller]
    pub fn write<'a>(&'a self, buf: &'a [u8]) -> Write<'a> {
        Write::new(&self.io, buf)
    }

    /// Writes `buf` whole. Not cancel safe: how much went out is not told ([`io::Writer`](crate::io::Writer) is the remedy).
    ///
    /// # Errors
    /// What the system says, such as [`BrokenPipe`](io::ErrorKind::BrokenPipe).
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

    /// Reads without taking the bytes out of the system's buffer. **Cancel safe.**
    ///
    /// # Errors
    /// What the system says.
    #[track_caller]
    pub fn peek<'a>(&'a self, buf: &'a mut [u8]) -> Peek<'a> {
        Peek::new(&self.io, buf)
    }

    /// Reads if that is possible at once.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if not, and what else the system says.
    #[inline]
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.io.try_read_with(|stream| calls::read(stream, buf))
    }

    /// Reads into several buffers if that is possible at once.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if not, and what else the system says.
    pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.io
            .try_read_with(|stream| calls::read_vectored(stream, bufs))
    }

    /// Writes if that is possible at once.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if not, and what else the system says.
    #[inline]
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.io.try_write_with(|stream| calls::write(stream, buf))
    }

    /// Writes from several buffers if that is possible at once.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if not, and what else the system says.
    pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.io
            .try_write_with(|stream| calls::write_vectored(stream, bufs))
    }

    /// Waits until a read may succeed: bytes, the end or an error are there. A hint; a try may still say `WouldBlock`. **Cancel safe.**
    #[track_caller]
    pub fn readable(&self) -> Readiness<'_, net::TcpStream> {
        Readiness::new(&self.io, Direction::Read)
    }

    /// Waits until a write may succeed. A hint. **Cancel safe.**
    #[track_caller]
    pub fn writable(&self) -> Readiness<'_, net::TcpStream> {
        Readiness::new(&self.io, Direction::Write)
    }

    /// Waits until any direction of `interest` may be tried, and says which. **Cancel safe.**
    #[track_caller]
    pub fn ready(&self, interest: Interest) -> ReadyFor<'_, net::TcpStream> {
        ReadyFor::new(&self.io, interest)
    }

    /// Two halves that borrow the stream, one to read from and one to write to.
    pub const fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        halves::split(self)
    }

    /// Two halves that own the stream together and may go to different tasks. Dropping the write half ends the direction of writing.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        halves::into_split(Arc::new(self))
    }

    /// Ends one direction or both. That the peer is gone already is no error.
    ///
    /// # Errors
    /// What the system says.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        calls::shutdown(self.io.get_ref(), how)
    }

    /// The address at the other end.
    ///
    /// # Errors
    /// [`NotConnected`](io::ErrorKind::NotConnected) after the connection is gone.
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

    /// Sends small packets at once (`TCP_NODELAY`, no Nagle).
    ///
    /// # Errors
    /// What the system says.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.io.get_ref().set_nodelay(nodelay)
    }

    /// Whether small packets are sent at once.
    ///
    /// # Errors
    /// What the system says.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.io.get_ref().nodelay()
    }

    /// Sets the time to live of packets (hops).
    ///
    /// # Errors
    /// What the system says.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.io.get_ref().set_ttl(ttl)
    }

    /// The time to live of packets (hops).
    ///
    /// # Errors
    /// What the system says.
    pub fn ttl(&self) -> io::Result<u32> {
        self.io.get_ref().ttl()
    }

    /// What closing does with unsent bytes (`SO_LINGER`): `Some(0)` discards them and resets the connection; `None`, the default, sends them
    /// behind the program's back. More than zero makes closing *block the thread*: do not, on a runtime.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        SockRef::from(self.io.get_ref()).set_linger(linger)
    }

    /// See [`set_linger`](Self::set_linger).
    ///
    /// # Errors
    /// What the system says.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        SockRef::from(self.io.get_ref()).linger()
    }

    /// Takes the error that the system holds for this socket (`SO_ERROR`).
    ///
    /// # Errors
    /// If it cannot be asked.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.io.get_ref().take_error()
    }

    #[inline]
    fn poll_read_at(
        &self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
        at: place::Place,
    ) -> Poll<io::Result<usize>> {
        let wanted = buf.len();
        self.io
            .poll_transfer(cx, Direction::Read, wanted, place::of(at), |stream| {
                calls::read(stream, buf)
            })
    }

    #[inline]
    fn poll_write_at(
        &self,
        cx: &mut Context<'_>,
        buf: &[u8],
        at: place::Place,
    ) -> Poll<io::Result<usize>> {
        let wanted = buf.len();
        self.io
            .poll_transfer(cx, Direction::Write, wanted, place::of(at), |stream| {
                calls::write(stream, buf)
            })
    }
}

impl AsyncRead for &TcpStream {
    #[inline]
    #[track_caller]
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_read_at(cx, buf, Location::caller())
    }

    #[track_caller]
    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let wanted = ops::total(bufs);
        let at = place::of(Location::caller());
        self.io
            .poll_transfer(cx, Direction::Read, wanted, at, |stream| {
                calls::read_vectored(stream, bufs)
            })
    }
}

impl AsyncWrite for &TcpStream {
    #[inline]
    #[track_caller]
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_at(cx, buf, Location::caller())
    }

    #[track_caller]
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wanted = ops::total(bufs);
        let at = place::of(Location::caller());
        self.io
            .poll_transfer(cx, Direction::Write, wanted, at, |stream| {
                calls::write_vectored(stream, bufs)
            })
    }

    /// Nothing to do: what was written is the system's.
    #[inline]
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Ends the direction of writing; reading goes on.
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.shutdown(Shutdown::Write))
    }
}

crate::stream::by_reference!(TcpStream);

impl AsFd for TcpStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}

impl AsRawFd for TcpStream {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl TryFrom<net::TcpStream> for TcpStream {
    type Error = io::Error;

    fn try_from(stream: net::TcpStream) -> io::Result<Self> {
        Self::from_std(stream)
    }
}
