//! Reports: what the runtime noticed and its user should know.
//!
//! Why: a program that hangs or stutters should say so itself. A report goes to the hook of the
//! builder or to stderr, and changes nothing. Slow polls and turns are reported each time,
//! everything else once for each cause.

use std::fmt;
use std::panic::Location;
use std::rc::Rc;
use std::str::FromStr;
use std::time::Duration;

use crate::executor::id::Id;
use crate::foreign;
use crate::inspect::cycle::Cycle;
use crate::inspect::misuse::Misuse;

/// Something that the runtime noticed. Displayed as one message with the advice.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Report {
    /// One poll took long, and all other tasks waited.
    SlowPoll {
        /// The task.
        task: Id,
        /// Its name, if it has one.
        name: Option<String>,
        /// Where it was spawned.
        spawned_at: Option<&'static Location<'static>>,
        /// How long the poll took.
        took: Duration,
        /// How many tasks were ready meanwhile.
        others: usize,
    },
    /// One turn of the loop took long, and single polls were not timed.
    SlowTurn {
        /// How long it took.
        took: Duration,
    },
    /// No task is ready, and there is no timer, descriptor or job that could wake one.
    Deadlock {
        /// The task graph.
        graph: String,
        /// Whether it is certain: wakers were counted, and no other thread holds one.
        certain: bool,
    },
    /// Nothing happens, and only another thread can change that: it has wakers of this runtime, or
    /// a `Remote`. Reported once, a second after the loop went idle where wakers are counted (debug
    /// mode, lints), else after ten. It is no misuse, so not reported under
    /// [`Lints::Deny`](crate::runtime::Lints::Deny).
    OnAnotherThread {
        /// The task graph.
        graph: String,
        /// Clones of wakers that are alive.
        wakers: usize,
    },
    /// Tasks wait for each other in a circle, while the rest of the program goes on.
    Cycle(Cycle),
    /// A mistake in how tasks and futures are used.
    Misuse(Misuse),
}

impl Report {
    /// The page of the guide that says what the report means and what to do:
    /// `myrt::guide::reports::` and this name.
    #[must_use]
    pub fn page(&self) -> &'static str {
        match self {
            Self::SlowPoll { .. } | Self::SlowTurn { .. } => "slow_poll",
            Self::Misuse(misuse) => misuse.page(),
            Self::Deadlock { .. } | Self::Cycle(_) | Self::OnAnotherThread { .. } => "deadlock",
        }
    }

    fn say(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misuse(misuse) => write!(f, "myrt: {misuse}"),
            Self::OnAnotherThread { graph, wakers: 0 } => write!(
                f,
                "myrt: waiting on another thread: no task can be woken from this thread; only another thread can (by a cloned \
                 waker or a `Remote`; MYRT_DEBUG=1 counts them):\n{graph}"
            ),
            Self::OnAnotherThread { graph, wakers } => write!(
                f,
                "myrt: waiting on another thread: no task can be woken from this thread; only another thread can ({wakers} \
                 cloned wakers, or a `Remote`):\n{graph}"
            ),
            Self::Cycle(cycle) => write!(
                f,
                "myrt: these tasks wait for each other, and none of them can go on unless one is cancelled. Take locks \
                 in the same order everywhere, and do not await a task that awaits you:\n{cycle}"
            ),
            Self::SlowPoll {
                task,
                name,
                spawned_at,
                took,
                others,
            } => {
                write!(f, "myrt: task {task}")?;
                if let Some(name) = name {
                    write!(f, " {}", foreign::quoted(name))?;
                }
                if let Some(at) = spawned_at {
                    write!(f, ", spawned at {at},")?;
                }
                write!(
                    f,
                    " took {took:.1?} for one poll; {others} ready {} waited meanwhile. Move blocking calls to \
                     spawn_blocking; in long computations, await yield_now",
                    if *others == 1 { "task" } else { "tasks" }
                )
            }
            Self::SlowTurn { took } => write!(
                f,
                "myrt: one turn of the loop took {took:.1?}: a task blocked it, or computed for long. The next turns \
                 are timed poll by poll; with MYRT_DEBUG=1 all turns are"
            ),
            Self::Deadlock {
                graph,
                certain: true,
            } => write!(
                f,
                "myrt: deadlock: every task waits for another one of this runtime, and nothing outside can wake one:\n\
                 {graph}"
            ),
            Self::Deadlock {
                graph,
                certain: false,
            } => write!(
                f,
                "myrt: every task waits for another one of this runtime, and no other code has a waker: this program \
                 waits for ever (MYRT_DEBUG=1 counts wakers, and then this panics):\n{graph}"
            ),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.say(f)?;
        write!(f, " (guide: reports::{})", self.page())
    }
}

/// Where reports go.
pub(crate) type Hook = Rc<dyn Fn(&Report)>;

/// What is done about what the runtime notices ([`Report`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Lints {
    /// No reports.
    Off,
    /// It is reported. Chosen by [`Builder::lints`](crate::runtime::Builder::lints) or
    /// `MYRT_LINTS=warn`, or in debug mode, misuse is looked for as well
    /// ([`Misuse`](crate::runtime::Misuse)); where nobody chose, only what costs nothing is
    /// noticed: slow turns, deadlocks.
    #[default]
    Warn,
    /// Misuse is looked for, and what is reported is a failure:
    /// [`Runtime::block_on`](crate::runtime::Runtime::block_on) panics with the reports when its
    /// future is done, and dropping the runtime does for those that came later, unless the thread
    /// panics already. A slow poll is a failure only where
    /// [`Builder::slow_poll`](crate::runtime::Builder::slow_poll) says what slow is: how fast the
    /// machine is proves nothing else.
    Deny,
}

impl FromStr for Lints {
    type Err = ParseLintsError;

    fn from_str(text: &str) -> Result<Self, ParseLintsError> {
        match text {
            "off" => Ok(Self::Off),
            "warn" => Ok(Self::Warn),
            "deny" => Ok(Self::Deny),
            _ => Err(ParseLintsError(())),
        }
    }
}

/// The error of parsing [`Lints`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseLintsError(());

impl fmt::Display for ParseLintsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the lint levels are off, warn and deny")
    }
}

impl std::error::Error for ParseLintsError {}
