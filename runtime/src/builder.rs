//! `Builder`: what can be chosen about a runtime.
//!
//! It exists so that the defaults, the environment and the program's own choice meet in one place, in this order.
//! It must not know the loop.

use std::env;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::str::FromStr;
use std::time::Duration;

use crate::core::{Config, Core};
use crate::observe::notice;
use crate::observe::{Observer, Unhandled, UnhandledHook};
use crate::record;
use crate::report::{Hook, Report};
use crate::runtime_loop::Runtime;
use crate::sys::Selector;

/// Polls between two looks at the selector while work is ready (tokio's number).
const EVENT_INTERVAL: u32 = 61;
/// Events taken from the selector at once.
const MAX_EVENTS: usize = 1024;
/// What is random in a run under virtual time, where nobody chose.
const PAUSED_SEED: u64 = 0x9e37_79b9_7f4a_7c15;
/// How long async cleanups may take when the runtime ends.
const GRACE: Duration = Duration::from_secs(5);

/// What is done about what the runtime notices ([`Report`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Lints {
    /// Nothing is reported.
    Off,
    /// It is reported. Chosen by [`Builder::lints`] or `MYRT_LINTS=warn`, or in debug mode, misuse is looked for as well
    /// ([`Misuse`](crate::runtime::Misuse)); where nobody chose, only what costs nothing is noticed: slow turns, deadlocks.
    #[default]
    Warn,
    /// Misuse is looked for, and what is reported is a failure: [`Runtime::block_on`] panics with the reports when its
    /// future is done, and dropping the runtime does for those that came later, unless the thread panics already. A slow poll is
    /// a failure only where [`Builder::slow_poll`] says what slow is: how fast the machine is proves nothing else.
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

/// Builds a [`Runtime`].
///
/// What is not set here is taken from the environment, then from the defaults: `MYRT_SELECTOR` (`epoll`,
/// `epoll-level`, `epoll-oneshot`, `kqueue`, `poll`, `select`), `MYRT_SEED`, `MYRT_DEBUG`, `MYRT_LINTS` (see [`Lints`]),
/// `MYRT_MONITOR` (an address, see [`monitor::start`](crate::monitor::start)), `MYRT_RECORD` (a file, see
/// [`Builder::record`]), `MYRT_RECORD_DIR` (see [`Builder::record_dir`]).
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
    debug: Option<bool>,
    slow_poll: Option<Duration>,
    start_paused: bool,
    seed: Option<u64>,
    unhandled: Option<UnhandledHook>,
    observer: Option<Rc<dyn Observer>>,
    record: Option<PathBuf>,
    record_dir: Option<PathBuf>,
    report: Option<Hook>,
    event_interval: u32,
    max_events: usize,
    grace: Duration,
    lints: Option<Lints>,
}

impl Builder {
    /// The defaults.
    pub fn new() -> Self {
        Self {
            selector: None,
            debug: None,
            slow_poll: None,
            start_paused: false,
            seed: None,
            unhandled: None,
            observer: None,
            record: None,
            record_dir: None,
            report: None,
            event_interval: EVENT_INTERVAL,
            max_events: MAX_EVENTS,
            grace: GRACE,
            lints: None,
        }
    }

    /// How to learn which descriptors are ready. Default: edge-triggered epoll on Linux, kqueue on BSD and macOS.
    pub fn selector(mut self, selector: Selector) -> Self {
        self.selector = Some(selector);
        self
    }

    /// Debug mode, asyncio's `debug=True`: what costs too much to be always on. Every poll is timed (see
    /// [`Builder::slow_poll`]) and wakers are counted, so that a deadlock is a panic that shows who waits for whom
    /// instead of a program that hangs.
    pub fn debug(mut self, debug: bool) -> Self {
        self.debug = Some(debug);
        self
    }

    /// From what duration on a single poll is reported as slow; asyncio's `slow_callback_duration`. Default 100 ms. Setting
    /// it has every poll timed, as debug mode does; otherwise whole turns are timed, and polls for a while after one
    /// that took that long.
    #[doc(alias = "slow_callback_duration")]
    pub fn slow_poll(mut self, limit: Duration) -> Self {
        self.slow_poll = Some(limit);
        self
    }

    /// Starts with a virtual clock that stands still and jumps to the next deadline when nothing else is to do (see
    /// [`time::pause`](crate::time::pause)).
    pub fn start_paused(mut self, paused: bool) -> Self {
        self.start_paused = paused;
        self
    }

    /// Seeds what is random (the start of `select!`), so that a run can be repeated. Runs that start with a paused clock have always the
    /// same seed if none is chosen: they can be repeated anyway, and so can their recordings.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Is told of panics that nobody awaits; the default prints them. A hook that panics itself takes the loop down.
    pub fn on_unhandled(mut self, hook: impl Fn(&Unhandled<'_>) + 'static) -> Self {
        self.unhandled = Some(Rc::new(hook));
        self
    }

    /// Is told what the runtime notices: slow polls, deadlocks, misuse; the default prints it.
    pub fn on_report(mut self, hook: impl Fn(&Report) + 'static) -> Self {
        self.report = Some(Rc::new(hook));
        self
    }

    /// Records the run and writes it to `file` when the runtime ends: as what its name says, `.txt` (a drawing), `.json`,
    /// `.perfetto.json` (for <https://ui.perfetto.dev>), or `.html` (one page that plays it, offline). The last 131,072 events are
    /// kept. `MYRT_RECORD=run.html` does the same for a program that was not changed; there each further runtime of the
    /// process gets a file of its own, `run-2.html`, a file that is there already is left as it is and the next number taken, and what the program prints is recorded too, as by
    /// [`Recorder::with_console`](crate::runtime::Recorder::with_console).
    ///
    /// An earlier recording in `file` is replaced; what is no regular file is left alone. A file that cannot be written is told on stderr. [`Recorder`](crate::runtime::Recorder) keeps a recording in memory.
    pub fn record(mut self, file: impl Into<PathBuf>) -> Self {
        self.record = Some(file.into());
        self
    }

    /// The folder in which clients of the [monitor](crate::monitor) may have recordings written: always to new files. None: they may not.
    /// `MYRT_RECORD_DIR` does the same for a program that was not changed.
    pub fn record_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.record_dir = Some(folder.into());
        self
    }

    /// Installs an observer.
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observer = Some(Rc::new(observer));
        self
    }

    /// How many polls lie between two looks at the selector while work is ready. Default 61; 0 counts as 1.
    pub fn event_interval(mut self, polls: u32) -> Self {
        self.event_interval = polls.max(1);
        self
    }

    /// How many events are taken from the selector at once; the others come with the next turn. Default 1024.
    pub fn max_events(mut self, events: usize) -> Self {
        self.max_events = events.max(1);
        self
    }

    /// How long async cleanups may take before they are cut, when their canceller waits and when the runtime ends.
    /// Default 5 s.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Has the runtime look for misuse, and says what to do about it; see [`Lints`] and
    /// [`Misuse`](crate::runtime::Misuse). As in debug mode polls are timed and wakers counted then: a runtime that looks is several
    /// times slower, one that does not pays nothing. `MYRT_LINTS` (`off`, `warn`, `deny`) does the same for a program
    /// that was not changed.
    ///
    /// ```should_panic
    /// use myrt::runtime::{Builder, Lints};
    /// let runtime = Builder::new().lints(Lints::Deny).build().unwrap();
    /// runtime.block_on(async {
    ///     drop(myrt::spawn(async { Err::<(), _>("no luck") })); // no .await
    ///     myrt::yield_now().await;
    /// });
    /// ```
    pub fn lints(mut self, lints: Lints) -> Self {
        self.lints = Some(lints);
        self
    }

    /// Makes the runtime.
    ///
    /// # Errors
    /// When the selector cannot be made (no descriptors left, or a selector that this system lacks), and when the
    /// environment asks for something that does not exist; when the name of a file to record to has no known ending.
    pub fn build(self) -> io::Result<Runtime> {
        let selector = match self.selector {
            Some(selector) => selector,
            None => from_environment("MYRT_SELECTOR")?.unwrap_or_default(),
        };
        let seed = match self.seed {
            Some(seed) => Some(seed),
            None => from_environment("MYRT_SEED")?.or(self.start_paused.then_some(PAUSED_SEED)),
        };
        // The environment records a program as it is, with what it prints.
        let file = match self.record {
            Some(file) => Some((file, false)),
            None => env::var_os("MYRT_RECORD")
                .filter(|file| !file.is_empty())
                .map(|file| (PathBuf::from(file), true)),
        };
        let record_dir = self.record_dir.or_else(|| {
            let folder = env::var_os("MYRT_RECORD_DIR");
            folder.filter(|it| !it.is_empty()).map(PathBuf::from)
        });
        let debug = self
            .debug
            .unwrap_or_else(|| env::var_os("MYRT_DEBUG").is_some_and(|value| value != "0"));
        let lints = match self.lints {
            Some(lints) => Some(lints),
            None => from_environment("MYRT_LINTS")?,
        };
        let config = Config {
            selector,
            start_paused: self.start_paused,
            seed,
            grace: self.grace,
            event_interval: self.event_interval,
            max_events: self.max_events,
            slow_poll: self.slow_poll,
            debug,
            looks: lints.map_or(debug, |lints| lints != Lints::Off),
            lints: lints.unwrap_or_default(),
            report: self.report,
            unhandled: self.unhandled,
            record_dir,
        };
        let runtime = Core::new(config).map(Runtime::from_core)?;
        if let Some(observer) = self.observer {
            notice::install(runtime.core(), observer);
        }
        if let Some((file, with_console)) = file {
            record::start(runtime.core(), file, with_console)?;
        }
        if let Some(address) = env::var_os("MYRT_MONITOR").filter(|address| !address.is_empty()) {
            runtime.watch_at(&address.to_string_lossy());
        }
        Ok(runtime)
    }
}

/// A default from the environment; not set, or empty: none.
fn from_environment<T>(name: &str) -> io::Result<Option<T>>
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
            .field("lints", &self.lints)
            .finish_non_exhaustive()
    }
}
