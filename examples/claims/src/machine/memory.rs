//! What the kernel says of a process: memory, threads, processor time. From /proc, so on Linux
//! only; `None` elsewhere.

use std::fs;

use myrt::time::Duration;

/// Sizes in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    /// Address space, whether used or not.
    pub(crate) virt: u64,
    /// Pages that are really there.
    pub(crate) resident: u64,
    pub(crate) peak_virt: u64,
    pub(crate) peak_resident: u64,
    pub(crate) threads: u64,
}

/// The memory of the process `pid`, or of this one ("self").
pub(crate) fn memory(pid: &str) -> Option<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let mut words = line.trim_start_matches(':').split_whitespace();
        let value: u64 = words.next()?.parse().ok()?;
        Some(if words.next() == Some("kB") {
            value * 1024
        } else {
            value
        })
    };
    Some(Memory {
        virt: field("VmSize")?,
        resident: field("VmRSS")?,
        peak_virt: field("VmPeak")?,
        peak_resident: field("VmHWM")?,
        threads: field("Threads")?,
    })
}

/// The share of the memory that is this process's: what it shares with others is divided among
/// them.
pub(crate) fn proportional(pid: &str) -> Option<u64> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// The load of the last minute: how many wanted to run.
pub(crate) fn load() -> Option<f64> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

/// The name of the kernel.
pub(crate) fn kernel() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{} {}", std::env::consts::OS, release.trim())
}

/// Processor time of the thread that asks.
pub(crate) fn processor_of_thread() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanos = stat.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}
