//! Polling a batch of ready tasks: the inner half of the loop.
//!
//! It exists apart from `loop.rs` because everything here is about one task after the other, and
//! everything there about turns. It must not know the reactor, timers or what a future waits for.
//!
//! ```text
//!   spawn ──► ready ring ──► polled ──Pending, woken meanwhile──► ready ring
//!                 ▲             │
//!                 │             ├─Pending──► waits ──wake_key──► ready ring
//!                 │             ├─Ready────► finished ──► complete (or FINISHING first)
//!                 └─────────────┴─panic────► failed   ──► complete
//! ```

use std::any::Any;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::current::{self, Hot};
use super::end;
use super::error::{Reason, advise, drop_payload};
use super::extra::local;
use super::probe::Inner;
use super::slot::{ATTACHED, CANCEL, DONE, EXTRAS, FINISHING, MAIN, SLOW, Slot};
use super::tasks::Tasks;
use super::waker::waker_of;
use crate::core::Core;
use crate::executor::probe::TELLS;

/// How a batch ended.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(crate) enum Batch {
    /// Nothing is ready any more.
    Empty,
    /// The limit was reached; others still wait.
    Full,
    /// The main future is done.
    Main,
}

/// Polls ready tasks, first in, first out, at most `limit` of them. A panic ends the task that
/// panicked and no other.
pub(crate) fn run_batch(core: &Core, limit: u32) -> Batch {
    let mut left = limit;
    loop {
        let batch = catch_unwind(AssertUnwindSafe(|| poll_many(core, &mut left)));
        match batch {
            Ok(end) => return end,
            Err(panic) => task_panicked(core, panic),
        }
    }
}

fn poll_many(core: &Core, left: &mut u32) -> Batch {
    current::with(|hot| {
        while *left > 0 {
            let Some(slot) = core.tasks.ring.pop() else {
                hot.idle();
                return Batch::Empty;
            };
            *left -= 1;
            let flags = slot.flags();
            let main_done = if flags & SLOW != 0 {
                poll_slow(core, hot, slot, flags)
            } else if poll_as(core, hot, slot, |cx| poll_block(hot, slot, cx)) {
                end::finished(core, hot, slot)
            } else {
                after_pending(core, hot, slot);
                false
            };
            if main_done {
                return Batch::Main;
            }
        }
        hot.idle();
        if core.tasks.ring.is_empty() {
            Batch::Empty
        } else {
            Batch::Full
        }
    })
}

/// Calls `poll` as the occupant of `slot`: its key runs, its waker is in the context.
#[inline(always)]
fn poll_as(
    core: &Core,
    hot: &Hot,
    slot: &Slot,
    poll: impl FnOnce(&mut Context<'_>) -> bool,
) -> bool {
    let key = slot.key();
    hot.run(key, slot);
    hot.budget.set(current::BUDGET);
    let waker = ManuallyDrop::new(waker_of(key, core.tasks.vtable));
    poll(&mut Context::from_waker(&waker))
}

#[inline(always)]
fn poll_block(hot: &Hot, slot: &Slot, cx: &mut Context<'_>) -> bool {
    let Some(block) = Tasks::block(slot) else {
        return false;
    };
    // SAFETY: a slot with a block holds a live one, placed by `Tasks::spawn`.
    let poll = unsafe { block.as_ref() }.vtable.poll;
    // SAFETY: the future is present: the slot is neither DONE, FINISHING nor DROPPING (all in
    // `SLOW`, and the slow path asks for them itself).
    unsafe { poll(block, cx, &hot.dropping) }
}

/// A poll returned `Pending`: queue it again if it was woken meanwhile, else let it wait.
#[inline(always)]
fn after_pending(core: &Core, hot: &Hot, slot: &Slot) {
    let signal = hot.signal.get();
    if signal == current::WAITS {
        slot.rest(current::WAITS, core.tasks.now_ms.get());
    } else if signal == current::WOKEN {
        slot.go_on();
        core.tasks.ring.push(slot);
    } else {
        after_pending_slow(core, hot, slot);
    }
}

#[inline(never)]
fn after_pending_slow(core: &Core, hot: &Hot, slot: &Slot) {
    if core.tasks.left_count.get() != 0 {
        // Futures that this poll dropped left cleanups: they run beside the task.
        end::attach_left(core, slot, 0);
        hot.note(current::WOKEN);
    }
    let cancelled = slot.has(CANCEL) && !slot.has(MAIN | FINISHING);
    if hot.was_woken() && !cancelled {
        slot.go_on();
        core.tasks.ring.push(slot);
    } else {
        slot.rest(hot.signal.get(), core.tasks.now_ms.get());
    }
    if cancelled {
        hot.idle();
        slot.remove(CANCEL);
        end::drop_now(core, slot);
    }
}

/// Polls what has something special about it. True when it was the main future and it is done.
#[inline(never)]
fn poll_slow(core: &Core, hot: &Hot, slot: &Slot, flags: u16) -> bool {
    hot.idle();
    if flags & DONE != 0 {
        end::popped_when_done(core, slot);
        return false;
    }
    let locals = (flags & EXTRAS != 0).then(|| local::Installed::of(core, slot));
    let mut signal = 0;
    if flags & ATTACHED != 0 {
        poll_as(core, hot, slot, |cx| poll_cleanup(core, slot, cx));
        signal = hot.signal.get();
    }
    let ready = if flags & FINISHING == 0 {
        poll_as(core, hot, slot, |cx| poll_block(hot, slot, cx))
    } else {
        !slot.has(ATTACHED)
    };
    hot.note_earlier(signal);
    drop(locals);
    if !ready {
        after_pending(core, hot, slot);
        return false;
    }
    if flags & FINISHING == 0 {
        return end::finished(core, hot, slot);
    }
    hot.idle();
    end::cleanup_done(core, slot);
    false
}

/// Polls the cleanups that run under a slot's key. True when none is left.
fn poll_cleanup(core: &Core, slot: &Slot, cx: &mut Context<'_>) -> bool {
    let Some(mut cleanup) = core.tasks.extras.with(slot, |extras| extras.cleanup.take()) else {
        slot.remove(ATTACHED);
        return true;
    };
    // Taken out while it is polled: cleanups are user code and may spawn, cancel or leave more.
    match Pin::new(&mut cleanup).poll(cx) {
        Poll::Ready(()) => {
            slot.remove(ATTACHED);
            true
        }
        Poll::Pending => {
            core.tasks
                .extras
                .with(slot, |extras| match &mut extras.cleanup {
                    None => extras.cleanup = Some(cleanup),
                    Some(newer) => newer.put_before(cleanup),
                });
            false
        }
    }
}

/// Ends the task whose poll panicked. What panics outside of any task's poll goes on.
#[cold]
fn task_panicked(core: &Core, panic: Box<dyn Any + Send>) {
    current::with(|hot| {
        let dropped = hot.dropping.replace(false);
        let Some(slot) = hot.slot() else {
            resume_unwind(panic)
        };
        hot.idle();
        if slot.has(MAIN) {
            // `block_on` goes on with it, after the cleanups that its future leaves: at its next
            // poll it finds FAILED.
            advise(panic.as_ref());
            end::set_error(core, slot, Reason::Panic(panic));
            return core.tasks.ring.push(slot);
        }
        if !dropped {
            end::drop_future(core, slot)
                .into_iter()
                .for_each(drop_payload);
        }
        end::failed(core, slot, panic);
    });
}

/// Polls a task that was just spawned, inside the poll of whoever spawned it. A panic ends that
/// task.
pub(crate) fn poll_now(core: &Core, identity: u64) {
    let Some(slot) = core.tasks.find(identity) else {
        return;
    };
    let key = slot.key();
    core.probe
        .tell_polls(|it| it.poll_begins(core, slot, Inner::Eager));
    let nest = end::Nest::enter(key, Some(slot));
    let _locals = slot.has(EXTRAS).then(|| local::Installed::of(core, slot));
    // The slot stays queued: whether it is woken or not, the loop will poll it again at its turn.
    // That spares a search through the ring, and an extra poll is allowed to every future.
    let polled = current::with(|hot| {
        let waker = ManuallyDrop::new(waker_of(key, core.tasks.vtable));
        let mark = core.tasks.left_count.get();
        let polled = catch_unwind(AssertUnwindSafe(|| {
            poll_block(hot, slot, &mut Context::from_waker(&waker))
        }));
        if core.tasks.left_count.get() > mark {
            end::attach_left(core, slot, mark);
        }
        if TELLS {
            slot.polled(hot.signal.get());
        }
        let dropped = hot.dropping.replace(false);
        polled.map_err(|panic| (panic, dropped))
    });
    drop(nest);
    end::polled_eagerly(core, slot, polled);
    core.probe
        .tell_polls(|it| it.poll_ended(core, slot, Inner::Eager, false));
}
