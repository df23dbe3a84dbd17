//! Calls for the network crate that neither std (at our oldest Rust) nor socket2 has.
//!
//! Why: they need unsafe code, which the network crate forbids.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::cvt::cvt;

/// Who is at the other end of a Unix socket, as the system noted when it was connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credentials {
    /// Effective user id.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
    /// Process id, where the system tells it.
    pub pid: Option<i32>,
}

/// A pipe, non-blocking and closed on exec: the end to read, the end to write.
///
/// # Errors
/// What the system says, such as no descriptor being left.
#[cfg(not(target_vendor = "apple"))]
pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut fds = [-1; 2];
    // SAFETY: the call writes two descriptors where there is room for two.
    cvt(unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) })?;
    Ok(own(fds))
}

/// A pipe, non-blocking and closed on exec: the end to read, the end to write. Without pipe2 a fork
/// and exec on another thread just here would leak the pair into that program.
///
/// # Errors
/// What the system says, such as no descriptor being left.
#[cfg(target_vendor = "apple")]
pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    use std::os::fd::AsFd;

    let mut fds = [-1; 2];
    // SAFETY: the call writes two descriptors where there is room for two.
    cvt(unsafe { libc::pipe(fds.as_mut_ptr()) })?;
    let ends = own(fds);
    for end in [&ends.0, &ends.1] {
        super::set_nonblocking(end.as_fd())?;
        super::cvt::control(end.as_fd(), super::cvt::Control::CloseOnExec)?;
    }
    Ok(ends)
}

fn own([reader, writer]: [libc::c_int; 2]) -> (OwnedFd, OwnedFd) {
    // SAFETY: the kernel has just made this descriptor, so nobody else owns it.
    let reader = unsafe { OwnedFd::from_raw_fd(reader) };
    // SAFETY: likewise.
    let writer = unsafe { OwnedFd::from_raw_fd(writer) };
    (reader, writer)
}

/// Who is at the other end of a connected Unix socket.
///
/// # Errors
/// What the system says.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn peer_credentials(socket: BorrowedFd<'_>) -> io::Result<Credentials> {
    let mut peer = libc::ucred {
        pid: 0,
        uid: 0,
        gid: 0,
    };
    let mut length = size_of::<libc::ucred>() as libc::socklen_t;
    let into = (&raw mut peer).cast();
    // SAFETY: the call writes at most `length` bytes, which is what `peer` has, and the true number
    // to `length`.
    cvt(unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            into,
            &raw mut length,
        )
    })?;
    Ok(Credentials {
        uid: peer.uid,
        gid: peer.gid,
        pid: Some(peer.pid),
    })
}

/// Who is at the other end of a connected Unix socket.
///
/// # Errors
/// What the system says.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn peer_credentials(socket: BorrowedFd<'_>) -> io::Result<Credentials> {
    let (mut uid, mut gid) = (0, 0);
    // SAFETY: the call writes one id to each place, and both live for the call.
    cvt(unsafe { libc::getpeereid(socket.as_raw_fd(), &raw mut uid, &raw mut gid) })?;
    Ok(Credentials {
        uid,
        gid,
        pid: None,
    })
}

/// What accept(2) says of the connection that it would have given: it is gone, and the next may be
/// all right.
pub const OF_CONNECTION: &[i32] = &[
    libc::ECONNABORTED,
    libc::ECONNRESET,
    libc::EHOSTDOWN,
    libc::EHOSTUNREACH,
    libc::ENETDOWN,
    libc::ENETUNREACH,
    #[cfg(any(target_os = "linux", target_os = "android"))]
    libc::ENONET,
    libc::ENOPROTOOPT,
    libc::EOPNOTSUPP,
    libc::EPERM,
    libc::EPROTO,
    libc::ETIMEDOUT,
];

/// What a system call says when the process or the system has too much of something already.
pub const OUT_OF_RESOURCES: &[i32] = &[libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM];

/// No system that runs this has larger pages.
pub(crate) const LARGEST_PAGE: usize = 1 << 16;

/// Tells the system that it may take back the pages that lie wholly within this memory. Where it
/// does not, nothing happens: it is a hint.
///
/// # Safety
/// The memory is the caller's, and nobody reads of it what was not written after this call.
pub(crate) unsafe fn forget_memory(start: *mut u8, bytes: usize) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const ADVICE: libc::c_int = libc::MADV_DONTNEED;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const ADVICE: libc::c_int = libc::MADV_FREE;
    let gap = start.addr().next_multiple_of(LARGEST_PAGE) - start.addr();
    let bytes = bytes.saturating_sub(gap) & !(LARGEST_PAGE - 1);
    if bytes > 0 {
        // SAFETY: whole pages of memory that the caller owns and has given up the contents of.
        unsafe { libc::madvise(start.wrapping_add(gap).cast(), bytes, ADVICE) };
    }
}
