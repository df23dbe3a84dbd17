//! The calls that a recording of the console needs and std lacks.
//!
//! `dup2`, `atexit`, and a signal. They are here because unsafe code is.
//!
//! # The bell: knowing without asking that something was written
//!
//! Asking a pipe whether it has something costs a system call, and a recording asks at each poll of
//! a task: 130 ns of the 2,400 that an echo takes. Linux can say it unasked. With `O_ASYNC` on a
//! pipe's reading end, each write to the pipe sends a signal, here to the one thread that runs the
//! loop (`F_SETOWN_EX`). The kernel makes it pending inside of write(2), and delivers what is
//! pending before a system call returns: when `println!` comes back on that thread, the counter has
//! been moved. What other threads and children write moves it a moment later. So [`writes`] never
//! misses what the loop's thread wrote, and asking is one load.
//!
//! The signal is SIGURG, which does nothing by default: whatever comes when nobody handles it any
//! more is harmless. A program that handles it keeps it, and has no bell. What the signal can do to
//! others: a system call in which the loop's thread sleeps while *another* thread prints returns
//! early (`EINTR`), where the system does not restart it by itself (`SA_RESTART`).

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};

use super::cvt::cvt;
#[cfg(any(target_os = "linux", target_os = "android"))]
use super::cvt::{Control, control};

/// How often the bell has rung, or [`ring`] was called.
#[inline]
pub(crate) fn writes() -> u64 {
    WRITES.load(Ordering::Acquire)
}

/// Rings by hand.
pub(crate) fn ring() {
    WRITES.fetch_add(1, Ordering::Release);
}

static WRITES: AtomicU64 = AtomicU64::new(0);

/// Has `number` name the open file of `fd`, in one step. It stays open in programs that this one
/// starts. What `number` named before is closed, unless another descriptor names it too.
///
/// # Errors
/// What the system says.
pub(crate) fn stand_in(fd: BorrowedFd<'_>, number: RawFd) -> io::Result<()> {
    loop {
        // SAFETY: the call touches no memory. `number` is one of the standard streams, which no
        // object owns: a write to it means whatever it names.
        match cvt(unsafe { libc::dup2(fd.as_raw_fd(), number) }) {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Has `last` called when the process exits in order: main returns, or exit(3). False: it will not
/// be.
pub(crate) fn at_exit(last: extern "C" fn()) -> bool {
    // SAFETY: `last` is a function for ever, and takes and returns nothing.
    unsafe { libc::atexit(last) == 0 }
}

/// Has each write to the pipe whose reading end is `reader` ring, at once if this thread wrote.
/// False: it will not.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn hang_bell(reader: BorrowedFd<'_>) -> bool {
    /// `struct f_owner_ex`, which libc does not have everywhere.
    #[repr(C)]
    struct Owner {
        kind: libc::c_int,
        number: libc::c_int,
    }
    /// linux/fcntl.h, the same on all of its machines.
    const F_SETOWN_EX: libc::c_int = 15;
    const F_OWNER_TID: libc::c_int = 0;

    let Ok(number) = libc::c_int::try_from(super::current_thread()) else {
        return false;
    };
    let owner = Owner {
        kind: F_OWNER_TID,
        number,
    };
    // SAFETY: the call reads one f_owner_ex, which lives for it; the descriptor is open for as long
    // as it is borrowed.
    let owned = cvt(unsafe { libc::fcntl(reader.as_raw_fd(), F_SETOWN_EX, &raw const owner) });
    owned.is_ok()
        && control(reader, Control::SetSignal(libc::SIGURG)).is_ok()
        && control(reader, Control::Flags)
            .and_then(|flags| control(reader, Control::SetFlags(flags | libc::O_ASYNC)))
            .is_ok()
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn hang_bell(_: BorrowedFd<'_>) -> bool {
    false
}

/// Takes down what [`hang_bell`] hung.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn take_bell_down(reader: BorrowedFd<'_>) {
    let _ = control(reader, Control::Flags)
        .and_then(|flags| control(reader, Control::SetFlags(flags & !libc::O_ASYNC)));
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn take_bell_down(_: BorrowedFd<'_>) {}

/// Handles the bell's signal from now on, or no longer. False where the program handles it itself.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn listen_for_bell(listen: bool) -> bool {
    /// Runs whenever a write rings.
    extern "C" fn rung(_: libc::c_int) {
        WRITES.fetch_add(1, Ordering::Release);
    }

    let rung = rung as extern "C" fn(libc::c_int) as libc::sighandler_t;
    let (wanted, expected) = match listen {
        true => (rung, libc::SIG_DFL),
        false => (libc::SIG_DFL, rung),
    };
    let set = |action| {
        // SAFETY: `action` is the default, what this very call returned, or `rung`, which does one
        // atomic addition.
        unsafe { libc::signal(libc::SIGURG, action) }
    };
    let before = set(wanted);
    if before != expected && before != libc::SIG_ERR {
        set(before);
        return before == wanted;
    }
    before == expected
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn listen_for_bell(_: bool) -> bool {
    false
}
