//! The watchdog: times turns and polls, and notices deadlocks.
//!
//! It is called at three places: a batch that is timed, the clock reading of a turn, and a sleep.
//! It measures with the system's clock, not the runtime's: a virtual clock stands still while a
//! task blocks. It does not change what runs.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::core::Core;
use crate::executor::current::{self, Hot};
use crate::executor::id::Id;
use crate::executor::poll::{Batch, run_batch};
use crate::executor::probe::Level;
use crate::executor::slot::EXTRAS;
use crate::inspect::cycle::{self, Searched};
use crate::inspect::lints;
use crate::inspect::notices;
use crate::inspect::of;
use crate::inspect::report::{Lints, Report};
use crate::inspect::trace::Graph;
use crate::sys::clock::monotonic_ns;

/// From here on a poll is slow, where the builder does not say.
const SLOW: Duration = Duration::from_millis(100);
/// For how many turns polls are timed after a slow turn.
const TIMED_TURNS: u32 = 1000;
/// How long the loop sleeps before it asks whether anyone can ever wake it.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long another thread that may have a waker is given, where wakers are not counted.
const LONG_PATIENCE: Duration = Duration::from_secs(10);
/// References to a runtime's `Home` that are its own: the core's and the registry's.
const OWN_REFERENCES: usize = 2;

/// See the module's head.
pub(crate) struct Watchdog {
    /// From what duration on a poll is slow.
    slow: Duration,
    /// Every poll is timed, whoever watches.
    always: bool,
    /// Turns for which polls are still timed; `u32::MAX`: all.
    timing: Cell<u32>,
    /// The uncertain deadlock has been told.
    told: Cell<bool>,
    /// That another thread has all wakers has been told.
    told_elsewhere: Cell<bool>,
    /// How long nothing has run.
    idle: Cell<Idle>,
    cycles: Searched,
}

impl Watchdog {
    /// `always`: every poll is timed.
    pub(crate) fn new(slow_poll: Option<Duration>, always: bool) -> Self {
        Self {
            slow: slow_poll.unwrap_or(SLOW),
            always,
            timing: Cell::new(if always { u32::MAX } else { 0 }),
            told: Cell::new(false),
            told_elsewhere: Cell::new(false),
            idle: Cell::new(Idle::Begins),
            cycles: Searched::new(),
        }
    }

    /// From what duration on a poll is slow.
    pub(crate) fn slow(&self) -> Duration {
        self.slow
    }
}

/// Has every poll timed, as long as somebody wants it: an observer, a client of the monitor.
pub(crate) fn time_all(core: &Core, all: bool) {
    let watch = &of(core).watch;
    let always = watch.always || all || core.tasks.observed.get();
    set_timing(core, if always { u32::MAX } else { 0 });
}

fn set_timing(core: &Core, turns: u32) {
    of(core).watch.timing.set(turns);
    core.probe.set_level(if turns == 0 {
        Level::Turns
    } else {
        Level::Polls
    });
}

/// A batch whose polls are timed one by one.
#[cold]
pub(crate) fn run_timed(core: &Core, limit: u32) -> Batch {
    let watch = &of(core).watch;
    // After a slow turn the slow poll is searched for, no sums are made: of a while nobody knows
    // when it was.
    let adds = watch.timing.get() == u32::MAX;
    if !adds {
        set_timing(core, watch.timing.get().saturating_sub(1));
    }
    for _ in 0..limit {
        let Some(slot) = core.tasks.ring.peek() else {
            return Batch::Empty;
        };
        let (identity, spawned_at) = (slot.identity(), slot.spawned_at());
        let name = slot
            .has(EXTRAS)
            .then(|| core.tasks.slots.shared().name(identity))
            .flatten();
        let others = core.tasks.ring.len() - 1;
        let began = monotonic_ns();
        notices::popping(core, slot);
        let batch = lints::watch(core, slot, || run_batch(core, 1));
        notices::ended(core, slot, batch == Batch::Main);
        let took = Duration::from_nanos(monotonic_ns().saturating_sub(began));
        if adds {
            core.tasks.slots.shared().times.add(identity, took);
        }
        if took >= watch.slow() {
            let task = Id::from_identity(identity);
            of(core).report(
                core,
                &Report::SlowPoll {
                    task,
                    name,
                    spawned_at,
                    took,
                    others,
                },
            );
        }
        if batch != Batch::Full {
            return batch;
        }
    }
    Batch::Full
}

/// A turn took long: it is told, and the polls of its successors are timed.
#[cold]
pub(crate) fn slow_turn(core: &Core, took: Duration) {
    if core.probe.sees_polls() || core.timers.clock.is_paused() {
        return;
    }
    set_timing(core, TIMED_TURNS);
    of(core).report(core, &Report::SlowTurn { took });
}

/// The loop has nothing to do and is about to sleep. Before a sleep without a limit this asks
/// whether anything can end it: at once where wakers are counted, after a second else. The answer
/// is how long to sleep: never longer than `timeout`, and shorter only once in an idle period, so
/// that an idle server stays asleep.
pub(crate) fn before_park(core: &Core, timeout: Option<Duration>) -> Option<Duration> {
    let watch = &of(core).watch;
    let counted = core.probe.counts_wakers;
    if timeout.is_some() || core.tasks.live() == 0 && !counted {
        watch.idle.set(Idle::Begins);
        look_for_cycles(core);
        return timeout;
    }
    let idle = watch.idle.get();
    if idle == Idle::Begins && !counted {
        watch.idle.set(Idle::Second);
        return Some(PATIENCE);
    }
    let from = match watch.told.get() {
        true => WakeableFrom::Here,
        false => tell_deadlock(core),
    };
    if from == WakeableFrom::Elsewhere && !watch.told_elsewhere.get() && idle != Idle::Long {
        watch.idle.set(Idle::Long);
        return Some(if counted { PATIENCE } else { LONG_PATIENCE });
    }
    if from == WakeableFrom::Elsewhere && idle == Idle::Long {
        tell_elsewhere(core);
    } else {
        look_for_cycles(core);
    }
    None
}

/// The sleep is over. With `events`, or a message, so is the idle period.
#[inline]
pub(crate) fn after_park(core: &Core, events: usize) {
    if events > 0 || core.has_mail() {
        of(core).watch.idle.set(Idle::Begins);
    }
}

/// Only another thread can end this sleep, and has not done it for a while: says so, once.
#[cold]
fn tell_elsewhere(core: &Core) {
    if !of(core).watch.told_elsewhere.replace(true) && of(core).level != Lints::Deny {
        of(core).report(
            core,
            &Report::OnAnotherThread {
                graph: graph_of(core).to_string(),
                wakers: usize::try_from(core.home.wakers.load(Ordering::Acquire)).unwrap_or(0),
            },
        );
    }
}

fn graph_of(core: &Core) -> Graph {
    let now = core.timers.clock.now();
    Graph::new(&core.home, core.timers.millis(now), now)
}

/// How far an idle period has come. It ends with an event, a message or a timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Idle {
    Begins,
    /// The loop slept for [`PATIENCE`], or does.
    Second,
    /// The loop slept for as long as another thread is given, or does.
    Long,
}

/// Who may still wake a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WakeableFrom {
    /// A descriptor, a job, a message; or there is no task.
    Here,
    /// Another thread.
    Elsewhere,
    /// Nobody, and that has been told.
    Gone,
}

/// Nothing is ready: says which tasks wait for each other, if it is time to look.
#[inline]
pub(crate) fn look_for_cycles(core: &Core) {
    if of(core).watch.cycles.is_due(core.timers.seen()) {
        cycle::look(core, &of(core).watch.cycles);
    }
}

/// If nothing is there that could wake a task: says which task waits for which. In debug mode, where wakers
/// are counted, that is certain, and a panic.
#[cold]
fn tell_deadlock(core: &Core) -> WakeableFrom {
    if core.outside() > 0 || core.reactor.is_anyone_waiting() || core.has_mail() {
        return WakeableFrom::Here;
    }
    let counted = core.probe.counts_wakers;
    let cloned = match counted {
        true => core.home.wakers.load(Ordering::Acquire) > 0,
        false => current::with(Hot::has_cloned_wakers),
    };
    if cloned || Arc::strong_count(&core.home) > OWN_REFERENCES {
        return WakeableFrom::Elsewhere;
    }
    let graph = graph_of(core);
    if graph.tasks().is_empty() {
        return WakeableFrom::Here; // a bare turn(None) of an embedder, with nothing to run
    }
    of(core).watch.told.set(true);
    let report = Report::Deadlock {
        graph: cycle::find(core)
            .iter()
            .fold(graph.to_string(), |text, cycle| {
                text + "In a circle:\n" + &cycle.to_string()
            }),
        certain: counted,
    };
    of(core).report(core, &report);
    assert!(
        !counted,
        "deadlock: every task of this runtime waits for another one (see the report above)"
    );
    WakeableFrom::Gone
}
