//! Counts of one runtime.
//!
//! It exists so that tests and tools can ask how much was done without measuring time. It must not know how.

use std::time::Duration;

use crate::core::Core;

/// What a runtime has counted since it began, and what it holds now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Metrics {
    /// Tasks that have not ended.
    pub tasks: usize,
    /// Tasks that were ever spawned.
    pub spawned: u64,
    /// Tasks that are ready to be polled.
    pub ready: usize,
    /// Polls that the loop made: of tasks and of the main future. Children of scopes and gathers are polled inside of these.
    pub polls: u64,
    /// Times that a task became ready: spawned, or woken while it waited, or given its turn back.
    pub queued: u64,
    /// Turns of the loop.
    pub turns: u64,
    /// The longest time that one turn kept to itself, by the runtime's clock: from the moment it woke up to when it looked at
    /// its timers.
    pub longest_turn: Duration,
    /// Descriptors in the reactor's table.
    pub sources: usize,
    /// Timers that wait.
    pub timers: usize,
    /// Timers that have fired.
    pub timers_fired: u64,
    /// The most that the loop overslept the deadline that it slept for.
    pub timer_lag: Duration,
    /// Times the selector was asked.
    pub selector_waits: u64,
    /// Control calls to the selector: descriptors added, changed, removed.
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
            longest_turn: core.watch.longest_turn(),
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
}
