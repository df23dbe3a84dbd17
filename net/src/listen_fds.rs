//! Sockets that a parent handed over: socket activation as systemd does it (`LISTEN_FDS`).
//!
//! The parent binds and listens, then starts this program; so a server can be started by its first
//! client, restarted without refusing one, and listen on port 80 without ever having been root.
//! Taking the descriptors is the runtime's business, this is about what they are.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use myrt_runtime::os;
use socket2::{Domain, SockRef, Type};

use crate::tcp::{TcpListener, TcpStream};
use crate::udp::UdpSocket;
use crate::unix::{UnixDatagram, UnixListener, UnixStream};

/// Takes the descriptors that the parent handed over, in its order; see sd_listen_fds(3) for how it
/// says so (`LISTEN_PID`, `LISTEN_FDS`, `LISTEN_FDNAMES`).
///
/// Empty if there are none, if they were meant for another process, and from the second call on.
/// Call it early in `main`, before anything else could take them for its own. They are closed on
/// exec from then on.
///
/// # Errors
/// [`InvalidData`](io::ErrorKind::InvalidData) if `LISTEN_FDS` is no number, and what the system
/// says if a descriptor is not open. Nothing is taken then.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// use myrt::net::{TcpListener, listen_fds};
///
/// let listener = match listen_fds()?.into_iter().next() {
///     Some(handed) => handed.into_tcp_listener()?,
///     None => TcpListener::bind("127.0.0.1:8080").await?,
/// };
/// # drop(listener);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "sd_listen_fds")]
#[doc(alias = "LISTEN_FDS")]
pub fn listen_fds() -> io::Result<Vec<ListenFd>> {
    let taken = os::take_handed_over()?;
    Ok(taken
        .into_iter()
        .map(|(fd, name)| ListenFd { fd, name })
        .collect())
}

/// A descriptor that the parent handed over; see [`listen_fds`].
#[derive(Debug)]
pub struct ListenFd {
    fd: OwnedFd,
    name: Option<String>,
}

/// What a [`ListenFd`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ListenFdKind {
    /// A TCP socket that listens.
    TcpListener,
    /// A TCP connection.
    TcpStream,
    /// A UDP socket.
    UdpSocket,
    /// A Unix socket that listens.
    UnixListener,
    /// A connection of the Unix domain.
    UnixStream,
    /// A datagram socket of the Unix domain.
    UnixDatagram,
    /// Something else: a FIFO, a file, a socket of another family.
    Other,
}

impl ListenFd {
    /// The name that the parent gave it.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What it is, as the system says.
    #[must_use]
    pub fn kind(&self) -> ListenFdKind {
        let socket = SockRef::from(&self.fd);
        let found = socket
            .r#type()
            .and_then(|kind| Ok((kind, socket.local_addr()?.domain())));
        let Ok((kind, domain)) = found else {
            return ListenFdKind::Other;
        };
        let listens = listens(&socket);
        let internet = domain == Domain::IPV4 || domain == Domain::IPV6;
        match (kind, listens) {
            (Type::STREAM, true) if internet => ListenFdKind::TcpListener,
            (Type::STREAM, false) if internet => ListenFdKind::TcpStream,
            (Type::DGRAM, _) if internet => ListenFdKind::UdpSocket,
            (Type::STREAM, true) if domain == Domain::UNIX => ListenFdKind::UnixListener,
            (Type::STREAM, false) if domain == Domain::UNIX => ListenFdKind::UnixStream,
            (Type::DGRAM, _) if domain == Domain::UNIX => ListenFdKind::UnixDatagram,
            _ => ListenFdKind::Other,
        }
    }

    /// The descriptor itself.
    #[must_use]
    pub fn into_owned_fd(self) -> OwnedFd {
        self.fd
    }

    fn expect(self, wanted: ListenFdKind) -> io::Result<OwnedFd> {
        let kind = self.kind();
        if kind == wanted {
            return Ok(self.fd);
        }
        let name = self.name.as_deref().unwrap_or("without a name");
        let message = format!(
            "the descriptor {} ({name}) that was handed over is no {wanted:?} but: {kind:?}",
            self.fd.as_raw_fd()
        );
        Err(io::Error::new(io::ErrorKind::InvalidInput, message))
    }
}

#[cfg(not(any(target_vendor = "apple", target_os = "netbsd", target_os = "openbsd")))]
fn listens(socket: &SockRef<'_>) -> bool {
    socket.is_listener().unwrap_or(false)
}

/// It cannot be asked here (socket2 knows no `SO_ACCEPTCONN` of these systems); a socket with a
/// peer is a connection.
#[cfg(any(target_vendor = "apple", target_os = "netbsd", target_os = "openbsd"))]
fn listens(socket: &SockRef<'_>) -> bool {
    socket.peer_addr().is_err()
}

/// Conversions, one a kind. All sockets become non-blocking, for the parent, too.
macro_rules! into {
    ($($name:ident: $type:ident;)*) => {
        impl ListenFd {
            $(
                #[doc = concat!("It as a [`", stringify!($type), "`]. It becomes non-blocking, for the parent that shares it, too.")]
                ///
                /// # Errors
                /// [`InvalidInput`](io::ErrorKind::InvalidInput) if it is something else (it is
                /// closed then; [`kind`](Self::kind) tells before), and what the system says.
                pub fn $name(self) -> io::Result<$type> {
                    $type::from_std(self.expect(ListenFdKind::$type)?.into())
                }
            )*
        }
    };
}

into! {
    into_tcp_listener: TcpListener;
    into_tcp_stream: TcpStream;
    into_udp_socket: UdpSocket;
    into_unix_listener: UnixListener;
    into_unix_stream: UnixStream;
    into_unix_datagram: UnixDatagram;
}

impl AsFd for ListenFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for ListenFd {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}
