//! The hooks of an observer.
//!
//! Why: tools see what happens, and the runtime does not depend on them.

use std::panic::Location;
use std::time::Duration;

use crate::executor::error::Outcome;
use crate::executor::id::Id;
use crate::executor::wait::Wait;

/// A task that an observer hears of for the first time.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct NewTask<'a> {
    /// Its id.
    pub id: Id,
    /// Its name, if it was given one where it was spawned.
    pub name: Option<&'a str>,
    /// Where it was spawned.
    pub spawned_at: Option<&'static Location<'static>>,
    /// The task that spawned it.
    pub parent: Option<Id>,
    /// Whether a scope or gather polls it inside of its parent.
    pub is_child: bool,
}

/// What a task waits for after a poll, and where.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Rest {
    /// For what.
    pub wait: Wait,
    /// The line of the `.await`, or of the call that made the future; none where nothing was said.
    pub at: Option<&'static Location<'static>>,
}

/// Who woke a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum By {
    /// A task, maybe the woken one itself.
    Task(Id),
    /// A timer.
    Timer,
    /// A descriptor that became ready.
    Io,
    /// Another thread.
    Outside,
    /// Code outside of any task.
    Program,
}

/// Hooks that are called as things happen. All have empty defaults; none is called when no observer
/// is installed.
///
/// They run on the loop's thread, with nothing of the runtime borrowed. What a poll did (spawned,
/// woke) is told when it ends, in the order in which it happened, except that children of scopes
/// and gathers come before other tasks; the poll of such a child is told inside of its parent's.
/// trio's `Instrument`.
pub trait Observer {
    /// It has been installed. What is there already is told next.
    fn started(&self) {}
    /// A task is there; it is ready.
    fn task_spawned(&self, _task: &NewTask<'_>) {}
    /// A task that waited is ready.
    fn task_woken(&self, _task: Id, _by: By) {}
    /// A poll of a task begins.
    fn task_polled(&self, _task: Id) {}
    /// A poll of a task is over. With what it waits for and where; `None` when it is ready again,
    /// or done.
    fn task_rested(&self, _task: Id, _rest: Option<Rest>) {}
    /// A task has ended.
    fn task_ended(&self, _task: Id, _outcome: Outcome) {}
    /// So many timers fired.
    fn timers_fired(&self, _timers: usize) {}
    /// A turn of the loop begins.
    fn turn_started(&self, _turn: u64) {}
    /// The loop is about to ask the selector, and may sleep this long (`None`: until something
    /// happens).
    #[doc(alias = "on_thread_park")]
    fn parking(&self, _timeout: Option<Duration>) {}
    /// The selector answered with this many events.
    #[doc(alias = "on_thread_unpark")]
    fn unparked(&self, _events: usize) {}
    /// Nothing more will be told: the runtime has ended.
    fn ended(&self) {}
}
