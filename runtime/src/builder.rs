//! `Builder`: what can be chosen about a runtime.
//!
//! Why: one place where the defaults, the environment and the program's own choice meet, in this
//! order.

use std::env;
use std::fmt;
use std::io;
use std::rc::Rc;
use std::str::FromStr;
use std::time::Duration;

use crate::core::{Config, Core};
use crate::executor::spawn::boxed_if_large;
use crate::executor::unhandled::{Unhandled, UnhandledHook};
use crate::runtime_loop::{Runtime, refuse_nesting};
use crate::sys::Selector;

/// Polls between two looks at the selector while work is ready (tokio's number).
const EVENT_INTERVAL: u32 = 61;
/// Events taken from the selector at once.
const MAX_EVENTS: usize = 1024;
/// What is random in a run under virtual time, where nobody chose.
const PAUSED_SEED: u64 = 0x9e37_79b9_7f4a_7c15;
/// How long async cleanups may take when the runtime ends.
const GRACE: Duration = Duration::from_secs(5);

/// Builds a [`Runtime`].
///
/// What is not set here is taken from the environment, then from the defaults: `MYRT_SELECTOR`
/// (`epoll`, `epoll-level`, `epoll-oneshot`, `kqueue`, `poll`, `select`), `MYRT_SEED`,
/// `MYRT_DEBUG`, `MYRT_LINTS` (see [`Lints`](crate::runtime::Lints)), `MYRT_MONITOR` (an address,
/// see [`monitor::start`](crate::monitor::start)), `MYRT_RECORD` (a file, see [`Builder::record`]),
/// `MYRT_RECORD_DIR` (see [`Builder::record_dir`]).
///
/// ```
/// use myrt::runtime::{Builder, Selector};
/// let runtime = Builder::new().selector(Selector::Poll).start_paused(true).build().unwrap();
/// runtime.block_on(myrt::time::sleep(myrt::time::Duration::from_secs(3600))); // takes no time
/// ```
#[must_use = "call build() to make the runtime"]
#[derive(Clone)]
pub struct Builder {
    selector: Option<Selector>,
    start_paused: bool,
    seed: Option<u64>,
    unhandled: Option<UnhandledHook>,
    event_interval: u32,
    max_events: usize,
    grace: Duration,
    #[cfg(feature = "inspect")]
    pub(crate) inspect: crate::inspect::choice::Choice,
}

impl Builder {
    /// The defaults.
    pub fn new() -> Self {
        Self {
            selector: None,
            start_paused: false,
            seed: None,
            unhandled: None,
            event_interval: EVENT_INTERVAL,
            max_events: MAX_EVENTS,
            grace: GRACE,
            #[cfg(feature = "inspect")]
            inspect: Default::default(),
        }
    }

    /// How to learn which descriptors are ready. Default: edge-triggered epoll on Linux, kqueue on
    /// BSD and macOS.
    pub fn selector(mut self, selector: Selector) -> Self {
        self.selector = Some(selector);
        self
    }

    /// Starts with a virtual clock that stands still and jumps to the next deadline when nothing
    /// else is to do (see [`time::pause`](crate::time::pause)).
    pub fn start_paused(mut self, paused: bool) -> Self {
        self.start_paused = paused;
        self
    }

    /// Seeds what is random (the start of `select!`), so that a run can be repeated. Runs that
    /// start with a paused clock have always the same seed if none is chosen: they can be repeated
    /// anyway, and so can their recordings.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Is told of panics that nobody awaits; the default prints them. A hook that panics itself
    /// takes the loop down.
    pub fn on_unhandled(mut self, hook: impl Fn(&Unhandled<'_>) + 'static) -> Self {
        self.unhandled = Some(Rc::new(hook));
        self
    }

    /// How many polls lie between two looks at the selector while work is ready. Default 61; 0
    /// counts as 1.
    pub fn event_interval(mut self, polls: u32) -> Self {
        self.event_interval = polls.max(1);
        self
    }

    /// How many events are taken from the selector at once; the others come with the next turn.
    /// Default 1024.
    pub fn max_events(mut self, events: usize) -> Self {
        self.max_events = events.max(1);
        self
    }

    /// How long async cleanups may take before they are cut, when their canceller waits and when
    /// the runtime ends. Default 5 s.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Makes the runtime.
    ///
    /// # Errors
    /// When the selector cannot be made (no descriptors left, or a selector that this system
    /// lacks), and when the environment asks for something that does not exist; when the name of a
    /// file to record to has no known ending.
    pub fn build(self) -> io::Result<Runtime> {
        let selector = match self.selector {
            Some(selector) => selector,
            None => from_environment("MYRT_SELECTOR")?.unwrap_or_default(),
        };
        let seed = match self.seed {
            Some(seed) => Some(seed),
            None => from_environment("MYRT_SEED")?.or(self.start_paused.then_some(PAUSED_SEED)),
        };
        let config = Config {
            selector,
            start_paused: self.start_paused,
            seed,
            grace: self.grace,
            event_interval: self.event_interval,
            max_events: self.max_events,
            unhandled: self.unhandled,
        };
        #[cfg(feature = "inspect")]
        let (probe, watchers) = self.inspect.probe()?;
        #[cfg(not(feature = "inspect"))]
        let probe = nothing_watches();
        let runtime = Core::new(config, probe).map(Runtime::from_core)?;
        #[cfg(feature = "inspect")]
        watchers.install(&runtime)?;
        Ok(runtime)
    }
}

/// Says so where the environment asks for what only the feature `inspect` has.
#[cfg(not(feature = "inspect"))]
fn nothing_watches() -> crate::executor::probe::Probe {
    for name in ["MYRT_MONITOR", "MYRT_RECORD", "MYRT_DEBUG", "MYRT_LINTS"] {
        if env::var_os(name).is_some_and(|value| !value.is_empty()) {
            crate::sys::stderr::complain(format_args!(
                "myrt: {name} is set, but this program was built without the feature `inspect` of myrt"
            ));
        }
    }
    crate::executor::probe::Probe::none()
}

/// A default from the environment; not set, or empty: none.
pub(crate) fn from_environment<T>(name: &str) -> io::Result<Option<T>>
where
    T: FromStr<Err: fmt::Display>,
{
    let Some(value) = env::var_os(name).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let text = value.to_string_lossy();
    let parsed = text.parse::<T>();
    parsed.map(Some).map_err(|error| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{name}={text}: {error}"),
        )
    })
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("selector", &self.selector)
            .field("start_paused", &self.start_paused)
            .field("seed", &self.seed)
            .field("grace", &self.grace)
            .finish_non_exhaustive()
    }
}

impl Runtime {
    /// A runtime with the defaults, which the environment may have set (see [`Builder`]).
    ///
    /// # Errors
    /// When the selector cannot be made: no descriptors left, or a selector that this system does
    /// not have.
    pub fn new() -> io::Result<Self> {
        Builder::new().build()
    }
}

/// Runs `future` to its end on a runtime of its own, then ends all of its tasks, async cleanups
/// included.
///
/// asyncio's `asyncio.run`. With the `signal` feature use `myrt::run`, which also turns Ctrl-C into
/// an orderly end.
///
/// # Panics
/// Inside of a runtime on the same thread; when the runtime cannot be made; with what `future`
/// panicked with.
#[track_caller]
pub fn run<F: Future>(future: F) -> F::Output {
    refuse_nesting("run");
    match Runtime::new() {
        Ok(runtime) => boxed_if_large!(future => runtime.block_on(future)),
        Err(error) => panic!("the runtime could not be made: {error}"),
    }
}
