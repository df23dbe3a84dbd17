//! A TCP socket before it listens or connects: the place for options that must be set early.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use myrt_runtime::io::Async;
use socket2::{Domain, Protocol, Socket, Type};

use super::connect::Connect;
use super::listener::TcpListener;
use crate::calls;

/// A TCP socket that neither listens nor is connected yet.
///
/// # Examples
///
/// ```no_run
/// # fn example() -> std::io::Result<()> {
/// use myrt::net::TcpSocket;
///
/// let socket = TcpSocket::new_v4()?;
/// socket.set_reuseaddr(true)?;
/// socket.set_reuseport(true)?;
/// socket.bind("127.0.0.1:8080".parse().unwrap())?;
/// let listener = socket.listen(4096)?;
/// # drop(listener);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TcpSocket {
    socket: Socket,
}

/// Options as pairs of setter and getter; every one of them fails only with what the system says.
macro_rules! options {
    ($($(#[$meta:meta])* $set:ident, $get:ident: $type:ty => $socket_set:ident, $socket_get:ident;)*) => {
        impl TcpSocket {
            $(
                $(#[$meta])*
                ///
                /// # Errors
                /// What the system says.
                pub fn $set(&self, value: $type) -> io::Result<()> {
                    calls::set_option(&self.socket, |it| it.$socket_set(value))
                }

                #[doc = concat!("See [`", stringify!($set), "`](Self::", stringify!($set), ").")]
                ///
                /// # Errors
                /// What the system says.
                pub fn $get(&self) -> io::Result<$type> {
                    calls::option(&self.socket, Default::default(), |it| it.$socket_get())
                }
            )*
        }
    };
}

options! {
    /// Binds although connections of an earlier listener linger (`SO_REUSEADDR`).
    set_reuseaddr, reuseaddr: bool => set_reuse_address, reuse_address;
    /// Lets several sockets listen on one address, the system spreading connections over them
    /// (`SO_REUSEPORT`).
    set_reuseport, reuseport: bool => set_reuse_port, reuse_port;
    /// Sends small packets at once (`TCP_NODELAY`).
    set_nodelay, nodelay: bool => set_tcp_nodelay, tcp_nodelay;
    /// Asks silent peers whether they live (`SO_KEEPALIVE`), after the system's default of two
    /// hours.
    set_keepalive, keepalive: bool => set_keepalive, keepalive;
}

impl TcpSocket {
    /// What closing does with unsent bytes; see
    /// [`TcpStream::set_linger`](super::TcpStream::set_linger).
    ///
    /// # Errors
    /// What the system says.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        calls::set_linger(&self.socket, linger)
    }

    /// See [`set_linger`](Self::set_linger).
    ///
    /// # Errors
    /// What the system says.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        calls::option(&self.socket, None, |it| it.linger())
    }

    /// A socket for IPv4.
    ///
    /// # Errors
    /// What the system says, such as no descriptor being left.
    pub fn new_v4() -> io::Result<Self> {
        Self::new(Domain::IPV4)
    }

    /// A socket for IPv6.
    ///
    /// # Errors
    /// What the system says, such as no descriptor being left or no IPv6 being there.
    pub fn new_v6() -> io::Result<Self> {
        Self::new(Domain::IPV6)
    }

    fn new(domain: Domain) -> io::Result<Self> {
        Ok(Self {
            socket: calls::socket(domain, Type::STREAM, Some(Protocol::TCP))?,
        })
    }

    /// Sets the size of the system's buffer for sending. Linux doubles it, and caps it.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_send_buffer_size(&self, bytes: u32) -> io::Result<()> {
        calls::set_send_buffer_size(&self.socket, bytes as usize)
    }

    /// The size of the system's buffer for sending, as the system counts it.
    ///
    /// # Errors
    /// What the system says.
    pub fn send_buffer_size(&self) -> io::Result<u32> {
        Ok(u32::try_from(self.socket.send_buffer_size()?).unwrap_or(u32::MAX))
    }

    /// Sets the size of the system's buffer for receiving. Set it before connecting or listening:
    /// it decides the window's scale.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_recv_buffer_size(&self, bytes: u32) -> io::Result<()> {
        calls::set_recv_buffer_size(&self.socket, bytes as usize)
    }

    /// The size of the system's buffer for receiving, as the system counts it.
    ///
    /// # Errors
    /// What the system says.
    pub fn recv_buffer_size(&self) -> io::Result<u32> {
        Ok(u32::try_from(self.socket.recv_buffer_size()?).unwrap_or(u32::MAX))
    }

    /// The address that the socket is bound to.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        calls::local_addr(&self.socket)
    }

    /// Binds to an address; port 0 lets the system choose.
    ///
    /// # Errors
    /// What the system says, such as [`AddrInUse`](io::ErrorKind::AddrInUse).
    pub fn bind(&self, address: SocketAddr) -> io::Result<()> {
        calls::bind(&self.socket, address)
    }

    /// Listens, with room for `backlog` connections that wait to be accepted (the system caps it).
    ///
    /// # Errors
    /// What the system says.
    pub fn listen(self, backlog: u32) -> io::Result<TcpListener> {
        calls::start_listening(&self.socket, i32::try_from(backlog).unwrap_or(i32::MAX))?;
        Ok(TcpListener::fresh(Async::new_nonblocking(
            StdListener::from(self.socket),
        )))
    }

    /// Connects, beginning at once.
    ///
    /// # Errors
    /// What the system says, such as [`ConnectionRefused`](io::ErrorKind::ConnectionRefused).
    #[track_caller]
    pub fn connect(self, address: SocketAddr) -> Connect {
        Connect::with(self.socket, address)
    }
}

impl AsFd for TcpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for TcpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}
