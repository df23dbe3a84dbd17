//! What myrt sets out to reach, beside which every report puts what it reached.

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// CPU nanoseconds an operation.
    Time,
    /// User instructions an operation.
    Instructions,
    /// System calls an operation.
    Syscalls,
    /// Resident bytes.
    Bytes,
    /// CPU microseconds (user and system) a request of a server.
    RequestCpu,
}

impl Metric {
    pub fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Instructions => "instructions",
            Self::Syscalls => "syscalls",
            Self::Bytes => "bytes",
            Self::RequestCpu => "request-cpu",
        }
    }

    pub fn unit(self) -> &'static str {
        match self {
            Self::Time => "ns",
            Self::Instructions => "instructions",
            Self::Syscalls => "system calls",
            Self::Bytes => "bytes",
            Self::RequestCpu => "µs CPU",
        }
    }
}

/// A limit, and what it is a limit of.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// At most this share of tokio's.
    OfTokio(f64),
    /// At most this share of tokio's and of async-lock's (which smol's column uses).
    OfTokioAndAsyncLock(f64),
    /// At most this share of the raw loop's.
    OfRaw(f64),
    /// At most this much.
    AtMost(f64),
    /// The interval of the paired ratio reaches down to these shares of the raw loop's and of the
    /// best of tokio, libuv and monoio.
    Interval { of_raw: f64, of_best: f64 },
    /// The whole interval of the paired ratio to the raw loop's is at most this.
    IntervalOfRaw(f64),
    /// The interval of the paired ratio to the better of tokio's two runtimes reaches down to this.
    IntervalOfTokio(f64),
}

/// The goal for one program and one metric, if it has one.
pub fn goal(metric: Metric, program: &str) -> Option<Goal> {
    let goal = match (metric, program) {
        (Metric::Time, "spawn-await") => Goal::OfTokio(0.12),
        (Metric::Time, "spawn-10000") => Goal::OfTokio(0.20),
        (Metric::Time, "yield" | "self-wake") => Goal::OfTokio(0.18),
        (Metric::Time, "ping-pong") => Goal::OfTokio(0.45),
        (Metric::Time, "sleep-cancel") => Goal::OfTokio(0.20),
        (Metric::Time, "sleep-cancel-100000") => Goal::OfTokio(0.22),
        (Metric::Time, "sleeps") => Goal::OfTokio(0.65),
        (Metric::Time, "waker") => Goal::OfTokio(0.27),
        (Metric::Time, "mutex" | "mutex-contended" | "semaphore" | "semaphore-contended") => {
            Goal::OfTokioAndAsyncLock(1.0 / 3.0)
        }
        (Metric::Time, "mpsc") => Goal::OfTokio(0.22),
        (Metric::Time, "oneshot") => Goal::OfTokio(0.40),
        (Metric::Time, "channel-ping-pong") => Goal::OfTokio(0.25),
        (Metric::Time, "gather-1000") => Goal::OfTokio(0.55),
        (Metric::Time, "timeout-ready") => Goal::OfTokio(0.13),
        (Metric::Time, "select-ready" | "select-pending") => Goal::OfTokio(1.0),
        (Metric::Instructions, "spawn-await") => Goal::OfTokio(0.16),
        (Metric::Instructions, "spawn-10000") => Goal::OfTokio(0.22),
        (Metric::Instructions, "yield" | "self-wake") => Goal::OfTokio(0.30),
        (Metric::Instructions, "ping-pong") => Goal::OfTokio(0.45),
        (Metric::Instructions, "sleep-cancel") => Goal::OfTokio(0.40),
        (Metric::Instructions, "echo") => Goal::AtMost(350.0),
        (Metric::Instructions, "http" | "http-1000") => Goal::OfTokio(1.0),
        (Metric::Syscalls, "http" | "http-1000") => Goal::AtMost(2.05),
        (Metric::RequestCpu, "http" | "http-1000") => Goal::IntervalOfTokio(1.0),
        (Metric::Instructions, "hello") => Goal::OfTokio(1.0),
        (Metric::Syscalls, "hello") => Goal::OfRaw(1.01),
        (Metric::RequestCpu, "hello") => Goal::IntervalOfRaw(1.1),
        (Metric::Syscalls, "echo") => Goal::AtMost(2.05),
        (Metric::Syscalls, "connect") => Goal::AtMost(6.1),
        (Metric::Bytes, "memory-sleep") => Goal::AtMost(200.0),
        (Metric::Bytes, "memory-wait") => Goal::AtMost(90.0),
        (Metric::Bytes, "connection") => Goal::AtMost(350.0),
        (Metric::RequestCpu, "echo" | "connect") => Goal::Interval {
            of_raw: 1.05,
            of_best: 1.0,
        },
        _ => return None,
    };
    Some(goal)
}

/// The runtime whose goals these are.
pub const OURS: &str = "myrt";
