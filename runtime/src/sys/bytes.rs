//! Bare reads and writes on descriptors that have no owner here (the standard streams), and setting
//! their blocking mode back.
//!
//! Why: std reads and writes the standard streams through buffers and locks of its own.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use super::cvt::{Control, control};

/// One read(2), again when a signal interrupts it. Blocks if the descriptor does.
///
/// # Errors
/// What the system says.
pub fn read(fd: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<usize> {
    loop {
        // SAFETY: the call writes at most `buf.len()` bytes to `buf`, and the descriptor is open
        // for as long as it is borrowed.
        let count = unsafe { libc::read(fd.as_raw_fd(), buf.as_mut_ptr().cast(), buf.len()) };
        if let Some(done) = transferred(count) {
            return done;
        }
    }
}

/// One write(2), again when a signal interrupts it. Blocks if the descriptor does.
///
/// # Errors
/// What the system says.
pub fn write(fd: BorrowedFd<'_>, buf: &[u8]) -> io::Result<usize> {
    loop {
        // SAFETY: the call reads at most `buf.len()` bytes of `buf`, and the descriptor is open for
        // as long as it is borrowed.
        let count = unsafe { libc::write(fd.as_raw_fd(), buf.as_ptr().cast(), buf.len()) };
        if let Some(done) = transferred(count) {
            return done;
        }
    }
}

/// What a transfer returned; none when a signal interrupted it.
pub(super) fn transferred(count: isize) -> Option<io::Result<usize>> {
    match usize::try_from(count) {
        Ok(count) => Some(Ok(count)),
        Err(_) => {
            let error = io::Error::last_os_error();
            (error.kind() != io::ErrorKind::Interrupted).then_some(Err(error))
        }
    }
}

/// Clears O_NONBLOCK on the open file that the descriptor names: for descriptors that go to other
/// programs.
///
/// # Errors
/// What the system says.
pub fn set_blocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    let flags = control(fd, Control::Flags)?;
    if flags & libc::O_NONBLOCK != 0 {
        control(fd, Control::SetFlags(flags & !libc::O_NONBLOCK))?;
    }
    Ok(())
}
