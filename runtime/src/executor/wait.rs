//! What a task waits for, and where: two words that a leaf future writes before it returns
//! `Pending`.
//!
//! It exists so that "what is everybody waiting for?" has an answer at any moment, also from
//! another thread while the loop is blocked, without polling anyone. It must not know who asks.

use std::fmt;
use std::os::fd::RawFd;
use std::panic::Location;
use std::task::{Context, Poll, Waker, ready};

use super::current;
use super::id::Id;
use super::slot::INDEX_BITS;
use super::waker::{give_way, key_of};
use crate::time::Instant;

/// What a leaf future waits for. Addresses are those of the primitive, for telling one lock from
/// another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wait {
    /// Nothing was said: ready, running, or a future that is not a leaf of myrt's.
    Unknown,
    /// A point in time.
    Timer(Instant),
    /// A descriptor that can be read.
    Readable(RawFd),
    /// A descriptor that can be written.
    Writable(RawFd),
    /// The end of another task.
    Join(Id),
    /// A mutex or read-write lock.
    Lock(usize),
    /// Permits of a semaphore.
    Semaphore(usize),
    /// A channel or queue: something to receive, or room to send.
    Channel(usize),
    /// An event, notify, condition or barrier.
    Event(usize),
    /// A job on the blocking pool.
    Blocking,
    /// Children of a scope.
    Children,
    /// Something of the user's own.
    Custom,
}

// A slot's word: `among others (1 bit) | 0 (3) | kind (4) | payload (56)`; 0: nothing was said.
// Nothing that is waited for has a number of more than 56 bits: identities have 56, addresses of
// user space 47. Kind 0 is a join, as a handle says it: the word is the address of the slot that it
// waits for, which the table turns into an identity when somebody asks.
const KIND_SHIFT: u32 = 56;
const KIND: u64 = 0xf;
/// The task waits for something else too, or the wake may come by way of somebody else.
pub(super) const AMONG_OTHERS: u64 = 1 << 63;
const PAYLOAD: u64 = (1 << KIND_SHIFT) - 1;

/// In the kind of a channel's word: a message is waited for, not a place.
const FOR_MESSAGE: u64 = 8 << KIND_SHIFT;

impl Wait {
    #[inline]
    pub(crate) fn pack(self) -> u64 {
        let (kind, payload) = match self {
            Self::Unknown => return 0,
            Self::Timer(at) => (1, at.as_nanos() >> 8),
            Self::Readable(fd) => (2, u64::from(fd as u32)),
            Self::Writable(fd) => (3, u64::from(fd as u32)),
            Self::Join(id) => (4, id.identity()),
            Self::Lock(at) => (5, at as u64),
            Self::Semaphore(at) => (6, at as u64),
            Self::Channel(at) => (7, at as u64),
            Self::Event(at) => (8, at as u64),
            Self::Blocking => (9, 0),
            Self::Children => (11, 0),
            Self::Custom => (12, 0),
        };
        debug_assert!(payload <= PAYLOAD);
        (kind << KIND_SHIFT) | payload
    }

    /// Whether a slot's word says that its task waits for something else too, or may be woken by
    /// somebody else's waker.
    pub(crate) fn is_among_others(word: u64) -> bool {
        word & AMONG_OTHERS != 0
    }

    /// Whether a slot's word says that its task waits for a message of a channel.
    pub(crate) fn is_for_message(word: u64) -> bool {
        word & (KIND << KIND_SHIFT) == Self::Channel(0).pack() & (KIND << KIND_SHIFT) | FOR_MESSAGE
    }

    /// The address of a primitive.
    pub(crate) fn object(self) -> Option<usize> {
        match self {
            Self::Lock(at) | Self::Semaphore(at) | Self::Channel(at) | Self::Event(at) => Some(at),
            _ => None,
        }
    }

    /// The address of the slot whose occupant's end is waited for, where the word is one.
    pub(super) fn joined_slot(word: u64) -> Option<usize> {
        let word = word & !AMONG_OTHERS;
        (word != 0 && word >> KIND_SHIFT == 0).then_some(word as usize)
    }

    /// What a word says, except for a join that names a slot: see
    /// [`Table::wait`](super::waker_table::Table::wait).
    pub(crate) fn unpack(word: u64) -> Self {
        let payload = word & PAYLOAD;
        match (word >> KIND_SHIFT) & KIND {
            1 if payload == PAYLOAD => Self::Timer(Instant::FAR_FUTURE),
            1 => Self::Timer(Instant::from_nanos(payload << 8)),
            2 => Self::Readable(payload as RawFd),
            3 => Self::Writable(payload as RawFd),
            4 => Self::Join(Id::from_identity(payload)),
            5 => Self::Lock(payload as usize),
            6 => Self::Semaphore(payload as usize),
            7 | 15 => Self::Channel(payload as usize),
            8 => Self::Event(payload as usize),
            9 => Self::Blocking,
            11 => Self::Children,
            12 => Self::Custom,
            _ => Self::Unknown,
        }
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("-"),
            Self::Timer(_) => f.write_str("sleep"),
            Self::Readable(fd) => write!(f, "read fd {fd}"),
            Self::Writable(fd) => write!(f, "write fd {fd}"),
            Self::Join(id) => write!(f, "join task {id}"),
            Self::Lock(at) => write!(f, "lock {at:#x}"),
            Self::Semaphore(at) => write!(f, "semaphore {at:#x}"),
            Self::Channel(at) => write!(f, "channel {at:#x}"),
            Self::Event(at) => write!(f, "event {at:#x}"),
            Self::Blocking => f.write_str("blocking job"),
            Self::Children => f.write_str("children"),
            Self::Custom => f.write_str("custom"),
        }
    }
}

const _: () = assert!(INDEX_BITS < KIND_SHIFT);

/// Says what the running task waits for, and where; a leaf future calls it just before it returns
/// `Pending`. Nothing happens outside of a task. The next poll of the task forgets it.
#[inline]
pub fn note_wait(wait: Wait, at: &'static Location<'static>) {
    WaitNote::new(wait, at).leave();
}

/// What [`note_wait`] writes, made before it is known whether there is a wait: two words, so that
/// handing it on to the function that waits costs nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WaitNote {
    pub(super) packed: u64,
    pub(super) at: &'static Location<'static>,
}

impl WaitNote {
    #[inline]
    pub(crate) fn new(wait: Wait, at: &'static Location<'static>) -> Self {
        Self {
            packed: wait.pack(),
            at,
        }
    }

    /// Where it matters that nothing else wakes the task: says so if `waker` is not the task's own,
    /// as inside of a foreign combinator that polls only those of its parts that were woken.
    #[inline]
    pub(crate) fn by(self, waker: &Waker) -> Self {
        let direct = current::with(|hot| key_of(waker) == Some(hot.running()));
        let others = if direct { 0 } else { AMONG_OTHERS };
        Self {
            packed: self.packed | others,
            ..self
        }
    }

    /// Of a channel: a message is waited for.
    #[inline]
    pub(crate) fn for_message(self) -> Self {
        Self {
            packed: self.packed | FOR_MESSAGE,
            ..self
        }
    }

    pub(crate) fn wait(self) -> Wait {
        Wait::unpack(self.packed)
    }

    pub(crate) fn at(self) -> &'static Location<'static> {
        self.at
    }

    /// Says it about the running task.
    #[inline]
    pub(crate) fn leave(self) {
        current::with(|hot| hot.note_wait(self));
    }
}

/// Tells the graph who holds what stands at `address`; none: nobody that is known.
pub(crate) fn note_holder(address: usize, holder: Option<Id>) {
    current::with_core(|core| {
        if let Some(core) = core {
            let published = &core.tasks.slots.shared().holders;
            core.tasks.holders.publish(published, address, holder);
        }
    });
}

/// What stood at `address` is gone.
#[cold]
pub(crate) fn forget_holder(address: usize) {
    current::with_core(|core| {
        if let Some(core) = core {
            core.tasks.holders.forget(address);
        }
    });
}

// A task's share of a turn: how many operations that were ready it may do in one poll. Without it a
// task whose operations are always ready would never let another run. Each leaf takes one unit when
// it is ready, none while it waits; one that finds no unit left gives way, after it has joined the
// queue it may have to stand in.

/// Whether the running task may do one more operation that is ready. Outside of a task: always.
#[doc(hidden)]
#[inline]
#[must_use]
pub fn has_share() -> bool {
    current::with(|hot| hot.budget.get() != 0 || hot.slot().is_none())
}

/// Counts an operation that was ready.
#[doc(hidden)]
#[inline]
pub fn take_share() {
    current::with(|hot| hot.budget.set(hot.budget.get().saturating_sub(1)));
}

/// `Pending`, with the task woken for its next turn, when its share is used up. It takes nothing.
#[doc(hidden)]
#[inline]
pub fn poll_share(cx: &Context<'_>) -> Poll<()> {
    if has_share() {
        Poll::Ready(())
    } else {
        give_way(cx.waker());
        Poll::Pending
    }
}

/// Tries what may be ready at once, and counts it if it is. `None` too where no share is left or no
/// task runs: those whom this tells nothing look again on a slower path.
#[inline(always)]
pub(crate) fn try_ready<R>(attempt: impl FnOnce() -> Option<R>) -> Option<R> {
    current::with(|hot| {
        let left = hot.budget.get();
        if left == 0 {
            return None;
        }
        let ready = attempt()?;
        hot.budget.set(left - 1);
        Some(ready)
    })
}

/// Takes one unit of the running task's share, which is 128 in each of its polls. `Pending`, with
/// the task woken for its next turn, when the share is used up: so a task whose operations are
/// always ready lets others run. A leaf future that is ready calls it last, before it takes what it
/// will return; one that may wait uses [`poll_within_budget`].
///
/// tokio's cooperative budget. Outside of a task, and inside of
/// [`unconstrained`](super::unconstrained), it is always ready.
#[inline]
pub fn poll_budget(cx: &mut Context<'_>) -> Poll<()> {
    ready!(poll_share(cx));
    take_share();
    Poll::Ready(())
}

/// Polls a leaf future's operation within the running task's share. `Pending`, with the task woken
/// for its next turn and `operation` not called, when the share is used up. An operation that is
/// ready takes one unit of it, unless it is made of others that did; one that waits takes none.
///
/// tokio's `poll_proceed` and `made_progress`.
///
/// ```
/// use std::future::poll_fn;
/// use std::task::Poll;
/// myrt::run(async {
///     let next = std::cell::Cell::new(0);
///     let counter = || {
///         poll_fn(|cx| {
///             myrt::task::poll_within_budget(cx, |_| {
///                 next.set(next.get() + 1);
///                 Poll::Ready(next.get())
///             })
///         })
///     };
///     let other = myrt::spawn(async { "ran meanwhile" });
///     while counter().await < 1000 {}
///     assert!(other.is_finished());
/// });
/// ```
#[inline]
pub fn poll_within_budget<R>(
    cx: &mut Context<'_>,
    operation: impl FnOnce(&mut Context<'_>) -> Poll<R>,
) -> Poll<R> {
    ready!(poll_share(cx));
    let before = current::with(|hot| hot.budget.get());
    let ready = ready!(operation(cx));
    if current::with(|hot| hot.budget.get()) == before {
        take_share();
    }
    Poll::Ready(ready)
}
