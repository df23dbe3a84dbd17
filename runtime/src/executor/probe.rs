//! The window: the one file of the core that knows that somebody may watch the runtime.
//!
//! Why: what watches costs nothing where there is none. The loop compares one byte, the [`Level`];
//! what a watcher is told goes through [`Inspect`], whose calls are all cold. What it wants to know
//! of a task it reads from the task table's atomics, as any thread may. Must not depend on:
//! inspect, reactor, time

use std::any::Any;
use std::cell::Cell;
use std::panic::Location;
use std::time::Duration;

use super::current;
use super::poll::Batch;
use super::slot::Slot;
use super::wait::WaitNote;
use crate::core::Core;

/// Whether the graph and the counts are kept. Always; `--cfg myrt_bare` leaves them out, so that
/// their price can be measured (`benches/cost`). In such a build the monitor and the reports know
/// nothing.
pub(crate) const TELLS: bool = !cfg!(myrt_bare);

/// How closely a runtime is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// Not at all, or only its turns: slow ones, and sleeps.
    Turns,
    /// Every poll.
    Polls,
}

/// What watches a runtime. It is called on the loop's thread, inside of the runtime, with nothing
/// borrowed: a call may spawn, wake and cancel. At [`Level::Turns`] it hears of slow turns, sleeps,
/// ends and failures only.
pub(crate) trait Inspect {
    /// A turn of the loop begins, and has this number.
    fn turn(&self, core: &Core, number: u64);
    /// What the loop did since it looked at the clock last took this long, which is
    /// [`Probe::set_slow`] or more.
    fn slow_turn(&self, core: &Core, took: Duration);
    /// At [`Level::Polls`]: runs the batch, poll by poll.
    fn run_batch(&self, core: &Core, limit: u32) -> Batch;
    /// Tasks have become ready since the last call; other than children they are the last of the
    /// ready queue.
    fn became_ready(&self, core: &Core, by: ReadyBy);
    /// A poll begins inside of another poll.
    fn poll_begins(&self, core: &Core, task: &Slot, kind: Inner);
    /// It is over. `done`: and so is the task, although its slot may not say so.
    fn poll_ended(&self, core: &Core, task: &Slot, kind: Inner, done: bool);
    /// A task ends.
    fn task_ended(&self, core: &Core, task: &Slot, end: End);
    /// A task failed, and its result is gone unread. False: it is still to be reported.
    fn unjoined(&self, core: &Core, task: &Slot, error: &str, panicked: bool) -> bool;
    /// An output that is about to be dropped unread: the error that it is, if it is one.
    fn error_of(&self, output: &dyn Any) -> Option<String>;
    /// The loop has nothing ready and is about to sleep, or (`leaps`) a virtual clock to leap. The
    /// answer is how long to sleep: never longer than `timeout`, and shorter only once in an idle
    /// period.
    fn before_park(&self, core: &Core, timeout: Option<Duration>, leaps: bool) -> Option<Duration>;
    /// The selector answered with this many events.
    fn after_park(&self, core: &Core, events: usize);
    /// A future says something that only lints ask for.
    fn leaf(&self, core: &Core, note: LeafNote);
    /// The runtime ends.
    fn ending(&self, core: &Core, ending: Ending);
    /// What has been reported and is to be a panic where a run ends, or the runtime.
    fn take_failures(&self) -> Vec<String>;
    /// For those who know what it is.
    fn as_any(&self) -> &dyn Any;
}

/// See [`Inspect::poll_begins`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inner {
    /// The poll of a child.
    Child,
    /// The first poll of a task that is spawned eagerly.
    Eager,
}

/// See [`Inspect::became_ready`].
#[derive(Debug, Clone, Copy)]
pub(crate) enum ReadyBy {
    /// This many timers.
    Timers(usize),
    /// The selector's events.
    Io,
    /// Messages of other threads.
    Outside,
}

/// See [`Inspect::task_ended`].
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    /// Its result is there.
    Done,
    /// The future of a child is gone, its cleanups run.
    ChildFinishes,
    /// The slot of a child is about to be freed.
    ChildFreed,
}

/// See [`Inspect::leaf`].
#[derive(Debug, Clone, Copy)]
pub(crate) enum LeafNote {
    /// It begins to wait, or still does.
    Waits(Leaf, WaitNote),
    /// It was picked and will be woken.
    Granted(Leaf),
    /// It was polled and is ready, or was dropped.
    Left(Leaf),
    /// A task with a future of more than [`LARGE`] bytes was spawned.
    Large(usize, &'static Location<'static>),
    /// The descriptor of this token is taken off the selector.
    Deregistered(u64),
    /// A waker whose key this is was called by a future.
    WakerCalled(u64),
    /// It was kept or compared.
    WakerKept(u64),
    /// Something gave way by a waker that is not the runtime's.
    GaveWay,
}

/// What names a future that waits: the address of its wait list, and its place there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Leaf(pub(crate) usize, pub(crate) u32);

/// See [`Inspect::ending`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The runtime is about to end its tasks.
    Begins,
    /// They are gone, and nothing will run any more.
    Over,
}

/// A future from here on is large. A task's future is moved once, and lies in memory until it ends.
pub const LARGE: usize = 16 * 1024;

/// The window of one runtime.
pub(crate) struct Probe {
    level: Cell<Level>,
    /// Misuse is looked for.
    pub(crate) looks: bool,
    /// Clones of wakers are counted.
    pub(crate) counts_wakers: bool,
    /// From what length on a turn is slow, in nanoseconds.
    slow_ns: u64,
    inspector: Option<Box<dyn Inspect>>,
}

impl Probe {
    /// One that nothing looks through.
    pub(crate) fn none() -> Self {
        Self {
            level: Cell::new(Level::Turns),
            looks: false,
            counts_wakers: false,
            slow_ns: u64::MAX,
            inspector: None,
        }
    }

    pub(crate) fn new(inspector: Box<dyn Inspect>, slow: Duration) -> Self {
        Self {
            slow_ns: u64::try_from(slow.as_nanos()).unwrap_or(u64::MAX),
            inspector: Some(inspector),
            ..Self::none()
        }
    }

    /// Whether every poll is to be told.
    #[inline(always)]
    pub(crate) fn sees_polls(&self) -> bool {
        self.level.get() == Level::Polls
    }

    pub(crate) fn set_level(&self, level: Level) {
        self.level.set(level);
    }

    /// Whether the loop kept to itself for long.
    #[inline]
    pub(crate) fn is_slow(&self, took_ns: u64) -> bool {
        took_ns >= self.slow_ns
    }

    pub(crate) fn inspector(&self) -> Option<&dyn Inspect> {
        self.inspector.as_deref()
    }

    /// Calls `tell` with what watches.
    #[cold]
    #[inline(never)]
    pub(crate) fn tell(&self, tell: impl FnOnce(&dyn Inspect)) {
        if let Some(inspector) = self.inspector() {
            tell(inspector);
        }
    }

    /// The same, where every poll is told.
    #[inline(always)]
    pub(crate) fn tell_polls(&self, tell: impl FnOnce(&dyn Inspect)) {
        if self.sees_polls() {
            self.tell(tell);
        }
    }
}

/// Tells what watches this thread's runtime of a future; asked for where [`current::looks`] says
/// so, and from counted wakers.
#[cold]
#[inline(never)]
pub(crate) fn leaf(note: LeafNote) {
    current::with_core(|core| {
        if let Some(core) = core {
            core.probe.tell(|it| it.leaf(core, note));
        }
    });
}

/// The error that an output is, for what watches this thread's runtime.
#[cold]
pub(crate) fn error_of(output: &dyn Any) -> Option<String> {
    current::with_core(|core| core?.probe.inspector()?.error_of(output))
}
