//! What a test must not leave behind: descriptors of the process; tasks, sources and jobs of its
//! runtime.
//!
//! Descriptors belong to the whole process, so tests that count them take turns: the test that
//! holds [`Watch`] has the process to itself, among the tests that use it. It knows std and the
//! runtime's own counts only, so that every test can use it.
#![allow(dead_code, reason = "each test file uses its own part of it")]

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use myrt::runtime::Runtime;

static TURN: Mutex<()> = Mutex::new(());

/// A test's turn. At its end, nothing must be open that was not at its beginning.
pub(crate) struct Watch {
    before: BTreeSet<String>,
    _turn: MutexGuard<'static, ()>,
}

impl Watch {
    /// Waits for its turn.
    pub(crate) fn begin() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        Self {
            before: open(),
            _turn: turn,
        }
    }
}

impl Watch {
    /// Fails when a descriptor is open that was not at the beginning. No runtime may be there any
    /// more. One that is gone was somebody else's: of a test that does not take turns.
    #[track_caller]
    pub(crate) fn nothing_open(&self, test: &str) {
        // A thread of the pool that has just ended a job lets go of the runtime's bell a moment
        // later.
        for _ in 0..1000 {
            if open().is_subset(&self.before) {
                return;
            }
            #[expect(clippy::disallowed_methods, reason = "no loop runs here any more")]
            std::thread::sleep(Duration::from_millis(1));
        }
        let now = open();
        let left: Vec<_> = now.difference(&self.before).collect();
        panic!("{test}: descriptors that were left: {left:?}");
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.nothing_open("at the end");
        }
    }
}

/// Fails when a runtime still has something to do after its test.
#[track_caller]
pub(crate) fn nothing_in(runtime: &Runtime, test: &str) {
    // What nobody waits for, such as a file that was dropped, is closed on the pool a moment later.
    for _ in 0..1000 {
        if runtime.metrics().outside == 0 {
            break;
        }
        runtime
            .turn(Some(Duration::from_millis(1)))
            .expect("a turn");
    }
    let metrics = runtime.metrics();
    assert_eq!(
        (
            metrics.tasks,
            metrics.sources,
            metrics.timers,
            metrics.outside
        ),
        (0, 0, 0, 0),
        "{test}: tasks, sources, timers and jobs that were left"
    );
}

/// Runs a test on a runtime of its own, and looks for what it left. A test that hangs is for the
/// task that runs it to end.
#[track_caller]
pub(crate) fn run<F: Future>(test: F) -> F::Output {
    let _watch = Watch::begin();
    let runtime = Runtime::new().expect("a runtime");
    let output = runtime.block_on(test);
    nothing_in(&runtime, "at the end");
    output
}

/// The open descriptors, each with what it is; the one that lists them is closed again.
fn open() -> BTreeSet<String> {
    let entries = std::fs::read_dir("/dev/fd").expect("a list of descriptors");
    let names: Vec<_> = entries
        .map(|entry| entry.expect("a descriptor").path())
        .collect();
    names
        .iter()
        .filter(|name| name.symlink_metadata().is_ok())
        .map(|name| {
            let target = std::fs::read_link(name).unwrap_or_default();
            format!("{} {}", name.display(), target.display())
        })
        .collect()
}
