//! `Lints::Deny`: what is reported is a failure.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use myrt::runtime::{Builder, Lints, Runtime};
use myrt::time::sleep;
use myrt::{spawn, yield_now};

/// A runtime whose reports are failures, and not printed.
fn denying() -> Runtime {
    let builder = Builder::new().lints(Lints::Deny).start_paused(true);
    builder.on_report(|_| ()).build().expect("a runtime")
}

/// What a closure panics with.
fn panic_of(run: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(run)).expect_err("a failure");
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => (*panic.downcast::<&str>().expect("a text")).to_owned(),
    }
}

#[myrt::test(lints = "deny", start_paused)]
async fn a_test_without_a_mistake_passes() {
    let task = spawn(async { sleep(Duration::from_secs(1)).await });
    task.await.unwrap();
}

#[myrt::test(lints = "deny", start_paused)]
#[should_panic(expected = "its handle was never awaited")]
async fn a_test_with_a_mistake_fails() {
    drop(spawn(async { Err::<(), _>("no luck") }));
    yield_now().await;
}

#[myrt::test(lints = "deny", start_paused)]
#[should_panic(expected = "never ran")]
async fn a_test_whose_task_never_runs_fails_at_the_runtimes_end() {
    drop(spawn(async {}));
}

#[test]
fn block_on_fails_with_all_reports_and_only_once() {
    let runtime = denying();
    let text = panic_of(|| {
        runtime.block_on(async {
            drop(spawn(async { Err::<(), _>("not today") }));
            drop(spawn(async { Err::<(), _>("no luck") }));
            yield_now().await;
        });
    });
    assert!(
        text.contains("its handle was never awaited: not today"),
        "{text}"
    );
    assert!(
        text.contains("its handle was never awaited: no luck"),
        "{text}"
    );
    assert_eq!(runtime.block_on(async { 5 }), 5);
}

#[test]
fn a_deadlock_fails_at_once_and_not_again() {
    let runtime = denying();
    let text = panic_of(|| runtime.block_on(std::future::pending()));
    assert!(text.contains("deadlock"), "{text}");
    drop(runtime);
}

#[test]
fn the_runtimes_end_fails_but_not_while_it_unwinds() {
    let text = panic_of(|| drop(denying().spawn(async {})));
    assert!(text.contains("never ran"), "{text}");
    let text = panic_of(|| {
        let runtime = denying();
        drop(runtime.spawn(async {}));
        panic!("another failure");
    });
    assert_eq!(text, "another failure");
}

#[test]
fn a_slow_poll_fails_only_where_slow_was_defined() {
    let slow = async {
        std::thread::sleep(Duration::from_millis(150)); // longer than the default allows
    };
    denying().block_on(slow);
    let builder = Builder::new().lints(Lints::Deny).on_report(|_| ());
    let runtime = builder.slow_poll(Duration::from_millis(20)).build();
    let runtime = runtime.expect("a runtime");
    let text = panic_of(|| {
        runtime.block_on(async { std::thread::sleep(Duration::from_millis(25)) });
    });
    assert!(text.contains("for one poll"), "{text}");
}

#[test]
fn off_reports_nothing() {
    let builder = Builder::new().lints(Lints::Off).debug(true);
    let runtime = builder.on_report(|report| panic!("{report}")).build();
    runtime.expect("a runtime").block_on(async {
        let _ = sleep(Duration::from_secs(1));
        yield_now().await;
    });
}

#[test]
fn levels_have_names() {
    assert_eq!("deny".parse(), Ok(Lints::Deny));
    let wrong = "error".parse::<Lints>().unwrap_err();
    assert_eq!(wrong.to_string(), "the lint levels are off, warn and deny");
}
