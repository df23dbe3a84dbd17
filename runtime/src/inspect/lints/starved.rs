//! Starved branches: a future got what it waits for, and its task goes on without polling it.
//!
//! Such a future holds a lock that nobody uses and nobody gets ("futurelock"). It happens where a
//! task polls several futures and then awaits something else while one of them is still kept: in
//! the handler of a `select!` over `&mut future`, or between two items of a stream of buffered
//! futures.
//!
//! It is judged at the leaf. A lock, a permit or a place in a channel was **granted**: once its
//! task has been polled to `Pending` twice since then without polling the leaf, somebody else waits
//! in vain. An event **fired**: nobody else suffers, so the same is told only if it has lasted as
//! long as a slow poll. Timers are not looked at: a driver of connections (quinn's, say) may leave
//! one unpolled that it does not need just now. Polls in which a task used up its share do not
//! count: the leaf's turn may be the next.

use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::Location;

use super::{Lookout, culprit, line, tell};
use crate::core::Core;
use crate::executor::probe::Leaf;
use crate::executor::slot::Slot;
use crate::executor::wait::{Wait, WaitNote};
use crate::inspect::misuse::Misuse;
use crate::inspect::of;
use crate::time::Instant;

/// Polls to `Pending` of the task after which what was granted and not fetched is starved.
const PATIENCE: u32 = 2;

struct Waiting {
    /// Identity of the task in whose poll it began to wait.
    root: u64,
    wait: Wait,
    at: &'static Location<'static>,
    granted: Option<Granted>,
}

#[derive(Clone, Copy)]
struct Granted {
    when: Instant,
    /// The poll of which it does not count that it did not fetch it: it was on the stack.
    poll: u64,
    /// Polls to `Pending` of its task since.
    since: u32,
}

/// The futures that wait, and those among them that a look at their task must look at.
#[derive(Default)]
pub(super) struct Leaves {
    waiting: RefCell<HashMap<Leaf, Waiting>>,
    /// By task: what was granted.
    looked_at: RefCell<HashMap<u64, Vec<Leaf>>>,
}

impl Leaves {
    fn look_at(&self, root: u64, leaf: Leaf) {
        let mut looked_at = self.looked_at.borrow_mut();
        let leaves = looked_at.entry(root).or_default();
        if !leaves.contains(&leaf) {
            leaves.push(leaf);
        }
    }

    fn forget(&self, leaf: Leaf) {
        let Some(waiting) = self.waiting.borrow_mut().remove(&leaf) else {
            return;
        };
        let mut looked_at = self.looked_at.borrow_mut();
        if let Some(leaves) = looked_at.get_mut(&waiting.root) {
            leaves.retain(|it| *it != leaf);
            if leaves.is_empty() {
                looked_at.remove(&waiting.root);
            }
        }
    }
}

/// A future begins to wait, or still does.
#[cold]
pub(crate) fn waits(core: &Core, leaf: Leaf, note: WaitNote) {
    if let Some(lookout) = of(core).lints.as_deref() {
        let root = lookout.root.get();
        if root == 0 {
            return;
        }
        lookout.leaves.forget(leaf);
        let waiting = Waiting {
            root,
            wait: note.wait(),
            at: note.at(),
            granted: None,
        };
        lookout.leaves.waiting.borrow_mut().insert(leaf, waiting);
    }
}

/// A future was picked and will be woken.
#[cold]
pub(crate) fn granted(core: &Core, leaf: Leaf) {
    if let Some(lookout) = of(core).lints.as_deref() {
        let root = match lookout.leaves.waiting.borrow_mut().get_mut(&leaf) {
            Some(waiting) => {
                waiting.granted = Some(Granted {
                    when: core.timers.clock.now(),
                    poll: lookout.poll.get(),
                    since: 0,
                });
                waiting.root
            }
            None => return,
        };
        lookout.leaves.look_at(root, leaf);
    }
}

/// A future was polled and is ready, or was dropped.
#[cold]
pub(crate) fn left(core: &Core, leaf: Leaf) {
    if let Some(lookout) = of(core).lints.as_deref() {
        lookout.leaves.forget(leaf);
    }
}

/// A task was polled to `Pending`: what of it was granted, and not fetched?
pub(super) fn judge(core: &Core, lookout: &Lookout, slot: &Slot) {
    let root = slot.identity();
    let leaves = match lookout.leaves.looked_at.borrow().get(&root) {
        Some(leaves) => leaves.clone(),
        None => return,
    };
    let now = core.timers.clock.now();
    for leaf in leaves {
        let starved = judge_leaf(core, lookout, leaf, now);
        let Some((wait, waits_at, since)) = starved else {
            continue;
        };
        let misuse = Misuse::StarvedBranch {
            task: culprit(core, slot),
            wait,
            waits_at,
            task_at: slot.wait_at().filter(|_| slot.wait_for() != 0),
            since,
        };
        tell(core, lookout, misuse, line(waits_at));
    }
}

type Starved = (Wait, &'static Location<'static>, std::time::Duration);

fn judge_leaf(core: &Core, lookout: &Lookout, leaf: Leaf, now: Instant) -> Option<Starved> {
    let mut all = lookout.leaves.waiting.borrow_mut();
    let waiting = all.get_mut(&leaf)?;
    let poll = lookout.poll.get();
    let granted = waiting.granted.as_mut()?;
    if granted.poll == poll {
        return None;
    }
    granted.since += 1;
    let since = now.saturating_duration_since(granted.when);
    let patient = match waiting.wait {
        Wait::Event(_) => since < of(core).watch.slow(),
        _ => false,
    };
    (granted.since >= PATIENCE && !patient).then_some((waiting.wait, waiting.at, since))
}
