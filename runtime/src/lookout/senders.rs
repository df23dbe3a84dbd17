//! Which tasks can still send on a channel: what the use of its senders tells of where they are.
//!
//! It exists for the search for circles: a task that awaits a message is stuck only if nobody is left to send one, and a sender
//! is a plain value that says nothing of who has it. What is known is where each was when it was last used. **A task has a
//! sender** if it used it last, and the sender stood in the memory of that task's own future then: not behind an `Rc`, not
//! in a thread local, not in something borrowed from somebody else; and if the task has handed nothing on since by a channel
//! of ours that could have the sender in it. (What it may have handed to a task that it spawned is for `cycle/` to say.)
//! All of a channel's senders must be known, and no weak one be there; else nothing is known of it.
//!
//! What can still mislead: a sender that was used in its task, then put into a cell that others share. It must not know
//! tasks' waits, nor keep anything alive.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::mem::needs_drop;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::{Lookout, with};
use crate::task::id::Id;
use crate::task::{current_identity, hot, owns};

/// How many senders a channel has.
pub(crate) struct Census {
    /// The channel's number.
    pub(crate) channel: usize,
    pub(crate) senders: usize,
    pub(crate) weak: usize,
}

/// What a runtime's lookout knows of channels.
#[derive(Default)]
pub(super) struct Senders {
    channels: RefCell<HashMap<usize, Channel>>,
    /// The channel that was waited for at an address, by number.
    waited_for: RefCell<HashMap<usize, usize>>,
    gifts: RefCell<HashMap<u64, Gifts>>,
    /// Counts uses and gifts.
    clock: Cell<u64>,
}

#[derive(Default)]
struct Channel {
    senders: usize,
    weak: usize,
    address: usize,
    /// Those that were used, by number.
    used: HashMap<usize, Use>,
}

/// The last use of a sender.
struct Use {
    /// The task that used it and had it in its own memory; 0: none.
    task: u64,
    when: u64,
}

/// When a task last handed something on that may own things.
#[derive(Default, Clone, Copy)]
struct Gifts {
    when: u64,
    /// The sender by which it did; 0: by something else.
    by: usize,
    /// When it last did by another one.
    before: u64,
}

impl Gifts {
    fn note(&mut self, when: u64, by: usize) {
        if by != self.by || by == 0 {
            self.before = self.when;
            self.by = by;
        }
        self.when = when;
    }

    /// When it last handed something on in which this sender may have been. By itself none was.
    fn that_may_hold(self, sender: usize) -> u64 {
        if self.by == sender {
            self.before
        } else {
            self.when
        }
    }
}

/// A number for a channel or a sender, odd and never given twice.
pub(crate) fn number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    NEXT.fetch_add(2, Relaxed)
}

/// Whether anybody is to be told of senders.
#[inline(always)]
pub(crate) fn looks() -> bool {
    hot::looks()
}

/// A sender is used, where it stands now. `gives`: what it sends may own something.
#[cold]
pub(crate) fn used(census: &Census, sender: usize, stands_at: usize, gives: bool) {
    with(|_, lookout| {
        let task = current_identity();
        let this = &lookout.senders;
        let when = this.tick();
        if gives {
            this.note_gift(task, when, sender);
        }
        let task = if owns(task, stands_at) { task } else { 0 };
        let mut channels = this.channels.borrow_mut();
        let channel = channels.entry(census.channel).or_default();
        channel.count(census);
        channel.used.insert(sender, Use { task, when });
    });
}

/// A sender is gone, or has moved into something else.
#[cold]
pub(crate) fn forget(channel: usize, sender: usize) {
    with(|_, lookout| {
        let mut channels = lookout.senders.channels.borrow_mut();
        if let Some(channel) = channels.get_mut(&channel) {
            channel.used.remove(&sender);
        }
    });
}

/// The number of senders, or of weak ones, has changed.
#[cold]
pub(crate) fn counted(census: &Census) {
    with(|_, lookout| {
        let mut channels = lookout.senders.channels.borrow_mut();
        if let Some(channel) = channels.get_mut(&census.channel) {
            channel.count(census);
        }
    });
}

/// Somebody waits for a message; the channel is at this address meanwhile.
#[cold]
pub(crate) fn waits(census: &Census, address: usize) {
    with(|_, lookout| {
        let this = &lookout.senders;
        let mut channels = this.channels.borrow_mut();
        let channel = channels.entry(census.channel).or_default();
        channel.count(census);
        channel.address = address;
        this.waited_for.borrow_mut().insert(address, census.channel);
    });
}

/// Nobody will wait for a message of this channel any more.
#[cold]
pub(crate) fn forget_channel(number: usize) {
    with(|_, lookout| {
        let this = &lookout.senders;
        let Some(channel) = this.channels.borrow_mut().remove(&number) else {
            return;
        };
        let mut waited_for = this.waited_for.borrow_mut();
        if waited_for.get(&channel.address) == Some(&number) {
            waited_for.remove(&channel.address);
        }
    });
}

/// The running task hands a `T` on, other than by a sender that was told of.
#[inline]
pub(crate) fn note_gift<T>() {
    if needs_drop::<T>() && looks() {
        note_some_gift();
    }
}

#[cold]
#[inline(never)]
fn note_some_gift() {
    with(|_, lookout| {
        let this = &lookout.senders;
        this.note_gift(current_identity(), this.tick(), 0);
    });
}

impl Senders {
    fn tick(&self) -> u64 {
        self.clock.set(self.clock.get() + 1);
        self.clock.get()
    }

    fn note_gift(&self, task: u64, when: u64, by: usize) {
        let mut gifts = self.gifts.borrow_mut();
        gifts.entry(task).or_default().note(when, by);
    }

    /// A task has ended.
    pub(super) fn forget_task(&self, task: u64) {
        let mut gifts = self.gifts.borrow_mut();
        if !gifts.is_empty() {
            gifts.remove(&task);
        }
    }
}

impl Channel {
    fn count(&mut self, census: &Census) {
        self.senders = census.senders;
        self.weak = census.weak;
    }
}

impl Lookout {
    /// The tasks that have the senders of the channel at this address, which is waited for; none: not all are known.
    pub(crate) fn senders_of(&self, address: usize) -> Option<Vec<Id>> {
        let this = &self.senders;
        let number = *this.waited_for.borrow().get(&address)?;
        let channels = this.channels.borrow();
        let channel = channels.get(&number)?;
        if channel.weak > 0 || channel.used.len() != channel.senders {
            return None;
        }
        let gifts = this.gifts.borrow();
        let mut tasks = BTreeSet::new();
        for (sender, used) in &channel.used {
            let gifts = gifts.get(&used.task).copied().unwrap_or_default();
            if used.task == 0 || gifts.that_may_hold(*sender) > used.when {
                return None;
            }
            tasks.insert(Id::from_identity(used.task));
        }
        Some(tasks.into_iter().collect())
    }
}
