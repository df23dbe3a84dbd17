//! What the system says of the loop's thread: whether it runs or sleeps in a call, and in which.
//!
//! Why: "the loop is blocked, but where?". It reads procfs, and so knows nothing where there is
//! none.

use std::fs;

/// What a thread is doing, as far as the system tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Doing {
    /// On a core, or waiting for one.
    Burning,
    /// In this system call.
    Sleeping(String),
    /// Not told.
    Unknown,
}

impl Doing {
    pub(super) fn in_words(&self) -> String {
        match self {
            Self::Burning => "it burns CPU".into(),
            Self::Sleeping(call) => format!("it sleeps in the system call {call}"),
            Self::Unknown => "the system does not tell what it does".into(),
        }
    }
}

/// Asks about a thread of this process.
pub(super) fn doing(thread: u32) -> Doing {
    let folder = format!("/proc/self/task/{thread}");
    let Ok(stat) = fs::read_to_string(format!("{folder}/stat")) else {
        return Doing::Unknown;
    };
    // The name stands in brackets and may hold anything; the state is the word behind the last one.
    let state = stat
        .rsplit(')')
        .next()
        .and_then(|rest| rest.split_whitespace().next());
    if state == Some("R") {
        return Doing::Burning;
    }
    match fs::read_to_string(format!("{folder}/syscall")) {
        Ok(line) => match line.split_whitespace().next() {
            Some("running") | None => Doing::Burning,
            Some(number) => Doing::Sleeping(name_of(number)),
        },
        Err(_) => Doing::Unknown,
    }
}

/// The name of a system call, for those that block programs.
fn name_of(number: &str) -> String {
    let known = number.parse().ok().and_then(|number: libc::c_long| {
        BLOCKING_CALLS
            .iter()
            .find(|(call, _)| *call == number)
            .map(|(_, name)| (*name).to_owned())
    });
    known.unwrap_or_else(|| format!("number {number}"))
}

#[cfg(target_os = "linux")]
const BLOCKING_CALLS: &[(libc::c_long, &str)] = &[
    (libc::SYS_read, "read"),
    (libc::SYS_write, "write"),
    (libc::SYS_pread64, "pread64"),
    (libc::SYS_pwrite64, "pwrite64"),
    (libc::SYS_readv, "readv"),
    (libc::SYS_writev, "writev"),
    (libc::SYS_connect, "connect"),
    (libc::SYS_accept4, "accept4"),
    (libc::SYS_accept, "accept"),
    (libc::SYS_recvfrom, "recvfrom"),
    (libc::SYS_sendto, "sendto"),
    (libc::SYS_recvmsg, "recvmsg"),
    (libc::SYS_sendmsg, "sendmsg"),
    (libc::SYS_futex, "futex"),
    (libc::SYS_nanosleep, "nanosleep"),
    (libc::SYS_clock_nanosleep, "clock_nanosleep"),
    (libc::SYS_wait4, "wait4"),
    (libc::SYS_waitid, "waitid"),
    (libc::SYS_ppoll, "ppoll"),
    (libc::SYS_pselect6, "pselect6"),
    (libc::SYS_epoll_pwait, "epoll_pwait"),
    (libc::SYS_epoll_pwait2, "epoll_pwait2"),
    (libc::SYS_fsync, "fsync"),
    (libc::SYS_fdatasync, "fdatasync"),
    (libc::SYS_flock, "flock"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_poll, "poll"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_select, "select"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_epoll_wait, "epoll_wait"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_pause, "pause"),
];

#[cfg(not(target_os = "linux"))]
const BLOCKING_CALLS: &[(libc::c_long, &str)] = &[];
