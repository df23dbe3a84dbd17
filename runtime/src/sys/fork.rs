//! Notices that the process was forked.
//!
//! A child that runs the parent's loop would share its selector and take its events, so the loop
//! asks in each turn which process it is in. getpid(2) is a system call in today's C libraries. So
//! the answer is kept here, and a handler that fork(2) runs in the child forgets it. A child of a
//! bare clone(2) or vfork(2) is not noticed.

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

/// The id of this process, for the price of one load.
#[inline]
pub(crate) fn current_pid() -> u32 {
    match PID.load(Ordering::Relaxed) {
        0 => ask(),
        pid => pid,
    }
}

/// The first call in a process.
#[cold]
fn ask() -> u32 {
    HANDLER.call_once(|| {
        // SAFETY: `forget` may run in a forked child of a threaded process: it does one atomic
        // store.
        let result = unsafe { libc::pthread_atfork(None, None, Some(forget)) };
        // ENOMEM: then the child keeps the parent's answer, and a fork goes unnoticed.
        debug_assert_eq!(result, 0, "out of memory for one handler");
    });
    let pid = std::process::id();
    PID.store(pid, Ordering::Relaxed);
    pid
}

/// Runs in the child of each fork, before fork returns there.
unsafe extern "C" fn forget() {
    PID.store(0, Ordering::Relaxed);
}

/// This process, or 0 when nobody has asked yet. No process has the id 0 but the kernel's own.
static PID: AtomicU32 = AtomicU32::new(0);
static HANDLER: Once = Once::new();

/// The number of this thread, as the system shows it under /proc; 0 where there is no such number.
#[cfg(target_os = "linux")]
pub(crate) fn current_thread() -> u32 {
    // SAFETY: gettid takes nothing and always succeeds.
    let thread = unsafe { libc::gettid() };
    u32::try_from(thread).unwrap_or(0)
}

/// The number of this thread, as the system shows it under /proc; 0 where there is no such number.
#[cfg(not(target_os = "linux"))]
pub(crate) fn current_thread() -> u32 {
    0
}
