//! Finds tasks that wait for each other in a circle, while the rest of the program goes on.
//!
//! Why: a deadlock of two tasks is no deadlock of the program: a server still listens, timers still
//! fire, and nothing else hangs. The search runs before the loop sleeps: each time in debug mode
//! and with lints, else once a second at most and never for more than a thousandth of the time.
//!
//! A task is *stuck* when the one thing it waits for can only come from a stuck task: the end of
//! that task, a lock that it holds, its reading of a channel that is full. The search begins with
//! all tasks that wait for such a thing and for nothing else. It removes each task that waits for a
//! task outside this set, until no more can be removed. Each circle among the rest is a report. The
//! rules of who waits for whom are in `suspects.rs`.

mod suspects;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use suspects::Suspects;

use crate::core::Core;
use crate::executor::id::Id;
use crate::executor::probe::TELLS;
use crate::executor::wait::Wait;
use crate::inspect::of;
use crate::inspect::report::{Lints, Report};
use crate::inspect::trace::{TaskInfo, title};
use crate::sys::clock::monotonic_ns;
use crate::time::Instant;

/// The shortest time between two searches, outside of debug mode.
const PAUSE: Duration = Duration::from_secs(1);
/// A search may take one part of so many of the time.
const SHARE: u32 = 1000;
/// With more slots than this in the table, only debug mode searches: one search would stop the loop
/// for milliseconds.
const MOST_SLOTS: u32 = 100_000;
/// With more slots than this, debug mode rests too, twenty times as long as a search took: else
/// each step of a virtual clock would look at every task.
const FEW_SLOTS: u32 = 1000;
const DEBUG_SHARE: u64 = 20;
/// After so many circles nothing new is learned.
const MOST_TOLD: usize = 100;

/// Tasks that wait for each other in a circle: none of them can go on unless one is cancelled.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cycle {
    /// Each waits for the next, and the last for the first.
    pub tasks: Vec<TaskInfo>,
    /// How each is tied to the next.
    ties: Vec<Tie>,
}

/// Why one task must wait for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tie {
    /// For its end.
    End,
    /// For it, a child.
    Child,
    /// For a lock that it holds.
    Lock,
    /// For the lock's next turn, which is its.
    Turn,
    /// For a place in a channel that it receives.
    Capacity,
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let followers = self.tasks.iter().cycle().skip(1);
        let ties = self.ties.iter();
        for ((task, next), tie) in self.tasks.iter().zip(followers).zip(ties) {
            write!(f, "  task {}", title(task))?;
            if let Some(at) = task.spawned_at {
                write!(f, ", spawned at {at},")?;
            }
            write!(f, " waits {}", tie.in_words(task.waits_for, &title(next)))?;
            match task.waits_at {
                Some(at) => writeln!(f, " at {at}")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}

impl Tie {
    fn in_words(self, wait: Wait, next: &str) -> String {
        let at = wait.object().unwrap_or_default();
        match self {
            Self::End => format!("for the end of task {next}"),
            Self::Child => format!("for its child {next}"),
            Self::Lock => format!("for the lock at {at:#x}, which task {next} holds,"),
            Self::Turn => {
                format!("for the lock at {at:#x}, behind task {next}, which wants it alone,")
            }
            Self::Capacity => {
                format!("for a place in the channel at {at:#x}, which task {next} receives,")
            }
        }
    }
}

/// When it is searched next, and what was found.
pub(crate) struct Searched {
    /// From this moment of the loop's clock on.
    next: Cell<Instant>,
    /// From this moment of the system's clock on, in debug mode.
    rests_until_ns: Cell<u64>,
    told: RefCell<BTreeSet<Vec<Id>>>,
}

impl Searched {
    pub(crate) fn new() -> Self {
        Self {
            next: Cell::new(Instant::from_nanos(0)),
            rests_until_ns: Cell::new(0),
            told: RefCell::default(),
        }
    }

    /// Whether it is time to look: one comparison, where the loop is about to sleep.
    #[inline]
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        TELLS && now >= self.next.get()
    }
}

/// Searches, and tells each circle once.
#[cold]
pub(crate) fn look(core: &Core, searched: &Searched) {
    let now = core.timers.seen();
    let eager = core.probe.counts_wakers;
    let never = of(core).level == Lints::Off
        || searched.told.borrow().len() >= MOST_TOLD
        || !eager && core.timers.clock.is_paused();
    if never {
        return searched.next.set(Instant::FAR_FUTURE);
    }
    let settled = now.saturating_duration_since(core.timers.start()) >= PAUSE;
    let is_small = core.home.table.high() <= MOST_SLOTS;
    if !(eager || settled && is_small) {
        return searched.next.set(now + PAUSE);
    }
    let many = core.home.table.high() > FEW_SLOTS;
    let began = monotonic_ns();
    if eager && many && began < searched.rests_until_ns.get() {
        return;
    }
    let cycles = find(core);
    let took = monotonic_ns().saturating_sub(began);
    if eager {
        searched.rests_until_ns.set(began + DEBUG_SHARE * took);
    } else {
        let rest = Duration::from_nanos(took) * SHARE;
        searched.next.set(now + PAUSE.max(rest));
    }
    for cycle in cycles {
        let ids = cycle.tasks.iter().map(|task| task.id).collect();
        // The hook that is told may run anything: nothing is borrowed while it does.
        let is_new = searched.told.borrow_mut().insert(ids);
        if is_new {
            of(core).report(core, &Report::Cycle(cycle));
        }
    }
}

/// The circles among the tasks of a runtime.
pub(crate) fn find(core: &Core) -> Vec<Cycle> {
    Suspects::find(core).cycles()
}
