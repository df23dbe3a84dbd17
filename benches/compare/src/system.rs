//! The few system calls that the measuring itself needs: core affinity, CPU time, resident memory,
//! the fd limit, and the machine-wide counters that tell whether a round was disturbed.
//!
//! Why: one file for all of the harness's calls of libc.

use std::fs;
use std::io;
use std::time::Duration;

/// Binds the calling process (and the threads it will start) to one core.
///
/// # Errors
/// When the core does not exist or the call is not permitted.
pub fn pin_to_core(core: usize) -> io::Result<()> {
    // SAFETY: `cpu_set_t` is a plain bit mask for which all zeroes is the empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: `set` is a valid mask; CPU_SET ignores cores beyond its width.
    unsafe { libc::CPU_SET(core, &mut set) };
    // SAFETY: the pointer and the length describe `set`, and 0 means this thread.
    let result = unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Number of cores this process may run on.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Raises the soft fd limit to the hard one and returns it.
pub fn raise_fd_limit() -> u64 {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is a valid out-pointer.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } != 0 {
        return 1024;
    }
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: `limit` is a valid in-pointer. A refusal leaves the old limit, which is read below.
    unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) };
    // SAFETY: `limit` is a valid out-pointer.
    unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) };
    limit.rlim_cur
}

/// User and system time of this process, all its threads included.
pub fn own_cpu() -> Cpu {
    cpu_of(libc::RUSAGE_SELF)
}

/// User and system time of the children that have been waited for.
pub fn children_cpu() -> Cpu {
    cpu_of(libc::RUSAGE_CHILDREN)
}

fn cpu_of(who: libc::c_int) -> Cpu {
    // SAFETY: `rusage` is plain data for which all zeroes is valid.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `usage` is a valid out-pointer.
    unsafe { libc::getrusage(who, &mut usage) };
    Cpu {
        user: duration(usage.ru_utime),
        system: duration(usage.ru_stime),
    }
}

/// User and system time of a process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cpu {
    pub user: Duration,
    pub system: Duration,
}

impl Cpu {
    pub fn total(self) -> Duration {
        self.user + self.system
    }

    pub fn since(self, earlier: Self) -> Self {
        Self {
            user: self.user.saturating_sub(earlier.user),
            system: self.system.saturating_sub(earlier.system),
        }
    }
}

/// CPU time of this process in nanoseconds: finer than `getrusage` and one call.
pub fn process_cpu_ns() -> u64 {
    clock_ns(libc::CLOCK_PROCESS_CPUTIME_ID)
}

/// Monotonic time in nanoseconds.
pub fn monotonic_ns() -> u64 {
    clock_ns(libc::CLOCK_MONOTONIC)
}

fn clock_ns(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a valid out-pointer and both clocks exist on every Linux.
    unsafe { libc::clock_gettime(clock, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn duration(time: libc::timeval) -> Duration {
    Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1_000)
}

/// Resident bytes of a process (`"self"` or a process id), file-backed pages left out.
pub fn resident_bytes(process: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/statm")).unwrap_or_default();
    let mut pages = text
        .split_whitespace()
        .skip(1)
        .map(|word| word.parse().unwrap_or(0u64));
    let resident = pages.next().unwrap_or(0);
    let shared = pages.next().unwrap_or(0);
    resident.saturating_sub(shared) * page_size()
}

fn page_size() -> u64 {
    // SAFETY: a query without pointers.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u64::try_from(size).unwrap_or(4096)
}

/// What the whole machine has spent so far, from `/proc/stat`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Machine {
    /// User, nice, system, irq and softirq time of all processes.
    pub busy: Duration,
    /// Time that the hypervisor gave to others.
    pub steal: Duration,
}

impl Machine {
    pub fn now() -> Self {
        let text = fs::read_to_string("/proc/stat").unwrap_or_default();
        let ticks: Vec<u64> = text
            .lines()
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .skip(1)
            .map(|word| word.parse().unwrap_or(0))
            .collect();
        let field = |index: usize| ticks.get(index).copied().unwrap_or(0);
        // user nice system idle iowait irq softirq steal; 100 ticks a second on every Linux.
        let busy = field(0) + field(1) + field(2) + field(5) + field(6);
        Self {
            busy: Duration::from_millis(busy * 10),
            steal: Duration::from_millis(field(7) * 10),
        }
    }

    /// Seconds a second that others took from us between two readings: other processes and steal.
    pub fn disturbance(self, later: Self, ours: Duration, elapsed: Duration) -> f64 {
        let others = (later.busy - self.busy).saturating_sub(ours);
        let steal = later.steal - self.steal;
        (others + steal).as_secs_f64() / elapsed.as_secs_f64().max(1e-9)
    }
}
