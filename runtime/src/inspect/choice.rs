//! What a builder chooses about who watches.

use std::env;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use super::lints::Lookout;
use super::notices::Notices;
use super::observe::Observer;
use super::report::{Hook, Lints, Report};
use super::watchdog::Watchdog;
use super::{Inspector, monitor, notices, record};
use crate::builder::{Builder, from_environment};
use crate::executor::probe::{Level, Probe};
use crate::runtime_loop::Runtime;

/// What a [`Builder`] was told.
#[derive(Clone, Default)]
pub(crate) struct Choice {
    debug: Option<bool>,
    slow_poll: Option<Duration>,
    observer: Option<Rc<dyn Observer>>,
    record: Option<PathBuf>,
    record_dir: Option<PathBuf>,
    report: Option<Hook>,
    lints: Option<Lints>,
}

/// What is installed once the runtime is there.
pub(crate) struct Watchers {
    observer: Option<Rc<dyn Observer>>,
    /// The file, and whether what the program prints is recorded too.
    record: Option<(PathBuf, bool)>,
}

impl Choice {
    /// The window of a runtime, with what is to look through it.
    ///
    /// # Errors
    /// When the environment asks for lints that do not exist.
    pub(crate) fn probe(self) -> io::Result<(Probe, Watchers)> {
        // The environment records a program as it is, with what it prints.
        let record = match self.record {
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
        let looks = lints.map_or(debug, |lints| lints != Lints::Off);
        let always = debug || looks || self.slow_poll.is_some();
        let watch = Watchdog::new(self.slow_poll, always);
        let slow = watch.slow();
        let inspector = Inspector {
            lints: looks.then(Box::<Lookout>::default),
            watch,
            notices: Notices::default(),
            recording: Default::default(),
            denied: Default::default(),
            level: lints.unwrap_or_default(),
            says_slow: self.slow_poll.is_some(),
            hook: self.report,
            record_dir,
        };
        let mut probe = Probe::new(Box::new(inspector), slow);
        probe.looks = looks;
        probe.counts_wakers = debug || looks;
        if always {
            probe.set_level(Level::Polls);
        }
        let observer = self.observer;
        Ok((probe, Watchers { observer, record }))
    }
}

impl Watchers {
    /// # Errors
    /// When the name of a file to record to has no known ending.
    pub(crate) fn install(self, runtime: &Runtime) -> io::Result<()> {
        if let Some(observer) = self.observer {
            notices::install(runtime.core(), observer);
        }
        if let Some((file, with_console)) = self.record {
            record::start(runtime.core(), file, with_console)?;
        }
        if let Some(address) = env::var_os("MYRT_MONITOR").filter(|address| !address.is_empty()) {
            monitor::start_by_environment(runtime, &address.to_string_lossy());
        }
        Ok(())
    }
}

/// With the feature `inspect`, which is on by default.
impl Builder {
    /// Debug mode, asyncio's `debug=True`: what costs too much to be always on. Every poll is timed
    /// (see [`Builder::slow_poll`]) and wakers are counted, so that a deadlock is a panic that
    /// shows who waits for whom instead of a program that hangs.
    pub fn debug(mut self, debug: bool) -> Self {
        self.inspect.debug = Some(debug);
        self
    }

    /// From what duration on a single poll is reported as slow; asyncio's `slow_callback_duration`.
    /// Default 100 ms. Setting it has every poll timed, as debug mode does; otherwise whole turns
    /// are timed, and polls for a while after one that took that long.
    #[doc(alias = "slow_callback_duration")]
    pub fn slow_poll(mut self, limit: Duration) -> Self {
        self.inspect.slow_poll = Some(limit);
        self
    }

    /// Is told what the runtime notices: slow polls, deadlocks, misuse; the default prints it.
    pub fn on_report(mut self, hook: impl Fn(&Report) + 'static) -> Self {
        self.inspect.report = Some(Rc::new(hook));
        self
    }

    /// Records the run and writes it to `file` when the runtime ends: as what its name says, `.txt`
    /// (a drawing), `.json`, `.perfetto.json` (for <https://ui.perfetto.dev>), or `.html` (one page
    /// that plays it, offline). The last 131,072 events are kept. `MYRT_RECORD=run.html` does the
    /// same for a program that was not changed; there each further runtime of the process gets a
    /// file of its own, `run-2.html`, a file that is there already is left as it is and the next
    /// number taken, and what the program prints is recorded too, as by
    /// [`Recorder::with_console`](crate::runtime::Recorder::with_console).
    ///
    /// An earlier recording in `file` is replaced; what is no regular file is left alone. A file
    /// that cannot be written is told on stderr. [`Recorder`](crate::runtime::Recorder) keeps a
    /// recording in memory.
    pub fn record(mut self, file: impl Into<PathBuf>) -> Self {
        self.inspect.record = Some(file.into());
        self
    }

    /// The folder in which clients of the [monitor](crate::monitor) may have recordings written:
    /// always to new files. None: they may not. `MYRT_RECORD_DIR` does the same for a program that
    /// was not changed.
    pub fn record_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.inspect.record_dir = Some(folder.into());
        self
    }

    /// Installs an observer.
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.inspect.observer = Some(Rc::new(observer));
        self
    }

    /// Has the runtime look for misuse, and says what to do about it; see [`Lints`] and
    /// [`Misuse`](crate::runtime::Misuse). As in debug mode polls are timed and wakers counted
    /// then: a runtime that looks is several times slower, one that does not pays nothing.
    /// `MYRT_LINTS` (`off`, `warn`, `deny`) does the same for a program that was not changed.
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
        self.inspect.lints = Some(lints);
        self
    }
}
