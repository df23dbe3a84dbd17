//! The calls on sockets: nothing else in myrt opens a socket, reads, writes or accepts on one.
//!
//! Why: one place to count them, to replay them, or to replace them by a simulated network, and one
//! place that knows how systems differ. Everything here is non-blocking and returns at once.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::net::{self, UnixDatagram};
use std::time::Duration;

use myrt_runtime::os;
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};

/// Has a simulated world answer, if this thread is inside of one and the socket is one of its.
macro_rules! simulated {
    (|$net:ident, $fd:ident| of $socket:expr => $call:expr) => {
        #[cfg(feature = "sim")]
        {
            let $fd = std::os::fd::AsRawFd::as_raw_fd(&$socket.as_fd());
            if let Some($net) = crate::world::of($fd) {
                return $call;
            }
        }
    };
}

/// Refuses what a simulated world does not have.
#[cfg(feature = "sim")]
pub(crate) use crate::world::fence;

/// There is no simulated world in this build.
#[cfg(not(feature = "sim"))]
#[expect(clippy::unnecessary_wraps, reason = "its twin can fail")]
#[inline(always)]
pub(crate) const fn fence(_: &str) -> io::Result<()> {
    Ok(())
}

/// A fresh socket, non-blocking and closed on exec: one call where the system has flags for it.
pub(crate) fn socket(domain: Domain, kind: Type, protocol: Option<Protocol>) -> io::Result<Socket> {
    #[cfg(feature = "sim")]
    if let Some(net) = crate::world::current() {
        use crate::world::Kind;
        if domain == Domain::UNIX {
            fence("a Unix socket")?;
        }
        let kind = if kind == Type::DGRAM {
            Kind::Datagram
        } else {
            Kind::Stream
        };
        return net.socket(kind, domain == Domain::IPV6).map(Socket::from);
    }
    let kind = flags::add(kind);
    let socket = Socket::new(domain, kind, protocol)?;
    flags::finish(&socket)?;
    Ok(socket)
}

/// A connected pair of the Unix domain, non-blocking and closed on exec.
pub(crate) fn pair(kind: Type) -> io::Result<(Socket, Socket)> {
    fence("a pair of Unix sockets")?;
    let (a, b) = Socket::pair(Domain::UNIX, flags::add(kind), None)?;
    flags::finish(&a)?;
    flags::finish(&b)?;
    Ok((a, b))
}

/// Begins to connect; `Ok(false)`: under way, the socket becomes writable when it is decided.
pub(crate) fn connect(socket: &Socket, address: &SockAddr) -> io::Result<bool> {
    simulated!(|net, fd| of socket => net.connect(fd, ip(address)?));
    match socket.connect(address) {
        Ok(()) => Ok(true),
        // EINTR: the connect goes on by itself, see connect(2).
        Err(error) if error.kind() == io::ErrorKind::Interrupted || in_progress(&error) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Gives a datagram socket the one peer that it talks to.
pub(crate) fn connect_datagram(socket: &UdpSocket, address: SocketAddr) -> io::Result<()> {
    simulated!(|net, fd| of socket => net.connect(fd, address).map(drop));
    socket.connect(address)
}

/// How a connect that was under way has ended.
pub(crate) fn connected(socket: &impl AsFd) -> io::Result<()> {
    match take_error(socket)? {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// Binds and listens. The address may be used again at once after an earlier listener's connections
/// (`SO_REUSEADDR`). `beside_v4`: an IPv6 wildcard leaves IPv4 to a listener of its own.
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
    set_option(&socket, |it| it.set_reuse_address(true))?;
    if beside_v4 && address.is_ipv6() {
        set_option(&socket, |it| it.set_only_v6(true))?;
    }
    bind(&socket, address)?;
    start_listening(&socket, backlog)?;
    Ok(socket.into())
}

pub(crate) fn bind(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    simulated!(|net, fd| of socket => net.bind(fd, address));
    socket.bind(&address.into())
}

pub(crate) fn start_listening(socket: &Socket, backlog: i32) -> io::Result<()> {
    simulated!(|net, fd| of socket => net.listen(fd, backlog));
    socket.listen(backlog)
}

/// The address of an IP socket's end: `getsockname`.
pub(crate) fn local_addr(socket: &impl AsFd) -> io::Result<SocketAddr> {
    simulated!(|net, fd| of socket => net.name(fd, crate::world::End::Local));
    ip(&SockRef::from(socket).local_addr()?)
}

/// The address of the other end: `getpeername`.
pub(crate) fn peer_addr(socket: &impl AsFd) -> io::Result<SocketAddr> {
    simulated!(|net, fd| of socket => net.name(fd, crate::world::End::Peer));
    ip(&SockRef::from(socket).peer_addr()?)
}

/// The names of a byte stream's two ends.
pub(crate) trait Names {
    type Address;
    fn peer_addr(&self) -> io::Result<Self::Address>;
    fn local_addr(&self) -> io::Result<Self::Address>;
}

impl Names for TcpStream {
    type Address = SocketAddr;

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        peer_addr(self)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        local_addr(self)
    }
}

impl Names for net::UnixStream {
    type Address = net::SocketAddr;

    fn peer_addr(&self) -> io::Result<net::SocketAddr> {
        self.peer_addr()
    }

    fn local_addr(&self) -> io::Result<net::SocketAddr> {
        self.local_addr()
    }
}

/// Refuses what a simulated socket does not have.
pub(crate) fn fence_of(socket: &impl AsFd, what: &str) -> io::Result<()> {
    simulated!(|net, _fd| of socket => { drop(net); fence(what) });
    #[cfg(not(feature = "sim"))]
    let _ = (socket, what);
    Ok(())
}

/// Takes the error that the system holds for a socket.
pub(crate) fn take_error(socket: &impl AsFd) -> io::Result<Option<io::Error>> {
    simulated!(|net, fd| of socket => net.take_error(fd));
    SockRef::from(socket).take_error()
}

pub(crate) fn set_linger(socket: &impl AsFd, linger: Option<Duration>) -> io::Result<()> {
    simulated!(|net, fd| of socket => net.set_linger(fd, linger));
    SockRef::from(socket).set_linger(linger)
}

pub(crate) fn set_recv_buffer_size(socket: &impl AsFd, bytes: usize) -> io::Result<()> {
    simulated!(|net, fd| of socket => net.set_buffer(fd, true, bytes));
    SockRef::from(socket).set_recv_buffer_size(bytes)
}

pub(crate) fn set_send_buffer_size(socket: &impl AsFd, bytes: usize) -> io::Result<()> {
    simulated!(|net, fd| of socket => net.set_buffer(fd, false, bytes));
    SockRef::from(socket).set_send_buffer_size(bytes)
}

/// Options of TCP and IP that change nothing of what a program can see: a simulated socket, whose
/// descriptor is a placeholder of another family, takes and forgets them.
pub(crate) fn set_option(
    socket: &impl AsFd,
    set: impl FnOnce(&SockRef<'_>) -> io::Result<()>,
) -> io::Result<()> {
    simulated!(|net, _fd| of socket => { drop(net); Ok(()) });
    set(&SockRef::from(socket))
}

/// As [`set_option`]; a simulated socket has what a fresh one has.
pub(crate) fn option<T>(
    socket: &impl AsFd,
    fresh: T,
    get: impl FnOnce(&SockRef<'_>) -> io::Result<T>,
) -> io::Result<T> {
    simulated!(|net, _fd| of socket => { drop(net); Ok(fresh) });
    drop(fresh);
    get(&SockRef::from(socket))
}

fn ip(address: &SockAddr) -> io::Result<SocketAddr> {
    let none = || {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "the address is of no IP family",
        )
    };
    address.as_socket().ok_or_else(none)
}

/// Takes one waiting connection, non-blocking and closed on exec. Those that have failed while they
/// waited in the queue are passed over.
#[inline]
pub(crate) fn accept(listener: &impl AsFd) -> io::Result<(Socket, SockAddr)> {
    let mut failed = 0;
    loop {
        match accept_once(listener) {
            Err(error) if is_of_connection(&error) && failed < MOST_FAILED => failed += 1,
            result => return result,
        }
    }
}

#[inline]
fn accept_once(listener: &impl AsFd) -> io::Result<(Socket, SockAddr)> {
    simulated!(|net, fd| of listener => {
        net.accept(fd).map(|(socket, address)| (Socket::from(socket), SockAddr::from(address)))
    });
    flags::accept(&SockRef::from(listener))
}

/// Connections in a row that failed before they were accepted. More is no accident, and the code
/// that accepts is told.
const MOST_FAILED: u32 = 128;

/// Whether an error of accept is about the one connection, or about none (a signal came): neither
/// is about the next.
///
/// Linux hands on what the network did to a connection that nobody has accepted yet (accept(2),
/// "Error handling").
pub(crate) fn is_of_connection(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Interrupted
        || error
            .raw_os_error()
            .is_some_and(|code| os::OF_CONNECTION.contains(&code))
}

/// Whether the process or the system has no descriptor or no memory left for what was asked for
/// (`EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM`): it passes when somebody gives some back.
///
/// Of the errors of [`TcpListener::accept`](crate::TcpListener::accept) these are the ones after
/// which a server goes on: nothing is wrong with the listener, and the connection waits in the
/// queue.
///
/// # Examples
///
/// ```no_run
/// # async fn serve(listener: myrt::net::TcpListener) -> std::io::Result<()> {
/// loop {
///     let (stream, peer) = match listener.accept().await {
///         Ok(accepted) => accepted,
///         // The next accept waits a little before it tries again.
///         Err(error) if myrt::net::is_out_of_resources(&error) => continue,
///         Err(error) => return Err(error),
///     };
///     # drop((stream, peer));
/// }
/// # }
/// ```
#[must_use]
#[doc(alias = "EMFILE")]
pub fn is_out_of_resources(error: &io::Error) -> bool {
    error
        .raw_os_error()
        .is_some_and(|code| os::OUT_OF_RESOURCES.contains(&code))
}

#[inline]
pub(crate) fn read(mut stream: impl Read + AsFd, buf: &mut [u8]) -> io::Result<usize> {
    simulated!(|net, fd| of stream => net.read(fd, buf, false));
    stream.read(buf)
}

#[inline]
pub(crate) fn read_vectored(
    mut stream: impl Read + AsFd,
    bufs: &mut [IoSliceMut<'_>],
) -> io::Result<usize> {
    simulated!(|net, fd| of stream => {
        let mut together = vec![0; bufs.iter().map(|buf| buf.len()).sum()];
        let count = net.read(fd, &mut together, false)?;
        let mut rest = &together[..count];
        for buf in bufs {
            let fits = buf.len().min(rest.len());
            let (now, later) = rest.split_at(fits);
            buf[..fits].copy_from_slice(now);
            rest = later;
        }
        Ok(count)
    });
    stream.read_vectored(bufs)
}

#[inline]
pub(crate) fn write(mut stream: impl Write + AsFd, buf: &[u8]) -> io::Result<usize> {
    simulated!(|net, fd| of stream => net.write(fd, buf));
    stream.write(buf)
}

#[inline]
pub(crate) fn write_vectored(
    mut stream: impl Write + AsFd,
    bufs: &[IoSlice<'_>],
) -> io::Result<usize> {
    simulated!(|net, fd| of stream => {
        let together: Vec<u8> = bufs.iter().flat_map(|buf| buf.iter().copied()).collect();
        net.write(fd, &together)
    });
    stream.write_vectored(bufs)
}

#[inline]
pub(crate) fn peek(stream: &TcpStream, buf: &mut [u8]) -> io::Result<usize> {
    simulated!(|net, fd| of stream => net.read(fd, buf, true));
    stream.peek(buf)
}

#[inline]
pub(crate) fn send(socket: &UdpSocket, datagram: &[u8]) -> io::Result<usize> {
    simulated!(|net, fd| of socket => net.send_to(fd, datagram, None));
    socket.send(datagram)
}

#[inline]
pub(crate) fn recv(socket: &UdpSocket, buf: &mut [u8]) -> io::Result<usize> {
    simulated!(|net, fd| of socket => net.recv_from(fd, buf, false).map(|(count, _)| count));
    socket.recv(buf)
}

#[inline]
pub(crate) fn send_to(socket: &UdpSocket, datagram: &[u8], to: SocketAddr) -> io::Result<usize> {
    simulated!(|net, fd| of socket => net.send_to(fd, datagram, Some(to)));
    socket.send_to(datagram, to)
}

#[inline]
pub(crate) fn recv_from(socket: &UdpSocket, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    simulated!(|net, fd| of socket => net.recv_from(fd, buf, false));
    socket.recv_from(buf)
}

pub(crate) fn peek_from(socket: &UdpSocket, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    simulated!(|net, fd| of socket => net.recv_from(fd, buf, true));
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

/// What is over on a descriptor, without waiting.
pub(crate) fn ends(socket: &impl AsFd) -> io::Result<os::Ends> {
    simulated!(|net, fd| of socket => net.ends(fd));
    os::ends(socket.as_fd())
}

/// Shuts a direction down. That the peer is gone already is no failure: what was asked for is so.
pub(crate) fn shutdown(socket: &impl AsFd, how: Shutdown) -> io::Result<()> {
    match shutdown_call(socket, how) {
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
        result => result,
    }
}

fn shutdown_call(socket: &impl AsFd, how: Shutdown) -> io::Result<()> {
    simulated!(|net, fd| of socket => net.shutdown(fd, how));
    SockRef::from(socket).shutdown(how)
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

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::{is_of_connection, is_out_of_resources};

    /// No test can make the network do this; the lists are accept(2)'s.
    #[cfg(target_os = "linux")]
    #[test]
    fn b9_errors_of_accept_are_the_connections_or_the_processs() {
        // ENETDOWN, EPROTO, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH;
        // ECONNABORTED, EPERM, EINTR.
        for code in [100, 71, 92, 112, 64, 113, 95, 101, 103, 1, 4] {
            let error = Error::from_raw_os_error(code);
            assert!(is_of_connection(&error), "{error}");
            assert!(!is_out_of_resources(&error), "{error}");
        }
        // EMFILE, ENFILE, ENOBUFS, ENOMEM.
        for code in [24, 23, 105, 12] {
            let error = Error::from_raw_os_error(code);
            assert!(is_out_of_resources(&error), "{error}");
            assert!(!is_of_connection(&error), "{error}");
        }
        // EBADF, EINVAL, ENOTSOCK, and what is none of the system's.
        let others = [9, 22, 88].map(Error::from_raw_os_error);
        for error in others.into_iter().chain([ErrorKind::WouldBlock.into()]) {
            assert!(
                !is_of_connection(&error) && !is_out_of_resources(&error),
                "{error}"
            );
        }
    }
}
