//! What a thread knows about the runtime it is inside of: one `const`, Drop-free thread local.
//!
//! It exists because this is read at every wake and every leaf operation: without lazy
//! initialisation and without a destructor it is a plain memory access, and it can be used in
//! destructors of other thread locals. It must not own anything.

use std::cell::Cell;
use std::panic::Location;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::slot::Slot;
use super::wait::WaitNote;
use crate::core::Core;
use crate::executor::probe::TELLS;

/// The state of the poll that is on this thread's stack.
pub(crate) struct Hot {
    core: Cell<*const Core>,
    /// Key of the task that is polled right now; 0 when none is, and while destructors of a cancel
    /// run. Only this thread writes it; others may read it (see `runner.rs`).
    running: AtomicU64,
    /// What happened to the running task meanwhile: [`WOKEN`], [`ATTENTION`], and above them how
    /// often it said what it waits for ([`NOTES`]).
    pub(crate) signal: Cell<u32>,
    /// How many more operations that are ready the running task may do before it must let others
    /// run.
    pub(crate) budget: Cell<u64>,
    /// The finished future's destructor is running (see `block::VTable::poll`).
    pub(crate) dropping: Cell<bool>,
    /// Number of the sibling that is dropped (see `cleanup::next_sibling`).
    pub(crate) sibling: Cell<u32>,
    /// The runtime looks for misuse (see `lookout/`).
    looks: Cell<bool>,
    /// Code that is not the runtime's has cloned a waker on this thread: another thread may have
    /// it.
    cloned: Cell<bool>,
    /// The slot of the running task, [`NOBODY`] when none is.
    slot: Cell<*const Slot>,
    /// The thread's number, 0 until it is asked for.
    thread: Cell<u64>,
}

thread_local! {
    static HOT: Hot = const {
        Hot {
            core: Cell::new(ptr::null()),
            running: AtomicU64::new(0),
            signal: Cell::new(0),
            budget: Cell::new(0),
            dropping: Cell::new(false),
            sibling: Cell::new(0),
            looks: Cell::new(false),
            cloned: Cell::new(false),
            slot: Cell::new(&raw const NOBODY),
            thread: Cell::new(0),
        }
    };
}

/// Stands for the slot of the running task where none runs, so that what is said about that task
/// needs no question.
static NOBODY: Slot = Slot::nobody();

/// The running task woke itself.
pub(crate) const WOKEN: u32 = 1;
/// The running task was cancelled, or something left an async cleanup: its poll ends on the slow
/// path.
pub(crate) const ATTENTION: u32 = 2;
/// The running task said once what it waits for.
pub(crate) const ONE_NOTE: u32 = 4;
/// The bits that count how often it did.
pub(crate) const NOTES: u32 = !(WOKEN | ATTENTION);
/// The signal of a poll after which the task waits, as it is nearly always.
pub(crate) const WAITS: u32 = if TELLS { ONE_NOTE } else { 0 };

/// Calls `f` with the thread's state.
#[inline(always)]
pub(crate) fn with<R>(f: impl FnOnce(&Hot) -> R) -> R {
    // The closure given to `LocalKey::with` is as small as can be: larger ones are not inlined
    // there.
    let hot = HOT.with(ptr::from_ref);
    // SAFETY: thread-local memory without a destructor lives as long as its thread, and the
    // reference does not leave this call.
    f(unsafe { &*hot })
}

/// The runtime that this thread is inside of.
#[inline]
pub(crate) fn core(hot: &Hot) -> Option<&Core> {
    // SAFETY: null, or set by `Entered::new` from a reference that the guard's lifetime keeps
    // alive; the guard restores what was there before when it is dropped.
    unsafe { hot.core.get().as_ref() }
}

/// A number that this thread has alone, also after its end.
#[inline]
pub(crate) fn thread_number() -> u64 {
    with(|hot| match hot.thread.get() {
        0 => hot.number_thread(),
        number => number,
    })
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
    // SAFETY: thread-local memory without a destructor lives as long as its thread, and the
    // reference does not leave this call.
    f(core(unsafe { &*hot }))
}

/// The runtime that this thread is inside of, for paths where a closure costs too much.
///
/// # Safety
/// The reference must not be kept beyond the call in which it was asked for: it is good only while
/// the runtime is entered.
#[inline(always)]
pub(crate) unsafe fn current<'a>() -> Option<&'a Core> {
    let hot = HOT.with(ptr::from_ref);
    // SAFETY: as in `with`; the caller answers for the lifetime.
    let core = unsafe { &*hot }.core.get();
    // SAFETY: as in `core`; the caller answers for the lifetime.
    unsafe { core.as_ref() }
}

/// The state of the thread that made this, for a runtime to reach it by one load: asking for the
/// thread's own takes two instructions each time.
pub(crate) struct Here(*const Hot);

impl Here {
    pub(crate) fn new() -> Self {
        Self(HOT.with(ptr::from_ref))
    }

    #[inline(always)]
    pub(crate) fn hot(&self) -> &Hot {
        // SAFETY: this stays on the thread that made it (a pointer is not `Send`), and thread-local
        // memory without a destructor lives as long as its thread.
        unsafe { &*self.0 }
    }
}

impl Hot {
    #[cold]
    fn number_thread(&self) -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        self.thread.set(NEXT.fetch_add(1, Relaxed));
        self.thread.get()
    }

    /// The slot of the running task, or [`NOBODY`].
    #[inline]
    pub(crate) fn whose(&self) -> &Slot {
        // SAFETY: `NOBODY`, or a slot of the current runtime's table, which lives as long as the
        // runtime is entered.
        unsafe { &*self.slot.get() }
    }

    /// The slot of the running task.
    #[inline]
    pub(crate) fn slot(&self) -> Option<&Slot> {
        let slot = self.whose();
        (!ptr::eq(slot, &raw const NOBODY)).then_some(slot)
    }

    /// A waker of a runtime of this thread is cloned.
    #[inline]
    pub(crate) fn waker_cloned(&self) {
        self.cloned.set(true);
    }

    /// Whether one ever was.
    pub(crate) fn has_cloned_wakers(&self) -> bool {
        self.cloned.get()
    }

    /// Key of the task that runs, 0 when none does.
    #[inline]
    pub(crate) fn running(&self) -> u64 {
        self.running.load(Relaxed)
    }

    /// See [`note_wait`](super::wait::note_wait).
    #[inline(always)]
    pub(crate) fn note_wait(&self, note: WaitNote) {
        if TELLS {
            self.count_note();
            self.whose().set_wait(note.packed, note.at);
        }
    }

    #[inline(always)]
    fn count_note(&self) {
        self.signal.set(self.signal.get().wrapping_add(ONE_NOTE));
    }

    /// The running task waits for one thing more than it has said during this poll. False if it has
    /// said nothing yet.
    #[inline]
    pub(crate) fn note_another(&self) -> bool {
        let said = TELLS && self.signal.get() & NOTES != 0;
        if said {
            self.count_note();
        }
        said
    }

    /// Says that the running task waits for the end of the one in `slot`.
    #[inline(always)]
    pub(crate) fn note_join(&self, slot: &Slot, at: &'static Location<'static>) {
        if TELLS {
            self.count_note();
            self.whose().set_join(slot, at);
        }
    }

    /// Says who runs from now on.
    #[inline]
    pub(crate) fn run(&self, key: u64, slot: &Slot) {
        self.running.store(key, Relaxed);
        self.slot.set(slot);
        self.signal.set(0);
    }

    /// Notes something about the running task.
    #[inline]
    pub(crate) fn note(&self, signal: u32) {
        self.signal.set(self.signal.get() | signal);
    }

    /// Adds what happened in an earlier part of the poll.
    pub(crate) fn note_earlier(&self, earlier: u32) {
        let signal = self.signal.get();
        let notes = (signal & NOTES).wrapping_add(earlier & NOTES);
        self.signal.set(notes | (signal | earlier) & !NOTES);
    }

    #[inline]
    pub(crate) fn was_woken(&self) -> bool {
        self.signal.get() & WOKEN != 0
    }

    /// Says that nobody runs from now on.
    #[inline]
    pub(crate) fn idle(&self) {
        self.running.store(0, Relaxed);
        self.slot.set(&raw const NOBODY);
    }
}

/// While this lives, the thread is inside the runtime.
pub(crate) struct Entered<'a> {
    outer: *const Core,
    running: u64,
    slot: *const Slot,
    signal: u32,
    budget: u64,
    looks: bool,
    core: &'a Core,
}

impl<'a> Entered<'a> {
    pub(crate) fn new(core: &'a Core) -> Self {
        with(|hot| {
            let running = hot.running();
            if let Some(outer) = self::core(hot) {
                outer.tasks.slots.shared().runner.close(running);
            }
            let entered = Self {
                outer: hot.core.replace(core),
                running,
                slot: hot.slot.get(),
                signal: hot.signal.replace(0),
                budget: hot.budget.get(),
                looks: hot.looks.replace(core.probe.looks),
                core,
            };
            hot.idle();
            hot.budget.set(BUDGET);
            core.tasks.slots.shared().runner.open(&hot.running);
            entered
        })
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        with(|hot| {
            self.core.tasks.slots.shared().runner.close(0);
            hot.core.set(self.outer);
            hot.running.store(self.running, Relaxed);
            if let Some(outer) = core(hot) {
                outer.tasks.slots.shared().runner.open(&hot.running);
            }
            hot.slot.set(self.slot);
            hot.signal.set(self.signal);
            hot.budget.set(self.budget);
            hot.looks.set(self.looks);
        });
    }
}

/// Always-ready operations a poll may do (tokio's number).
pub(crate) const BUDGET: u64 = 128;
/// More than any poll can do.
pub(crate) const UNCONSTRAINED: u64 = u64::MAX;
