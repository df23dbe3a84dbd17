//! The processors on which a thread may run.
//!
//! Workers may be pinned, each to a core of its own. A thread inherits the set of the thread that
//! starts it, so a thread of the blocking pool that a pinned worker starts takes the process's
//! first set back.

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use std::io;
    use std::mem::MaybeUninit;
    use std::sync::OnceLock;

    use crate::sys::cvt::cvt;

    /// The set that this process had before anything was pinned.
    static FIRST: OnceLock<libc::cpu_set_t> = OnceLock::new();

    /// The processors on which this thread may run, by number.
    ///
    /// # Errors
    /// What the system says; on machines with more than 1,024 processors it cannot be asked this
    /// way.
    pub fn allowed() -> io::Result<Vec<usize>> {
        let set = current()?;
        let most = 8 * size_of::<libc::cpu_set_t>();
        // SAFETY: CPU_ISSET looks at one bit of the set, and `cpu` is below the number of its bits.
        Ok((0..most)
            .filter(|&cpu| unsafe { libc::CPU_ISSET(cpu, &set) })
            .collect())
    }

    /// Lets this thread run on one processor only.
    ///
    /// # Errors
    /// What the system says, such as `InvalidInput` for a processor that is not there.
    pub fn pin(cpu: usize) -> io::Result<()> {
        let first = current()?;
        FIRST.get_or_init(|| first);
        let mut set = none();
        if cpu >= 8 * size_of::<libc::cpu_set_t>() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // SAFETY: CPU_SET sets one bit of the set, and `cpu` is below the number of its bits.
        unsafe { libc::CPU_SET(cpu, &mut set) };
        apply(&set)
    }

    /// Gives this thread the set back that the process had before anything was pinned.
    pub(crate) fn unpin() {
        if let Some(first) = FIRST.get() {
            // It was allowed once; if it is no longer, the thread stays where its maker was.
            let _ = apply(first);
        }
    }

    fn none() -> libc::cpu_set_t {
        // SAFETY: the set is an array of integers, for which all zeroes is a value: no processor.
        unsafe { MaybeUninit::zeroed().assume_init() }
    }

    fn current() -> io::Result<libc::cpu_set_t> {
        let mut set = none();
        let this_thread = 0;
        // SAFETY: the call writes at most as many bytes as it is told the set has.
        cvt(unsafe {
            libc::sched_getaffinity(this_thread, size_of::<libc::cpu_set_t>(), &raw mut set)
        })?;
        Ok(set)
    }

    fn apply(set: &libc::cpu_set_t) -> io::Result<()> {
        let this_thread = 0;
        // SAFETY: the call reads as many bytes as it is told the set has.
        cvt(unsafe { libc::sched_setaffinity(this_thread, size_of::<libc::cpu_set_t>(), set) })?;
        Ok(())
    }
}

/// Systems where a thread cannot be bound to a processor, or only by means that nobody has asked
/// for yet.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    use std::io;

    /// The processors on which this thread may run: not told here.
    ///
    /// # Errors
    /// Always `Unsupported`.
    pub fn allowed() -> io::Result<Vec<usize>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Lets this thread run on one processor only: not here.
    ///
    /// # Errors
    /// Always `Unsupported`.
    pub fn pin(_: usize) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Nothing was pinned.
    pub(crate) fn unpin() {}
}

pub(crate) use system::unpin;
pub use system::{allowed, pin};
