//! Wakes a selector that waits, from any thread.
//!
//! On Linux by an eventfd, elsewhere by a pipe; kqueue needs neither where the system has
//! `EVFILT_USER`.
//!
//! Why: epoll, poll and select know only descriptors, so something must become readable.
//! The remote queue sees to it that a batch of messages notifies once.
//!
//! # Some facts about eventfd and pipes
//!
//! - An eventfd is a counter; a write adds to it, and it is readable while it is not zero.
//!   Registered edge-triggered, *every write is an edge* although the counter was never read down,
//!   so the loop saves a read each time it is woken. A write is refused (`EAGAIN`) only when the
//!   counter is full, after 2^64 - 2 wake-ups.
//! - A pipe is no counter: 65,536 wake-ups fill it, and a write that is refused is no edge. It must
//!   be drained, under any selector. Being full is no loss then: what is inside has not been
//!   drained yet, so the wake-up is still to come.
//! - poll and select are level-triggered and need the draining for both.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;

use super::cvt::cvt;

/// Makes the selector that it came from return from its wait. A copy costs one reference count.
#[derive(Clone)]
pub(crate) struct Notifier {
    door: Door,
}

#[derive(Clone)]
enum Door {
    Fd(Arc<Ends>),
    #[allow(dead_code, reason = "made where there is a kqueue only")]
    Kqueue(Arc<super::kqueue::System>),
}

impl Notifier {
    #[allow(dead_code, reason = "called where there is a kqueue only")]
    pub(super) fn kqueue(system: Arc<super::kqueue::System>) -> Self {
        Self {
            door: Door::Kqueue(system),
        }
    }

    /// Makes the wait that is running, or the next one, return. Once the selector is gone this does
    /// nothing.
    pub(crate) fn notify(&self) {
        match &self.door {
            Door::Fd(ends) => ends.ring(),
            Door::Kqueue(system) => super::kqueue::trigger(system),
        }
    }
}

/// The selector's end: a descriptor that becomes readable when somebody notifies.
pub(super) struct WakeSource {
    ends: Arc<Ends>,
}

impl WakeSource {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            ends: Arc::new(Ends::new()?),
        })
    }

    pub(super) fn notifier(&self) -> Notifier {
        Notifier {
            door: Door::Fd(Arc::clone(&self.ends)),
        }
    }

    /// What to register for reading.
    pub(super) fn fd(&self) -> RawFd {
        self.ends.reader.as_raw_fd()
    }

    /// Takes back all notifications so far.
    pub(super) fn drain(&self) {
        let mut bytes = [0_u8; 64];
        loop {
            // SAFETY: the buffer is as long as we say and lives for the call; the descriptor is
            // ours.
            let read = unsafe { libc::read(self.fd(), bytes.as_mut_ptr().cast(), bytes.len()) };
            // An eventfd gives its whole counter, 8 bytes, at once; a pipe as much as fits.
            if read < bytes.len() as isize {
                return;
            }
        }
    }
}

/// Both ends live as long as anybody holds one of them, so a late notification meets no closed pipe
/// (and no SIGPIPE).
struct Ends {
    reader: OwnedFd,
    /// None for an eventfd, which is its own other end.
    writer: Option<OwnedFd>,
}

impl Ends {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn new() -> io::Result<Self> {
        // SAFETY: the call takes two numbers and touches no memory of ours.
        let fd = cvt(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        // SAFETY: the kernel has just made this descriptor, so nobody else owns it.
        let reader = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self {
            reader,
            writer: None,
        })
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn new() -> io::Result<Self> {
        let mut fds = [-1; 2];
        // pipe2 would set the flags in the same step, but macOS has none. A fork and exec on
        // another thread between the two calls would leak the pair into that program; the loop is
        // not harmed.
        // SAFETY: the call writes two descriptors where there is room for two.
        cvt(unsafe { libc::pipe(fds.as_mut_ptr()) })?;
        // SAFETY: the kernel has just made this descriptor, so nobody else owns it.
        let reader = unsafe { OwnedFd::from_raw_fd(fds[0]) };
        // SAFETY: likewise.
        let writer = unsafe { OwnedFd::from_raw_fd(fds[1]) };
        for end in fds {
            set_flag(end, libc::F_GETFD, libc::F_SETFD, libc::FD_CLOEXEC)?;
            set_flag(end, libc::F_GETFL, libc::F_SETFL, libc::O_NONBLOCK)?;
        }
        Ok(Self {
            reader,
            writer: Some(writer),
        })
    }

    /// One more wake-up. A write that a signal interrupts is made again: a wake-up that is lost is
    /// a loop that sleeps on.
    fn ring(&self) {
        let fd = self.writer.as_ref().unwrap_or(&self.reader).as_raw_fd();
        let one = 1_u64.to_ne_bytes();
        // Bounded, for a filter of system calls that always fails.
        for _ in 0..1000 {
            // SAFETY: eight bytes that live for the call, to a descriptor that `self` keeps open.
            let written = unsafe { libc::write(fd, one.as_ptr().cast(), one.len()) };
            // EAGAIN: full, hence readable, hence the wake-up is under way.
            if written > 0 || io::Error::last_os_error().kind() == io::ErrorKind::WouldBlock {
                return;
            }
        }
    }
}

/// Adds `flag` to those that `get` reads and `set` writes.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn set_flag(fd: RawFd, get: libc::c_int, set: libc::c_int, flag: libc::c_int) -> io::Result<()> {
    // SAFETY: F_GETFD and F_GETFL take no pointer.
    let flags = cvt(unsafe { libc::fcntl(fd, get) })?;
    // SAFETY: F_SETFD and F_SETFL take a number.
    cvt(unsafe { libc::fcntl(fd, set, flags | flag) })?;
    Ok(())
}
