//! [`Real`]: kqueue as the system has it, or a library that offers its calls.
//!
//! Nothing here decides anything: the two calls, and what opens and closes the queue.
//!
//! With `--cfg myrt_kqueue_shim` Linux builds this file. Give the linker a library that defines
//! `kqueue` and `kevent` with the structure of 32 bytes that macOS has, for instance
//! `RUSTFLAGS="--cfg myrt_kqueue_shim -Clink-arg=-lkqueue"`.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;
use std::time::Duration;

use super::Kernel;
use super::abi::Kevent;
use crate::sys::cvt::{cvt, timespec};

/// A kernel queue. Its descriptor is closed with it.
pub(in crate::sys) struct Real {
    queue: OwnedFd,
}

impl Real {
    pub(in crate::sys) fn new() -> io::Result<Self> {
        // SAFETY: the call takes nothing and gives a new descriptor.
        let fd = cvt(unsafe { kqueue() })?;
        // SAFETY: the kernel has just made this descriptor, so nobody else owns it.
        let queue = unsafe { OwnedFd::from_raw_fd(fd) };
        // SAFETY: F_SETFD takes a number, and the descriptor is open.
        cvt(unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) })?;
        Ok(Self { queue })
    }
}

impl Kernel for Real {
    fn kevent(
        &self,
        changes: &[Kevent],
        events: &mut [Kevent],
        timeout: Option<Duration>,
    ) -> io::Result<usize> {
        let time = timeout.map(timespec);
        let time = time.as_ref().map_or(ptr::null(), ptr::from_ref);
        // Both are at most a batch, which fits either type.
        let (given, room) = (changes.len() as Count, events.len() as Count);
        let queue = self.queue.as_raw_fd();
        // SAFETY: both lists are as long as we say and borrowed for the call, which reads the first
        // and writes the second; the time lives for it or is null. `Kevent` is laid out as the
        // system's (see `abi.rs`).
        let found = cvt(unsafe {
            kevent(
                queue,
                changes.as_ptr(),
                given,
                events.as_mut_ptr(),
                room,
                time,
            )
        })?;
        // Not negative, since that was an error.
        Ok(found as usize)
    }

    fn gives_receipts(&self) -> bool {
        // Since version 10 only.
        !cfg!(target_os = "netbsd")
    }

    fn as_fd(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }
}

#[cfg(not(target_os = "netbsd"))]
type Count = libc::c_int;
#[cfg(target_os = "netbsd")]
type Count = libc::size_t;

unsafe extern "C" {
    fn kqueue() -> libc::c_int;

    // NetBSD keeps old structures alive under the plain name, and marks the present one.
    #[cfg_attr(target_os = "netbsd", link_name = "__kevent50")]
    fn kevent(
        queue: libc::c_int,
        changes: *const Kevent,
        given: Count,
        events: *mut Kevent,
        room: Count,
        timeout: *const libc::timespec,
    ) -> libc::c_int;
}
