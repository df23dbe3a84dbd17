//! Counts of one runtime.
//!
//! It exists so that tests and tools can ask how much was done without measuring time. It must not know how.

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
    /// Turns of the loop.
    pub turns: u64,
    /// Descriptors in the reactor's table.
    pub sources: usize,
    /// Timers that wait.
    pub timers: usize,
    /// Timers that have fired.
    pub timers_fired: u64,
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
        Self {
            tasks: core.tasks.live.get(),
            spawned: core.tasks.spawned.get(),
            ready: core.tasks.ring.len(),
            turns: core.turns.get(),
            sources: core.reactor.sources.borrow().len(),
            timers: core.timers.len(),
            timers_fired: core.timers.fired.get(),
            selector_waits: waits,
            selector_controls: controls,
            events: core.reactor.delivered.get(),
            outside: core.outside(),
            reports: core.reports.get(),
            finishing: core.tasks.finishing.get(),
        }
    }
}
