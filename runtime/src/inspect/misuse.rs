//! The texts of reports about misuse: eight mistakes that compile, run, and go wrong later.
//!
//! Why: the texts are in one file.

use std::fmt;
use std::os::fd::RawFd;
use std::panic::Location;
use std::time::Duration;

use crate::executor::id::Id;
use crate::executor::wait::Wait;
use crate::foreign;

/// A task, as reports name it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Culprit {
    /// Its id.
    pub task: Id,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Where it was spawned.
    pub spawned_at: Option<&'static Location<'static>>,
}

/// A mistake that the runtime noticed because it was asked to look: in debug mode (`MYRT_DEBUG=1`),
/// or where [`Builder::lints`](crate::runtime::Builder::lints) or `MYRT_LINTS` say so.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misuse {
    /// Something was granted to a future, or fired for it, and its task has gone on without polling
    /// it.
    StarvedBranch {
        /// The task.
        task: Culprit,
        /// What was granted or fired.
        wait: Wait,
        /// Where the future that was not polled waits.
        waits_at: &'static Location<'static>,
        /// Where its task waits instead, as far as that is known.
        task_at: Option<&'static Location<'static>>,
        /// For how long it has been granted or fired.
        since: Duration,
    },
    /// A future wakes its own task in each poll: it waits by being polled.
    SelfWakeStorm {
        /// The task.
        task: Culprit,
        /// How many polls in a row did so.
        polls: u32,
    },
    /// A task never waits: poll after poll it uses up its share of operations while others are
    /// ready.
    NeverYields {
        /// The task.
        task: Culprit,
        /// How many polls in a row did so.
        polls: u32,
    },
    /// The future of a task is very large.
    LargeFuture {
        /// Where it was spawned.
        spawned_at: &'static Location<'static>,
        /// Its size.
        bytes: usize,
    },
    /// A task waits, and there is neither a waker nor a handle of it.
    Unwakeable {
        /// The task.
        task: Culprit,
    },
    /// A task ended with its runtime before it was ever polled.
    TaskNeverPolled {
        /// The task.
        task: Culprit,
    },
    /// A task failed, and its result was never read.
    UnjoinedFailure {
        /// The task.
        task: Culprit,
        /// What it panicked with, or the error that it returned.
        error: String,
        /// Whether it panicked.
        panicked: bool,
    },
    /// A descriptor was closed, or its runtime ended, while it was registered.
    LeakedRegistration {
        /// The descriptor.
        fd: RawFd,
        /// It was closed while the runtime knew it; else it was there when the runtime ended.
        closed: bool,
    },
}

impl Misuse {
    /// The page of the guide.
    pub(crate) fn page(&self) -> &'static str {
        match self {
            Self::StarvedBranch { .. } => "starved_branch",
            Self::SelfWakeStorm { .. } => "self_wake_storm",
            Self::NeverYields { .. } => "never_yields",
            Self::LargeFuture { .. } => "large_future",
            Self::Unwakeable { .. } => "unwakeable",
            Self::TaskNeverPolled { .. } => "dropped_unpolled",
            Self::UnjoinedFailure { .. } => "unjoined_failure",
            Self::LeakedRegistration { .. } => "leaked_registration",
        }
    }
}

impl fmt::Display for Culprit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}", self.task)?;
        if let Some(name) = &self.name {
            write!(f, " {}", foreign::quoted(name))?;
        }
        match self.spawned_at {
            Some(at) => write!(f, ", spawned at {at},"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StarvedBranch {
                task,
                wait,
                waits_at,
                task_at,
                since,
            } => {
                let got = match wait {
                    Wait::Timer(_) => "its timer has fired".to_owned(),
                    Wait::Event(_) => "what it waits for has happened".to_owned(),
                    other => format!("it was granted the {other}"),
                };
                write!(
                    f,
                    "a future that waits at {waits_at} is starved: {got} ({since:.1?} ago), but {task} has been polled \
                     twice since without polling it"
                )?;
                if let Some(at) = task_at {
                    write!(f, ", and waits at {at} instead")?;
                }
                f.write_str(
                    ". Drop it, poll it, or spawn it as a task of its own before awaiting something else",
                )
            }
            Self::SelfWakeStorm { task, polls } => write!(
                f,
                "{task} woke itself in each of its last {polls} polls: it keeps the processor busy while it waits. Store \
                 the waker where the event comes from, and wake it there"
            ),
            Self::NeverYields { task, polls } => write!(
                f,
                "{task} has never waited in its last {polls} polls: each used up its share of operations, while other \
                 tasks were ready. Take fewer items at once, or wait between batches"
            ),
            Self::LargeFuture { spawned_at, bytes } => write!(
                f,
                "the future spawned at {spawned_at} has {bytes} bytes, which are moved when it is spawned and kept until \
                 it ends. Put large buffers on the heap, and box large futures that it awaits"
            ),
            Self::Unwakeable { task } => write!(
                f,
                "{task} waits, and nothing can wake it: its last poll left no waker, no timer and no descriptor, and no \
                 handle is left to cancel it"
            ),
            Self::TaskNeverPolled { task } => write!(
                f,
                "{task} never ran: the runtime ended before its first poll. Await its handle, or the end of a scope"
            ),
            Self::UnjoinedFailure {
                task,
                error,
                panicked,
            } => write!(
                f,
                "{task} {}, and its handle was never awaited: {error}",
                if *panicked { "panicked" } else { "failed" }
            ),
            Self::LeakedRegistration { fd, closed: true } => write!(
                f,
                "descriptor {fd} was closed while it was still registered; the number may belong to another file by now. \
                 Call into_inner before you close it"
            ),
            Self::LeakedRegistration { fd, closed: false } => write!(
                f,
                "descriptor {fd} was still registered when its runtime ended: its owner was leaked (forgotten, or in a \
                 cycle of references), or it outlives the runtime and can never become ready again"
            ),
        }
    }
}
