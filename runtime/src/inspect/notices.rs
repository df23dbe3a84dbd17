//! Finds out what to tell observers, off the hot paths.
//!
//! Why: spawn and wake need not check for an observer. A task that was spawned or woken is at the
//! end of the ready queue, so this looks there after each poll, after timers and after the
//! selector; each place knows the cause. Batches are polled one by one then
//! ([`watchdog::run_timed`](crate::inspect::watchdog::run_timed)). No borrow is held during a call:
//! observers are user code.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use super::observe::{By, NewTask, Observer, Rest};
use super::watchdog;
use crate::core::Core;
use crate::executor::end;
use crate::executor::error::{Outcome, report};
use crate::executor::extra::children::whole_in;
use crate::executor::id::Id;
use crate::executor::slot::{CHILD, DONE, INTERNAL, MAIN, QUEUED, Slot, index_of};
use crate::inspect::of;

/// The observers of one runtime, and what they have been told.
#[derive(Default)]
pub(crate) struct Notices {
    observers: RefCell<Vec<Rc<dyn Observer>>>,
    /// How many of the ready ring were told of.
    seen: Cell<usize>,
    /// Identity of the task that is polled, as observers know it; 0: none.
    running: Cell<u64>,
    /// Polls that are on the stack: who is polled (0: nobody was told of it), and who was before
    /// and goes on.
    polls: RefCell<Vec<(u64, u64)>>,
    /// By slot index, the identity that was told of.
    known: RefCell<Vec<u64>>,
    /// Identities of children that were dropped and whose cleanups run.
    cancelled: RefCell<Vec<u64>>,
    /// How the running task ended.
    outcome: Cell<Option<Outcome>>,
}

impl Notices {
    fn knows(&self, identity: u64) -> bool {
        let known = self.known.borrow();
        known.get(index_of(identity) as usize) == Some(&identity)
    }

    fn learn(&self, index: u32, identity: u64) {
        let mut known = self.known.borrow_mut();
        let index = index as usize;
        if known.len() <= index {
            known.resize(index + 1, 0);
        }
        known[index] = identity;
    }

    fn by(&self) -> By {
        match self.running.get() {
            0 => By::Program,
            running => By::Task(Id::from_identity(running)),
        }
    }

    fn tell(&self, tell: impl Fn(&dyn Observer)) {
        let mut place = 0;
        loop {
            let observer = self.observers.borrow().get(place).map(Rc::clone);
            let Some(observer) = observer else { break };
            tell(&*observer);
            place += 1;
        }
    }
}

impl Drop for Notices {
    fn drop(&mut self) {
        for observer in self.observers.take() {
            let told = catch_unwind(AssertUnwindSafe(|| observer.ended()));
            if let Err(panic) = told {
                report("an observer", panic);
            }
        }
    }
}

/// Installs an observer, also while the runtime runs: it is told of the tasks that are there.
pub(crate) fn install(core: &Core, observer: Rc<dyn Observer>) {
    observer.started();
    for index in 0..core.tasks.slots.high() {
        let slot = core.tasks.slots.get(index);
        if let Some(slot) = slot.filter(|slot| of(core).notices.knows(slot.identity())) {
            tell_new(core, slot, |told| observer.task_spawned(told));
        }
    }
    of(core).notices.observers.borrow_mut().push(observer);
    if core.tasks.observed.replace(true) {
        return;
    }
    watchdog::time_all(core, true);
    of(core).notices.running.set(0);
    of(core).notices.seen.set(core.tasks.ring.len());
    for index in 0..core.tasks.slots.high() {
        let there = |slot: &&Slot| {
            (!slot.block().is_null() || slot.has(CHILD)) && !slot.has(DONE | INTERNAL)
        };
        let Some(slot) = core.tasks.slots.get(index).filter(there) else {
            continue;
        };
        spawned(core, slot);
        if !slot.has(QUEUED) {
            let id = Id::from_identity(slot.identity());
            of(core)
                .notices
                .tell(|it| it.task_rested(id, Some(rest(core, slot))));
        }
    }
}

/// Takes an observer away.
pub(crate) fn remove(core: &Core, observer: &Rc<dyn Observer>) {
    let mut observers = of(core).notices.observers.borrow_mut();
    observers.retain(|it| !Rc::ptr_eq(it, observer));
    let is_last = observers.is_empty();
    drop(observers);
    observer.ended();
    if !is_last {
        return;
    }
    core.tasks.observed.set(false);
    watchdog::time_all(core, false);
    of(core).notices.known.borrow_mut().clear();
    of(core).notices.cancelled.borrow_mut().clear();
}

fn tell_new(core: &Core, slot: &Slot, tell: impl Fn(&NewTask<'_>)) {
    let name = core.tasks.extras.peek(slot, |extras| extras.name.clone());
    let name = name.flatten();
    let parent = core.tasks.slots.get(slot.parent());
    let parent = parent.filter(|parent| !slot.has(MAIN) && slot.is_child_of(parent));
    tell(&NewTask {
        id: Id::from_identity(slot.identity()),
        name: name.as_deref(),
        spawned_at: slot.spawned_at(),
        parent: parent.map(|parent| Id::from_identity(whole_in(core, parent).identity())),
        is_child: slot.has(CHILD),
    });
}

fn spawned(core: &Core, slot: &Slot) {
    of(core).notices.learn(slot.index(), slot.identity());
    tell_new(core, slot, |new| {
        of(core).notices.tell(|it| it.task_spawned(new));
    });
}

fn spawned_or_woken(core: &Core, slot: &Slot, by: By) {
    if slot.has(DONE | INTERNAL) {
        return;
    }
    let identity = slot.identity();
    if of(core).notices.knows(identity) {
        let id = Id::from_identity(identity);
        of(core).notices.tell(|it| it.task_woken(id, by));
    } else {
        spawned(core, slot);
    }
}

/// Tells of those who were queued since one looked last, and that it was `by`.
#[inline]
pub(crate) fn queued(core: &Core, by: By) {
    if core.tasks.observed.get() {
        tell_queued(core, by);
    }
}

#[cold]
fn tell_queued(core: &Core, by: By) {
    loop {
        let children = core.tasks.children_woken.take();
        for identity in &children {
            if let Some(slot) = core.tasks.find(*identity) {
                spawned_or_woken(core, slot, by);
            }
        }
        let seen = of(core).notices.seen.get();
        match core.tasks.ring.nth(seen) {
            Some(slot) => {
                of(core).notices.seen.set(seen + 1);
                spawned_or_woken(core, slot, by);
            }
            None if children.is_empty() => break,
            None => {}
        }
    }
    // Fewer than were seen: the ring was emptied at the runtime's end.
    of(core).notices.seen.set(core.tasks.ring.len());
}

/// The first of the ring is about to be popped and polled.
pub(crate) fn popping(core: &Core, slot: &Slot) {
    if !core.tasks.observed.get() {
        return;
    }
    of(core).notices.running.set(0);
    of(core).notices.polls.borrow_mut().clear(); // a panic leaves what was on the stack
    tell_queued(core, By::Program);
    // One that was cancelled while it was queued is popped, but not polled.
    if !slot.has(DONE) {
        tell_began(core, slot);
    }
    of(core).notices.seen.set(core.tasks.ring.len() - 1);
}

/// A poll is about to begin.
#[inline]
pub(crate) fn began(core: &Core, slot: &Slot) {
    if core.tasks.observed.get() {
        tell_began(core, slot);
    }
}

#[cold]
fn tell_began(core: &Core, slot: &Slot) {
    let notices = &of(core).notices;
    tell_queued(core, notices.by());
    let outer = notices.running.get();
    if slot.has(INTERNAL) {
        // The body of a scope is a part of its task.
        return notices.polls.borrow_mut().push((0, outer));
    }
    let identity = slot.identity();
    if !notices.knows(identity) {
        spawned(core, slot);
    }
    let id = Id::from_identity(identity);
    notices.tell(|it| it.task_polled(id));
    notices.running.set(identity);
    notices.outcome.set(None);
    notices.polls.borrow_mut().push((identity, outer));
}

/// A poll is over. `done`: and so is the task, although its slot does not say so.
#[inline]
pub(crate) fn ended(core: &Core, slot: &Slot, done: bool) {
    if core.tasks.observed.get() {
        tell_ended(core, slot, done);
    }
}

#[cold]
fn tell_ended(core: &Core, slot: &Slot, done: bool) {
    let notices = &of(core).notices;
    tell_queued(core, notices.by());
    let Some((identity, outer)) = notices.polls.borrow_mut().pop() else {
        return; // observers came meanwhile
    };
    if identity == 0 || !notices.knows(identity) {
        return;
    }
    let id = Id::from_identity(identity);
    let there = slot.is(identity);
    let over = done || !there || slot.has(DONE);
    let flags = slot.flags();
    if !over && flags & CHILD != 0 && flags & QUEUED != 0 {
        notices.tell(|it| it.task_woken(id, By::Task(id)));
    }
    let waits = !over && flags & QUEUED == 0;
    let rest = waits.then(|| rest(core, slot));
    notices.tell(|it| it.task_rested(id, rest));
    if over {
        let mut cancelled = notices.cancelled.borrow_mut();
        let place = cancelled.iter().position(|it| *it == identity);
        let dropped = place.map(|place| cancelled.swap_remove(place)).is_some();
        drop(cancelled);
        let outcome = match notices.outcome.take() {
            Some(outcome) => outcome,
            None if dropped => Outcome::Cancelled,
            None => Outcome::Completed,
        };
        end(core, identity, outcome);
    }
    notices.running.set(outer);
}

fn rest(core: &Core, slot: &Slot) -> Rest {
    let word = slot.wait_for();
    Rest {
        wait: core.tasks.slots.shared().wait(word),
        at: slot.wait_at().filter(|_| word != 0),
    }
}

fn end(core: &Core, identity: u64, outcome: Outcome) {
    of(core).notices.learn(index_of(identity), 0);
    let id = Id::from_identity(identity);
    of(core).notices.tell(|it| it.task_ended(id, outcome));
}

/// The result of a task stands.
#[inline]
pub(crate) fn completed(core: &Core, slot: &Slot) {
    if core.tasks.observed.get() {
        tell_completed(core, slot);
    }
}

#[cold]
fn tell_completed(core: &Core, slot: &Slot) {
    let identity = slot.identity();
    let outcome = end::outcome(core, slot);
    if identity == of(core).notices.running.get() {
        return of(core).notices.outcome.set(Some(outcome)); // told when its poll is over
    }
    tell_queued(core, of(core).notices.by());
    if of(core).notices.knows(identity) {
        end(core, identity, outcome);
    }
}

/// A child's future is gone; outside of its own poll that means that it was dropped.
#[inline]
pub(crate) fn finishing(core: &Core, slot: &Slot) {
    let identity = slot.identity();
    if core.tasks.observed.get() && identity != of(core).notices.running.get() {
        of(core).notices.cancelled.borrow_mut().push(identity);
    }
}

/// A child's slot is about to be freed. One whose end was not told was dropped.
#[inline]
pub(crate) fn released(core: &Core, slot: &Slot) {
    if core.tasks.observed.get() {
        tell_released(core, slot);
    }
}

#[cold]
fn tell_released(core: &Core, slot: &Slot) {
    if of(core).notices.knows(slot.identity()) {
        let identity = slot.identity();
        of(core)
            .notices
            .cancelled
            .borrow_mut()
            .retain(|it| *it != identity);
        end(core, identity, Outcome::Cancelled);
    }
}

/// Timers fired.
#[inline]
pub(crate) fn fired(core: &Core, timers: usize) {
    if timers > 0 && core.tasks.observed.get() {
        of(core).notices.tell(|it| it.timers_fired(timers));
        tell_queued(core, By::Timer);
    }
}

/// A turn begins.
#[inline]
pub(crate) fn turned(core: &Core, turn: u64) {
    if core.tasks.observed.get() {
        tell_queued(core, By::Program);
        of(core).notices.tell(|it| it.turn_started(turn));
    }
}

/// The loop is about to sleep.
#[inline]
pub(crate) fn parking(core: &Core, timeout: Option<Duration>) {
    if core.tasks.observed.get() {
        of(core).notices.tell(|it| it.parking(timeout));
    }
}

/// It woke up.
#[inline]
pub(crate) fn unparked(core: &Core, events: usize) {
    if core.tasks.observed.get() {
        of(core).notices.tell(|it| it.unparked(events));
        tell_queued(core, By::Io);
    }
}
