//! All that watches a runtime: reports, lints, the search for circles, observers, recordings, the
//! monitor.
//!
//! Why apart: the core works without it, and readers of the core never meet it. The interface is
//! `executor/probe.rs`: the core calls [`Inspector`], and any thread may read the task table.

pub(crate) mod choice;
pub(crate) mod cycle;
pub(crate) mod lints;
pub(crate) mod misuse;
pub mod monitor;
pub(crate) mod notices;
pub(crate) mod observe;
pub(crate) mod record;
pub(crate) mod report;
pub(crate) mod trace;
#[cfg(feature = "tracing")]
pub(crate) mod tracing_events;
mod watchdog;

use std::any::Any;
use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use crate::core::Core;
use crate::executor::poll::Batch;
use crate::executor::probe::{End, Ending, Inner, Inspect, LeafNote, ReadyBy};
use crate::executor::slot::Slot;
use crate::sys::stderr::complain;
use lints::{Lookout, drops, starved, unwakeable};
use notices::Notices;
use observe::By;
use record::Running;
use report::{Hook, Lints, Report};
use watchdog::Watchdog;

/// What watches one runtime.
pub(crate) struct Inspector {
    lints: Option<Box<Lookout>>,
    watch: Watchdog,
    notices: Notices,
    /// The recording that is written when the runtime ends.
    recording: RefCell<Option<Running>>,
    /// What was reported and is to be a failure.
    denied: RefCell<Vec<String>>,
    level: Lints,
    /// The program said what a slow poll is.
    says_slow: bool,
    hook: Option<Hook>,
    /// Where clients of the monitor may have recordings written.
    record_dir: Option<PathBuf>,
}

/// What watches `core`.
pub(crate) fn of(core: &Core) -> &Inspector {
    let inspector = core.probe.inspector().map(Inspect::as_any);
    inspector
        .and_then(|it| it.downcast_ref())
        .expect("the builder gave every runtime an inspector")
}

impl Inspector {
    /// Tells the user what was noticed.
    pub(crate) fn report(&self, core: &Core, report: &Report) {
        if self.level == Lints::Off {
            return;
        }
        core.reports.set(core.reports.get() + 1);
        if self.level == Lints::Deny && self.is_failure(report) {
            self.denied.borrow_mut().push(report.to_string());
        }
        match &self.hook {
            Some(hook) => Rc::clone(hook)(report),
            None => complain(format_args!("{report}")),
        }
    }

    /// How fast the machine is is no failure, unless the program said what it expects.
    fn is_failure(&self, report: &Report) -> bool {
        match report {
            Report::SlowPoll { .. } | Report::SlowTurn { .. } => self.says_slow,
            Report::Deadlock { certain, .. } => !certain, // a panic by itself
            _ => true,
        }
    }
}

impl Inspect for Inspector {
    fn turn(&self, core: &Core, number: u64) {
        notices::turned(core, number);
    }

    fn slow_turn(&self, core: &Core, took: Duration) {
        watchdog::slow_turn(core, took);
    }

    fn run_batch(&self, core: &Core, limit: u32) -> Batch {
        watchdog::run_timed(core, limit)
    }

    fn became_ready(&self, core: &Core, by: ReadyBy) {
        match by {
            ReadyBy::Timers(fired) => notices::fired(core, fired),
            ReadyBy::Io => notices::queued(core, By::Io),
            ReadyBy::Outside => notices::queued(core, By::Outside),
        }
    }

    fn poll_begins(&self, core: &Core, task: &Slot, kind: Inner) {
        notices::began(core, task);
        if let (Inner::Eager, Some(lints)) = (kind, &self.lints) {
            lints.begin_eager(task);
        }
    }

    fn poll_ended(&self, core: &Core, task: &Slot, kind: Inner, done: bool) {
        if let (Inner::Eager, Some(lints)) = (kind, &self.lints) {
            lints.end_eager();
        }
        notices::ended(core, task, done);
    }

    fn task_ended(&self, core: &Core, task: &Slot, end: End) {
        match end {
            End::Done => notices::completed(core, task),
            End::ChildFinishes => notices::finishing(core, task),
            End::ChildFreed => notices::released(core, task),
        }
    }

    fn unjoined(&self, core: &Core, task: &Slot, error: &str, panicked: bool) -> bool {
        drops::unjoined(core, task, error, panicked)
    }

    fn error_of(&self, output: &dyn Any) -> Option<String> {
        drops::error_of(output)
    }

    fn before_park(&self, core: &Core, timeout: Option<Duration>, leaps: bool) -> Option<Duration> {
        if leaps {
            watchdog::look_for_cycles(core);
            unwakeable::look(core);
            return timeout;
        }
        notices::parking(core, timeout);
        unwakeable::look(core);
        watchdog::before_park(core, timeout)
    }

    fn after_park(&self, core: &Core, events: usize) {
        watchdog::after_park(core, events);
        notices::unparked(core, events);
    }

    fn leaf(&self, core: &Core, note: LeafNote) {
        match note {
            LeafNote::Waits(leaf, note) => starved::waits(core, leaf, note),
            LeafNote::Granted(leaf) => starved::granted(core, leaf),
            LeafNote::Left(leaf) => starved::left(core, leaf),
            LeafNote::Large(bytes, at) => drops::spawned_large(core, bytes, at),
            LeafNote::Deregistered(token) => drops::deregistered(core, token),
            LeafNote::WakerCalled(key) => lints::waker_called(core, key),
            LeafNote::WakerKept(key) => lints::waker_kept(core, key),
            LeafNote::GaveWay => lints::gave_way(core),
        }
    }

    fn ending(&self, core: &Core, ending: Ending) {
        match ending {
            Ending::Begins => drops::never_polled(core),
            Ending::Over => {
                drops::leaked_descriptors(core);
                record::end(core);
            }
        }
    }

    fn take_failures(&self) -> Vec<String> {
        self.denied.take()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
