//! Busy loops: tasks that wake themselves, and tasks that never yield.
//!
//! **A storm of self-wakes** is [`STORM`] polls in a row in which a future called the waker of its
//! own task before it returned `Pending`. `yield_now`, and the runtime's own yield when a share is
//! used up, do not count: there is work left.
//!
//! **Never yields** is [`GREED`] polls in a row that ended because the task's share of operations
//! was used up, while others were ready each time. A poll in which it waits, or in which no other
//! task is ready, resets the count.

use std::cell::RefCell;
use std::collections::HashMap;

use super::{Lookout, culprit, is_whole, spawner, tell};
use crate::core::Core;
use crate::executor::slot::Slot;
use crate::inspect::misuse::Misuse;

/// Polls in a row that are a storm.
const STORM: u32 = 10_000;
/// Polls in a row that are greed; at 128 operations each, a quarter of a million without a wait.
const GREED: u32 = 2_000;

/// The tasks that did so in their last poll, by identity.
#[derive(Default)]
pub(super) struct Habits {
    counts: RefCell<HashMap<u64, Count>>,
}

#[derive(Default)]
struct Count {
    storm: u32,
    greed: u32,
}

impl Habits {
    pub(super) fn forget(&self, identity: u64) {
        let mut counts = self.counts.borrow_mut();
        if !counts.is_empty() {
            counts.remove(&identity);
        }
    }

    /// Counts a poll. Returns how many in a row were stormy, and how many greedy.
    fn count(&self, identity: u64, storm: bool, greed: bool) -> (u32, u32) {
        let mut counts = self.counts.borrow_mut();
        let count = counts.entry(identity).or_default();
        count.storm = if storm { count.storm + 1 } else { 0 };
        count.greed = if greed { count.greed + 1 } else { 0 };
        (count.storm, count.greed)
    }
}

/// A poll ended `Pending`. `again`: the task was woken meanwhile; `spent`: it used up its share.
pub(super) fn judge(core: &Core, lookout: &Lookout, slot: &Slot, again: bool, spent: bool) {
    let storm = again && !spent && lookout.woke_itself.get() && !lookout.gave_way.get();
    // The task itself stands in the ring again.
    let greed = again && spent && core.tasks.ring.len() > 1;
    if !storm && !greed {
        return lookout.habits.forget(slot.identity());
    }
    let (storms, greeds) = lookout.habits.count(slot.identity(), storm, greed);
    if storms != STORM && greeds != GREED || !is_whole(slot) {
        return;
    }
    let task = culprit(core, slot);
    // Never both: a poll that used up its share is no storm.
    let misuse = if greed {
        let polls = greeds;
        Misuse::NeverYields { task, polls }
    } else {
        let polls = storms;
        Misuse::SelfWakeStorm { task, polls }
    };
    tell(core, lookout, misuse, spawner(slot));
}
