//! The one door for system calls on sockets: nothing else in myrt opens, reads, writes or accepts on one.
//!
//! It exists so that there is one place to count them, to record and replay them, or to put a simulated network there, and one
//! place that knows how systems differ. Everything here is non-blocking and returns at once; it knows nothing of tasks or waiting.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::net::{self, UnixDatagram};

use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};

/// A fresh socket, non-blocking and closed on exec: one call where the system has flags for it.
pub(crate) fn socket(domain: Domain, kind: Type, protocol: Option<Protocol>) -> io::Result<Socket> {
    let kind = flags::add(kind);
    let socket = Socket::new(domain, kind, protocol)?;
    flags::finish(&socket)?;
    Ok(socket)
}

/// A connected pair of the Unix domain, non-blocking and closed on exec.
pub(crate) fn pair(kind: Type) -> io::Result<(Socket, Socket)> {
    let (a, b) = Socket::pair(Domain::UNIX, flags::add(kind), None)?;
    flags::finish(&a)?;
    flags::finish(&b)?;
    Ok((a, b))
}

/// Begins to connect; `Ok(false)`: under way, the socket becomes writable when it is decided.
pub(crate) fn connect(socket: &Socket, address: &SockAddr) -> io::Result<bool> {
    match socket.connect(address) {
        Ok(()) => Ok(true),
        // EINTR: the connect goes on by itself, see connect(2).
        Err(error) if error.kind() == io::ErrorKind::Interrupted || in_progress(&error) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// How a connect that was under way has ended.
pub(crate) fn connected(socket: &impl AsFd) -> io::Result<()> {
    match SockRef::from(socket).take_error()? {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// Binds and listens. The address may be used again at once after an earlier listener's connections (`SO_REUSEADDR`).
/// `beside_v4`: an IPv6 wildcard leaves IPv4 to a listener of its own.
pub(crate) fn listen(
    address: SocketAddr,
    backlog: i32,
    beside_v4: bool,
) -> io::Result<TcpListener> {
    let socket = socket(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    if beside_v4 && address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    Ok(socket.into())
}

/// Takes one waiting connection, non-blocking and closed on exec.
#[inline]
pub(crate) fn accept(listener: &impl AsFd) -> io::Result<(Socket, SockAddr)> {
    loop {
        match flags::accept(&SockRef::from(listener)) {
            // The peer gave up while it waited in the queue, or a signal came: neither is about the next connection.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted
                ) => {}
            result => return result,
        }
    }
}

#[inline]
pub(crate) fn read(mut stream: impl Read, buf: &mut [u8]) -> io::Result<usize> {
    stream.read(buf)
}

#[inline]
pub(crate) fn read_vectored(
    mut stream: impl Read,
    bufs: &mut [IoSliceMut<'_>],
) -> io::Result<usize> {
    stream.read_vectored(bufs)
}

#[inline]
pub(crate) fn write(mut stream: impl Write, buf: &[u8]) -> io::Result<usize> {
    stream.write(buf)
}

#[inline]
pub(crate) fn write_vectored(mut stream: impl Write, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
    stream.write_vectored(bufs)
}

#[inline]
pub(crate) fn peek(stream: &TcpStream, buf: &mut [u8]) -> io::Result<usize> {
    stream.peek(buf)
}

#[inline]
pub(crate) fn send(socket: &UdpSocket, datagram: &[u8]) -> io::Result<usize> {
    socket.send(datagram)
}

#[inline]
pub(crate) fn recv(socket: &UdpSocket, buf: &mut [u8]) -> io::Result<usize> {
    socket.recv(buf)
}

#[inline]
pub(crate) fn send_to(socket: &UdpSocket, datagram: &[u8], to: SocketAddr) -> io::Result<usize> {
    socket.send_to(datagram, to)
}

#[inline]
pub(crate) fn recv_from(socket: &UdpSocket, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    socket.recv_from(buf)
}

pub(crate) fn peek_from(socket: &UdpSocket, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    socket.peek_from(buf)
}

pub(crate) fn unix_send(socket: &UnixDatagram, datagram: &[u8]) -> io::Result<usize> {
    socket.send(datagram)
}

pub(crate) fn unix_recv(socket: &UnixDatagram, buf: &mut [u8]) -> io::Result<usize> {
    socket.recv(buf)
}

pub(crate) fn unix_send_to(
    socket: &UnixDatagram,
    datagram: &[u8],
    to: &SockAddr,
) -> io::Result<usize> {
    SockRef::from(socket).send_to(datagram, to)
}

pub(crate) fn unix_recv_from(
    socket: &UnixDatagram,
    buf: &mut [u8],
) -> io::Result<(usize, net::SocketAddr)> {
    socket.recv_from(buf)
}

/// Shuts a direction down. That the peer is gone already is no failure: what was asked for is so.
pub(crate) fn shutdown(socket: &impl AsFd, how: Shutdown) -> io::Result<()> {
    match SockRef::from(socket).shutdown(how) {
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
        result => result,
    }
}

/// Whether this machine does not have such an address, or not that family at all.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    const EAFNOSUPPORT: i32 = if cfg!(any(target_os = "linux", target_os = "android")) {
        97
    } else {
        47
    };
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(EAFNOSUPPORT)
}

/// Whether a connect was begun and is not decided yet.
fn in_progress(error: &io::Error) -> bool {
    // EINPROGRESS has no stable `ErrorKind` at our oldest Rust version.
    const EINPROGRESS: i32 = if cfg!(any(target_os = "linux", target_os = "android")) {
        115
    } else {
        36
    };
    error.raw_os_error() == Some(EINPROGRESS)
}

/// Systems that set both flags in the call that makes the socket.
#[cfg(not(target_vendor = "apple"))]
mod flags {
    use std::io;

    use socket2::{SockAddr, Socket, Type};

    pub(super) const fn add(kind: Type) -> Type {
        kind.nonblocking().cloexec()
    }

    /// Nothing is left to do.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "its twin for other systems can fail"
    )]
    pub(super) const fn finish(_: &Socket) -> io::Result<()> {
        Ok(())
    }

    #[inline]
    pub(super) fn accept(listener: &Socket) -> io::Result<(Socket, SockAddr)> {
        // accept4 takes the same flag bits as socket, without the type.
        let plain = i32::from(Type::STREAM);
        listener.accept4(i32::from(add(Type::STREAM)) & !plain)
    }
}

/// Systems where each flag is a call of its own.
#[cfg(target_vendor = "apple")]
mod flags {
    use std::io;

    use socket2::{SockAddr, Socket, Type};

    /// socket2 sets close-on-exec (and no SIGPIPE) itself here.
    pub(super) const fn add(kind: Type) -> Type {
        kind
    }

    pub(super) fn finish(socket: &Socket) -> io::Result<()> {
        socket.set_nonblocking(true)
    }

    pub(super) fn accept(listener: &Socket) -> io::Result<(Socket, SockAddr)> {
        let (socket, address) = listener.accept()?;
        socket.set_nonblocking(true)?;
        Ok((socket, address))
    }
}
