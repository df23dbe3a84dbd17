//! Futures that one future polls, each woken alone: what scopes and gathers stand on.
//!
//! It exists so that waking one child of ten thousand polls one child. A child has a slot of its own, hence a key
//! and an id; the slot says which set it is in and its number there, *never a pointer*. Waking a child puts its
//! number on its set's list and wakes the set's owner. Children are stored, polled and dropped by the owner's
//! future alone, so forgetting that future is sound. It must not know what the children are.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::mem::ManuallyDrop;
use std::panic::Location;
use std::ptr;
use std::task::{Context, Poll, Waker};

use slab::Slab;

use super::finish::{self, Nest};
use super::hot::{self, Hot};
use super::id::Id;
use super::registry::{self, Message};
use super::slot::{CANCEL, CHILD, INTERNAL, QUEUED, RARE, Slot};
use super::stored::StoredWaker;
use super::waker::waker_of;
use crate::core::Core;

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
/// Bound to the runtime that it was made in.
pub(crate) struct Children {
    set: u32,
    runtime: u64,
    identities: Vec<u64>,
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
                identities: Vec::new(),
            }
        })
    }

    /// Makes a child of this number, which no living child has; it is ready at once.
    pub(crate) fn add(&mut self, number: u32, at: &'static Location<'static>) {
        let identity = with_core(|core| {
            let parent = hot::with(|hot| hot.slot().map_or(0, Slot::identity));
            let slot = core.tasks.take_slot();
            slot.occupy(ptr::null_mut(), CHILD | QUEUED, parent, at);
            slot.set_place(self.place(number));
            core.tasks.sets.child_woken(slot.place());
            slot.identity()
        });
        self.keep(number, identity);
    }

    /// Makes children `0..count` at once, all ready.
    #[track_caller]
    pub(crate) fn filled(count: u32, at: &'static Location<'static>) -> Self {
        let mut children = Self::new();
        with_core(|core| {
            let parent = hot::with(|hot| hot.slot().map_or(0, Slot::identity));
            children.identities.reserve_exact(count as usize);
            for number in 0..count {
                let slot = core.tasks.take_slot();
                slot.occupy(ptr::null_mut(), CHILD | QUEUED, parent, at);
                slot.set_place(children.place(number));
                children.identities.push(slot.identity());
            }
            core.tasks
                .sets
                .with(children.set, |set| set.ready.extend(0..count));
        });
        children
    }

    /// Makes a child that nobody polls and no list shows: its key is a waker that puts `number` on the ready list.
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
        self.with_slot(number, |slot| slot.remove(QUEUED));
    }

    fn place(&self, number: u32) -> u64 {
        u64::from(self.set) << 32 | u64::from(number)
    }

    fn keep(&mut self, number: u32, identity: u64) {
        if self.identities.len() <= number as usize {
            self.identities.resize(number as usize + 1, 0);
        }
        self.identities[number as usize] = identity;
    }

    /// That the thread is inside the runtime that the set was made in.
    #[track_caller]
    pub(crate) fn assert_home(&self) {
        with_core(|core| {
            assert!(
                core.serial == self.runtime,
                "a gather or JoinSet was polled outside of its own runtime"
            );
        });
    }

    /// Polls the children that are on the ready list now, in order, each as itself, until the list is through, the
    /// owner's share is used up (each poll takes one unit of it, as an operation does), or `poll` says stop. Children
    /// that are done are released. Wakes the owner if more are ready.
    ///
    /// A child that was cancelled by its id cancels the owner, whose part it is.
    pub(crate) fn run_ready(
        &mut self,
        owner: &Waker,
        mut poll: impl FnMut(u32, &mut Context<'_>) -> Turn,
    ) {
        self.assert_home();
        self.set_owner(owner);
        hot::with(|hot| {
            let Some(core) = hot::core(hot) else { return };
            let outer = hot.slot().map(Slot::identity);
            let mut batch = core
                .tasks
                .sets
                .with(self.set, |set| set.ready.len())
                .unwrap_or(0);
            if outer.is_none() {
                hot.budget.set(hot::BUDGET);
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
                    .get(number as usize)
                    .and_then(|it| core.tasks.find(*it))
                else {
                    continue;
                };
                hot.budget.set(hot.budget.get() - 1);
                stopped = self.run_one(core, hot, slot, number, &mut poll);
                attention |= hot.signal.get() & hot::ATTENTION;
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
                finish::cancel(core, owner, None);
            }
            if !stopped && core.tasks.sets.with(self.set, |set| set.ready.is_empty()) == Some(false)
            {
                owner.wake_by_ref();
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
        hot.run(key, slot);
        slot.count_poll();
        let waker = ManuallyDrop::new(waker_of(key, core.tasks.vtable));
        let turn = poll(number, &mut Context::from_waker(&waker));
        match turn {
            Turn::Pending if hot.was_woken() => {
                core.tasks
                    .sets
                    .with(self.set, |set| set.ready.push_back(number));
            }
            Turn::Pending => slot.rest(slot.flags(), core.tasks.now_ms.get()),
            Turn::Done | Turn::Stop => {
                hot.idle();
                self.identities[number as usize] = 0;
                release_slot(core, slot);
            }
        }
        turn == Turn::Stop
    }

    /// Says who polls the set; first thing in each poll of the owner.
    pub(crate) fn set_owner(&self, waker: &Waker) {
        // Made before anything is borrowed: the clone of a foreign waker is foreign code, and so is its drop.
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

    /// The id of a child.
    pub(crate) fn id(&self, number: u32) -> Option<Id> {
        self.identities
            .get(number as usize)
            .filter(|identity| **identity != 0)
            .map(|identity| Id::from_identity(*identity))
    }

    /// Whether the child was cancelled through its id.
    pub(crate) fn is_cancelled(&self, number: u32) -> bool {
        self.with_slot(number, |slot| slot.has(CANCEL))
            .unwrap_or(false)
    }

    /// Calls `poll` as the child: its key runs, its waker is in the context.
    pub(crate) fn poll<R>(
        &self,
        number: u32,
        poll: impl FnOnce(&mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        with_core(|core| {
            let Some(slot) = self
                .identities
                .get(number as usize)
                .and_then(|identity| core.tasks.find(*identity))
            else {
                return poll(&mut Context::from_waker(Waker::noop()));
            };
            let key = slot.key();
            let waker = ManuallyDrop::new(waker_of(key, core.tasks.vtable));
            slot.count_poll();
            let identity = slot.identity();
            let nest = Nest::enter(key, Some(slot));
            let result = poll(&mut Context::from_waker(&waker));
            let woken = hot::with(hot::Hot::was_woken);
            drop(nest);
            if slot.identity() == identity && result.is_pending() {
                if woken {
                    core.tasks.sets.child_woken(slot.place());
                } else {
                    slot.rest(slot.flags(), core.tasks.now_ms.get());
                }
            }
            result
        })
    }

    /// Ends a child: its id and its wakers are stale from now on.
    pub(crate) fn release(&mut self, number: u32) {
        if let Some(identity) = self.identities.get_mut(number as usize) {
            let identity = std::mem::take(identity);
            hot::with_core(|core| {
                core.filter(|core| core.serial == self.runtime)
                    .map(|core| release(core, identity))
            });
        }
    }

    fn with_slot<R>(&self, number: u32, f: impl FnOnce(&Slot) -> R) -> Option<R> {
        let identity = *self.identities.get(number as usize)?;
        with_core(|core| core.tasks.find(identity).map(f))
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        let identities = std::mem::take(&mut self.identities);
        let (set, runtime) = (self.set, self.runtime);
        hot::with_core(|core| match core {
            Some(core) if core.serial == runtime => end(core, set, &identities),
            _ => {
                if let Some(home) = registry::by_serial(runtime) {
                    let _ = home.send(Message::Call(Box::new(move |core| {
                        end(core, set, &identities)
                    })));
                }
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
    if slot.has(RARE) {
        core.tasks.remove_rare(slot);
    }
    // The next occupant takes the word for a joiner, and finds nobody.
    slot.set_place(0);
    core.tasks.slots.release(slot);
}

#[track_caller]
fn with_core<R>(f: impl FnOnce(&Core) -> R) -> R {
    hot::with_core(|core| {
        f(core.expect(
            "scopes and gathers run inside of a myrt runtime: use #[myrt::main] or myrt::run",
        ))
    })
}
