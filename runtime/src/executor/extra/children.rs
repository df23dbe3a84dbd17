//! Futures that one future polls, each woken alone: what scopes and gathers stand on.
//!
//! It exists so that waking one child of ten thousand polls one child. A child has a slot of its
//! own, hence a key and an id; the slot says which set it is in and its number there, *never a
//! pointer*. Waking a child puts its number on its set's list and wakes the set's owner. Children
//! are stored, polled and dropped by the owner's future alone, so forgetting that future is sound.
//! It must not know what the children are.

use std::any::Any;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::mem::ManuallyDrop;
use std::panic::Location;
use std::ptr;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use slab::Slab;

use super::cleanup::{self, Cleanup};
use super::local::Installed;
use crate::core::Core;
use crate::executor::current::{self, Hot};
use crate::executor::end::{self, Nest};
use crate::executor::id::Id;
use crate::executor::probe::{End, Inner};
use crate::executor::registry;
use crate::executor::slot::{CANCEL, CHILD, EXTRAS, FINISHING, INTERNAL, QUEUED, Slot};
use crate::executor::stored::{StoredWaker, wake_all};
use crate::executor::wait::{Wait, WaitNote, note_wait};
use crate::executor::waker::{give_way, waker_of};

/// The sets of one runtime.
pub(crate) struct Sets {
    sets: RefCell<Slab<Set>>,
}

struct Set {
    /// Numbers of children that were woken, in order.
    ready: VecDeque<u32>,
    /// Who polls the set; taken by the first wake, put back by the next poll.
    owner: StoredWaker,
}

impl Sets {
    pub(crate) fn new() -> Self {
        Self {
            sets: RefCell::new(Slab::new()),
        }
    }

    /// A child's slot was woken: its place goes on the list, the owner is woken.
    pub(crate) fn child_woken(&self, place: u64) {
        let owner = match self.sets.borrow_mut().get_mut((place >> 32) as usize) {
            Some(set) => {
                set.ready.push_back(place as u32);
                set.owner.take()
            }
            None => return,
        };
        owner.wake();
    }

    fn with<R>(&self, set: u32, f: impl FnOnce(&mut Set) -> R) -> Option<R> {
        self.sets.borrow_mut().get_mut(set as usize).map(f)
    }
}

/// What the poll of a child came to, for [`Children::run_ready`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It waits, or was woken meanwhile.
    Pending,
    /// It is done.
    Done,
    /// It is done, and no other is to be polled now.
    Stop,
}

/// A set of children, owned by the future that polls them.
///
/// Bound to the runtime that it was made in. By shared reference where children may add children.
pub(crate) struct Children {
    set: u32,
    runtime: u64,
    identities: RefCell<Vec<u64>>,
}

impl Children {
    /// An empty set in the thread's runtime.
    ///
    /// # Panics
    /// Outside of a runtime.
    #[track_caller]
    pub(crate) fn new() -> Self {
        with_core(|core| {
            let set = Set {
                ready: VecDeque::new(),
                owner: StoredWaker::EMPTY,
            };
            let set = core.tasks.sets.sets.borrow_mut().insert(set);
            Self {
                set: u32::try_from(set).expect("fewer than 2^32 sets"),
                runtime: core.serial,
                identities: RefCell::new(Vec::new()),
            }
        })
    }

    /// Makes a child of this number, which no living child has; it is ready at once.
    pub(crate) fn add(&self, number: u32, at: &'static Location<'static>) {
        self.occupy(number, 0, at);
    }

    /// Makes a child that counts as a part of the task that polls it: the body of a scope. It has
    /// wakers of its own, but who asks for the current task in it is told the owner, and it is not
    /// listed among the tasks.
    pub(crate) fn add_part(&self, number: u32, at: &'static Location<'static>) {
        self.occupy(number, INTERNAL, at);
    }

    fn occupy(&self, number: u32, flags: u16, at: &'static Location<'static>) {
        let identity = with_core(|core| {
            let parent =
                current::with(|hot| hot.slot().map_or(0, |slot| whole_in(core, slot).identity()));
            let slot = core.tasks.take_slot();
            slot.occupy(ptr::null_mut(), CHILD | QUEUED | flags, parent, at);
            slot.set_place(self.place(number));
            if core.tasks.has_locals.get() {
                core.tasks.inherit_locals(slot);
            }
            core.tasks.sets.child_woken(slot.place());
            core.tasks.note_child(slot);
            slot.identity()
        });
        self.keep(number, identity);
    }

    /// Makes children `0..count` at once, all ready.
    #[track_caller]
    pub(crate) fn filled(count: u32, at: &'static Location<'static>) -> Self {
        let mut children = Self::new();
        with_core(|core| {
            let parent = current::with(|hot| hot.slot().map_or(0, Slot::identity));
            let place = u64::from(children.set) << 32;
            let identities = children.identities.get_mut();
            identities.reserve_exact(count as usize);
            for number in 0..count {
                let slot = core.tasks.take_slot();
                slot.occupy(ptr::null_mut(), CHILD | QUEUED, parent, at);
                slot.set_place(place | u64::from(number));
                core.tasks.note_child(slot);
                identities.push(slot.identity());
            }
            core.tasks
                .sets
                .with(children.set, |set| set.ready.extend(0..count));
        });
        children
    }

    /// Makes a child that nobody polls and no list shows: its key is a waker that puts `number` on
    /// the ready list.
    pub(crate) fn add_bell(&mut self, number: u32, at: &'static Location<'static>) -> StoredWaker {
        self.assert_home();
        let (identity, key) = with_core(|core| {
            let slot = core.tasks.take_slot();
            slot.occupy(ptr::null_mut(), CHILD | INTERNAL, 0, at);
            slot.set_place(self.place(number));
            (slot.identity(), slot.key())
        });
        self.keep(number, identity);
        StoredWaker::from_key(key)
    }

    /// A bell that rang in vain: it may ring again.
    pub(crate) fn rest(&self, number: u32) {
        self.with_slot(number, |_, slot| slot.remove(QUEUED));
    }

    fn place(&self, number: u32) -> u64 {
        u64::from(self.set) << 32 | u64::from(number)
    }

    fn keep(&self, number: u32, identity: u64) {
        let mut identities = self.identities.borrow_mut();
        if identities.len() <= number as usize {
            identities.resize(number as usize + 1, 0);
        }
        identities[number as usize] = identity;
    }

    /// That the thread is inside the runtime that the set was made in.
    #[track_caller]
    pub(crate) fn assert_home(&self) {
        if !current::with_core(|core| core.is_some_and(|core| core.serial == self.runtime)) {
            registry::refuse("a gather or JoinSet was polled", self.runtime);
        }
    }

    /// Polls the children that are on the ready list now, in order, each as itself, until the list
    /// is through, the owner's share is used up (each poll takes at least one unit of it), or `poll`
    /// says stop. Children that are done are released. Wakes the owner if more are
    /// ready.
    ///
    /// A child that was cancelled by its id cancels the owner, whose part it is.
    pub(crate) fn run_ready(
        &mut self,
        owner: &Waker,
        mut poll: impl FnMut(u32, &mut Context<'_>) -> Turn,
    ) {
        self.assert_home();
        self.set_owner(owner);
        current::with(|hot| {
            let Some(core) = current::core(hot) else {
                return;
            };
            let outer = hot.slot().map(Slot::identity);
            let mut batch = core
                .tasks
                .sets
                .with(self.set, |set| set.ready.len())
                .unwrap_or(0);
            if outer.is_none() {
                hot.budget.set(current::BUDGET);
            }
            let nest = Nest::enter(0, None);
            let mut attention = 0;
            let mut cancelled = None;
            let mut stopped = false;
            while batch > 0 && hot.budget.get() > 0 && !stopped {
                let Some(number) = core
                    .tasks
                    .sets
                    .with(self.set, |set| set.ready.pop_front())
                    .flatten()
                else {
                    break;
                };
                batch -= 1;
                let Some(slot) = self
                    .identities
                    .get_mut()
                    .get(number as usize)
                    .and_then(|it| core.tasks.find(*it))
                else {
                    continue;
                };
                let budget = hot.budget.get();
                stopped = self.run_one(core, hot, slot, number, &mut poll);
                // Only if it took nothing itself: gathers in gathers that are deeper than the share
                // is large would have used it up before the innermost is reached, each time.
                if hot.budget.get() == budget {
                    hot.budget.set(budget - 1);
                }
                attention |= hot.signal.get() & current::ATTENTION;
                if slot.has(CANCEL) {
                    cancelled = outer;
                    slot.remove(CANCEL);
                }
            }
            let budget = hot.budget.get();
            hot.signal.set(attention);
            drop(nest);
            hot.budget.set(budget);
            if let Some(owner) = cancelled {
                end::cancel(core, owner, None);
            }
            if !stopped && core.tasks.sets.with(self.set, |set| set.ready.is_empty()) == Some(false)
            {
                give_way(owner);
            }
        });
    }

    /// Polls one child as itself; true when it is done and said stop.
    #[inline]
    fn run_one(
        &mut self,
        core: &Core,
        hot: &Hot,
        slot: &Slot,
        number: u32,
        poll: &mut impl FnMut(u32, &mut Context<'_>) -> Turn,
    ) -> bool {
        let key = slot.key();
        core.probe
            .tell_polls(|it| it.poll_begins(core, slot, Inner::Child));
        hot.run(key, slot);
        let waker = ManuallyDrop::new(waker_of(key, core.tasks.vtable));
        let turn = poll(number, &mut Context::from_waker(&waker));
        match turn {
            Turn::Pending if hot.was_woken() => {
                slot.go_on();
                core.tasks
                    .sets
                    .with(self.set, |set| set.ready.push_back(number));
                core.probe
                    .tell_polls(|it| it.poll_ended(core, slot, Inner::Child, false));
            }
            Turn::Pending => {
                slot.rest(hot.signal.get(), core.tasks.now_ms.get());
                core.probe
                    .tell_polls(|it| it.poll_ended(core, slot, Inner::Child, false));
            }
            Turn::Done | Turn::Stop => {
                hot.idle();
                core.probe
                    .tell_polls(|it| it.poll_ended(core, slot, Inner::Child, true));
                self.identities.get_mut()[number as usize] = 0;
                release_slot(core, slot);
            }
        }
        turn == Turn::Stop
    }

    /// Says who polls the set; first thing in each poll of the owner.
    pub(crate) fn set_owner(&self, waker: &Waker) {
        // Made before anything is borrowed: the clone of a foreign waker is foreign code, and so is
        // its drop.
        let mut owner = StoredWaker::new(waker);
        with_core(|core| {
            if let Some(set) = core.tasks.sets.sets.borrow_mut().get_mut(self.set as usize) {
                std::mem::swap(&mut set.owner, &mut owner);
            }
        });
        drop(owner);
    }

    /// The next child that was woken.
    pub(crate) fn next_ready(&self) -> Option<u32> {
        with_core(|core| {
            core.tasks
                .sets
                .sets
                .borrow_mut()
                .get_mut(self.set as usize)?
                .ready
                .pop_front()
        })
    }

    /// How many were woken and not polled yet.
    pub(crate) fn ready_len(&self) -> usize {
        with_core(|core| {
            core.tasks
                .sets
                .sets
                .borrow()
                .get(self.set as usize)
                .map_or(0, |set| set.ready.len())
        })
    }

    /// Says which task a part belongs to: the one that polls now.
    pub(crate) fn set_whole(&self, number: u32) {
        self.with_slot(number, |core, slot| {
            let owner =
                current::with(|hot| hot.slot().map(|owner| whole_in(core, owner).identity()));
            if let Some(owner) = owner {
                slot.set_parent(owner);
            }
        });
    }

    /// The id of a child.
    pub(crate) fn id(&self, number: u32) -> Option<Id> {
        Some(self.identity(number))
            .filter(|identity| *identity != 0)
            .map(Id::from_identity)
    }

    /// The runtime's serial, which with an id names the child in the whole process.
    pub(crate) fn runtime(&self) -> u64 {
        self.runtime
    }

    /// Whether the child was cancelled through its id.
    pub(crate) fn is_cancelled(&self, number: u32) -> bool {
        self.with_slot(number, |_, slot| slot.has(CANCEL))
            .unwrap_or(false)
    }

    /// Why, as the canceller said.
    pub(crate) fn take_reason(&self, number: u32) -> Option<Cow<'static, str>> {
        self.with_slot(number, |core, slot| {
            let extras = &core.tasks.extras;
            slot.has(EXTRAS)
                .then(|| extras.with(slot, |extras| extras.reason.take()))
                .flatten()
        })?
    }

    /// The child's future is gone, only its cleanups are polled from now on; cancelling it does
    /// nothing any more.
    pub(crate) fn set_finishing(&self, number: u32) {
        self.with_slot(number, |core, slot| {
            slot.set_flags(slot.flags() & !CANCEL | FINISHING);
            core.probe
                .tell_polls(|it| it.task_ended(core, slot, End::ChildFinishes));
        });
    }

    /// Gives a child a name.
    pub(crate) fn set_name(&self, number: u32, name: Rc<str>) {
        self.with_slot(number, |core, slot| core.tasks.set_name(slot, name));
    }

    /// Says that the owner waits for what a part of it waits for, or, where that waits for nothing,
    /// for children.
    pub(crate) fn note_wait(&self, number: u32, at: &'static Location<'static>) {
        let part = self.with_slot(number, |_, slot| (slot.wait_for(), slot.wait_at()));
        match part {
            Some((packed, Some(at))) if packed != 0 => WaitNote { packed, at }.leave(),
            _ => note_wait(Wait::Children, at),
        }
    }

    /// Calls `poll` as the child: its key runs, its waker is in the context, its budget is full.
    pub(crate) fn poll<R>(
        &self,
        number: u32,
        poll: impl FnOnce(&mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        with_core(|core| {
            let Some(slot) = core.tasks.find(self.identity(number)) else {
                return poll(&mut Context::from_waker(Waker::noop()));
            };
            let key = slot.key();
            let waker = ManuallyDrop::new(waker_of(key, core.tasks.vtable));
            let identity = slot.identity();
            core.probe
                .tell_polls(|it| it.poll_begins(core, slot, Inner::Child));
            let nest = Nest::enter(key, Some(slot));
            current::with(|hot| hot.budget.set(current::BUDGET));
            let locals = slot.has(EXTRAS).then(|| Installed::of(core, slot));
            let result = poll(&mut Context::from_waker(&waker));
            drop(locals);
            let signal = current::with(|hot| hot.signal.get());
            drop(nest);
            if slot.identity() == identity && result.is_pending() {
                if signal & current::WOKEN != 0 {
                    slot.go_on();
                    core.tasks.sets.child_woken(slot.place());
                } else {
                    slot.rest(signal, core.tasks.now_ms.get());
                }
            }
            core.probe
                .tell_polls(|it| it.poll_ended(core, slot, Inner::Child, result.is_ready()));
            result
        })
    }

    /// Drops something of a child's, as the child. See [`cleanup::drop_into`].
    pub(crate) fn drop_into(
        &self,
        number: u32,
        cleanup: &mut Cleanup,
        drop: impl FnOnce(),
    ) -> Option<Box<dyn Any + Send>> {
        with_core(|core| {
            let slot = core.tasks.find(self.identity(number));
            let locals = slot.filter(|slot| slot.has(EXTRAS));
            let _locals = locals.map(|slot| Installed::of(core, slot));
            cleanup::drop_into(cleanup, slot, drop)
        })
    }

    /// Ends a child: its id and its wakers are stale from now on, and who waits for its end is
    /// woken.
    pub(crate) fn release(&self, number: u32) {
        let identity = self
            .identities
            .borrow_mut()
            .get_mut(number as usize)
            .map_or(0, std::mem::take);
        current::with_core(|core| {
            core.filter(|core| core.serial == self.runtime)
                .map(|core| release(core, identity))
        });
    }

    fn identity(&self, number: u32) -> u64 {
        self.identities
            .borrow()
            .get(number as usize)
            .copied()
            .unwrap_or(0)
    }

    fn with_slot<R>(&self, number: u32, f: impl FnOnce(&Core, &Slot) -> R) -> Option<R> {
        let identity = self.identity(number);
        with_core(|core| core.tasks.find(identity).map(|slot| f(core, slot)))
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        let identities = self.identities.take();
        let (set, runtime) = (self.set, self.runtime);
        current::with_core(|core| match core {
            Some(core) if core.serial == runtime => end(core, set, &identities),
            _ => {
                registry::call_in(runtime, move |core| {
                    end(core, set, &identities);
                });
            }
        });
    }
}

/// Ends a set and the children that it still has.
fn end(core: &Core, set: u32, identities: &[u64]) {
    identities
        .iter()
        .for_each(|identity| release(core, *identity));
    let set = core.tasks.sets.sets.borrow_mut().try_remove(set as usize);
    drop(set);
}

fn release(core: &Core, identity: u64) {
    if identity == 0 {
        return;
    }
    if let Some(slot) = core.tasks.find(identity) {
        release_slot(core, slot);
    }
}

#[inline]
fn release_slot(core: &Core, slot: &Slot) {
    if slot.has(EXTRAS) {
        return release_extras(core, slot);
    }
    core.probe
        .tell_polls(|it| it.task_ended(core, slot, End::ChildFreed));
    // The next occupant takes the word for a joiner, and finds nobody.
    slot.set_place(0);
    core.tasks.slots.release(slot);
}

/// Ends a child that has extras, which are dropped; who waits for its end is woken.
#[cold]
fn release_extras(core: &Core, slot: &Slot) {
    let extras = &core.tasks.extras;
    let waiters = extras.with(slot, |extras| std::mem::take(&mut extras.waiters));
    core.tasks.remove_extras(slot); // and the flag with it
    release_slot(core, slot);
    wake_all(waiters);
}

/// Whether a slot's occupant counts as a part of another task: the body of a scope.
#[inline]
pub(crate) fn is_part(slot: &Slot) -> bool {
    slot.flags() & (CHILD | INTERNAL) == CHILD | INTERNAL
}

/// The task that a slot is a part of: itself, but for the body of a scope.
pub(crate) fn whole<'a>(look: impl Fn(u32) -> Option<&'a Slot>, slot: &'a Slot) -> &'a Slot {
    let mut slot = slot;
    while is_part(slot) {
        match look(slot.parent()) {
            Some(parent) if slot.is_child_of(parent) => slot = parent,
            _ => break,
        }
    }
    slot
}

pub(crate) fn whole_in<'a>(core: &'a Core, slot: &'a Slot) -> &'a Slot {
    whole(|index| core.tasks.slots.get(index), slot)
}

#[track_caller]
fn with_core<R>(f: impl FnOnce(&Core) -> R) -> R {
    match current::with_core(|core| Some(f(core?))) {
        Some(result) => result,
        None => registry::refuse("a scope or gather was polled", 0),
    }
}
