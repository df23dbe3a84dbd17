//! What can be asked about tasks: who I am, who is there.
//!
//! It exists to read the table for users. It must not change anything.

use std::panic::Location;
use std::rc::Rc;

use super::hot;
use super::id::Id;
use super::join::{Cancel, cancel_id};
use super::slot::{ATTACHED, CHILD, DONE, FINISHING, INTERNAL, MAIN, QUEUED, Slot};
use super::wait::Wait;
use crate::core::Core;

/// The task that is running.
///
/// asyncio's `current_task`.
///
/// # Panics
/// Outside of a task.
#[doc(alias = "current_task")]
#[must_use]
#[track_caller]
pub fn current() -> TaskRef {
    try_current().expect("task::current was called outside of a task")
}

/// The task that is running, if one is.
#[must_use]
pub fn try_current() -> Option<TaskRef> {
    hot::with(|hot| {
        let core = hot::core(hot)?;
        hot.slot().map(|slot| TaskRef {
            identity: slot.identity(),
            runtime: core.serial,
        })
    })
}

/// The id of the task that is running, if one is.
#[inline]
#[must_use]
pub fn try_current_id() -> Option<Id> {
    hot::with(|hot| hot.slot().map(|slot| Id::from_identity(slot.identity())))
}

/// Names a task without owning anything of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TaskRef {
    identity: u64,
    runtime: u64,
}

impl TaskRef {
    pub(crate) fn new(identity: u64, runtime: u64) -> Self {
        Self { identity, runtime }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> Id {
        Id::from_identity(self.identity)
    }

    /// Its name, if it has one and has not ended.
    #[must_use]
    pub fn name(&self) -> Option<Rc<str>> {
        self.with(|core, slot| {
            core.tasks
                .rares
                .peek(slot, |rare| rare.name.clone())
                .flatten()
        })
        .flatten()
    }

    /// Gives it a name.
    pub fn set_name(&self, name: impl Into<Rc<str>>) {
        let name = name.into();
        let old =
            self.with(|core, slot| core.tasks.rares.with(slot, |rare| rare.name.replace(name)));
        drop(old);
    }

    /// Cancels it, as [`JoinHandle::cancel`](super::join::JoinHandle::cancel) does. A task that cancels itself ends
    /// at its next `.await` that is not ready.
    #[track_caller]
    pub fn cancel(&self) -> Cancel {
        cancel_id(self.runtime, self.identity, None)
    }

    /// Whether it was asked to end while it was being polled, and will at its next `.await` that is not ready.
    #[must_use]
    pub fn is_cancelling(&self) -> bool {
        self.with(|_, slot| slot.has(super::slot::CANCEL))
            .unwrap_or(false)
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.with(|_, slot| slot.has(DONE)).unwrap_or(true)
    }

    fn with<R>(&self, f: impl FnOnce(&Core, &Slot) -> R) -> Option<R> {
        hot::with_core(|core| {
            let core = core.filter(|core| core.serial == self.runtime)?;
            core.tasks.find(self.identity).map(|slot| f(core, slot))
        })
    }
}

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
    /// It has ended, and its output has not been taken.
    Done,
}

/// What is known about one task.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskInfo {
    /// Its id.
    pub id: Id,
    /// Its name, if it has one.
    pub name: Option<Rc<str>>,
    /// What it is doing.
    pub state: State,
    /// Where it was spawned.
    pub spawned_at: Option<&'static Location<'static>>,
    /// What it waits for.
    pub waits_for: Wait,
    /// Where it waits.
    pub waits_at: Option<&'static Location<'static>>,
    /// The task that spawned it, if that is still there.
    pub parent: Option<Id>,
    /// How often it was polled.
    pub polls: u32,
    /// When it began to wait, in milliseconds since the runtime began.
    pub waits_since_ms: u32,
    /// Size of its future in bytes; none for the main future and for children of a scope.
    pub future_size: Option<usize>,
    /// The type of its future; none for the main future and for children of a scope.
    pub type_name: Option<&'static str>,
}

/// Every task of this thread's runtime that has not ended, the main one and children of scopes included, in the
/// order of the table. asyncio's `all_tasks`. Empty outside of a runtime.
#[doc(alias = "all_tasks")]
#[must_use]
pub fn all() -> Vec<TaskInfo> {
    hot::with_core(|core| core.map_or_else(Vec::new, all_of))
}

pub(crate) fn all_of(core: &Core) -> Vec<TaskInfo> {
    let slots = (0..core.tasks.slots.high()).filter_map(|index| core.tasks.slots.get(index));
    slots
        .filter(|slot| is_alive(slot))
        .map(|slot| info_of(core, slot))
        .collect()
}

fn is_alive(slot: &Slot) -> bool {
    let there = !slot.block().is_null() || slot.has(CHILD | MAIN);
    there && !slot.has(DONE | INTERNAL)
}

fn info_of(core: &Core, slot: &Slot) -> TaskInfo {
    let described = super::poll::describe(slot);
    TaskInfo {
        id: Id::from_identity(slot.identity()),
        name: core
            .tasks
            .rares
            .peek(slot, |rare| rare.name.clone())
            .flatten(),
        state: state_of(slot),
        spawned_at: slot.spawned_at(),
        waits_for: Wait::unpack(slot.wait_for()),
        waits_at: slot.wait_at().filter(|_| slot.wait_for() != 0),
        parent: parent_of(core, slot),
        polls: slot.polls.load(std::sync::atomic::Ordering::Relaxed),
        waits_since_ms: slot.since.load(std::sync::atomic::Ordering::Relaxed),
        future_size: described.map(|(size, _)| size),
        type_name: described.map(|(_, name)| name),
    }
}

fn state_of(slot: &Slot) -> State {
    let running = hot::with(|hot| {
        hot.slot()
            .is_some_and(|running| std::ptr::eq(running, slot))
    });
    let flags = slot.flags();
    match flags {
        _ if running || flags & super::slot::NESTED != 0 => State::Running,
        _ if flags & FINISHING != 0 => State::Finishing,
        _ if flags & QUEUED != 0 => State::Ready,
        _ if flags & ATTACHED != 0 => State::Waiting,
        _ => State::Waiting,
    }
}

fn parent_of(core: &Core, slot: &Slot) -> Option<Id> {
    let parent = core.tasks.slots.get(slot.parent())?;
    let is = slot.is_child_of(parent) && is_alive(parent) && !std::ptr::eq(parent, slot);
    is.then(|| Id::from_identity(parent.identity()))
}
