//! The number of file descriptors that this process may have.
//!
//! The soft limit is often 1,024 for the sake of select, and the hard limit far higher. A server
//! raises the soft one.
//!
//! Why: std has no such call.

use std::io;

use super::cvt::cvt;

/// Raises the soft limit of open files as far as the hard one lets it, and returns both, soft and
/// hard, as they are then.
///
/// For servers: many systems start processes with a soft limit of 1,024 descriptors, for the sake
/// of programs that use select, and let them ask for more. It is the limit of the whole process,
/// and of the children that it starts. [`Selector::Select`](super::Selector::Select) refuses
/// descriptors above 1,023 with an error.
///
/// # Errors
///
/// Only if the limits cannot be read. If they can be read but not raised, what holds is returned.
///
/// ```
/// let (soft, hard) = myrt::runtime::raise_fd_limit().unwrap();
/// assert!(soft <= hard);
/// ```
pub fn raise_fd_limit() -> io::Result<(u64, u64)> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is an rlimit that lives for the call, which fills it in.
    cvt(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) })?;
    let most = reachable(limit.rlim_max);
    if limit.rlim_cur < most {
        let raised = libc::rlimit {
            rlim_cur: most,
            ..limit
        };
        // SAFETY: `raised` is a complete rlimit that lives for the call, which only reads it.
        if cvt(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const raised) }).is_ok() {
            limit = raised;
        }
    }
    // Signed on FreeBSD, and never negative.
    Ok((limit.rlim_cur as _, limit.rlim_max as _))
}

/// The hard limit, where the system keeps it as its word.
fn reachable(hard: libc::rlim_t) -> libc::rlim_t {
    // macOS says "unlimited" and then refuses a soft limit above OPEN_MAX (setrlimit(2),
    // COMPATIBILITY).
    if cfg!(target_vendor = "apple") {
        hard.min(10_240)
    } else {
        hard
    }
}
