//! What a thread knows about the runtime it is inside of: one `const`, Drop-free thread local.
//!
//! It exists because this is read at every wake and every leaf operation: without lazy initialisation and without
//! a destructor it is a plain memory access, and it can be used in destructors of other thread locals.
//! It must not own anything.

use std::cell::Cell;
use std::ptr;

use super::slot::Slot;
use super::wait::WaitNote;
use crate::TELLS;
use crate::core::Core;

/// The state of the poll that is on this thread's stack.
pub(crate) struct Hot {
    core: Cell<*const Core>,
    /// Key of the task that is polled right now; 0 when none is, and while destructors of a cancel run.
    pub(crate) running: Cell<u64>,
    /// What happened to the running task meanwhile: [`WOKEN`], [`ATTENTION`].
    pub(crate) signal: Cell<u8>,
    /// How many more always-ready operations the running task may do before it must let others run.
    pub(crate) budget: Cell<u8>,
    /// The finished future's destructor is running (see `cell::VTable::poll`).
    pub(crate) dropping: Cell<bool>,
    /// The runtime looks for misuse (see `lookout/`).
    looks: Cell<bool>,
    /// The slot of the running task, null when none is.
    slot: Cell<*const Slot>,
}

thread_local! {
    static HOT: Hot = const {
        Hot {
            core: Cell::new(ptr::null()),
            running: Cell::new(0),
            signal: Cell::new(0),
            budget: Cell::new(0),
            dropping: Cell::new(false),
            looks: Cell::new(false),
            slot: Cell::new(ptr::null()),
        }
    };
}

/// The running task woke itself.
pub(crate) const WOKEN: u8 = 1;
/// The running task was cancelled, or something left an async cleanup: its poll ends on the slow path.
pub(crate) const ATTENTION: u8 = 2;

/// Calls `f` with the thread's state.
#[inline(always)]
pub(crate) fn with<R>(f: impl FnOnce(&Hot) -> R) -> R {
    // The closure given to `LocalKey::with` is as small as can be: larger ones are not inlined there.
    let hot = HOT.with(ptr::from_ref);
    // SAFETY: thread-local memory without a destructor lives as long as its thread, and the reference does not leave
    // this call.
    f(unsafe { &*hot })
}

/// The runtime that this thread is inside of.
#[inline]
pub(crate) fn core(hot: &Hot) -> Option<&Core> {
    // SAFETY: null, or set by `Entered::new` from a reference that the guard's lifetime keeps alive; the guard
    // restores what was there before when it is dropped.
    unsafe { hot.core.get().as_ref() }
}

/// Whether this thread is inside of a runtime that looks for misuse.
#[inline(always)]
pub(crate) fn looks() -> bool {
    with(|hot| hot.looks.get())
}

/// Calls `f` with the runtime that this thread is inside of, if any.
#[inline(always)]
pub(crate) fn with_core<R>(f: impl FnOnce(Option<&Core>) -> R) -> R {
    let hot = HOT.with(ptr::from_ref);
    // SAFETY: thread-local memory without a destructor lives as long as its thread, and the reference does not leave
    // this call.
    f(core(unsafe { &*hot }))
}

/// The runtime that this thread is inside of, for paths where a closure costs too much.
///
/// # Safety
/// The reference must not be kept beyond the call in which it was asked for: it is good only while the runtime is
/// entered.
#[inline(always)]
pub(crate) unsafe fn current<'a>() -> Option<&'a Core> {
    let hot = HOT.with(ptr::from_ref);
    // SAFETY: as in `with`; the caller answers for the lifetime.
    let core = unsafe { &*hot }.core.get();
    // SAFETY: as in `core`; the caller answers for the lifetime.
    unsafe { core.as_ref() }
}

impl Hot {
    #[inline]
    pub(crate) fn slot(&self) -> Option<&Slot> {
        // SAFETY: null, or a slot of the current runtime's table, which lives as long as the runtime is entered.
        unsafe { self.slot.get().as_ref() }
    }

    /// See [`note_wait`](super::wait::note_wait).
    #[inline(always)]
    pub(crate) fn note_wait(&self, note: WaitNote) {
        if !TELLS {
            return;
        }
        if let Some(slot) = self.slot() {
            slot.set_wait(note.packed, note.at);
        }
    }

    /// Says who runs from now on.
    #[inline]
    pub(crate) fn run(&self, key: u64, slot: &Slot) {
        self.running.set(key);
        self.slot.set(slot);
        self.signal.set(0);
    }

    /// Notes something about the running task.
    #[inline]
    pub(crate) fn note(&self, signal: u8) {
        self.signal.set(self.signal.get() | signal);
    }

    #[inline]
    pub(crate) fn was_woken(&self) -> bool {
        self.signal.get() & WOKEN != 0
    }

    /// Says that nobody runs from now on.
    #[inline]
    pub(crate) fn idle(&self) {
        self.running.set(0);
        self.slot.set(ptr::null());
    }
}

/// While this lives, the thread is inside the runtime.
pub(crate) struct Entered<'a> {
    outer: *const Core,
    running: u64,
    slot: *const Slot,
    signal: u8,
    budget: u8,
    looks: bool,
    _core: &'a Core,
}

impl<'a> Entered<'a> {
    pub(crate) fn new(core: &'a Core) -> Self {
        with(|hot| {
            let entered = Self {
                outer: hot.core.replace(core),
                running: hot.running.replace(0),
                slot: hot.slot.replace(ptr::null()),
                signal: hot.signal.replace(0),
                budget: hot.budget.get(),
                looks: hot.looks.replace(core.lookout.is_some()),
                _core: core,
            };
            hot.budget.set(BUDGET);
            entered
        })
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        with(|hot| {
            hot.core.set(self.outer);
            hot.running.set(self.running);
            hot.slot.set(self.slot);
            hot.signal.set(self.signal);
            hot.budget.set(self.budget);
            hot.looks.set(self.looks);
        });
    }
}

/// Always-ready operations a poll may do (tokio's number).
pub(crate) const BUDGET: u8 = 128;
