//! System calls around child processes that std lacks: a descriptor for a process, and signals.
//!
//! A pidfd becomes readable when its process ends, so a child is waited for like any other
//! descriptor, without the races of SIGCHLD (one signal for several ends, and one handler for the
//! whole program). Linux has it since 5.3; containers sometimes refuse it. The caller then waits by
//! SIGCHLD.
//!
//! A process id is safe to use for as long as its child has not been waited for: until then the
//! system keeps the number for the zombie. Callers hold the child that they ask about, and no other
//! code waits for it.

use std::io;
use std::os::fd::OwnedFd;

use super::cvt::cvt;

/// A descriptor, closed on exec, that is readable once the child has ended.
///
/// # Errors
/// `Unsupported` where the system has no such thing; what it says otherwise (no descriptor left,
/// refused in a container).
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn pidfd_open(pid: u32) -> io::Result<OwnedFd> {
    use std::os::fd::FromRawFd;

    let no_flags = 0;
    // SAFETY: the call takes two numbers and touches no memory of ours.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_open, pid as libc::pid_t, no_flags) };
    // A descriptor always fits.
    let fd = cvt(result as libc::c_int)?;
    // SAFETY: the kernel has just made this descriptor, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A descriptor that is readable once the child has ended: not on this system.
///
/// # Errors
/// Always `Unsupported`.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn pidfd_open(_: u32) -> io::Result<OwnedFd> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Sends a signal to a child that has not been waited for yet.
///
/// # Errors
/// `InvalidInput` for a number that is no signal, and what the system says.
pub fn send_signal(pid: u32, signal: i32) -> io::Result<()> {
    // 0 and negative numbers would mean groups of processes.
    let pid = libc::pid_t::try_from(pid).ok().filter(|pid| *pid > 0);
    let pid = pid.ok_or(io::ErrorKind::InvalidInput)?;
    // SAFETY: the call takes two numbers and touches no memory of ours.
    cvt(unsafe { libc::kill(pid, signal) })?;
    Ok(())
}

/// The number of SIGTERM: please end.
pub const SIGTERM: i32 = libc::SIGTERM;
