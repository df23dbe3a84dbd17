//! The lints: notice mistakes in how tasks and futures are used, in runtimes that were asked to
//! look.
//!
//! Why apart: a runtime without lints pays nothing. Its batches are not polled one by one, its
//! wakers have the vtable that counts nothing, and what waiting futures ask
//! ([`looks`](crate::executor::current::looks)) is one byte of the thread's state, off the paths of
//! spawn, wake and yield. Each mistake has its criterion at the top of its own file. No borrow is
//! held during a report, because the hook is user code. Lints do not change what runs.
//!
//! `busy_loops.rs` tasks that wake themselves, tasks that never wait · `starved.rs` granted, and
//! not polled · `unwakeable.rs` waiting without a waker · `drops.rs` what ended badly: unpolled,
//! unjoined, unregistered.

mod busy_loops;
pub(crate) mod drops;
pub(crate) mod starved;
pub(crate) mod unwakeable;

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::panic::Location;
use std::ptr;

use crate::core::Core;
use crate::executor::current::{self, Hot};
use crate::executor::id::Id;
use crate::executor::poll::Batch;
use crate::executor::slot::{CHILD, DONE, FINISHING, QUEUED, Slot};
use crate::inspect::misuse::{Culprit, Misuse};
use crate::inspect::of;
use crate::inspect::report::Report;

/// What one runtime's lookout knows.
#[derive(Default)]
pub(crate) struct Lookout {
    /// What was told, so that each cause is told once: the page, and what tells causes apart.
    told: RefCell<HashSet<(&'static str, u64)>>,
    /// Identity of the task from the ready ring that is polled, and its key; 0: none.
    root: Cell<u64>,
    root_key: Cell<u64>,
    /// What these two were in the polls inside of which a task that is spawned eagerly is polled.
    outer: RefCell<Vec<(u64, u64)>>,
    /// Polls of tasks from the ring so far.
    poll: Cell<u64>,
    /// The task that is polled woke itself, through a waker that a future called.
    woke_itself: Cell<bool>,
    /// A part of it gave way by a waker that is not the runtime's: that of a foreign combinator,
    /// which passes it on.
    gave_way: Cell<bool>,
    /// In this poll somebody kept or compared a waker of the task that is polled.
    kept: Cell<bool>,
    habits: busy_loops::Habits,
    leaves: starved::Leaves,
    alone: unwakeable::Alone,
}

impl Lookout {
    /// Whether this is the first time that a page's mistake has this cause.
    fn is_new(&self, misuse: &Misuse, cause: u64) -> bool {
        self.told.borrow_mut().insert((misuse.page(), cause))
    }

    /// Says who is polled from now on.
    fn enter(&self, slot: &Slot) {
        self.root.set(slot.identity());
        self.root_key.set(slot.key());
    }

    /// A task that is spawned eagerly is polled inside of another's poll.
    pub(crate) fn begin_eager(&self, slot: &Slot) {
        let outer = (self.root.get(), self.root_key.get());
        self.outer.borrow_mut().push(outer);
        self.enter(slot);
    }

    /// That poll is over.
    pub(crate) fn end_eager(&self) {
        if let Some((root, key)) = self.outer.borrow_mut().pop() {
            self.root.set(root);
            self.root_key.set(key);
        }
    }
}

/// Tells of a mistake, once for each cause.
fn tell(core: &Core, lookout: &Lookout, misuse: Misuse, cause: u64) {
    if lookout.is_new(&misuse, cause) {
        of(core).report(core, &Report::Misuse(misuse));
    }
}

/// The cause of mistakes that are a line's.
fn line(at: &'static Location<'static>) -> u64 {
    ptr::from_ref(at).addr() as u64
}

/// The cause of mistakes that are a task's: the line that spawned it, so that a server tells once
/// of all its connections.
fn spawner(slot: &Slot) -> u64 {
    slot.spawned_at().map_or(slot.identity(), line)
}

fn culprit(core: &Core, slot: &Slot) -> Culprit {
    let name = core.tasks.extras.peek(slot, |extras| extras.name.clone());
    Culprit {
        task: Id::from_identity(slot.identity()),
        name: name.flatten().map(|name| name.to_string()),
        spawned_at: slot.spawned_at(),
    }
}

/// Polls one task, the first of the ring, and looks how it behaves.
pub(crate) fn watch(core: &Core, slot: &Slot, poll: impl FnOnce() -> Batch) -> Batch {
    let Some(lookout) = of(core).lints.as_deref() else {
        return poll();
    };
    let identity = slot.identity();
    lookout.outer.borrow_mut().clear(); // a panic leaves what was on the stack
    lookout.enter(slot);
    let root = Root(lookout);
    lookout.poll.set(lookout.poll.get() + 1);
    lookout.woke_itself.set(false);
    lookout.gave_way.set(false);
    lookout.kept.set(false);
    let batch = poll();
    let spent = current::with(|hot| hot.budget.get()) == 0;
    drop(root);
    let over = batch == Batch::Main || !slot.is(identity) || slot.has(DONE | FINISHING);
    if over {
        lookout.habits.forget(identity);
        return batch;
    }
    let again = slot.has(QUEUED);
    busy_loops::judge(core, lookout, slot, again, spent);
    if !spent {
        starved::judge(core, lookout, slot);
    }
    if !again {
        unwakeable::note(core, lookout, slot);
    }
    batch
}

/// While this lives, a task of the ready queue is polled.
struct Root<'a>(&'a Lookout);

impl Drop for Root<'_> {
    fn drop(&mut self) {
        self.0.root.set(0);
        self.0.root_key.set(0);
    }
}

/// A future called a counted waker: if it is that of the task that runs, the task woke itself.
pub(crate) fn waker_called(core: &Core, key: u64) {
    if let Some(lookout) = of(core).lints.as_deref() {
        if current::with(Hot::running) == key {
            lookout.woke_itself.set(true);
        }
    }
}

/// Something in the task that runs gave way, inside of a foreign combinator.
pub(crate) fn gave_way(core: &Core) {
    if let Some(lookout) = of(core).lints.as_deref() {
        lookout.gave_way.set(true);
    }
}

/// Somebody kept or compared a counted waker.
pub(crate) fn waker_kept(core: &Core, key: u64) {
    if let Some(lookout) = of(core).lints.as_deref() {
        if lookout.root_key.get() == key {
            lookout.kept.set(true);
        }
    }
}

/// Whether a slot is a task of the user's that stands for itself.
fn is_whole(slot: &Slot) -> bool {
    !slot.has(CHILD | crate::executor::slot::INTERNAL)
}
