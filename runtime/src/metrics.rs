//! Counts of one runtime.
//!
//! Why: tests and tools count what was done instead of measuring time.

use std::time::Duration;

use crate::blocking::{self, PoolStatistics};
use crate::core::Core;
use crate::runtime_loop::Runtime;

/// What a runtime has counted since it began, and what it holds now: the executor, the timers, the
/// reactor. Counts only grow; a difference of two looks says what happened between them.
///
/// tokio's `RuntimeMetrics`. The blocking pool is the process's and has
/// [`blocking_pool`](crate::task::blocking_pool); primitives have their own `statistics()`.
///
/// ```
/// let runtime = myrt::runtime::Runtime::new().unwrap();
/// let before = runtime.metrics();
/// runtime.block_on(async { myrt::yield_now().await });
/// assert_eq!(runtime.metrics().polls - before.polls, 2);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Metrics {
    /// Tasks that have not ended.
    pub tasks: usize,
    /// Tasks that were ever spawned.
    pub spawned: u64,
    /// Tasks that are ready to be polled.
    pub ready: usize,
    /// Polls that the loop made: of tasks and of the main future. Children of scopes and gathers
    /// are polled inside of these.
    pub polls: u64,
    /// Wakes that had an effect: times that a task became ready, because it was spawned, woken
    /// while it waited, or gave its turn back. Waking a task that is ready already does nothing and
    /// is not counted.
    #[doc(alias = "wakes")]
    pub queued: u64,
    /// Turns of the loop.
    pub turns: u64,
    /// What all turns together kept to themselves, by the runtime's clock: polls, timers and wakes,
    /// not the wait in the selector. `busy / turns` is the mean, and what it grows by in a second
    /// says how much room the loop has left.
    pub busy: Duration,
    /// The longest time that one turn kept to itself, by the runtime's clock: from the moment it
    /// woke up to when it looked at its timers.
    pub longest_turn: Duration,
    /// Descriptors in the reactor's table.
    pub sources: usize,
    /// Timers that wait.
    pub timers: usize,
    /// Timers that have fired.
    pub timers_fired: u64,
    /// The most that the loop overslept the deadline that it slept for, by the runtime's clock.
    pub timer_lag: Duration,
    /// Times the selector was asked: a system call each, `epoll_wait` or its like.
    pub selector_waits: u64,
    /// Control calls to the selector, where those are system calls: descriptors added, changed,
    /// removed.
    pub selector_controls: u64,
    /// Events that the selector delivered.
    pub events: u64,
    /// Jobs that run for this runtime outside of its thread.
    pub outside: usize,
    /// Reports made so far (see [`Report`](crate::runtime::Report)).
    pub reports: u64,
    /// Tasks whose futures are gone and whose async cleanups still run.
    pub finishing: usize,
}

impl Metrics {
    pub(crate) fn of(core: &Core) -> Self {
        let (waits, controls) = core.reactor.syscalls();
        let (polls, queued) = core.tasks.ring.counts();
        Self {
            tasks: usize::try_from(core.tasks.live()).unwrap_or(usize::MAX),
            spawned: core.tasks.spawned.get(),
            ready: core.tasks.ring.len(),
            polls,
            queued,
            turns: core.turns.get(),
            busy: Duration::from_nanos(core.busy_ns.get()),
            longest_turn: Duration::from_nanos(core.longest_ns.get()),
            sources: core.reactor.sources.borrow().len(),
            timers: core.timers.len(),
            timers_fired: core.timers.fired.get(),
            timer_lag: core.timers.lag.get(),
            selector_waits: waits,
            selector_controls: controls,
            events: core.reactor.delivered.get(),
            outside: core.outside(),
            reports: core.reports.get(),
            finishing: core.tasks.finishing.get(),
        }
    }

    /// Names and values, durations in microseconds, with the blocking pool's: for the monitor.
    pub(crate) fn rows(&self) -> Vec<(&'static str, u128)> {
        let PoolStatistics {
            threads,
            idle_threads,
            queued_jobs,
        } = blocking::blocking_pool();
        vec![
            ("tasks", self.tasks as u128),
            ("spawned", self.spawned.into()),
            ("ready", self.ready as u128),
            ("finishing", self.finishing as u128),
            ("polls", self.polls.into()),
            ("queued", self.queued.into()),
            ("turns", self.turns.into()),
            ("busy_us", self.busy.as_micros()),
            ("longest_turn_us", self.longest_turn.as_micros()),
            ("sources", self.sources as u128),
            ("timers", self.timers as u128),
            ("timers_fired", self.timers_fired.into()),
            ("timer_lag_us", self.timer_lag.as_micros()),
            ("selector_waits", self.selector_waits.into()),
            ("selector_controls", self.selector_controls.into()),
            ("events", self.events.into()),
            ("outside", self.outside as u128),
            ("reports", self.reports.into()),
            ("blocking_threads", threads as u128),
            ("blocking_idle", idle_threads as u128),
            ("blocking_queued", queued_jobs as u128),
        ]
    }
}

impl Runtime {
    /// What the runtime has counted so far.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        Metrics::of(self.core())
    }
}
