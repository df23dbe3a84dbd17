//! What the runtime says of misuse: twelve programs that do something wrong, each reported once and
//! with the right names; twelve that look alike and are right, none of which is.
#![allow(
    clippy::disallowed_methods,
    clippy::let_underscore_future,
    clippy::mem_forget,
    reason = "they are what is wrong with some of them"
)]

mod deny;
mod innocent;
mod leaves;
mod wrong;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use myrt::runtime::{Builder, Lints, Misuse, Report, Runtime};

/// What was reported so far.
#[derive(Clone, Default)]
struct Told {
    reports: Rc<RefCell<Vec<Report>>>,
}

impl Told {
    /// The reports, but for how long polls took on this machine.
    fn take(&self) -> Vec<Report> {
        let mut reports = self.reports.take();
        reports.retain(|report| !matches!(report, Report::SlowPoll { .. }));
        reports
    }

    /// The one report, which is of misuse, and its text.
    fn one(&self) -> (Misuse, String) {
        let reports = self.take();
        let [Report::Misuse(misuse)] = &reports[..] else {
            panic!("expected one report of misuse, got {reports:#?}")
        };
        (misuse.clone(), reports[0].to_string())
    }
}

/// What a builder makes whose runtime looks for misuse under virtual time.
fn looking() -> (Builder, Told) {
    let told = Told::default();
    let sink = told.clone();
    let builder = Builder::new()
        .lints(Lints::Warn)
        .start_paused(true)
        .on_report(move |report| sink.reports.borrow_mut().push(report.clone()));
    (builder, told)
}

fn runtime() -> (Runtime, Told) {
    let (builder, told) = looking();
    (builder.build().expect("a runtime"), told)
}

/// Runs a program to its end, runtime and all.
fn run(program: impl Future<Output = ()>) -> Told {
    let (runtime, told) = runtime();
    runtime.block_on(program);
    drop(runtime);
    told
}

/// Runs a program that is to panic.
fn run_to_panic(program: impl Future<Output = ()>) -> Told {
    let (runtime, told) = runtime();
    let ended = catch_unwind(AssertUnwindSafe(|| runtime.block_on(program)));
    assert!(ended.is_err(), "a deadlock is a panic");
    drop(runtime);
    told
}

/// Checks that a location is in this file, on the line that holds `text`.
#[track_caller]
fn assert_line(at: &std::panic::Location<'_>, source: &str, text: &str) {
    let line = source.lines().nth(at.line() as usize - 1).unwrap_or("");
    assert!(line.contains(text), "{at} is {line:?}, not {text:?}");
}
