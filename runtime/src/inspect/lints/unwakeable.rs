//! Tasks that nobody can wake.
//!
//! A task is alone when its last poll returned `Pending` and nothing can come of it: no future of
//! the runtime said what it waits for, no waker of it was kept in that poll, none that was cloned
//! is alive (wakers are counted), and it was not woken meanwhile. It is told when the loop has
//! nothing to do, and only of tasks without a handle: whoever has one can still cancel it. The main
//! future is left alone too: it may well wait for ever while others serve.

use std::cell::{Cell, RefCell};

use super::{Lookout, culprit, is_whole, spawner, tell};
use crate::core::Core;
use crate::executor::slot::{CANCEL, DONE, FINISHING, HANDLE, MAIN, QUEUED, Slot};
use crate::inspect::misuse::Misuse;
use crate::inspect::of;

/// Tasks that looked alone after their last poll.
#[derive(Default)]
pub(super) struct Alone {
    suspects: RefCell<Vec<Suspect>>,
    some: Cell<bool>,
}

#[derive(Clone, Copy)]
struct Suspect {
    identity: u64,
    /// Polls of the task at that time: one more, and somebody woke it.
    polls: u32,
}

/// A poll ended `Pending`, and the task waits.
pub(super) fn note(core: &Core, lookout: &Lookout, slot: &Slot) {
    let waits = slot.wait_for() != 0 || lookout.kept.get();
    if waits || slot.has(MAIN) || !is_whole(slot) || core.home.has_waker(slot.key()) {
        return;
    }
    lookout.alone.suspects.borrow_mut().push(Suspect {
        identity: slot.identity(),
        polls: slot.polls(),
    });
    lookout.alone.some.set(true);
}

/// The loop has nothing to do: who is alone now?
#[inline]
pub(crate) fn look(core: &Core) {
    if core.probe.looks {
        look_at_all(core);
    }
}

#[cold]
fn look_at_all(core: &Core) {
    let Some(lookout) = of(core).lints.as_deref() else {
        return;
    };
    if !lookout.alone.some.get() {
        return;
    }
    let suspects = lookout.alone.suspects.take();
    let mut still = Vec::new();
    for suspect in suspects {
        let Some(slot) = core.tasks.find(suspect.identity) else {
            continue;
        };
        if slot.polls() != suspect.polls
            || slot.has(DONE | FINISHING | CANCEL | QUEUED)
            || core.home.has_waker(slot.key())
        {
            continue;
        }
        if slot.has(HANDLE) {
            still.push(suspect);
            continue;
        }
        let task = culprit(core, slot);
        tell(core, lookout, Misuse::Unwakeable { task }, spawner(slot));
    }
    lookout.alone.some.set(!still.is_empty());
    lookout.alone.suspects.borrow_mut().append(&mut still);
}
