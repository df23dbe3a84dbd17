//! The watchdog: times turns and polls, and notices when nobody can wake anyone.
//!
//! It exists apart from the loop so that the loop stays readable: it hooks in at three places, a batch that is timed,
//! the clock reading of a turn, and a sleep. It reads the system's clock, not the runtime's, for what it times: a
//! virtual clock stands still while a task blocks. It must not change what runs.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::TELLS;
use crate::builder::Lints;
use crate::core::{Config, Core};
use crate::cycle::{self, Searched};
use crate::lookout;
use crate::observe::notice;
use crate::report::Report;
use crate::sys::clock::monotonic_ns;
use crate::task::hot::{self, Hot};
use crate::task::id::Id;
use crate::task::poll::{Batch, run_batch};
use crate::task::slot::RARE;
use crate::time::Instant;
use crate::trace::Graph;

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
    /// From what duration on a poll is slow, in nanoseconds.
    slow_ns: u64,
    /// Turns for which polls are still timed; `u32::MAX`: all.
    timing: Cell<u32>,
    /// The uncertain deadlock has been told.
    told: Cell<bool>,
    /// That another thread has all wakers has been told.
    told_elsewhere: Cell<bool>,
    /// How long nothing has run.
    idle: Cell<Idle>,
    cycles: Searched,
    /// The longest that a turn kept to itself, in nanoseconds.
    longest_ns: Cell<u64>,
    /// What all turns together kept to themselves.
    busy_ns: Cell<u64>,
}

impl Watchdog {
    pub(crate) fn new(config: &Config) -> Self {
        let slow = config.slow_poll.unwrap_or(SLOW);
        let watch = Self {
            slow_ns: u64::try_from(slow.as_nanos()).unwrap_or(u64::MAX),
            timing: Cell::new(0),
            told: Cell::new(false),
            told_elsewhere: Cell::new(false),
            idle: Cell::new(Idle::Begins),
            cycles: Searched::new(),
            longest_ns: Cell::new(0),
            busy_ns: Cell::new(0),
        };
        watch.set_timing(config, false);
        watch
    }

    /// Whether every batch goes through [`run_timed`]: an observer wants it too.
    pub(crate) fn set_timing(&self, config: &Config, observed: bool) {
        let always = observed || config.debug || config.looks || config.slow_poll.is_some();
        self.timing.set(if always { u32::MAX } else { 0 });
    }

    /// Times all polls, or as before.
    pub(crate) fn time_all(&self, core: &Core, all: bool) {
        self.set_timing(&core.config, all || core.tasks.observed.get());
    }

    pub(crate) fn longest_turn(&self) -> Duration {
        Duration::from_nanos(self.longest_ns.get())
    }

    pub(crate) fn busy(&self) -> Duration {
        Duration::from_nanos(self.busy_ns.get())
    }

    /// From what duration on a poll is slow.
    pub(crate) fn slow(&self) -> Duration {
        Duration::from_nanos(self.slow_ns)
    }

    #[inline]
    pub(crate) fn is_timing(&self) -> bool {
        self.timing.get() != 0
    }
}

/// A batch whose polls are timed one by one.
#[cold]
pub(crate) fn run_timed(core: &Core, limit: u32) -> Batch {
    let watch = &core.watch;
    // After a slow turn the slow poll is searched for, no sums are made: of a while nobody knows when it was.
    let adds = watch.timing.get() == u32::MAX;
    if !adds {
        watch.timing.set(watch.timing.get() - 1);
    }
    for _ in 0..limit {
        let Some(slot) = core.tasks.ring.peek() else {
            return Batch::Empty;
        };
        let (identity, spawned_at) = (slot.identity(), slot.spawned_at());
        let name = slot
            .has(RARE)
            .then(|| core.tasks.slots.shared().name(identity))
            .flatten();
        let others = core.tasks.ring.len() - 1;
        let began = monotonic_ns();
        notice::popping(core, slot);
        let batch = lookout::watch(core, slot, || run_batch(core, 1));
        notice::ended(core, slot, batch == Batch::Main);
        let took = Duration::from_nanos(monotonic_ns().saturating_sub(began));
        if adds {
            core.tasks.slots.shared().times.add(identity, took);
        }
        if took >= watch.slow() {
            let task = Id::from_identity(identity);
            core.report(&Report::SlowPoll {
                task,
                name,
                spawned_at,
                took,
                others,
            });
        }
        if batch != Batch::Full {
            return batch;
        }
    }
    Batch::Full
}

/// The turn's reading of the clock. A batch that took long is told, and its successors are timed.
#[inline]
pub(crate) fn look(core: &Core) -> Instant {
    let before = core.timers.seen();
    let now = core.timers.look();
    let took = now.as_nanos().saturating_sub(before.as_nanos());
    if TELLS {
        let watch = &core.watch;
        watch.busy_ns.set(watch.busy_ns.get().wrapping_add(took));
        if took > watch.longest_ns.get() {
            watch.longest_ns.set(took);
        }
    }
    if took >= core.watch.slow_ns {
        slow_turn(core, before, now);
    }
    now
}

#[cold]
fn slow_turn(core: &Core, before: Instant, now: Instant) {
    if core.watch.is_timing() || core.timers.clock.is_paused() {
        return;
    }
    core.watch.timing.set(TIMED_TURNS);
    core.report(&Report::SlowTurn {
        took: now.saturating_duration_since(before),
    });
}

/// The loop has nothing to do and is about to sleep. Before a sleep without a limit this asks whether anything can end it:
/// at once where wakers are counted, after a second else. The answer is how long to sleep: never longer than `timeout`, and
/// shorter only once in an idle period, so that an idle server stays asleep.
pub(crate) fn before_park(core: &Core, timeout: Option<Duration>) -> Option<Duration> {
    let watch = &core.watch;
    let counted = core.counts_wakers();
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
    let hope = match watch.told.get() {
        true => Hope::Here,
        false => tell_deadlock(core),
    };
    if hope == Hope::Elsewhere && !watch.told_elsewhere.get() && idle != Idle::Long {
        watch.idle.set(Idle::Long);
        return Some(if counted { PATIENCE } else { LONG_PATIENCE });
    }
    if hope == Hope::Elsewhere && idle == Idle::Long {
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
        core.watch.idle.set(Idle::Begins);
    }
}

/// Only another thread can end this sleep, and has not done it for a while: says so, once.
#[cold]
fn tell_elsewhere(core: &Core) {
    if !core.watch.told_elsewhere.replace(true) && core.config.lints != Lints::Deny {
        core.report(&Report::OnAnotherThread {
            graph: graph_of(core).to_string(),
            wakers: usize::try_from(core.home.wakers.load(Ordering::Acquire)).unwrap_or(0),
        });
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
enum Hope {
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
    if core.watch.cycles.is_due(core.timers.seen()) {
        cycle::look(core, &core.watch.cycles);
    }
}

/// If nothing is there that could wake a task: says who waits for whom. In debug mode, where wakers are counted,
/// that is certain, and a panic.
#[cold]
fn tell_deadlock(core: &Core) -> Hope {
    if core.outside() > 0 || core.reactor.is_anyone_waiting() || core.has_mail() {
        return Hope::Here;
    }
    let counted = core.counts_wakers();
    let cloned = match counted {
        true => core.home.wakers.load(Ordering::Acquire) > 0,
        false => hot::with(Hot::has_cloned_wakers),
    };
    if cloned || Arc::strong_count(&core.home) > OWN_REFERENCES {
        return Hope::Elsewhere;
    }
    let graph = graph_of(core);
    if graph.tasks().is_empty() {
        return Hope::Here; // a bare turn(None) of an embedder, with nothing to run
    }
    core.watch.told.set(true);
    let report = Report::Deadlock {
        graph: cycle::find(core)
            .iter()
            .fold(graph.to_string(), |text, cycle| {
                text + "In a circle:\n" + &cycle.to_string()
            }),
        certain: counted,
    };
    core.report(&report);
    assert!(
        !counted,
        "deadlock: every task of this runtime waits for another one (see the report above)"
    );
    Hope::Gone
}
