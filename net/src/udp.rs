//! UDP sockets.
//!
//! Datagrams keep their borders: a receive gives one datagram and cuts what does not fit, a send
//! goes out whole or not at all. A short receive therefore says nothing about what else is there,
//! and every operation asks the kernel. It knows no protocol.

mod poll;

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{self, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use myrt_runtime::io::Async;
use socket2::{Domain, Protocol, SockRef, Type};

use crate::addr::{LookupHost, ToSocketAddrs};
use crate::caller;
use crate::calls;
use crate::ready::{Interest, Readiness, ReadyFor};
use crate::socket_op::{Direction, IoWaiter, socket_op};

/// A UDP socket.
///
/// All operations take `&self`; any number of tasks may send and receive at once, and are served in
/// the order in which they began to wait.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// use myrt::net::UdpSocket;
///
/// let socket = UdpSocket::bind("127.0.0.1:9000").await?;
/// let mut buf = [0; 1500];
/// loop {
///     let (count, peer) = socket.recv_from(&mut buf).await?;
///     socket.send_to(&buf[..count], peer).await?;
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct UdpSocket {
    io: Async<net::UdpSocket>,
}

impl UdpSocket {
    /// A socket on the first address of the host that allows it. Port 0 lets the system choose.
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

    /// Takes over a std socket and makes it non-blocking.
    ///
    /// # Errors
    /// If it cannot be made non-blocking.
    pub fn from_std(socket: net::UdpSocket) -> io::Result<Self> {
        Ok(Self {
            io: Async::new(socket)?,
        })
    }

    /// Gives the std socket back. It is still non-blocking.
    ///
    /// # Errors
    /// If the runtime cannot let go of it.
    pub fn into_std(self) -> io::Result<net::UdpSocket> {
        self.io.into_inner()
    }

    /// Sends to and receives from this peer only from now on: the first address of the host that
    /// the system accepts.
    ///
    /// # Errors
    /// Those of the lookup, and the last address's.
    #[track_caller]
    pub fn connect(&self, address: impl ToSocketAddrs) -> Connect<'_> {
        Connect {
            socket: self,
            lookup: LookupHost::new(&address),
        }
    }

    /// Sends a datagram to the connected peer. **Cancel safe.**
    ///
    /// # Errors
    /// What the system says; also that an *earlier* datagram was refused
    /// ([`ConnectionRefused`](io::ErrorKind::ConnectionRefused)).
    #[track_caller]
    pub fn send<'a>(&'a self, datagram: &'a [u8]) -> Send<'a> {
        Send::new(&self.io, datagram)
    }

    /// Receives a datagram from the connected peer; what does not fit into `buf` is lost. **Cancel
    /// safe.**
    ///
    /// # Errors
    /// What the system says; also that an earlier datagram was refused.
    #[track_caller]
    pub fn recv<'a>(&'a self, buf: &'a mut [u8]) -> Recv<'a> {
        Recv::new(&self.io, buf)
    }

    /// Sends a datagram to a host, at its first address. **Cancel safe.**
    ///
    /// # Errors
    /// Those of the lookup, and what the system says.
    #[track_caller]
    pub fn send_to<'a>(&'a self, datagram: &'a [u8], target: impl ToSocketAddrs) -> SendTo<'a> {
        let lookup = LookupHost::new(&target);
        let target = lookup
            .single()
            .map_or_else(|| Target::Lookup(lookup), Target::Address);
        SendTo {
            waiter: IoWaiter::new(&self.io, Direction::Write, Location::caller()),
            datagram,
            target,
        }
    }

    /// Receives a datagram and its sender; what does not fit into `buf` is lost. **Cancel safe.**
    ///
    /// # Errors
    /// What the system says.
    #[track_caller]
    pub fn recv_from<'a>(&'a self, buf: &'a mut [u8]) -> RecvFrom<'a> {
        RecvFrom::new(&self.io, buf)
    }

    /// Looks at the next datagram without taking it. **Cancel safe.**
    ///
    /// # Errors
    /// What the system says.
    #[track_caller]
    pub fn peek_from<'a>(&'a self, buf: &'a mut [u8]) -> PeekFrom<'a> {
        PeekFrom::new(&self.io, buf)
    }

    /// Sends to the connected peer if that is possible at once.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if not, and what else the system says.
    pub fn try_send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.io
            .try_write_with(|socket| calls::send(socket, datagram))
    }

    /// Receives from the connected peer if something is there.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if not, and what else the system says.
    pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.io.try_read_with(|socket| calls::recv(socket, buf))
    }

    /// Sends if that is possible at once.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if not, and what else the system says.
    pub fn try_send_to(&self, datagram: &[u8], target: SocketAddr) -> io::Result<usize> {
        self.io
            .try_write_with(|socket| calls::send_to(socket, datagram, target))
    }

    /// Receives if something is there.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if not, and what else the system says.
    pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.io
            .try_read_with(|socket| calls::recv_from(socket, buf))
    }

    /// Waits until a receive may succeed. A hint. **Cancel safe.**
    #[track_caller]
    pub fn readable(&self) -> Readiness<'_, net::UdpSocket> {
        Readiness::new(&self.io, Direction::Read)
    }

    /// Waits until a send may succeed. A hint. **Cancel safe.**
    #[track_caller]
    pub fn writable(&self) -> Readiness<'_, net::UdpSocket> {
        Readiness::new(&self.io, Direction::Write)
    }

    /// Waits until any direction of `interest` may be tried, and says which. **Cancel safe.**
    #[track_caller]
    pub fn ready(&self, interest: Interest) -> ReadyFor<'_, net::UdpSocket> {
        ReadyFor::new(&self.io, interest)
    }
}

/// Options that std's socket has under the same name.
macro_rules! options {
    ($($(#[$meta:meta])* $name:ident($($argument:ident: $type:ty),*) -> $output:ty;)*) => {
        impl UdpSocket {
            $(
                $(#[$meta])*
                ///
                /// # Errors
                /// What the system says.
                pub fn $name(&self, $($argument: $type),*) -> io::Result<$output> {
                    calls::fence_of(self.io.get_ref(), stringify!($name))?;
                    self.io.get_ref().$name($($argument),*)
                }
            )*
        }
    };
}

options! {
    /// Allows sending to broadcast addresses.
    set_broadcast(broadcast: bool) -> ();
    /// Whether sending to broadcast addresses is allowed.
    broadcast() -> bool;
    /// Sets the time to live of packets (hops).
    set_ttl(ttl: u32) -> ();
    /// The time to live of packets (hops).
    ttl() -> u32;
    /// Joins an IPv4 multicast group on the interface with that address (unspecified: the system's
    /// choice).
    join_multicast_v4(group: &Ipv4Addr, interface: &Ipv4Addr) -> ();
    /// Leaves an IPv4 multicast group.
    leave_multicast_v4(group: &Ipv4Addr, interface: &Ipv4Addr) -> ();
    /// Joins an IPv6 multicast group on the interface of that index (0: the system's choice).
    join_multicast_v6(group: &Ipv6Addr, interface: u32) -> ();
    /// Leaves an IPv6 multicast group.
    leave_multicast_v6(group: &Ipv6Addr, interface: u32) -> ();
    /// Whether this machine receives what it sends to IPv4 groups.
    multicast_loop_v4() -> bool;
    /// Sets whether this machine receives what it sends to IPv4 groups.
    set_multicast_loop_v4(on: bool) -> ();
    /// Whether this machine receives what it sends to IPv6 groups.
    multicast_loop_v6() -> bool;
    /// Sets whether this machine receives what it sends to IPv6 groups.
    set_multicast_loop_v6(on: bool) -> ();
    /// The hops that packets to IPv4 groups may take.
    multicast_ttl_v4() -> u32;
    /// Sets the hops that packets to IPv4 groups may take.
    set_multicast_ttl_v4(ttl: u32) -> ();
}

impl UdpSocket {
    /// The address at this end.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        calls::local_addr(self.io.get_ref())
    }

    /// The connected peer's address.
    ///
    /// # Errors
    /// [`NotConnected`](io::ErrorKind::NotConnected) without one.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        calls::peer_addr(self.io.get_ref())
    }

    /// Takes the error that the system holds for this socket (`SO_ERROR`).
    ///
    /// # Errors
    /// If it cannot be asked.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        calls::take_error(self.io.get_ref())
    }

    /// Sets the size of the system's buffer for sending. Linux doubles it, and caps it.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_send_buffer_size(&self, bytes: usize) -> io::Result<()> {
        calls::set_send_buffer_size(self.io.get_ref(), bytes)
    }

    /// The size of the system's buffer for sending, as the system counts it.
    ///
    /// # Errors
    /// What the system says.
    pub fn send_buffer_size(&self) -> io::Result<usize> {
        SockRef::from(self.io.get_ref()).send_buffer_size()
    }

    /// Sets the size of the system's buffer for receiving. Linux doubles it, and caps it.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_recv_buffer_size(&self, bytes: usize) -> io::Result<()> {
        calls::set_recv_buffer_size(self.io.get_ref(), bytes)
    }

    /// The size of the system's buffer for receiving, as the system counts it.
    ///
    /// # Errors
    /// What the system says.
    pub fn recv_buffer_size(&self) -> io::Result<usize> {
        SockRef::from(self.io.get_ref()).recv_buffer_size()
    }
}

socket_op! {
    /// Future of [`UdpSocket::send`].
    pub struct Send<'a> on net::UdpSocket { datagram: &'a [u8] }
    Write => usize, |socket| calls::send(socket, datagram)
}

socket_op! {
    /// Future of [`UdpSocket::recv`].
    pub struct Recv<'a> on net::UdpSocket { buf: &'a mut [u8] }
    Read => usize, |socket| calls::recv(socket, buf)
}

socket_op! {
    /// Future of [`UdpSocket::recv_from`].
    pub struct RecvFrom<'a> on net::UdpSocket { buf: &'a mut [u8] }
    Read => (usize, SocketAddr), |socket| calls::recv_from(socket, buf)
}

socket_op! {
    /// Future of [`UdpSocket::peek_from`].
    pub struct PeekFrom<'a> on net::UdpSocket { buf: &'a mut [u8] }
    Read => (usize, SocketAddr), |socket| calls::peek_from(socket, buf)
}

/// Future of [`UdpSocket::send_to`].
#[must_use = "futures do nothing unless awaited"]
pub struct SendTo<'a> {
    waiter: IoWaiter<'a, net::UdpSocket>,
    datagram: &'a [u8],
    target: Target,
}

enum Target {
    Lookup(LookupHost),
    Address(SocketAddr),
}

impl Future for SendTo<'_> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self {
            waiter,
            datagram,
            target,
        } = self.get_mut();
        if let Target::Lookup(lookup) = target {
            let mut addresses = ready!(caller::within(waiter.at(), || Pin::new(lookup).poll(cx)))?;
            *target = Target::Address(
                addresses
                    .next()
                    .expect("a lookup gives at least one address"),
            );
        }
        let Target::Address(address) = *target else {
            unreachable!("it was looked up above")
        };
        waiter.poll(cx, |socket| calls::send_to(socket, datagram, address))
    }
}

/// Future of [`UdpSocket::bind`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Bind {
    lookup: LookupHost,
}

impl Future for Bind {
    type Output = io::Result<UdpSocket>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let addresses = ready!(Pin::new(&mut self.lookup).poll(cx))?;
        Poll::Ready(first_that_works(addresses, |address| {
            let socket = calls::socket(
                Domain::for_address(address),
                Type::DGRAM,
                Some(Protocol::UDP),
            )?;
            calls::bind(&socket, address)?;
            Ok(UdpSocket {
                io: Async::new_nonblocking(socket.into()),
            })
        }))
    }
}

/// Future of [`UdpSocket::connect`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Connect<'a> {
    socket: &'a UdpSocket,
    lookup: LookupHost,
}

impl Future for Connect<'_> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let addresses = ready!(Pin::new(&mut self.lookup).poll(cx))?;
        // Connecting a datagram socket only notes the address: it never waits.
        Poll::Ready(first_that_works(addresses, |address| {
            calls::connect_datagram(self.socket.io.get_ref(), address)
        }))
    }
}

/// Tries one address after the other; the last one's error if none will do.
fn first_that_works<T>(
    addresses: impl Iterator<Item = SocketAddr>,
    mut attempt: impl FnMut(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let mut last = None;
    for address in addresses {
        match attempt(address) {
            Ok(value) => return Ok(value),
            Err(error) => last = Some(error),
        }
    }
    Err(last.expect("a lookup gives at least one address"))
}

impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}

impl AsRawFd for UdpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl fmt::Debug for SendTo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendTo")
            .field("at", &self.waiter.at())
            .finish_non_exhaustive()
    }
}
