//! One look at the task table, from any thread.
//!
//! For the graph and the monitor. Each row is read between two reads of the slot's key, so a slot
//! that changes its occupant meanwhile is left out.

use std::panic::Location;
use std::sync::atomic::Ordering::Relaxed;

use crate::executor::current;
use crate::executor::extra::children::whole;
use crate::executor::id::Id;
use crate::executor::slot::{CHILD, FINISHING, MAIN, NESTED, QUEUED, Slot};
use crate::executor::times::PollTimes;
use crate::executor::wait::Wait;
use crate::executor::waker_table::Table;

/// What a task is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// It is being polled.
    Running,
    /// It is in the ready queue.
    Ready,
    /// It waits to be woken.
    Waiting,
    /// Its future is gone, its async cleanups run.
    Finishing,
}

impl State {
    /// The state in one word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Ready => "ready",
            Self::Waiting => "waiting",
            Self::Finishing => "finishing",
        }
    }
}

/// What is known about one task, as any thread may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskInfo {
    /// Its id.
    pub id: Id,
    /// Its name, if it was given one.
    pub name: Option<String>,
    /// What it is doing.
    pub state: State,
    /// Where it was spawned.
    pub spawned_at: Option<&'static Location<'static>>,
    /// What it waits for.
    pub waits_for: Wait,
    /// Who has what it waits for, where that is known: the holder of a lock, the task that was the
    /// last to get a permit of a semaphore, the receiver of a full channel.
    pub held_by: Option<Id>,
    /// Whether it waits for something else too (a `select!`, a timeout), or through a foreign
    /// combinator.
    pub waits_for_others: bool,
    /// Where it waits: the line of the `.await`, or of the call that made the future.
    pub waits_at: Option<&'static Location<'static>>,
    /// When it began to wait, in milliseconds since the runtime began.
    pub waits_since_ms: u32,
    /// How often it was polled.
    pub polls: u32,
    /// How long it was polled; none where polls are not timed, as in debug mode they are.
    pub times: Option<PollTimes>,
    /// The task that spawned it, if that is still there.
    pub parent: Option<Id>,
    /// Whether a scope or gather polls it inside of its parent.
    pub is_child: bool,
}

/// Every task of a table that has not ended, in the order of the table.
pub(crate) fn of(table: &Table) -> Vec<TaskInfo> {
    let slots = (0..table.high()).filter_map(|index| table.look(index));
    slots.filter_map(|slot| row(table, slot)).collect()
}

/// The row of one slot; none if it is free, or changes hands while it is read.
pub(crate) fn row(table: &Table, slot: &Slot) -> Option<TaskInfo> {
    let before = slot.key();
    if !slot.is_alive() {
        return None;
    }
    let identity = slot.identity();
    let state = state(table, slot);
    // What a running task has said so far does not hold yet, and its poll is not counted yet.
    let (word, unfinished) = match state {
        State::Running => (0, 1),
        _ => (slot.wait_for(), 0),
    };
    let waits_for = table.wait(word);
    let row = TaskInfo {
        id: Id::from_identity(identity),
        name: table.name(identity),
        state,
        spawned_at: slot.spawned_at(),
        waits_for,
        held_by: (state == State::Waiting)
            .then(|| held_by(table, word))
            .flatten(),
        waits_for_others: Wait::is_among_others(word),
        waits_at: slot.wait_at().filter(|_| word != 0),
        waits_since_ms: slot.since.load(Relaxed),
        polls: slot.polls().wrapping_add(unfinished),
        times: table.times.of(identity),
        parent: parent(table, slot),
        is_child: slot.has(CHILD),
    };
    (slot.key() == before).then_some(row)
}

fn held_by(table: &Table, word: u64) -> Option<Id> {
    let object = Wait::unpack(word).object();
    // What is known of a channel is who receives, whom only those wait for who want a place.
    let object = object.filter(|_| !Wait::is_for_message(word));
    table.holders.holder(object?)
}

fn state(table: &Table, slot: &Slot) -> State {
    let flags = slot.flags();
    if table.runner.key() == slot.key() || flags & NESTED != 0 {
        State::Running
    } else if flags & FINISHING != 0 {
        State::Finishing
    } else if flags & QUEUED != 0 {
        State::Ready
    } else {
        State::Waiting
    }
}

fn parent(table: &Table, slot: &Slot) -> Option<Id> {
    let direct = table.look(slot.parent())?;
    // The body of a scope is a part of its task.
    let parent = whole(|index| table.look(index), direct);
    let is = slot.is_child_of(direct) && parent.is_alive() && !std::ptr::eq(parent, slot);
    is.then(|| Id::from_identity(parent.identity()))
        .filter(|_| !slot.has(MAIN))
}

/// Every task of this thread's runtime that has not ended, the main one and children of scopes
/// included, in the order of the table. asyncio's `all_tasks`. Empty outside of a runtime.
#[doc(alias = "all_tasks")]
#[must_use]
pub fn all() -> Vec<TaskInfo> {
    current::with_core(|core| core.map_or_else(Vec::new, |core| of(&core.home.table)))
}
