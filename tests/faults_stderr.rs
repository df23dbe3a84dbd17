//! B.1: a stderr that cannot be written to ends nothing: what the library has to say is lost, and
//! the program goes on.
//!
//! Looked at: each `eprintln!` of the five crates. They were in the loop (monitor's greeting and
//! refusal, the end's grace), the reports and unjoined panics (`core`), async cleanups, the
//! blocking pool, recordings, signals and workers; timer and macros had none. All go through
//! `sys::stderr::complain` now, and `clippy::disallowed_macros` is denied in each `lib.rs`. The
//! pool without a thread and the signal that cannot be given back need a system that refuses; they
//! are the same call.

mod support;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use myrt::runtime::{Builder, Lints};
use myrt::{finally, spawn, yield_now};
use support::{child, runtime};

/// Runs `test` in processes of its own whose stderr is full, is a pipe without a reader, is closed,
/// or can only be read. True in such a process.
fn speechless(test: &str, environment: &str) -> bool {
    if std::env::var("MYRT_TEST_CHILD").is_ok_and(|name| name == test) {
        return true;
    }
    let broken = [
        ("full", "exec 2>/dev/full"),
        // The reader of the FIFO is gone before anything is written.
        (
            "a pipe that nobody reads",
            "f=$(mktemp -u); mkfifo \"$f\"; exec 3<>\"$f\" 2>\"$f\" 3<&-; rm \"$f\"",
        ),
        ("closed", "exec 2>&-"),
        ("read-only", "exec 2</dev/null"),
    ];
    for (how, redirection) in broken {
        let output = child(test, &format!("{environment}\n{redirection}"));
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{test}, stderr {how}: {}\n{said}",
            output.status
        );
    }
    false
}

#[test]
fn b1_a_report_ends_nothing() {
    if !speechless("b1_a_report_ends_nothing", ":") {
        return;
    }
    let builder = Builder::new().debug(true).lints(Lints::Warn);
    let runtime = builder.slow_poll(Duration::from_nanos(1)).build().unwrap();
    let value = runtime.block_on(async {
        // Each poll takes longer than a nanosecond.
        for _ in 0..3 {
            spawn(async { yield_now().await }).await.unwrap();
        }
        7
    });
    assert_eq!(value, 7);
    assert!(runtime.metrics().reports > 0, "something was reported");
}

#[test]
fn b1_a_panic_of_a_task_that_nobody_joins_ends_nothing() {
    if !speechless("b1_a_panic_of_a_task_that_nobody_joins_ends_nothing", ":") {
        return;
    }
    for debug in [true, false] {
        let builder = Builder::new().debug(debug).lints(Lints::Warn);
        let value = builder.build().unwrap().block_on(async {
            drop(spawn(async { panic!("unjoined") }));
            yield_now().await;
            yield_now().await;
            7
        });
        assert_eq!(value, 7);
    }
}

#[test]
fn b1_a_cleanup_that_fails_or_cannot_run_ends_nothing() {
    if !speechless("b1_a_cleanup_that_fails_or_cannot_run_ends_nothing", ":") {
        return;
    }
    let value = runtime().block_on(async {
        {
            let mut left = pin!(finally(std::future::pending::<()>(), async || panic!("no")));
            assert!(futures_lite::future::poll_once(&mut left).await.is_none());
        }
        for _ in 0..4 {
            yield_now().await;
        }
        7
    });
    assert_eq!(value, 7);
    // Dropped outside of a runtime: it cannot run.
    let held = runtime().block_on(async {
        let mut kept = Box::pin(finally(std::future::pending::<()>(), async || {}));
        assert!(futures_lite::future::poll_once(&mut kept).await.is_none());
        Some(kept)
    });
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(held)));
    assert!(dropped.is_ok(), "the complaint itself must not panic");
}

#[test]
fn b1_an_end_whose_grace_is_over_is_one() {
    if !speechless("b1_an_end_whose_grace_is_over_is_one", ":") {
        return;
    }
    let reached = Rc::new(Cell::new(false));
    let flag = Rc::clone(&reached);
    let runtime = Builder::new()
        .start_paused(true)
        .lints(Lints::Off)
        .build()
        .unwrap();
    runtime.block_on(async move {
        drop(spawn(finally(
            std::future::pending::<()>(),
            async move || {
                flag.set(true);
                std::future::pending::<()>().await;
            },
        )));
        yield_now().await;
    });
    runtime.shutdown(Duration::from_millis(1));
    assert!(reached.get());
}

#[test]
fn b1_a_monitor_that_greets_ends_nothing() {
    let environment = "export MYRT_MONITOR=127.0.0.1:0";
    if speechless("b1_a_monitor_that_greets_ends_nothing", environment) {
        assert_eq!(runtime().block_on(async { 7 }), 7);
    }
}

#[test]
fn b1_a_monitor_that_cannot_listen_ends_nothing() {
    let environment = "export MYRT_MONITOR=nowhere";
    if speechless("b1_a_monitor_that_cannot_listen_ends_nothing", environment) {
        assert_eq!(runtime().block_on(async { 7 }), 7);
    }
}

#[test]
fn b1_a_recording_that_cannot_be_written_ends_nothing() {
    let environment = "export MYRT_RECORD=/nowhere/at/all.txt";
    if speechless(
        "b1_a_recording_that_cannot_be_written_ends_nothing",
        environment,
    ) {
        assert_eq!(myrt::run(async { 7 }), 7);
    }
}

#[cfg(feature = "net")]
#[test]
fn b1_a_worker_that_dies_is_started_again() {
    if !speechless("b1_a_worker_that_dies_is_started_again", ":") {
        return;
    }
    let ended = myrt::workers::Builder::new(1).run(async |worker| {
        assert!(worker.restarts() > 0, "the first time it dies");
        worker.restarts()
    });
    assert_eq!(ended.unwrap(), [Some(1)]);
}
