//! What can be asked about tasks: who I am, who is there.
//!
//! It exists to read the table for users. It must not change anything.

use std::borrow::Cow;
use std::rc::Rc;

use super::children::{is_part, whole_in};
use super::hot;
use super::id::Id;
use super::join::{Cancel, cancel_id};
use super::slot::{DONE, Slot, index_of};
use super::stored::StoredWaker;
use crate::core::Core;
pub use crate::trace::TaskInfo;

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

/// The identity of the task that is running, 0 if none is: what a primitive keeps about its holder, since it costs less
/// than an `Option<Id>`. [`id_of`] makes an id of it.
#[inline]
pub(crate) fn current_identity() -> u64 {
    hot::with(|hot| match hot.whose() {
        slot if is_part(slot) => whole_identity(),
        slot => slot.identity(), // 0 where nobody runs
    })
}

/// The identity of the task that a waker wakes, 0 if it is not known: a foreign waker, or another runtime's.
#[inline]
pub(crate) fn identity_of(waker: &StoredWaker) -> u64 {
    waker.key().map_or(0, |key| {
        hot::with_core(|core| {
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
        self.with(|core, slot| core.tasks.set_name(slot, name));
    }

    /// Cancels it, as [`JoinHandle::cancel`](super::join::JoinHandle::cancel) does. A task that cancels itself ends
    /// at its next `.await` that is not ready.
    #[track_caller]
    pub fn cancel(&self) -> Cancel {
        cancel_id(self.runtime, self.identity, None)
    }

    /// As [`TaskRef::cancel`], with a reason that [`JoinError::reason`](super::JoinError::reason) will give.
    #[track_caller]
    pub fn cancel_with(&self, reason: impl Into<Cow<'static, str>>) -> Cancel {
        cancel_id(self.runtime, self.identity, Some(reason.into()))
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

/// Every task of this thread's runtime that has not ended, the main one and children of scopes included, in the
/// order of the table. asyncio's `all_tasks`. Empty outside of a runtime.
#[doc(alias = "all_tasks")]
#[must_use]
pub fn all() -> Vec<TaskInfo> {
    hot::with_core(|core| core.map_or_else(Vec::new, |core| crate::trace::of(&core.home.table)))
}
