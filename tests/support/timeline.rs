//! Timelines: what happened at which millisecond, under virtual time, compared as a whole at the
//! end.
//!
//! Tests of scopes and cleanups share them. They know of time and of cleanups, and of nothing that
//! is tested with them.

use std::cell::RefCell;
use std::rc::Rc;

use myrt::runtime::{Builder, Runtime};
use myrt::time::{Duration, Instant, sleep};

pub(crate) const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Milliseconds since `start`.
pub(crate) fn at(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap()
}

/// What happened, and when.
#[derive(Clone)]
pub(crate) struct Log {
    start: Instant,
    pub(crate) lines: Rc<RefCell<Vec<(u64, String)>>>,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            lines: Rc::default(),
        }
    }

    pub(crate) fn add(&self, line: impl Into<String>) {
        self.lines.borrow_mut().push((at(self.start), line.into()));
    }

    #[track_caller]
    pub(crate) fn is(&self, expected: &[(u64, &str)]) {
        let lines = self.lines.borrow();
        let lines: Vec<_> = lines
            .iter()
            .map(|(at, line)| (*at, line.as_str()))
            .collect();
        assert_eq!(lines, expected);
    }

    /// A cleanup that takes this many milliseconds.
    pub(crate) fn cleanup(&self, name: &'static str, takes: u64) -> impl AsyncFnOnce() + 'static {
        let log = self.clone();
        async move || {
            sleep(ms(takes)).await;
            log.add(name);
        }
    }
}

/// A paused runtime that keeps what its hook is told.
pub(crate) fn told() -> (Runtime, Rc<RefCell<Vec<String>>>) {
    told_by(Builder::new())
}

/// The same, with more said about the runtime.
pub(crate) fn told_by(builder: Builder) -> (Runtime, Rc<RefCell<Vec<String>>>) {
    let heard = Rc::new(RefCell::new(Vec::new()));
    let hook = heard.clone();
    let runtime = builder
        .start_paused(true)
        .on_unhandled(move |report| {
            hook.borrow_mut()
                .push(format!("{}: {}", report.what, report.message));
        })
        .build()
        .unwrap();
    (runtime, heard)
}

pub(crate) async fn forever() {
    std::future::pending::<()>().await;
}
