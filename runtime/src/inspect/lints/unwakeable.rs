//! Tasks that nothing can wake.
//!
//! A task is unwakeable when its last poll returned `Pending` and nothing can follow: no future of
//! the runtime noted what it waits for, no waker of it was kept in that poll, no clone of its waker
//! is alive (wakers are counted), and it was not woken meanwhile. The report comes when the loop
//! has nothing to do, and only for tasks without a handle: a handle can still cancel. The main
//! future is exempt too: it may wait for ever while other tasks serve.

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
