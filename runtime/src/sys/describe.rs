//! Describes a descriptor in words, for people who ask what a task waits for.
//!
//! Any thread may ask about any number, open or not. Nothing here changes a descriptor.

use std::mem::{MaybeUninit, size_of};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::RawFd;
use std::ptr;

/// What kind of thing a descriptor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A socket that accepts.
    Listener,
    /// Any other socket.
    Socket,
    /// Not a socket, or not open.
    Other,
}

/// What is known about a descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Described {
    pub(crate) kind: Kind,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) peer: Option<SocketAddr>,
}

/// Asks the system about a descriptor.
pub(crate) fn fd(fd: RawFd) -> Described {
    let kind = match accepts(fd) {
        Some(true) => Kind::Listener,
        Some(false) => Kind::Socket,
        None => Kind::Other,
    };
    Described {
        kind,
        local: address(fd, libc::getsockname),
        peer: address(fd, libc::getpeername),
    }
}

/// Whether a socket accepts; none for what is not a socket.
fn accepts(fd: RawFd) -> Option<bool> {
    let mut value: libc::c_int = 0;
    let mut length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: value and length are live for the call and say the truth about each other; a number
    // that is not open is answered with EBADF.
    let result = unsafe {
        libc::getsockopt(
            fd,
            libc::SOL_SOCKET,
            libc::SO_ACCEPTCONN,
            (&raw mut value).cast(),
            &raw mut length,
        )
    };
    (result == 0).then_some(value != 0)
}

type Ask =
    unsafe extern "C" fn(libc::c_int, *mut libc::sockaddr, *mut libc::socklen_t) -> libc::c_int;

fn address(fd: RawFd, ask: Ask) -> Option<SocketAddr> {
    let mut storage = MaybeUninit::<libc::sockaddr_storage>::zeroed();
    let mut length = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    // SAFETY: the storage is large enough for every address and lives for the call; a number that
    // is not open, or not a socket, is answered with an error.
    let result = unsafe { ask(fd, storage.as_mut_ptr().cast(), &raw mut length) };
    if result != 0 {
        return None;
    }
    // SAFETY: zeroed memory is a valid sockaddr_storage, and the system wrote a valid one over it.
    let storage = unsafe { storage.assume_init() };
    let at = ptr::from_ref(&storage);
    match libc::c_int::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says that the storage holds a sockaddr_in; the storage is larger
            // and aligned for it.
            let v4 = unsafe { at.cast::<libc::sockaddr_in>().read() };
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Some(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: the family says that the storage holds a sockaddr_in6; the storage is larger
            // and aligned for it.
            let v6 = unsafe { at.cast::<libc::sockaddr_in6>().read() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            Some(SocketAddrV6::new(ip, u16::from_be(v6.sin6_port), 0, v6.sin6_scope_id).into())
        }
        _ => None,
    }
}
