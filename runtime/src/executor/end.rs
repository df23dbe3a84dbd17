//! How a task ends: ready, failed, cancelled; and the async cleanups that run before it counts as
//! ended.
//!
//! It exists apart from `poll.rs` so that everything that decides a task's result stands together.
//! User code runs here (destructors, callbacks, joiners' wakers); no borrow of a table is held
//! across any of it. It must not know the reactor or the clock.

use std::any::Any;
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

use super::block;
use super::current::{self, Hot};
use super::error::{JoinError, Outcome, Reason, advise, drop_caught, drop_payload, report};
use super::extra::cleanup::{self, Cleanup};
use super::extras::Callback;
use super::id::Id;
use super::probe::End;
use super::slot::{
    ATTACHED, CANCEL, CHILD, DONE, DROPPING, EXTRAS, FAILED, FINISHING, HANDLE, IN_RING, MAIN,
    NESTED, NESTED_WOKEN, QUEUED, Slot, TAKEN,
};
use super::stored::wake_all;
use super::tasks::Tasks;
use crate::core::{A_TASK, Core};

/// A poll returned `Ready`; the output is in place. True when it was the main future.
#[inline]
pub(crate) fn finished(core: &Core, hot: &Hot, slot: &Slot) -> bool {
    hot.idle();
    let flags = slot.flags();
    if flags & (ATTACHED | MAIN | EXTRAS | CANCEL) != 0 || core.tasks.left_count.get() != 0 {
        return finished_slow(core, slot, flags);
    }
    core.tasks.count_end(flags);
    slot.set_flags(flags | DONE | QUEUED);
    if flags & HANDLE != 0 {
        slot.take_joiner().wake();
    } else {
        abandon(core, slot);
    }
    false
}

#[cold]
fn finished_slow(core: &Core, slot: &Slot, flags: u16) -> bool {
    if flags & MAIN != 0 {
        return true; // it stays "queued", so that a late wake does not queue it
    }
    if flags & CANCEL != 0 {
        cancel_output(core, slot);
    }
    finish_after_cleanup(core, slot, 0, false);
    false
}

/// The task was cancelled in the poll that brought it to its end: as in asyncio the cancel holds,
/// and the output is dropped.
#[cold]
fn cancel_output(core: &Core, slot: &Slot) {
    slot.add(DROPPING); // its destructor may cancel the task again
    let reason = match drop_output(core, slot, false) {
        Some(panic) => Reason::Panic(panic),
        None => cancelled(core, slot),
    };
    set_error(core, slot, reason);
    slot.remove(DROPPING | CANCEL);
}

/// Why a task is cancelled, as the canceller said.
fn cancelled(core: &Core, slot: &Slot) -> Reason {
    let reason = core.tasks.extras.peek(slot, |extras| extras.reason.clone());
    Reason::Cancelled(reason.flatten())
}

/// A poll panicked; the future is gone.
pub(crate) fn failed(core: &Core, slot: &Slot, panic: Box<dyn Any + Send>) {
    advise(panic.as_ref());
    set_error(core, slot, Reason::Panic(panic));
    finish_after_cleanup(core, slot, 0, false);
}

/// Cancels the task of an identity, if it is still there and not ending. Acts now, or, where the
/// task's own poll is on the stack, when that poll returns.
pub(crate) fn cancel(core: &Core, identity: u64, reason: Option<Cow<'static, str>>) {
    let Some(slot) = core.tasks.find(identity) else {
        return;
    };
    let flags = slot.flags();
    if flags & (DONE | FINISHING | DROPPING | CANCEL) != 0 {
        return;
    }
    if reason.is_some() {
        core.tasks
            .extras
            .with(slot, |extras| extras.reason = reason);
    }
    if flags & CHILD != 0 {
        slot.add(CANCEL);
        core.tasks.wake(slot.key());
        return;
    }
    let running = current::with(Hot::running) == slot.key();
    if running || flags & (NESTED | MAIN) != 0 {
        slot.add(CANCEL);
        if running {
            current::with(|hot| hot.note(current::ATTENTION));
        } else if flags & MAIN != 0 {
            core.tasks.wake(slot.key()); // `block_on` drops its future itself, at its next poll
        }
        return;
    }
    if Deep::is_deep(core) {
        slot.add(CANCEL);
        return Deep::put_off(core, identity);
    }
    drop_now(core, slot);
}

/// A drop of a future or an output. What that holds may cancel the next task by being dropped, and
/// so on: from a depth on the others are put off, and the outermost drop does them, so that no
/// chain of tasks uses up the stack.
struct Deep<'a> {
    core: &'a Core,
}

/// How many drops may be inside of each other.
const DEEPEST: u32 = 24;

impl<'a> Deep<'a> {
    fn enter(core: &'a Core) -> Self {
        core.tasks.depth.set(core.tasks.depth.get() + 1);
        Self { core }
    }

    fn is_deep(core: &Core) -> bool {
        core.tasks.depth.get() >= DEEPEST
    }

    fn put_off(core: &Core, identity: u64) {
        core.tasks.doomed.borrow_mut().push_back(identity);
    }
}

impl Drop for Deep<'_> {
    fn drop(&mut self) {
        let tasks = &self.core.tasks;
        let outermost = tasks.depth.get() == 1 && !tasks.doomed.borrow().is_empty();
        // The hook that is told of panics may panic: the depth is counted back all the same.
        let ended = outermost.then(|| catch_unwind(AssertUnwindSafe(|| end_doomed(self.core))));
        tasks.depth.set(tasks.depth.get() - 1);
        match ended {
            Some(Err(panic)) if thread::panicking() => drop_payload(panic),
            Some(Err(panic)) => resume_unwind(panic),
            _ => {}
        }
    }
}

/// Ends those that were put off.
fn end_doomed(core: &Core) {
    loop {
        let next = core.tasks.doomed.borrow_mut().pop_front();
        let Some(identity) = next else { return };
        match core.tasks.find(identity) {
            Some(slot) if slot.has(DONE) => abandon(core, slot),
            Some(slot) if slot.has(CANCEL) && !slot.has(FINISHING | DROPPING | NESTED) => {
                slot.remove(CANCEL);
                drop_now(core, slot);
            }
            _ => {}
        }
    }
}

/// The handle of a task that has ended is dropped.
pub(crate) fn let_go_of_ended(core: &Core, slot: &Slot) {
    if Deep::is_deep(core) {
        Deep::put_off(core, slot.identity());
    } else {
        abandon(core, slot);
    }
}

/// Drops the future of a task that is not being polled, at its await point.
pub(crate) fn drop_now(core: &Core, slot: &Slot) {
    let _deep = Deep::enter(core);
    let mark = core.tasks.left_count.get();
    slot.add(DROPPING);
    let panic = drop_future(core, slot);
    slot.remove(DROPPING);
    let reason = match panic {
        Some(panic) => Reason::Panic(panic),
        None => cancelled(core, slot),
    };
    set_error(core, slot, reason);
    let in_ring = slot.has(QUEUED);
    finish_after_cleanup(core, slot, mark, in_ring);
}

/// Drops a future as its task, and returns what its destructor panicked with.
pub(crate) fn drop_future(core: &Core, slot: &Slot) -> Option<Box<dyn Any + Send>> {
    let block = Tasks::block(slot)?;
    // SAFETY: a slot with a block holds a live one, placed by `Tasks::spawn`.
    let drop_future = unsafe { block.as_ref() }.vtable.drop_future;
    let _aside = Aside::enter(core, slot);
    let _nest = Nest::of(slot);
    let _locals = slot
        .has(EXTRAS)
        .then(|| super::extra::local::Installed::of(core, slot));
    catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the future is present: the task is not done, and the callers (`drop_now` after
        // the DONE | FINISHING | DROPPING check, and a panicked poll that left it in place) come
        // here once a task.
        unsafe { drop_future(block) };
    }))
    .err()
}

pub(crate) fn set_error(core: &Core, slot: &Slot, reason: Reason) {
    let old = core
        .tasks
        .extras
        .with(slot, |extras| extras.error.replace(reason));
    slot.add(FAILED);
    drop_caught("a result that a worse one replaced", old);
}

/// Takes the cleanups left since `mark` and puts them under the slot's key, behind those that are
/// there.
pub(crate) fn attach_left(core: &Core, slot: &Slot, mark: usize) {
    let left = core.take_left(mark);
    if left.is_empty() {
        return;
    }
    let cleanup = Cleanup::sequence(left);
    core.tasks
        .extras
        .with(slot, |extras| match &mut extras.cleanup {
            None => extras.cleanup = Some(cleanup),
            Some(running) => running.put_after(cleanup),
        });
    slot.add(ATTACHED);
}

/// The future is gone: the task ends when its cleanups have. `in_ring`: the ready ring holds the
/// slot (after a poll it does not, although the QUEUED bit stands).
fn finish_after_cleanup(core: &Core, slot: &Slot, mark: usize, in_ring: bool) {
    attach_left(core, slot, mark);
    if !slot.has(ATTACHED) {
        return complete(core, slot, in_ring);
    }
    if !slot.has(FINISHING) {
        core.tasks.finishing.set(core.tasks.finishing.get() + 1);
    }
    slot.add(FINISHING | QUEUED);
    if !in_ring {
        core.tasks.ring.push(slot);
    }
}

/// The last cleanup of a task is through.
pub(crate) fn cleanup_done(core: &Core, slot: &Slot) {
    if core.tasks.left_count.get() != 0 {
        return finish_after_cleanup(core, slot, 0, false); // cleanups may leave cleanups
    }
    complete(core, slot, false);
}

/// Drops a task that did not end within the grace: its future, or the cleanups that still run. The
/// core is closed, so what those leave is reported and dropped.
pub(crate) fn drop_for_good(core: &Core, slot: &Slot) {
    let identity = slot.identity();
    if !slot.has(FINISHING) {
        drop_now(core, slot);
    }
    if slot.identity() == identity && slot.has(FINISHING) {
        let cleanup = core.tasks.extras.with(slot, |extras| extras.cleanup.take());
        let mut nothing = Cleanup::none();
        if let Some(panic) = cleanup::drop_into(&mut nothing, Some(slot), || drop(cleanup)) {
            cleanup::report_panic(panic);
        }
        complete(core, slot, slot.has(QUEUED));
    }
}

/// The ready ring gave back a slot that needs no poll.
pub(crate) fn popped_when_done(core: &Core, slot: &Slot) {
    slot.remove(IN_RING);
    if slot.has(DONE) {
        if !slot.has(HANDLE | MAIN) {
            core.tasks.retire(slot);
        }
    } else {
        slot.remove(QUEUED);
    }
}

/// The result stands: tell those who wait, or free the slot when nobody will ask.
#[inline]
pub(crate) fn complete(core: &Core, slot: &Slot, in_ring: bool) {
    let before = slot.flags();
    let flags = (before & !(CANCEL | ATTACHED | FINISHING))
        | DONE
        | QUEUED
        | if in_ring { IN_RING } else { 0 };
    slot.set_flags(flags);
    core.tasks.count_end(before);
    core.probe
        .tell_polls(|it| it.task_ended(core, slot, End::Done));
    if flags & EXTRAS != 0 {
        let identity = slot.identity();
        complete_extras(core, slot);
        if slot.identity() != identity {
            return; // a callback dropped the handle, and with it the slot
        }
    }
    if slot.has(HANDLE) {
        slot.take_joiner().wake();
    } else {
        abandon(core, slot);
    }
}

/// Callbacks and other waiters of a task that is done.
#[cold]
fn complete_extras(core: &Core, slot: &Slot) {
    let identity = slot.identity();
    let (waiters, callbacks) = core.tasks.extras.with(slot, |extras| {
        (
            std::mem::take(&mut extras.waiters),
            std::mem::take(&mut extras.callbacks),
        )
    });
    wake_all(waiters);
    let outcome = outcome(core, slot);
    for callback in callbacks {
        call_back(callback, identity, outcome);
    }
}

/// Calls what was to be called at a task's end. Its panic is reported.
pub(crate) fn call_back(callback: Callback, identity: u64, outcome: Outcome) {
    let call = catch_unwind(AssertUnwindSafe(|| {
        callback(Id::from_identity(identity), outcome);
    }));
    if let Err(panic) = call {
        current::with_core(|core| match core {
            Some(core) => core.unhandled("a done callback of a task", identity, panic),
            None => report("a done callback of a task", panic),
        });
    }
}

/// How a finished task ended, without taking its result.
pub(crate) fn outcome(core: &Core, slot: &Slot) -> Outcome {
    if !slot.has(FAILED) {
        return Outcome::Completed;
    }
    core.tasks
        .extras
        .peek(slot, |extras| match extras.error {
            Some(Reason::Panic(_)) => Outcome::Panicked,
            _ => Outcome::Cancelled,
        })
        .unwrap_or(Outcome::Cancelled)
}

/// Nobody will join: drop the output, report a panic, free the slot.
pub(crate) fn abandon(core: &Core, slot: &Slot) {
    let identity = slot.identity();
    let flags = slot.flags();
    debug_assert!(flags & DONE != 0);
    slot.set_flags((flags & !HANDLE) | TAKEN);
    drop(slot.take_joiner());
    let unheard = if flags & FAILED != 0 {
        core.tasks.extras.with(slot, |extras| extras.error.take())
    } else {
        if flags & TAKEN == 0 {
            // What is dropped with the runtime is nobody's fault: its handles outlive it.
            drop_output(core, slot, core.probe.looks && !core.tasks.closed.get())
        } else {
            None
        }
        .map(Reason::Panic)
    };
    let _retired = Retire {
        core,
        slot,
        identity,
    };
    if let Some(Reason::Panic(panic)) = unheard {
        core.unhandled(A_TASK, identity, panic);
    }
}

/// Frees the slot of a task that nobody will ask for any more, also where the hook that is told of
/// its panic panics.
struct Retire<'a> {
    core: &'a Core,
    slot: &'a Slot,
    identity: u64,
}

impl Drop for Retire<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.slot.identity() == self.identity && !self.slot.has(IN_RING) {
            self.core.tasks.retire(self.slot);
        }
    }
}

/// Drops an output that nobody will have, after a look at the error that it may be (`read`).
/// Returns what its destructor panicked with.
fn drop_output(core: &Core, slot: &Slot, read: bool) -> Option<Box<dyn Any + Send>> {
    let block = Tasks::block(slot)?;
    let _deep = Deep::enter(core);
    // SAFETY: a slot with a block holds a live one, placed by `Tasks::spawn`.
    let drop_output = unsafe { block.as_ref() }.vtable.drop_output;
    let _aside = Aside::enter(core, slot);
    let _nest = Nest::of(slot);
    let _locals = slot
        .has(EXTRAS)
        .then(|| super::extra::local::Installed::of(core, slot));
    let dropped = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: a poll was ready and the output is in place: `abandon` found DONE without FAILED
        // and set TAKEN, so nobody else takes or drops it; `cancel_output` comes right after the
        // poll and makes the task FAILED.
        unsafe { drop_output(block, read) }
    }));
    match dropped {
        Ok(Some(error)) => {
            core.probe.tell(|it| {
                it.unjoined(core, slot, &error, false);
            });
            None
        }
        Ok(None) => None,
        Err(panic) => Some(panic),
    }
}

/// Takes a finished task's result as `T` and frees the slot: the handle is spent. None when it was
/// taken before.
#[inline(always)]
pub(crate) fn take_output<T: 'static>(core: &Core, slot: &Slot) -> Option<Result<T, JoinError>> {
    let flags = slot.flags();
    if flags & TAKEN != 0 {
        return None;
    }
    slot.set_flags((flags & !HANDLE) | TAKEN);
    let output = if flags & FAILED == 0 {
        take_value::<T>(slot).map(Ok)
    } else {
        take_error(core, slot).map(Err)
    };
    if flags & IN_RING == 0 {
        core.tasks.retire(slot);
    }
    output
}

#[inline(always)]
fn take_value<T: 'static>(slot: &Slot) -> Option<T> {
    let block = Tasks::block(slot)?;
    // SAFETY: DONE without FAILED and not TAKEN before: the output is in place, and on the loop's
    // thread nobody else touches the block.
    unsafe { block::take_output(block) }
}

#[cold]
fn take_error(core: &Core, slot: &Slot) -> Option<JoinError> {
    let id = Id::from_identity(slot.identity());
    core.tasks
        .extras
        .with(slot, |extras| extras.error.take())
        .map(|reason| JoinError::new(id, reason))
}

/// While this lives, something of a task is dropped, and nobody runs: other threads are told that
/// this task does.
struct Aside<'a> {
    core: &'a Core,
    before: u64,
}

impl<'a> Aside<'a> {
    fn enter(core: &'a Core, slot: &Slot) -> Self {
        let before = core.tasks.slots.shared().runner.set_aside(slot.key());
        Self { core, before }
    }
}

impl Drop for Aside<'_> {
    fn drop(&mut self) {
        self.core.tasks.slots.shared().runner.set_aside(self.before);
    }
}

/// While this lives, another key (or nobody, 0) runs inside the poll that is on the stack. Wakes of
/// the outer one are noted and given back to it.
pub(crate) struct Nest {
    running: u64,
    signal: u32,
    budget: u64,
    marked: bool,
    outer: Option<*const Slot>,
}

impl Nest {
    /// Runs as the occupant of `slot` from now on, with a share of its own.
    pub(crate) fn of(slot: &Slot) -> Self {
        let nest = Self::enter(slot.key(), Some(slot));
        current::with(|hot| hot.budget.set(current::BUDGET));
        nest
    }

    /// Runs as `key` in `slot` from now on.
    pub(crate) fn enter(key: u64, slot: Option<&Slot>) -> Self {
        current::with(|hot| {
            let outer = hot.slot();
            let marked = outer.is_some_and(|outer| !outer.has(NESTED));
            if let Some(outer) = outer {
                outer.add(NESTED);
            }
            let nest = Self {
                running: hot.running(),
                signal: hot.signal.get(),
                budget: hot.budget.get(),
                marked,
                outer: outer.map(std::ptr::from_ref),
            };
            match slot {
                Some(slot) => hot.run(key, slot),
                None => {
                    hot.idle();
                    hot.signal.set(0);
                }
            }
            nest
        })
    }
}

impl Drop for Nest {
    fn drop(&mut self) {
        current::with(|hot| {
            let inner = hot.signal.get();
            let Some(outer) = self.outer else {
                hot.idle();
                return;
            };
            // SAFETY: it was the running slot when the nest began, of the runtime that this thread
            // is still inside of; slots live as long as the runtime is entered.
            let outer = unsafe { &*outer };
            let flags = outer.flags();
            if self.marked {
                outer.set_flags(flags & !(NESTED | NESTED_WOKEN));
            }
            hot.run(self.running, outer);
            hot.note(self.signal | inner & current::ATTENTION);
            if flags & NESTED_WOKEN != 0 {
                hot.note(current::WOKEN);
            }
            if flags & CANCEL != 0 {
                hot.note(current::ATTENTION);
            }
            hot.budget.set(self.budget);
        });
    }
}

/// What a first poll inside of the spawner's gave. The ready ring still holds the slot.
pub(crate) fn polled_eagerly(
    core: &Core,
    slot: &Slot,
    polled: Result<bool, (Box<dyn Any + Send>, bool)>,
) {
    match polled {
        Ok(true) if slot.has(CANCEL) => {
            cancel_output(core, slot);
            finish_after_cleanup(core, slot, usize::MAX, true);
        }
        Ok(true) => finish_after_cleanup(core, slot, usize::MAX, true),
        Ok(false) if slot.has(CANCEL) => {
            slot.remove(CANCEL);
            drop_now(core, slot);
        }
        Ok(false) => {}
        Err((panic, dropped)) => {
            if !dropped {
                drop_future(core, slot).into_iter().for_each(drop_payload);
            }
            set_error(core, slot, Reason::Panic(panic));
            finish_after_cleanup(core, slot, usize::MAX, true);
        }
    }
}
