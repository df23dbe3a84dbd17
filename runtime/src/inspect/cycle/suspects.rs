//! The wait-for graph: which task waits for which other task alone, and which may still go on.
//!
//! **A guess is no evidence.** An owned guard may be in another task than the one that locked; so
//! may a receiver or a sender, unless it was last used inside its task's own future
//! (`Holder::lend`). Even then it may have moved into a task that was spawned since: so all tasks
//! that its task spawned, and all tasks of unknown parents, must be stuck too. And a task whose
//! waker was cloned may be woken by the clone.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cycle, Tie};
use crate::core::Core;
use crate::executor::extra::children::whole;
use crate::executor::id::Id;
use crate::executor::slot::{
    ATTACHED, CANCEL, CHILD, FINISHING, INTERNAL, MAIN, NESTED, QUEUED, Slot, index_of,
};
use crate::executor::wait::Wait;
use crate::executor::waker_table::Table;
use crate::inspect::of;
use crate::inspect::trace::{TaskInfo, row};

/// So far it is looked who began whom. Beyond nothing is known.
const GENERATIONS: usize = 64;

/// A task that waits for one thing, and that for other tasks.
struct Suspect {
    row: TaskInfo,
    tie: Tie,
    /// For whom: all of them must be stuck for it to be. None, as long as it is looked for.
    awaits: Vec<Id>,
}

pub(super) struct Suspects {
    all: BTreeMap<Id, Suspect>,
    /// The children among them, by parent.
    children: BTreeMap<Id, Vec<Id>>,
    /// Those who have a child that is no suspect.
    have_others: BTreeSet<Id>,
}

impl Suspects {
    /// Those who are stuck.
    pub(super) fn find(core: &Core) -> Self {
        let table = &core.home.table;
        let mut this = Self {
            all: BTreeMap::new(),
            children: BTreeMap::new(),
            have_others: BTreeSet::new(),
        };
        for slot in slots(table) {
            match suspect(core, slot) {
                Some(suspect) => this.add(suspect),
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
        if !this.all.is_empty() {
            this.await_children();
            this.await_heirs(table);
            this.acquit();
        }
        this
    }

    fn add(&mut self, suspect: Suspect) {
        let row = &suspect.row;
        if let Some(parent) = row.parent.filter(|_| row.is_child) {
            self.children.entry(parent).or_default().push(row.id);
        }
        self.all.insert(row.id, suspect);
    }

    /// A parent waits for all of its children, or for nobody.
    fn await_children(&mut self) {
        for (id, suspect) in &mut self.all {
            let children = self.children.get(id);
            let others = self.have_others.contains(id);
            if suspect.tie == Tie::Child {
                suspect.awaits = children.filter(|_| !others).cloned().unwrap_or_default();
            } else if children.is_some() || others {
                // The body of a scope: a child that fails would end its wait.
                suspect.awaits.clear();
            }
        }
    }

    /// Whoever waits for what a task does with a receiver or sender waits also for those who may
    /// have been given it.
    fn await_heirs(&mut self, table: &Table) {
        let mut heirs: BTreeMap<Id, Vec<Id>> = BTreeMap::new();
        let mut ids = Vec::new();
        for (id, suspect) in &self.all {
            if suspect.tie.is_by_handle() {
                ids.push(*id);
                for owner in &suspect.awaits {
                    heirs.entry(*owner).or_default();
                }
            }
        }
        for (owner, heirs) in &mut heirs {
            let may_be = |slot: &&Slot| may_be_begun_by(table, slot, *owner);
            let slots = slots(table).filter(|slot| !slot.has(CHILD | MAIN));
            *heirs = slots
                .filter(may_be)
                .map(|slot| Id::from_identity(slot.identity()))
                .collect();
        }
        for id in ids {
            let awaits = &mut self.all.get_mut(&id).expect("it was just there").awaits;
            let owners = awaits.clone();
            for owner in owners {
                awaits.extend(&heirs[&owner]);
            }
        }
    }

    /// Leaves those who are stuck.
    fn acquit(&mut self) {
        let mut waiters: BTreeMap<Id, Vec<Id>> = BTreeMap::new();
        let mut innocent = Vec::new();
        for (id, suspect) in &self.all {
            let awaits = &suspect.awaits;
            if awaits.is_empty() || awaits.iter().any(|other| !self.all.contains_key(other)) {
                innocent.push(*id);
            }
            for other in awaits {
                waiters.entry(*other).or_default().push(*id);
            }
        }
        while let Some(id) = innocent.pop() {
            if self.all.remove(&id).is_some() {
                innocent.extend(waiters.remove(&id).unwrap_or_default());
            }
        }
    }

    /// Walks from each stuck task to whom it waits for, until the walk comes to where it has been.
    pub(super) fn cycles(&self) -> Vec<Cycle> {
        let mut cycles = Vec::new();
        let mut seen = BTreeSet::new();
        for start in self.all.keys() {
            let mut way = Vec::new();
            let mut next = Some(*start);
            while let Some(id) = next.filter(|id| seen.insert(*id)) {
                way.push(id);
                next = self.all[&id].awaits.first().copied();
            }
            let meets = next.and_then(|id| way.iter().position(|it| *it == id));
            if let Some(place) = meets {
                let circle = way[place..].iter().map(|id| &self.all[id]);
                cycles.push(Cycle {
                    tasks: circle.clone().map(|suspect| suspect.row.clone()).collect(),
                    ties: circle.map(|suspect| suspect.tie).collect(),
                });
            }
        }
        cycles
    }
}

fn slots(table: &Table) -> impl Iterator<Item = &Slot> {
    let all = (0..table.high()).filter_map(|index| table.look(index));
    all.filter(|slot| slot.is_alive())
}

/// The occupant, if it rests, with nothing of its own that goes on beside, and waits for others.
fn suspect(core: &Core, slot: &Slot) -> Option<Suspect> {
    let table = &core.home.table;
    let word = slot.wait_for();
    if slot.has(QUEUED | NESTED | FINISHING | ATTACHED | CANCEL | INTERNAL)
        || Wait::is_among_others(word)
        || of(core).lints.is_some() && core.home.has_waker(slot.key())
    {
        return None;
    }
    let (tie, awaits) = awaits(table, slot, word)?;
    let row = row(table, slot)?;
    Some(Suspect { row, tie, awaits })
}

/// For whom a task must wait, as far as its own wait tells.
fn awaits(table: &Table, slot: &Slot, word: u64) -> Option<(Tie, Vec<Id>)> {
    let published = &table.holders;
    match table.wait(word) {
        // The others say so when they wait. A join is too frequent for that: what it left with the
        // other task tells.
        Wait::Join(id) => table
            .look(index_of(id.identity()))
            .is_none_or(|joined| joined.has(CHILD) || joined.is_joined_by(slot.key()))
            .then(|| (Tie::End, vec![id])),
        Wait::Children => Some((Tie::Child, Vec::new())),
        // Of a message it is not known who else could send it.
        Wait::Channel(_) if Wait::is_for_message(word) => None,
        Wait::Channel(at) => published
            .sure_holder(at)
            .map(|id| (Tie::Capacity, vec![id])),
        Wait::Lock(at) => {
            let holder = published.sure_holder(at)?;
            // Who wants to read while others read waits for the writer before it. (See
            // `RawRwLock`.)
            let first = published.holder(at + 1);
            let first = first.filter(|id| id.identity() != slot.identity());
            match first {
                Some(first) => Some((Tie::Turn, vec![first, holder])),
                None if published.is_unsure(at + 1) => None,
                None => Some((Tie::Lock, vec![holder])),
            }
        }
        _ => None,
    }
}

/// Whether a task was spawned by `owner`, by one that was spawned by it, and so on, as far as is
/// known.
fn may_be_begun_by(table: &Table, slot: &Slot, owner: Id) -> bool {
    let mut slot = slot;
    if slot.identity() == owner.identity() {
        return false;
    }
    for _ in 0..GENERATIONS {
        // Those without a parent were begun outside of any task. The main future has the first
        // place.
        if slot.has(MAIN) || slot.parent() == 0 {
            return false;
        }
        let parent = table.look(slot.parent());
        let alive = |parent: &&Slot| slot.is_child_of(parent) && is_there(parent);
        let Some(parent) = parent.filter(alive) else {
            return true;
        };
        if parent.identity() == owner.identity() {
            return true;
        }
        slot = parent;
    }
    true
}

/// Whether a slot has an occupant, ended or not.
fn is_there(slot: &Slot) -> bool {
    !slot.block().is_null() || slot.has(CHILD)
}

impl Tie {
    /// Whether it rests on where a receiver or sender is.
    fn is_by_handle(self) -> bool {
        matches!(self, Self::Capacity)
    }
}
