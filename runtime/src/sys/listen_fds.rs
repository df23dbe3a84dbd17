//! Descriptors that a parent handed over: systemd's socket activation (sd_listen_fds(3)).
//!
//! The parent sets `LISTEN_PID` to the process that is meant, `LISTEN_FDS` to the number of
//! descriptors from 3 on, and perhaps `LISTEN_FDNAMES` to their names, with colons between. Taking
//! a descriptor by number is unsafe because nothing proves that no one else owns it; here the
//! parent's word and the "once only" below are the proof.

use std::env;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

use super::cvt::cvt;

/// The first descriptor that is handed over.
const FIRST: RawFd = 3;
/// More than this is a mistake in the environment.
const MOST: RawFd = 65_536;

static TAKEN: AtomicBool = AtomicBool::new(false);

/// Takes what the parent handed over, each with its name if it has one; closed on exec from now on.
/// Nothing when nothing was handed over, when another process was meant, and when it was taken
/// before.
///
/// # Errors
/// `InvalidData` if `LISTEN_FDS` is no number, and `EBADF` if a descriptor is not open; nothing is
/// taken then.
pub fn take_handed_over() -> io::Result<Vec<(OwnedFd, Option<String>)>> {
    let meant = env::var("LISTEN_PID")
        .ok()
        .and_then(|pid| pid.parse::<u32>().ok());
    if meant != Some(std::process::id()) || TAKEN.load(Ordering::Acquire) {
        return Ok(Vec::new());
    }
    let Some(count) = env::var_os("LISTEN_FDS") else {
        return Ok(Vec::new());
    };
    let number = count.to_str().and_then(|count| count.parse::<RawFd>().ok());
    let count = number
        .filter(|count| (0..=MOST).contains(count))
        .ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("LISTEN_FDS={count:?} is no number of descriptors"),
            )
        })?;
    for fd in FIRST..FIRST + count {
        // SAFETY: fcntl with F_SETFD takes an int, touches no memory of ours, and any number for a
        // descriptor.
        cvt(unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) })?;
    }
    if TAKEN.swap(true, Ordering::AcqRel) {
        return Ok(Vec::new()); // another thread was faster
    }
    let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut names = names
        .split(':')
        .filter(|_| !names.is_empty())
        .map(str::to_owned);
    let own = |fd| {
        // SAFETY: it is open, as was just seen; the parent has said that it is for this process to
        // own, and the flag above that nobody has taken it through this function before.
        (unsafe { OwnedFd::from_raw_fd(fd) }, names.next())
    };
    Ok((FIRST..FIRST + count).map(own).collect())
}
