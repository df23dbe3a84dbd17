//! Small shared pieces around system calls: results, timeouts, and questions about one descriptor.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use super::Interest;

/// The result of a system call that says -1 for "look at errno".
#[inline]
pub(super) fn cvt(result: libc::c_int) -> io::Result<libc::c_int> {
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// A count of ready things; none when the error passes.
#[inline]
pub(super) fn cvt_wait(result: libc::c_int) -> io::Result<usize> {
    match usize::try_from(result) {
        Ok(count) => Ok(count),
        Err(_) => {
            let error = io::Error::last_os_error();
            if is_passing(&error) {
                Ok(0)
            } else {
                Err(error)
            }
        }
    }
}

/// Whether a wait failed for the moment only, so that the next turn asks again: a signal came, or
/// the kernel had no memory just then (poll(2), select(2): ENOMEM, EAGAIN).
pub(super) fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EINTR | libc::ENOMEM | libc::EAGAIN)
    )
}

/// For calls that take a timespec. These are exact to the nanosecond; only the longest times are
/// cut.
#[inline]
pub(super) fn timespec(timeout: Duration) -> libc::timespec {
    let timeout = timeout.min(LONGEST);
    // Both fit: LONGEST is far below `time_t`'s range, and a subsecond is below 10^9.
    libc::timespec {
        tv_sec: timeout.as_secs() as _,
        tv_nsec: timeout.subsec_nanos() as _,
    }
}

/// For calls that take milliseconds as an int: rounded up, since rounding down turns the last
/// fraction of a millisecond into a busy loop; never negative; cut at 24.8 days, where an int ends.
/// `None` is -1, for ever.
/// Only for epoll on old kernels and for poll on macOS: all other calls take a timespec.
#[cfg(any(
    target_os = "linux",
    target_os = "android",
    target_vendor = "apple",
    test
))]
pub(super) fn millis(timeout: Option<Duration>) -> libc::c_int {
    match timeout {
        None => -1,
        Some(timeout) => {
            let rounded_up = timeout.as_nanos().div_ceil(1_000_000);
            libc::c_int::try_from(rounded_up).unwrap_or(libc::c_int::MAX)
        }
    }
}

/// Whether `fd` is of a kind that never blocks, which epoll refuses with `EPERM` and the others
/// take in ways of their own.
///
/// # Errors
///
/// `EBADF` if it is not open. poll and select would only notice that in the middle of a wait.
pub(super) fn never_blocks(fd: RawFd) -> io::Result<bool> {
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: fstat writes one `stat` where there is room for one, and takes any number for a
    // descriptor.
    cvt(unsafe { libc::fstat(fd, stat.as_mut_ptr()) })?;
    // SAFETY: fstat said success, so it has filled the structure.
    let stat = unsafe { stat.assume_init() };
    Ok(matches!(
        stat.st_mode & libc::S_IFMT,
        libc::S_IFREG | libc::S_IFDIR | libc::S_IFBLK
    ))
}

/// Which of `interest` the kernel says `fd` is ready for, now, without waiting.
///
/// Failure and hang-up count as ready for all that was asked.
///
/// # Errors
///
/// `EBADF` if `fd` is not open.
pub(crate) fn readable_now(fd: RawFd, interest: Interest) -> io::Result<Interest> {
    let seen = poll_now(fd, poll_bits(interest))?;
    if seen & libc::POLLNVAL != 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    if seen & (libc::POLLERR | libc::POLLHUP) != 0 {
        return Ok(interest);
    }
    let mut ready = Interest::NONE;
    for bit in [Interest::READABLE, Interest::WRITABLE, Interest::PRIORITY] {
        if seen & poll_bits(bit) != 0 {
            ready |= bit;
        }
    }
    Ok(ready & interest)
}

/// Whether `fd` has an error now: one that is pending, or an error queue that nobody has read.
pub(crate) fn has_error(fd: RawFd) -> bool {
    poll_now(fd, 0).is_ok_and(|seen| seen & libc::POLLERR != 0)
}

/// What is over on a descriptor, as the system says now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// The peer will send no more; what it sent may still be there.
    pub read_closed: bool,
    /// Writing is over or has failed.
    pub write_closed: bool,
    /// An error waits to be taken.
    pub error: bool,
}

/// What is over on `fd`, without waiting.
///
/// # Errors
/// What poll(2) says, such as no memory.
pub fn ends(fd: BorrowedFd<'_>) -> io::Result<Ends> {
    let seen = poll_now(fd.as_raw_fd(), poll_bits(Interest::READABLE))?;
    Ok(Ends {
        read_closed: seen & (libc::POLLHUP | POLLRDHUP) != 0,
        write_closed: seen & (libc::POLLHUP | libc::POLLERR) != 0,
        error: seen & libc::POLLERR != 0,
    })
}

/// What poll(2) says of one descriptor, without waiting.
fn poll_now(fd: RawFd, events: libc::c_short) -> io::Result<libc::c_short> {
    let mut entry = libc::pollfd {
        fd,
        events,
        revents: 0,
    };
    loop {
        // SAFETY: `entry` is one pollfd, as the count says, and lives for the call.
        match cvt(unsafe { libc::poll(&raw mut entry, 1, 0) }) {
            Ok(_) => return Ok(entry.revents),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// poll(2)'s bits for an interest.
pub(super) fn poll_bits(interest: Interest) -> libc::c_short {
    let mut bits = 0;
    if interest.contains(Interest::READABLE) {
        bits |= libc::POLLIN | POLLRDHUP;
    }
    if interest.contains(Interest::WRITABLE) {
        bits |= libc::POLLOUT;
    }
    if interest.contains(Interest::PRIORITY) {
        bits |= libc::POLLPRI;
    }
    bits
}

/// The peer has shut down its sending side. Elsewhere one learns that by reading.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) const POLLRDHUP: libc::c_short = libc::POLLRDHUP;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) const POLLRDHUP: libc::c_short = 0;

/// Three years. Some systems refuse a timespec above 10^8 seconds, and no wait is that long in
/// earnest: it returns without events, and the loop waits again.
const LONGEST: Duration = Duration::from_secs(100_000_000);

/// Sets O_NONBLOCK on the open file that the descriptor names.
pub(crate) fn set_nonblocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    let flags = control(fd, Control::Flags)?;
    if flags & libc::O_NONBLOCK == 0 {
        control(fd, Control::SetFlags(flags | libc::O_NONBLOCK))?;
    }
    Ok(())
}

/// What fcntl(2) is asked for. Only commands that take a number.
#[derive(Debug, Clone, Copy)]
pub(super) enum Control {
    /// F_GETFL: the flags of the open file.
    Flags,
    /// F_SETFL.
    SetFlags(libc::c_int),
    /// F_SETFD.
    #[cfg(target_vendor = "apple")]
    CloseOnExec,
    /// F_SETSIG: what signal O_ASYNC sends.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    SetSignal(libc::c_int),
}

/// One fcntl(2).
///
/// # Errors
///
/// What the system says.
pub(super) fn control(fd: BorrowedFd<'_>, what: Control) -> io::Result<libc::c_int> {
    /// linux/fcntl.h, the same on all of its machines; libc does not have it everywhere.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const F_SETSIG: libc::c_int = 10;

    let (command, value) = match what {
        Control::Flags => (libc::F_GETFL, 0),
        Control::SetFlags(flags) => (libc::F_SETFL, flags),
        #[cfg(target_vendor = "apple")]
        Control::CloseOnExec => (libc::F_SETFD, libc::FD_CLOEXEC),
        #[cfg(any(target_os = "linux", target_os = "android"))]
        Control::SetSignal(signal) => (F_SETSIG, signal),
    };
    // SAFETY: each of these commands takes a number or nothing, and touches no memory of ours; the
    // descriptor is open for as long as it is borrowed.
    cvt(unsafe { libc::fcntl(fd.as_raw_fd(), command, value) })
}
