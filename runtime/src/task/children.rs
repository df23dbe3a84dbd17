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

use super::finish::Nest;
use super::hot;
use super::id::Id;
use super::slot::{CANCEL, CHILD, QUEUED, Slot};
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
            slot.set_place(u64::from(self.set) << 32 | u64::from(number));
            core.tasks.sets.child_woken(slot.place());
            slot.identity()
        });
        if self.identities.len() <= number as usize {
            self.identities.resize(number as usize + 1, 0);
        }
        self.identities[number as usize] = identity;
    }

    /// Says who polls the set; first thing in each poll of the owner.
    pub(crate) fn set_owner(&self, waker: &Waker) {
        let old =
            with_core(
                |core| match core.tasks.sets.sets.borrow_mut().get_mut(self.set as usize) {
                    Some(set) => set.owner.replace(waker),
                    None => StoredWaker::EMPTY,
                },
            );
        drop(old);
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
            let waker = ManuallyDrop::new(waker_of(key));
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
        let numbers = u32::try_from(self.identities.len()).unwrap_or(u32::MAX);
        (0..numbers).for_each(|number| self.release(number));
        let set = hot::with_core(|core| {
            let core = core.filter(|core| core.serial == self.runtime)?;
            core.tasks
                .sets
                .sets
                .borrow_mut()
                .try_remove(self.set as usize)
        });
        drop(set);
    }
}

fn release(core: &Core, identity: u64) {
    if let Some(slot) = core.tasks.find(identity) {
        if slot.has(super::slot::RARE) {
            core.tasks.rares.remove(slot);
        }
        core.tasks.slots.release(slot);
    }
}

#[track_caller]
fn with_core<R>(f: impl FnOnce(&Core) -> R) -> R {
    hot::with_core(|core| {
        f(core.expect(
            "scopes and gathers run inside of a myrt runtime: use #[myrt::main] or myrt::run",
        ))
    })
}
