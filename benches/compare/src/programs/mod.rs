//! The programs: one function each, generic over the runtime.
//!
//! The table in this file says what one operation of each program is and how many are timed. An
//! operation is what the user asks for ("spawn a task and wait for it"), never an internal step.

mod combinators;
pub mod hello;
#[cfg(feature = "hyper")]
pub mod http;
mod memory;
mod sync;
mod tasks;
mod timers;

use std::future::Future;

use serde_json::{Value, json};

use crate::peer::{Peer, Unavailable};
use crate::system;

/// A program of the comparison.
#[derive(Debug)]
pub struct Program {
    pub name: &'static str,
    pub what: &'static str,
    /// Operations timed in one child process.
    pub iterations: u64,
    /// Operations counted under callgrind and strace (that many, and twice that many).
    pub counted: u64,
    /// Operations come in batches of this size.
    pub batch: u64,
    pub kind: Kind,
}

/// Which table a program belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Executor and timers: the yardstick takes part.
    Core,
    /// Locks, channels, timeouts.
    Sync,
    /// `gather` and `select!`.
    Combine,
    /// Bytes, not time.
    Memory,
}

const fn core(
    name: &'static str,
    what: &'static str,
    iterations: u64,
    counted: u64,
    batch: u64,
) -> Program {
    Program {
        name,
        what,
        iterations,
        counted,
        batch,
        kind: Kind::Core,
    }
}

const fn sync(
    name: &'static str,
    what: &'static str,
    iterations: u64,
    counted: u64,
    batch: u64,
) -> Program {
    Program {
        name,
        what,
        iterations,
        counted,
        batch,
        kind: Kind::Sync,
    }
}

const fn combine(
    name: &'static str,
    what: &'static str,
    iterations: u64,
    counted: u64,
    batch: u64,
) -> Program {
    Program {
        name,
        what,
        iterations,
        counted,
        batch,
        kind: Kind::Combine,
    }
}

const fn memory(name: &'static str, what: &'static str, tasks: u64) -> Program {
    Program {
        name,
        what,
        iterations: tasks,
        counted: tasks,
        batch: 1,
        kind: Kind::Memory,
    }
}

/// All programs, in the order in which they are printed.
pub const PROGRAMS: &[Program] = &[
    core(
        "spawn-await",
        "spawn one task and await it",
        200_000,
        20_000,
        1,
    ),
    core(
        "spawn-10000",
        "spawn 10,000 tasks, then await them all (an operation is one task)",
        300_000,
        20_000,
        10_000,
    ),
    core(
        "yield",
        "64 tasks yield in turn (an operation is one yield)",
        1_280_000,
        64_000,
        64,
    ),
    core(
        "self-wake",
        "64 tasks wake themselves and return Pending, without the runtime's yield_now",
        1_280_000,
        64_000,
        64,
    ),
    core("yield-one", "one task yields to itself", 300_000, 10_000, 1),
    core(
        "ping-pong",
        "two tasks wake each other through one-value slots (an operation is a round trip)",
        300_000,
        20_000,
        1,
    ),
    core(
        "sleep-cancel",
        "create a sleep, poll it once, drop it",
        400_000,
        20_000,
        1,
    ),
    core(
        "sleep-cancel-100000",
        "the same while 100,000 other sleeps are pending",
        400_000,
        20_000,
        1,
    ),
    core(
        "sleeps",
        "100,000 tasks sleep for up to half a second (an operation is one sleep, spawn included)",
        100_000,
        50_000,
        1,
    ),
    core(
        "waker",
        "clone a task's waker and drop the clone",
        5_000_000,
        200_000,
        1,
    ),
    sync(
        "mutex",
        "lock and unlock a free mutex",
        2_000_000,
        100_000,
        1,
    ),
    sync(
        "mutex-contended",
        "64 tasks; each yields while it holds the mutex",
        256_000,
        32_000,
        64,
    ),
    sync(
        "semaphore",
        "take and give back a free permit",
        2_000_000,
        100_000,
        1,
    ),
    sync(
        "semaphore-contended",
        "64 tasks share 8 permits; each yields while it holds one",
        256_000,
        32_000,
        64,
    ),
    sync(
        "mpsc",
        "a producer streams to a consumer through a channel of 128",
        1_000_000,
        50_000,
        1,
    ),
    sync(
        "oneshot",
        "create a oneshot, send, receive",
        1_000_000,
        50_000,
        1,
    ),
    sync(
        "oneshot-task",
        "create a oneshot, spawn its sender, receive",
        200_000,
        20_000,
        1,
    ),
    sync(
        "channel-ping-pong",
        "two tasks, two channels of 1 (an operation is a round trip)",
        200_000,
        20_000,
        1,
    ),
    combine(
        "gather-1000",
        "gather 1,000 futures which yield once (an operation is one future)",
        300_000,
        20_000,
        1_000,
    ),
    sync(
        "timeout-ready",
        "a timeout around a future that is ready",
        1_000_000,
        50_000,
        1,
    ),
    combine(
        "select-ready",
        "select over a ready and a pending branch",
        2_000_000,
        50_000,
        1,
    ),
    combine(
        "select-pending",
        "select over a branch that yields once and a pending one",
        400_000,
        20_000,
        1,
    ),
    memory(
        "memory-sleep",
        "an idle spawned task that sleeps",
        1_000_000,
    ),
    memory(
        "memory-wait",
        "an idle spawned task that waits for a wake",
        1_000_000,
    ),
];

/// The program of that name.
pub fn find(name: &str) -> Option<&'static Program> {
    PROGRAMS.iter().find(|program| program.name == name)
}

/// Runs one program in this process and reports it as one JSON object.
///
/// # Errors
/// When the runtime is not available on this machine.
pub fn run<P: Peer>(
    program: &Program,
    iterations: u64,
    warm_up: u64,
) -> Result<Value, Unavailable> {
    let n = iterations;
    let w = warm_up;
    match program.name {
        "spawn-await" => timed::<P, _>(w, n, tasks::spawn_await),
        "spawn-10000" => timed::<P, _>(w, n, tasks::spawn_many),
        "yield" => timed::<P, _>(w, n, tasks::yield_many),
        "self-wake" => timed::<P, _>(w, n, tasks::self_wake),
        "yield-one" => timed::<P, _>(w, n, tasks::yield_one),
        "ping-pong" => timed::<P, _>(w, n, tasks::ping_pong),
        "waker" => timed::<P, _>(w, n, tasks::clone_waker),
        "sleep-cancel" => timed::<P, _>(w, n, timers::create_and_cancel),
        "sleep-cancel-100000" => timers::create_and_cancel_among_many::<P>(n),
        "sleeps" => timers::pending_sleeps::<P>(n),
        "mutex" => timed::<P, _>(w, n, sync::mutex),
        "mutex-contended" => timed::<P, _>(w, n, sync::mutex_contended),
        "semaphore" => timed::<P, _>(w, n, sync::semaphore),
        "semaphore-contended" => timed::<P, _>(w, n, sync::semaphore_contended),
        "mpsc" => timed::<P, _>(w, n, sync::stream),
        "oneshot" => timed::<P, _>(w, n, sync::oneshot),
        "oneshot-task" => timed::<P, _>(w, n, sync::oneshot_task),
        "channel-ping-pong" => timed::<P, _>(w, n, sync::channel_ping_pong),
        "gather-1000" => timed::<P, _>(w, n, combinators::gather_thousand),
        "timeout-ready" => timed::<P, _>(w, n, combinators::timeout_ready),
        "select-ready" => timed::<P, _>(w, n, combinators::select_ready),
        "select-pending" => timed::<P, _>(w, n, combinators::select_pending),
        "memory-sleep" => memory::sleeping_tasks::<P>(n),
        "memory-wait" => memory::waiting_tasks::<P>(n),
        other => Err(Unavailable(format!("no program {other}"))),
    }
}

/// An untimed run first, so that pools and caches are warm, then the timed one.
fn timed<P: Peer, F>(
    warm_up: u64,
    iterations: u64,
    program: impl Fn(P, u64) -> F,
) -> Result<Value, Unavailable>
where
    F: Future<Output = ()>,
{
    P::block_on(|peer| async move {
        program(peer, warm_up).await;
        let span = Span::start();
        program(peer, iterations).await;
        span.report(iterations)
    })
}

/// Wall and CPU time of a stretch of a program.
struct Span {
    wall: u64,
    cpu: u64,
}

impl Span {
    fn start() -> Self {
        Self {
            wall: system::monotonic_ns(),
            cpu: system::process_cpu_ns(),
        }
    }

    fn report(self, operations: u64) -> Value {
        let cpu = system::process_cpu_ns() - self.cpu;
        let wall = system::monotonic_ns() - self.wall;
        json!({
            "operations": operations,
            "wall_ns": wall as f64 / operations as f64,
            "cpu_ns": cpu as f64 / operations as f64,
        })
    }
}
