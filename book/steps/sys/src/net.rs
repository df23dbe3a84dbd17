//! A TCP connection that is begun without waiting for it: `std` can only wait.

use std::io;
use std::mem::size_of;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use crate::poll::outcome;

/// A non-blocking socket that connects to `address`, which may not be done yet (`EINPROGRESS`).
pub fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let SocketAddr::V4(address) = address else {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "the book connects by IPv4 only"));
    };
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: The call takes no pointer.
    let fd = unsafe { libc::socket(libc::AF_INET, kind, 0) };
    outcome(fd)?;
    // SAFETY: The kernel has just made `fd`, and nothing else owns it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    let to = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.ip().octets()) },
        sin_zero: [0; 8],
    };
    let size = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    let begun = crate::count::call("connect", || {
        // SAFETY: `to` is a whole address of that size, and lives through the call.
        outcome(unsafe { libc::connect(socket.as_raw_fd(), (&raw const to).cast(), size) })
    });
    match begun {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
        _ => Ok(TcpStream::from(socket)),
    }
}
