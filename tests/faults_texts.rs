//! I: what the runtime says when something is misused, and where it points to.
//!
//! Looked at for I.2: each place that finds no runtime or another one than its own (sleeps,
//! descriptors and what is built on them, join handles, gathers and scopes, task locals, the paused
//! clock, spawn, spawn_blocking, call_later, Remote, the monitor): all go through
//! `registry::refuse`. For I.3: each panic in a closure, where `track_caller` does not reach, and
//! each id that is written to a log. For I.5: each alias of a name (`LocalSet` in a `use` is
//! nearest to `LocalKey` by letters, which no alias changes).
#![allow(clippy::disallowed_methods, reason = "tests start threads")]

mod support;

use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use myrt::runtime::{Builder, Remote};
use myrt::task;
use myrt::time::{call_later, pause, sleep};
use support::said::said;

/// Polls it once.
fn poll<F: Future>(future: F) -> bool {
    let future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    future.poll(&mut cx).is_ready()
}

const HOUR: Duration = Duration::from_secs(3600);

/// Runs it on another thread, whose name is "stranger".
fn elsewhere<T: Send>(call: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("stranger".into());
        thread.spawn_scoped(scope, call).unwrap().join().unwrap()
    })
}

/// Runs `call` in a runtime of a thread whose name is "owner".
fn owned(call: impl AsyncFnOnce() + Send) {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("owner".into());
        let run = || Builder::new().build().unwrap().block_on(call());
        thread.spawn_scoped(scope, run).unwrap().join().unwrap();
    });
}

#[track_caller]
fn names_both_threads(text: &str) {
    for word in [
        "\"stranger\" (ThreadId(",
        "\"owner\" (ThreadId(",
        "tokio::spawn",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[test]
fn i2_a_sleep_on_another_thread_is_told_whose_it_is() {
    owned(async || {
        let mut begun = Box::pin(sleep(HOUR));
        assert!(!poll(begun.as_mut()));
        let (_, text) = elsewhere(|| said(|| poll(begun.as_mut())));
        names_both_threads(&text);
        assert!(
            text.contains("it belongs to the runtime of thread \"owner\""),
            "{text}"
        );
        assert!(!text.contains("#[myrt::main]"), "{text}");
        assert!(
            text.contains("the sleep of tests/faults_texts.rs:"),
            "{text}"
        );
        // One that was never polled belongs to no runtime, but there is one.
        let fresh = sleep(HOUR);
        let (_, text) = elsewhere(|| said(|| poll(fresh)));
        assert!(
            text.contains("outside of a myrt runtime: use #[myrt::main]"),
            "{text}"
        );
        names_both_threads(&text);
    });
}

#[cfg(feature = "net")]
#[test]
fn i2_a_stream_on_another_thread_is_told_whose_it_is() {
    owned(async || {
        let (stream, _peer) = myrt::net::UnixStream::pair().unwrap();
        let mut bytes = [0; 8];
        assert!(!poll(stream.read(&mut bytes)));
        let (_, text) = elsewhere(|| said(|| poll(stream.read(&mut bytes))));
        names_both_threads(&text);
        assert!(
            text.contains("it belongs to the runtime of thread \"owner\""),
            "{text}"
        );
        assert!(text.contains("faults_texts.rs:"), "where it waited: {text}");
        assert!(!text.contains("#[myrt::main]"), "{text}");
    });
}

#[test]
fn i2_within_one_thread_the_other_runtime_is_told() {
    let runtime = Builder::new().build().unwrap();
    let mut begun = Box::pin(sleep(HOUR));
    runtime.block_on(async { assert!(!poll(begun.as_mut())) });
    let (_, text) = said(|| poll(begun.as_mut()));
    assert!(
        text.contains("outside of its runtime, which is one of this thread"),
        "{text}"
    );
    let other = Builder::new().build().unwrap();
    let (_, text) = said(|| other.block_on(async { poll(begun.as_mut()) }));
    assert!(
        text.contains("in another runtime while its own lives"),
        "{text}"
    );
    drop(runtime);
    // Its own has ended: it goes over to this one.
    assert!(!other.block_on(async { poll(begun.as_mut()) }));
}

myrt::task_local! {
    static KEY: u32;
}

#[test]
fn i3_misuse_points_at_the_line_of_the_caller() {
    let cancelled = || {
        Builder::new().build().unwrap().block_on(async {
            let task = myrt::spawn(std::future::pending::<()>());
            task.cancel();
            task.await.unwrap_err()
        })
    };
    let error = cancelled();
    type Case = (&'static str, Box<dyn FnOnce()>);
    let cases: Vec<Case> = vec![
        ("spawn was called", Box::new(|| drop(myrt::spawn(async {})))),
        (
            "spawn was called",
            Box::new(|| drop(myrt::spawn_eager(async {}))),
        ),
        (
            "spawn was called",
            Box::new(|| drop(task::Builder::new().spawn(async {}))),
        ),
        (
            "spawn_blocking was called",
            Box::new(|| drop(myrt::spawn_blocking(|| ()))),
        ),
        (
            "call_later was called",
            Box::new(|| drop(call_later(HOUR, || ()))),
        ),
        ("Remote::current", Box::new(|| drop(Remote::current()))),
        (
            "monitor::start was called",
            Box::new(|| drop(myrt::monitor::start("127.0.0.1:0"))),
        ),
        ("task::current was called", Box::new(|| _ = task::current())),
        (
            "the clock",
            Box::new(|| {
                pause();
            }),
        ),
        (
            "the sleep of",
            Box::new(|| _ = poll(async { sleep(HOUR).await })),
        ),
        (
            "a scope of a task local",
            Box::new(|| _ = poll(async { KEY.scope(1, async {}).await })),
        ),
        (
            "the task was cancelled",
            Box::new(|| drop(error.into_panic())),
        ),
    ];
    for (begin, misuse) in cases {
        let (file, text) = said(misuse);
        assert!(text.starts_with(begin), "{begin}: {text}");
        assert!(file.ends_with("faults_texts.rs"), "{begin}: {file}: {text}");
    }
}

#[test]
fn i3_a_nested_run_is_called_by_its_name() {
    for (begin, nested) in [
        ("run was called", (|| myrt::run(async {})) as fn()),
        ("block_on was called", || {
            Builder::new().build().unwrap().block_on(async {});
        }),
    ] {
        let (file, text) = said(|| myrt::run(async { nested() }));
        assert!(text.starts_with(begin), "{text}");
        assert!(file.ends_with("faults_texts.rs"), "{file}");
    }
    let (_, text) = said(|| myrt::run(async { program() }));
    assert!(
        text.starts_with("a function with #[myrt::main] was called inside of a runtime"),
        "{text}"
    );
}

#[myrt::main]
async fn program() {}

/// As quinn's driver does: it polls its timer when it has set it, and again only when it has
/// nothing else to do.
#[test]
fn i4_a_timer_that_its_task_leaves_unpolled_is_no_misuse() {
    let reports = std::rc::Rc::new(RefCell::new(Vec::new()));
    let sink = reports.clone();
    let runtime = Builder::new()
        .start_paused(true)
        .lints(myrt::runtime::Lints::Deny)
        .on_report(move |report| sink.borrow_mut().push(report.to_string()))
        .build()
        .unwrap();
    let polls = runtime.block_on(async {
        let mut timer = Box::pin(sleep(Duration::from_millis(1)));
        let mut other = Box::pin(sleep(Duration::from_millis(5)));
        let mut polls = 0;
        std::future::poll_fn(move |cx| {
            polls += 1;
            if polls == 1 {
                assert!(timer.as_mut().poll(cx).is_pending());
            }
            // The timer is over from the second poll on; the datagrams of seconds come first.
            if other.as_mut().poll(cx).is_ready() {
                other.set(sleep(Duration::from_millis(500)));
                assert!(other.as_mut().poll(cx).is_pending());
            }
            match polls {
                20 => timer.as_mut().poll(cx).map(|()| polls),
                _ => std::task::Poll::Pending,
            }
        })
        .await
    });
    assert_eq!(polls, 20);
    assert!(reports.borrow().is_empty(), "{reports:?}");
}
