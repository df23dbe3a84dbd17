//! Tasks that wait for each other in a circle, found while the rest of the program goes on.
//!
//! It exists because a deadlock of two tasks is no deadlock of the program: a server still listens, timers still fire, and
//! so nothing hangs that anybody would look at. It is searched where the loop is about to sleep, at once in debug mode
//! and where misuse is looked for, else once a second at most and never for more than a thousandth of the time.
//!
//! A task is *stuck* when the one thing it waits for can only come from a stuck task: the end of that task, a lock that it
//! holds, its reading of a channel that is full. Everybody is suspected who waits for such a thing and for nothing
//! beside it; whoever waits for somebody unsuspected is acquitted, and so on until nobody is left to acquit. Each circle
//! among the rest is a report. It must not know how a report is told, and it changes nothing.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use crate::TELLS;
use crate::builder::Lints;
use crate::core::Core;
use crate::report::Report;
use crate::sys::clock::monotonic_ns;
use crate::task::children::whole;
use crate::task::id::Id;
use crate::task::slot::{
    ATTACHED, CANCEL, CHILD, FINISHING, INTERNAL, NESTED, QUEUED, Slot, index_of,
};
use crate::task::table::Table;
use crate::task::wait::Wait;
use crate::time::Instant;
use crate::trace::{TaskInfo, is_alive, row, title};

/// The shortest time between two searches, outside of debug mode.
const PAUSE: Duration = Duration::from_secs(1);
/// A search may take one part of so many of the time.
const SHARE: u32 = 1000;
/// With more slots than this in the table, only debug mode searches: one search would stop the loop for milliseconds.
const MOST_SLOTS: u32 = 100_000;
/// With more slots than this, debug mode rests too, twenty times as long as a search took: else each step of a virtual clock
/// would look at every task.
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
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let followers = self.tasks.iter().cycle().skip(1);
        for (task, next) in self.tasks.iter().zip(followers) {
            write!(f, "  task {}", title(task))?;
            if let Some(at) = task.spawned_at {
                write!(f, ", spawned at {at},")?;
            }
            write!(f, " waits {}", for_what(task.waits_for, next))?;
            match task.waits_at {
                Some(at) => writeln!(f, " at {at}")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}

fn for_what(wait: Wait, next: &TaskInfo) -> String {
    let next = title(next);
    match wait {
        Wait::Join(_) => format!("for the end of task {next}"),
        Wait::Children => format!("for its child {next}"),
        Wait::Channel(at) => {
            format!("for a place in the channel at {at:#x}, which task {next} receives,")
        }
        wait => match wait.object() {
            Some(at) => format!("for the lock at {at:#x}, which task {next} holds,"),
            None => format!("for task {next}"),
        },
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
    let eager = core.counts_wakers();
    let never = core.config.lints == Lints::Off
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
    let cycles = find(&core.home.table);
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
            core.report(&Report::Cycle(cycle));
        }
    }
}

/// The circles among the tasks of a table.
pub(crate) fn find(table: &Table) -> Vec<Cycle> {
    let mut suspects = Suspects::of(table);
    if suspects.rows.is_empty() {
        return Vec::new();
    }
    suspects.acquit();
    suspects.cycles()
}

struct Suspects {
    rows: BTreeMap<Id, TaskInfo>,
    /// The children among them, by parent.
    children: BTreeMap<Id, Vec<Id>>,
    /// Those who have a child that is no suspect.
    have_others: BTreeSet<Id>,
}

impl Suspects {
    /// Whoever waits for one thing, and that for another task.
    fn of(table: &Table) -> Self {
        let mut this = Self {
            rows: BTreeMap::new(),
            children: BTreeMap::new(),
            have_others: BTreeSet::new(),
        };
        for index in 0..table.high() {
            let Some(slot) = table.look(index).filter(|slot| is_alive(slot)) else {
                continue;
            };
            let suspect = is_suspect(table, slot).then(|| row(table, slot)).flatten();
            match suspect.filter(TaskInfo::waits_for_a_task) {
                Some(row) => {
                    if let Some(parent) = row.parent.filter(|_| row.is_child) {
                        this.children.entry(parent).or_default().push(row.id);
                    }
                    this.rows.insert(row.id, row);
                }
                None if slot.has(CHILD) => {
                    if let Some(parent) = table.look(slot.parent()) {
                        let parent = whole(|index| table.look(index), parent);
                        this.have_others
                            .insert(Id::from_identity(parent.identity()));
                    }
                }
                None => {}
            }
        }
        this
    }

    /// For whom a suspect waits; all of them must be stuck for it to be. Empty: it is not.
    fn awaited(&self, row: &TaskInfo) -> Vec<Id> {
        let children = self.children.get(&row.id);
        let is_parent = children.is_some() || self.have_others.contains(&row.id);
        match row.waits_for {
            Wait::Children if self.have_others.contains(&row.id) => Vec::new(),
            Wait::Children => children.cloned().unwrap_or_default(),
            // The body of a scope: a child that fails would end its wait.
            _ if is_parent => Vec::new(),
            Wait::Join(id) => vec![id],
            _ => row.held_by.into_iter().collect(),
        }
    }

    /// Leaves those who are stuck.
    fn acquit(&mut self) {
        let mut waiters: BTreeMap<Id, Vec<Id>> = BTreeMap::new();
        let mut innocent = Vec::new();
        for row in self.rows.values() {
            let awaited = self.awaited(row);
            if awaited.is_empty() || awaited.iter().any(|id| !self.rows.contains_key(id)) {
                innocent.push(row.id);
            }
            for id in awaited {
                waiters.entry(id).or_default().push(row.id);
            }
        }
        while let Some(id) = innocent.pop() {
            if self.rows.remove(&id).is_some() {
                innocent.extend(waiters.remove(&id).unwrap_or_default());
            }
        }
    }

    /// Walks from each stuck task to whom it waits for, until the walk comes to where it has been.
    fn cycles(&self) -> Vec<Cycle> {
        let mut cycles = Vec::new();
        let mut seen = BTreeSet::new();
        for start in self.rows.keys() {
            let mut way = Vec::new();
            let mut next = Some(*start);
            while let Some(id) = next.filter(|id| seen.insert(*id)) {
                way.push(id);
                let row = &self.rows[&id];
                next = self.awaited(row).first().copied();
            }
            let meets = next.and_then(|id| way.iter().position(|it| *it == id));
            if let Some(place) = meets {
                let circle = &way[place..];
                let tasks = circle.iter().map(|id| self.rows[id].clone()).collect();
                cycles.push(Cycle { tasks });
            }
        }
        cycles
    }
}

/// Whether the occupant rests, with nothing of its own that goes on beside.
fn is_suspect(table: &Table, slot: &Slot) -> bool {
    let word = slot.wait_for();
    if slot.has(QUEUED | NESTED | FINISHING | ATTACHED | CANCEL | INTERNAL)
        || Wait::is_among_others(word)
    {
        return false;
    }
    match table.wait(word) {
        // The others say so when they wait. A join is too frequent for that: what it left with the other task tells.
        Wait::Join(id) => table
            .look(index_of(id.identity()))
            .is_none_or(|joined| joined.has(CHILD) || joined.is_joined_by(slot.key())),
        _ => true,
    }
}

impl TaskInfo {
    /// Whether a task is known without which it cannot go on.
    fn waits_for_a_task(&self) -> bool {
        match self.waits_for {
            Wait::Join(_) | Wait::Children => true,
            Wait::Lock(_) | Wait::Channel(_) => self.held_by.is_some(),
            _ => false,
        }
    }
}
