//! What can be asked about tasks: who I am, who is there.
//!
//! It exists to read the table for users. It must not change anything.

use std::borrow::Cow;
use std::ptr::NonNull;
use std::rc::Rc;

use super::block;
use super::current::{core, with, with_core};
use super::extra::children::{is_part, whole_in};
use super::id::Id;
use super::join::{Cancel, cancel_id, elsewhere, is_over};
use super::registry;
use super::slot::{CANCEL, CHILD, DONE, MAIN, Slot, index_of};
use super::stored::StoredWaker;
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
    with(|hot| {
        let core = core(hot)?;
        hot.slot().map(|slot| TaskRef {
            identity: whole_in(core, slot).identity(),
            runtime: core.serial,
        })
    })
}

/// The id of the task that is running, if one is.
#[inline]
#[must_use]
pub fn try_current_id() -> Option<Id> {
    id_of(current_identity())
}

/// Whether the running task was cancelled in this poll: it ends at the await that is pending now,
/// and what wraps that may not go on instead, as a timeout would whose time is over.
pub(crate) fn is_cancelling() -> bool {
    with(|hot| match (core(hot), hot.slot()) {
        (Some(core), Some(slot)) => slot.has(CANCEL) || whole_in(core, slot).has(CANCEL),
        _ => false,
    })
}

/// The identity of the task that is running, 0 if none is: what a primitive keeps about its holder,
/// since it costs less than an `Option<Id>`. [`id_of`] makes an id of it.
#[inline]
pub(crate) fn current_identity() -> u64 {
    with(|hot| match hot.whose() {
        slot if is_part(slot) => whole_identity(),
        slot => slot.identity(), // 0 where nobody runs
    })
}

/// The identity of the task that a waker wakes, 0 if it is not known: a foreign waker, or another
/// runtime's.
#[inline]
pub(crate) fn identity_of(waker: &StoredWaker) -> u64 {
    waker.key().map_or(0, |key| {
        with_core(|core| {
            let slot = core.and_then(|core| Some((core, core.tasks.slots.get(index_of(key))?)));
            match slot {
                Some((core, slot)) if slot.key() == key => whole_in(core, slot).identity(),
                _ => 0,
            }
        })
    })
}

/// The identity of the task whose part is running.
#[cold]
fn whole_identity() -> u64 {
    try_current().map_or(0, |task| task.identity)
}

/// Whether what stands at `address` is a part of a task's own future, so that no other task can
/// have it unless it is moved there. A child of a scope has nothing of its own in this sense, since
/// its parent may lend to several, nor has the main future, which lies on the stack.
pub(crate) fn owns(task: u64, address: usize) -> bool {
    with_core(|core| {
        let slot = core.and_then(|core| core.tasks.find(task));
        let whole = slot.filter(|slot| !slot.has(CHILD | MAIN | DONE));
        let block = whole.and_then(|slot| NonNull::new(slot.block()));
        // SAFETY: a task that has not ended has a live block.
        block.is_some_and(|block| unsafe { block::spans(block, address) })
    })
}

/// The id that [`current_identity`] gave.
pub(crate) fn id_of(identity: u64) -> Option<Id> {
    (identity != 0).then(|| Id::from_identity(identity))
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
        self.here(|core| {
            let slot = core.tasks.find(self.identity)?;
            let extras = &core.tasks.extras;
            extras.peek(slot, |extras| extras.name.clone()).flatten()
        })
        .unwrap_or_else(|| {
            let home = registry::by_serial(self.runtime)?;
            home.table.name(self.identity).map(Rc::from)
        })
    }

    /// Gives it a name.
    pub fn set_name(&self, name: impl Into<Rc<str>>) {
        let name = name.into();
        self.here(|core| {
            if let Some(slot) = core.tasks.find(self.identity) {
                core.tasks.set_name(slot, name);
            }
        });
    }

    /// Cancels it, as [`JoinHandle::cancel`](super::join::JoinHandle::cancel) does. A task that
    /// cancels itself ends at its next `.await` that is not ready, also inside of a timeout whose
    /// time is over; or, if it returns before that, there: as cancelled, without its output, as
    /// asyncio's does. A panic is kept.
    #[track_caller]
    pub fn cancel(&self) -> Cancel {
        cancel_id(self.runtime, self.identity, None)
    }

    /// As [`TaskRef::cancel`], with a reason that [`JoinError::reason`](super::JoinError::reason)
    /// will give.
    #[track_caller]
    pub fn cancel_with(&self, reason: impl Into<Cow<'static, str>>) -> Cancel {
        cancel_id(self.runtime, self.identity, Some(reason.into()))
    }

    /// Whether it was asked to end while it was being polled, and will at its next `.await` that is
    /// not ready.
    #[must_use]
    pub fn is_cancelling(&self) -> bool {
        self.flags().is_some_and(|flags| flags & CANCEL != 0)
    }

    /// Whether it has ended. It may be asked anywhere, as
    /// [`JoinHandle::is_finished`](super::join::JoinHandle::is_finished).
    #[must_use]
    pub fn is_finished(&self) -> bool {
        is_over(self.runtime, self.identity)
    }

    /// None: it has ended.
    fn flags(&self) -> Option<u16> {
        self.here(|core| core.tasks.find(self.identity).map(Slot::flags))
            .unwrap_or_else(|| elsewhere(self.runtime, self.identity))
    }

    /// Calls `f` with the task's runtime, if the thread is inside of it.
    fn here<R>(&self, f: impl FnOnce(&Core) -> R) -> Option<R> {
        with_core(|core| core.filter(|core| core.serial == self.runtime).map(f))
    }
}

/// Which runtime this thread is inside of: a number that is never used again.
#[doc(hidden)]
#[must_use]
pub fn runtime_serial() -> Option<u64> {
    with_core(|core| core.map(|core| core.serial))
}
