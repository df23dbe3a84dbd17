//! The one door through which other threads reach a runtime: a queue, and the flag that wakes a
//! sleeper.
//!
//! The loop's own structures have no locks and no atomics, so whatever comes from another thread (a
//! woken key, a closure, a socket that was dropped elsewhere) is put here and picked up by the loop
//! once a turn. Two things must never go wrong: an item pushed while the loop falls asleep must
//! wake it, and a turn in which nothing came must cost next to nothing.
//!
//! # The state word
//!
//! | bit | set by | cleared by | means |
//! |---|---|---|---|
//! | `PENDING` | `push`, under the lock | `drain` and `close`, under the lock | the list is not empty |
//! | `PARKED` | `prepare_park` | `unpark` | the loop sleeps in the selector, or is about to |
//!
//! All changes of the word are read-modify-write operations on one location, and those have one
//! order that every thread agrees on. That is the whole proof of the handshake: `prepare_park`
//! exchanges "nothing at all" for `PARKED`, and a push adds `PENDING`. If the push is first, the
//! exchange fails and the loop does not sleep. If the exchange is first, the push finds `PARKED` in
//! the value it replaced, and so knows that it has to ring the bell. No fence is needed, as there
//! is no second location to be ordered against.
//!
//! Only the push that finds `PARKED` *without* `PENDING` rings: later pushes of that batch know
//! that somebody does. The loop cannot park again before it has drained, so a bell that is owed is
//! always rung for a sleeper that is still to be woken, or (the loop woke for another reason
//! meanwhile) once too often, which costs one empty turn.
//!
//! # The bit of a slot
//!
//! [`RemoteBit`] keeps the list from growing beyond the number of tasks: whoever wakes a task from
//! afar sets the bit of its slot, and only the one that found it clear pushes. The loop takes the
//! bit before it polls. See there for what each side may rely on.
//!
//! This file knows nothing of tasks, selectors or wakers, and uses nothing of the crate: the model
//! checker (the package `loom/`) includes it as it stands, with loom's atomics and mutex in place
//! of std's.

use std::mem;

use self::shim::{AtomicBool, AtomicU8, Mutex, MutexGuard, Ordering, PoisonError};

/// Items from other threads on their way to the loop, and whether the loop has to be woken for
/// them.
///
/// `push` may be called by any thread; `drain`, `prepare_park` and `unpark` belong to the loop's
/// thread; `close` too.
pub(crate) struct RemoteQueue<T> {
    state: AtomicU8,
    inner: Mutex<Inner<T>>,
}

struct Inner<T> {
    items: Vec<T>,
    closed: bool,
}

impl<T> RemoteQueue<T> {
    pub(crate) fn new() -> Self {
        Self {
            state: AtomicU8::new(0),
            inner: Mutex::new(Inner {
                items: Vec::new(),
                closed: false,
            }),
        }
    }

    /// Adds an item, from any thread. `Ok(true)`: the loop sleeps and nobody else will wake it for
    /// this batch, so the caller must notify the selector, now that the lock is released. What was
    /// written before the push is visible to whoever drains the item.
    ///
    /// # Errors
    /// The item itself, when the queue is closed: the runtime is gone and will not look at it. It
    /// is for the caller to drop, outside of the lock, since dropping may run anything.
    #[must_use = "on `Ok(true)` the loop sleeps until the caller notifies it"]
    pub(crate) fn push(&self, item: T) -> Result<bool, T> {
        let mut inner = self.lock();
        if inner.closed {
            return Err(item);
        }
        inner.items.push(item);
        // Under the lock, so that `PENDING` and the list change together: a drain that takes this
        // item also takes the bit, and one that came before cannot wipe it afterwards.
        let before = self.state.fetch_or(PENDING, Ordering::AcqRel);
        drop(inner);
        Ok(before == PARKED)
    }

    /// Whether nothing waits: one plain load (no fence on x86-64), so the loop asks every turn. A
    /// push that another thread makes right now may be missed; `prepare_park` does not miss it.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.state.load(Ordering::Acquire) & PENDING == 0
    }

    /// Moves everything that was pushed behind what is in `into`, in order, under one lock.
    ///
    /// With an empty `into` the two lists change places, so that a loop which keeps its list
    /// allocates only to grow. What is pushed while the caller works through the list is left for
    /// the next call: a batch is finite.
    pub(crate) fn drain(&self, into: &mut Vec<T>) {
        let mut inner = self.lock();
        self.state.fetch_and(!PENDING, Ordering::AcqRel);
        if into.is_empty() {
            mem::swap(&mut inner.items, into);
        } else {
            into.append(&mut inner.items);
        }
    }

    /// Announces that the loop is going to sleep. `false`: something was pushed meanwhile; nothing
    /// was announced, drain and do not sleep. `true`: from now on a push rings the bell, until
    /// `unpark`.
    #[must_use = "on `false` the loop must not sleep"]
    pub(crate) fn prepare_park(&self) -> bool {
        let exchanged = self
            .state
            .compare_exchange(0, PARKED, Ordering::AcqRel, Ordering::Acquire);
        debug_assert!(
            !matches!(exchanged, Err(now) if now & PARKED != 0),
            "the loop parks twice"
        );
        exchanged.is_ok()
    }

    /// Takes the announcement back, after the wait, whatever ended it. Afterwards `is_empty` is
    /// exact for every push that rang.
    pub(crate) fn unpark(&self) {
        self.state.fetch_and(!PARKED, Ordering::AcqRel);
    }

    /// Ends the queue: what it still holds is returned, and every later push gets its item back.
    /// Both happen under one lock, so that each item is either in the returned list or in the hands
    /// of the one who pushed it. Closing twice is harmless.
    #[must_use = "dropping what was queued may run user code: do it where that is allowed"]
    pub(crate) fn close(&self) -> Vec<T> {
        let mut inner = self.lock();
        inner.closed = true;
        self.state.fetch_and(!PENDING, Ordering::AcqRel);
        mem::take(&mut inner.items)
    }

    /// No code of the user runs under this lock, so a poisoned one (the allocator's panic on
    /// overflow is all that could do it) still guards a whole list.
    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// "This slot is in the remote queue": at most one entry a slot between two takes.
///
/// The protocol:
///
/// 1. A waker on another thread calls [`set`](Self::set). Clear before: it pushes the slot's key.
///    Set before: somebody else's entry is on its way, and it is done.
/// 2. The loop drains an entry, calls [`take`](Self::take), and only then makes the task of that
///    slot ready, to be polled.
///
/// Both are swaps, with acquire and release. A `set` that came too late to push is therefore *read*
/// by the `take` that clears it, directly or through the swaps between, and so everything its
/// thread wrote before the wake is visible to the poll. (A plain load in `set` to save the write
/// would lose exactly this: the poll could miss the data whose wake it swallowed.)
///
/// The bit belongs to the slot and not to the task in it. A stale key may have queued the entry
/// that a live key then leans on. So who takes the bit wakes the task that lives in the slot *now*,
/// whatever generation the entry names: at worst one spurious poll, where skipping it could lose a
/// wake. And an entry whose bit is found clear is still honoured: the bit limits the queue, it does
/// not authorise the wake.
pub(crate) struct RemoteBit(AtomicBool);

impl RemoteBit {
    #[allow(
        dead_code,
        reason = "slots begin as zeroed memory, which is a clear bit; the models make their own"
    )]
    pub(crate) fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Marks the slot as queued, from any thread. `true`: it was already, do not push.
    #[must_use = "when the bit was clear the caller must push the slot's key"]
    pub(crate) fn set(&self) -> bool {
        self.0.swap(true, Ordering::AcqRel)
    }

    /// Clears the mark, on the loop's thread, before the poll. Tells whether it was set.
    pub(crate) fn take(&self) -> bool {
        self.0.swap(false, Ordering::AcqRel)
    }
}

/// The list is not empty.
const PENDING: u8 = 1;
/// The loop sleeps, or is about to.
const PARKED: u8 = 2;

/// The same names from std, or from the model checker.
mod shim {
    #[cfg(myrt_loom)]
    pub(super) use loom::sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU8, Ordering},
    };
    pub(super) use std::sync::PoisonError;
    #[cfg(not(myrt_loom))]
    pub(super) use std::sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU8, Ordering},
    };
}

// What one thread can see; the interleavings are the model checker's.
#[cfg(all(test, not(myrt_loom)))]
mod tests {
    use super::{RemoteBit, RemoteQueue};

    #[test]
    fn only_the_first_push_to_a_sleeper_rings() {
        let queue = RemoteQueue::new();
        assert_eq!(queue.push(1), Ok(false), "nobody sleeps");
        assert!(!queue.prepare_park(), "the item forbids sleep");
        let mut items = Vec::new();
        queue.drain(&mut items);
        assert_eq!(items, [1]);
        assert!(queue.prepare_park());
        assert_eq!(queue.push(2), Ok(true));
        assert_eq!(queue.push(3), Ok(false), "the bell was rung for this batch");
        queue.unpark();
        assert!(!queue.is_empty());
        queue.drain(&mut items);
        assert_eq!(items, [1, 2, 3], "behind what was there");
        assert!(queue.is_empty());
    }

    #[test]
    fn a_sleeper_woken_by_something_else_may_sleep_again() {
        let queue = RemoteQueue::<u8>::new();
        assert!(queue.prepare_park());
        queue.unpark();
        assert!(queue.prepare_park());
        assert_eq!(queue.push(1), Ok(true));
    }

    #[test]
    fn closing_returns_what_waits_and_refuses_the_rest() {
        let queue = RemoteQueue::new();
        assert_eq!(queue.push("early"), Ok(false));
        assert_eq!(queue.close(), ["early"]);
        assert_eq!(queue.push("late"), Err("late"));
        assert!(queue.is_empty());
        assert!(queue.close().is_empty());
    }

    #[test]
    fn a_bit_is_set_once_between_takes() {
        let bit = RemoteBit::new();
        assert!(!bit.take());
        assert!(!bit.set());
        assert!(bit.set());
        assert!(bit.take());
        assert!(!bit.set());
    }
}
