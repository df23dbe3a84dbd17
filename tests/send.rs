//! Futures that are `Send` and really go to another thread: polled there they say whose they are,
//! dropped there they leave nothing behind, and their cleanups go home.
//!
//! Looked at for the same kind: `timeout`, `move_on_after`, `Deadline::run`, `race`, `first_ok`,
//! `gather`, `join!`, `try_join!`, `finally`, `bracket`, `shield`; each while its future waits, and
//! while cleanups run. What was `Send` before (sleeps, sockets, handles) is in `wakers.rs`,
//! `known_bugs_wakers.rs` and `faults_texts.rs`.
#![allow(clippy::disallowed_methods, reason = "tests start threads")]

mod support;

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::Context;
use std::thread;
use std::time::Duration;

use myrt::runtime::Runtime;
use myrt::task::{self, Local};
use myrt::time::{Deadline, Instant, move_on_after, sleep, timeout};
use support::said::said;
use support::{collecting, on_drop, panic_text, paused, settle};

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

const LONG: Duration = Duration::from_secs(60);

/// Runs `call` on another thread to its end.
fn elsewhere<T: Send>(call: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let stranger = thread::Builder::new().name("stranger".into());
        let running = stranger.spawn_scoped(scope, call).expect("a thread");
        running.join().expect("no panic")
    })
}

/// What polling says on a thread without a runtime.
fn refused<T: Send>(future: &mut Boxed<T>) -> String {
    elsewhere(|| {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        panic_text(|| drop(future.as_mut().poll(&mut cx)))
    })
}

/// Without its output.
async fn over(future: impl Future) {
    let _ = future.await;
}

/// Polls it once here.
async fn begin<T>(future: &mut Boxed<T>) {
    let mut future = Some(future);
    std::future::poll_fn(|cx| {
        let future = future.take().expect("polled once");
        assert!(future.as_mut().poll(cx).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
}

/// A future whose cleanup takes `ms` and counts.
fn with_cleanup(ms: u64, count: &Arc<AtomicUsize>) -> impl Future<Output = ()> + Send + use<> {
    let count = count.clone();
    myrt::finally(sleep(LONG), async move || {
        let local = Rc::new(()); // not Send, while it waits
        sleep(Duration::from_millis(ms)).await;
        drop(local);
        count.fetch_add(1, SeqCst);
    })
}

/// Each of them, while its future waits.
fn waiting(count: &Arc<AtomicUsize>) -> Vec<(&'static str, Boxed<()>)> {
    let child = || with_cleanup(5, count);
    let failing = || async {
        sleep(LONG).await;
        Err::<(), ()>(())
    };
    vec![
        ("timeout", Box::pin(over(timeout(LONG, sleep(LONG))))),
        ("move on", Box::pin(over(move_on_after(LONG, sleep(LONG))))),
        (
            "deadline",
            Box::pin(async {
                let deadline = Deadline::after(LONG);
                over(deadline.run(sleep(LONG))).await;
            }),
        ),
        ("race", Box::pin(myrt::race([sleep(LONG), sleep(LONG)]))),
        (
            "first_ok",
            Box::pin(over(myrt::first_ok([failing(), failing()]))),
        ),
        (
            "gather",
            Box::pin(over(myrt::gather([sleep(LONG), sleep(LONG)]))),
        ),
        (
            "join",
            Box::pin(async {
                let _ = myrt::join!(sleep(LONG), sleep(LONG));
            }),
        ),
        (
            "try_join",
            Box::pin(async move {
                let _ = myrt::try_join!(failing(), failing());
            }),
        ),
        ("finally", Box::pin(child())),
        (
            "bracket",
            Box::pin({
                let count = count.clone();
                myrt::bracket(
                    count,
                    async |_| sleep(LONG).await,
                    async |count| {
                        sleep(Duration::from_millis(5)).await;
                        count.fetch_add(1, SeqCst);
                    },
                )
            }),
        ),
        (
            "shield",
            Box::pin({
                let count = count.clone();
                myrt::shield(async move {
                    sleep(Duration::from_millis(5)).await;
                    count.fetch_add(1, SeqCst);
                })
            }),
        ),
    ]
}

#[test]
fn polled_elsewhere_they_say_where_they_belong() {
    thread::Builder::new()
        .name("home".into())
        .spawn(|| {
            let count = Arc::default();
            paused().block_on(async {
                for (name, mut future) in waiting(&count) {
                    begin(&mut future).await;
                    let text = refused(&mut future);
                    assert!(text.contains("\"stranger\""), "{name}: {text}");
                    assert!(
                        text.contains("belongs to the runtime of thread \"home\""),
                        "{name}: {text}"
                    );
                }
            });
        })
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn dropped_elsewhere_they_leave_no_timer_and_their_cleanups_run_at_home() {
    let (count, runtime) = (Arc::default(), paused());
    runtime.block_on(async {
        for (name, mut future) in waiting(&count) {
            begin(&mut future).await;
            elsewhere(move || drop(future));
            sleep(Duration::from_millis(20)).await;
            let expected = usize::from(matches!(name, "finally" | "bracket" | "shield"));
            assert_eq!(count.swap(0, SeqCst), expected, "{name}");
        }
        settle().await;
    });
    let metrics = runtime.metrics();
    assert_eq!(metrics.timers, 0);
    assert_eq!(metrics.tasks, 0);
}

/// The same where their cleanups run already.
fn cleaning(count: &Arc<AtomicUsize>) -> Vec<(&'static str, Boxed<()>)> {
    let short = Duration::from_millis(1);
    let child = || with_cleanup(1_000, count);
    let now = || async {
        sleep(Duration::from_millis(1)).await;
    };
    let both = [child(), child()];
    let [one, two] = both;
    let either: [Boxed<()>; 2] = [Box::pin(child()), Box::pin(now())];
    let fails: [Boxed<Result<(), ()>>; 2] = [
        Box::pin({
            let child = child();
            async move {
                child.await;
                Err(())
            }
        }),
        Box::pin(async move {
            now().await;
            Ok(())
        }),
    ];
    let (beside, last) = (child(), child());
    vec![
        ("timeout", Box::pin(over(timeout(short, one)))),
        ("move on", Box::pin(over(move_on_after(short, two)))),
        (
            "deadline",
            Box::pin(async move {
                let deadline = Deadline::after(Duration::from_millis(1));
                over(deadline.run(beside)).await;
            }),
        ),
        ("race", Box::pin(myrt::race(either))),
        ("first_ok", Box::pin(over(myrt::first_ok(fails)))),
        (
            "try_join",
            Box::pin(async move {
                let fails = async move {
                    now().await;
                    Err::<(), ()>(())
                };
                let waits = async move {
                    last.await;
                    Ok::<(), ()>(())
                };
                let _ = myrt::try_join!(fails, waits);
            }),
        ),
    ]
}

#[test]
fn cleanups_that_run_are_refused_elsewhere_and_go_on_at_home() {
    let count: Arc<AtomicUsize> = Arc::default();
    let runtime = paused();
    runtime.block_on(async {
        for (name, mut future) in cleaning(&count) {
            begin(&mut future).await;
            sleep(Duration::from_millis(2)).await;
            begin(&mut future).await;
            assert_eq!(count.load(SeqCst), 0, "{name}: its cleanup waits");
            let text = refused(&mut future);
            assert!(text.contains("belongs to the runtime"), "{name}: {text}");
            elsewhere(move || drop(future));
            sleep(Duration::from_secs(2)).await;
            assert_eq!(count.swap(0, SeqCst), 1, "{name}");
        }
        settle().await;
    });
    assert_eq!(runtime.metrics().timers, 0);
    assert_eq!(runtime.metrics().tasks, 0);
}

#[test]
fn never_polled_they_may_be_awaited_on_another_thread() {
    let count = Arc::default();
    let futures = myrt::run(async {
        let short = Duration::from_millis(1);
        let futures: Vec<Boxed<()>> = vec![
            Box::pin(over(timeout(short, pending::<()>()))),
            Box::pin(myrt::race([sleep(short), sleep(LONG)])),
            Box::pin(over(timeout(short, with_cleanup(1, &count)))),
            Box::pin(myrt::bracket(
                1,
                async |_| (),
                async |_| sleep(Duration::ZERO).await,
            )),
        ];
        futures
    });
    elsewhere(|| {
        myrt::run(async {
            for future in futures {
                future.await;
            }
        });
    });
}

#[test]
fn an_armed_cleanup_whose_runtime_has_ended_is_told() {
    let make = || myrt::finally(sleep(LONG), async || ());
    let future = myrt::run(std::future::poll_fn(
        move |_| std::task::Poll::Ready(make()),
    ));
    // Nothing is left of its runtime: it says so on stderr, and no more.
    elsewhere(move || drop(future));
}

#[test]
fn a_deadline_that_is_shared_forgets_who_was_dropped_elsewhere() {
    paused().block_on(async {
        let deadline = Arc::new(Deadline::after(LONG));
        let shared = deadline.clone();
        let mut future: Boxed<()> = Box::pin(async move {
            over(shared.run(pending::<()>())).await;
        });
        begin(&mut future).await;
        elsewhere(move || drop(future));
        settle().await;
        // One runs under it still.
        let start = Instant::now();
        let (late, ()) = myrt::join!(deadline.run(pending::<()>()), async {
            deadline.set(Instant::now() + Duration::from_millis(7));
        });
        assert!(late.is_err());
        assert_eq!(start.elapsed().as_millis(), 7);
    });
}

#[test]
fn a_local_is_used_on_its_thread_alone() {
    myrt::run(async {
        let mut local = Local::new(Rc::new(Cell::new(1)));
        local.set(local.get() + 1);
        assert_eq!(Rc::strong_count(&local), 1);
        let (copy, shared) = (local.clone(), &local);
        elsewhere(move || {
            assert!(!shared.is_here());
            assert!(shared.try_get().is_none());
            assert_eq!(format!("{shared:?}"), "Local(of another thread)");
            let uses: [&dyn Fn(); 2] = [&|| shared.set(0), &|| drop(shared.clone())];
            for misuse in uses {
                let (file, text) = said(misuse);
                assert_eq!(file, "tests/send.rs", "{text}");
                assert!(text.contains("of tests/send.rs:"), "{text}");
                assert!(text.contains("belongs to the runtime of thread"), "{text}");
            }
            assert_eq!(said(|| drop(copy.into_inner())).0, "tests/send.rs");
        });
        sleep(Duration::from_millis(1)).await; // the loop reads what other threads sent
        assert_eq!(local.try_get_mut().unwrap().get(), 2);
        assert_eq!(Rc::strong_count(&local), 1, "the copy went home");
        assert_eq!(local.into_inner().get(), 2);
    });
}

#[test]
fn a_local_that_is_dropped_elsewhere_ends_at_home() {
    let ended = Rc::new(RefCell::new(None));
    let copy = ended.clone();
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let here = thread::current().id();
        let value = on_drop(move || {
            *copy.borrow_mut() = Some((thread::current().id() == here, task::try_current_id()));
        });
        let local = Local::new(value);
        elsewhere(move || drop(local));
        assert!(ended.borrow().is_none(), "not yet");
        sleep(Duration::from_millis(1)).await;
        assert_eq!(*ended.borrow(), Some((true, None)));
    });
}

#[test]
fn a_local_goes_home_with_the_end_of_its_runtime_and_to_a_later_one() {
    // In no allocation: the one that is never dropped leaks none.
    static ENDED: AtomicUsize = AtomicUsize::new(0);
    let value = || {
        Local::new(on_drop(|| {
            ENDED.fetch_add(1, SeqCst);
        }))
    };
    // Sent in the last moment: the end of the runtime drops it.
    let runtime = Runtime::new().unwrap();
    let local = runtime.block_on(async { value() });
    elsewhere(move || drop(local));
    drop(runtime);
    assert_eq!(ENDED.load(SeqCst), 1);
    // Its runtime has ended, or there was none: another one of the thread takes it.
    let locals = [myrt::run(async { value() }), value()];
    let runtime = Runtime::new().unwrap();
    elsewhere(move || drop(locals));
    runtime.block_on(sleep(Duration::from_millis(1)));
    assert_eq!(ENDED.load(SeqCst), 3);
    // None is left: it is never dropped, since it must not be dropped elsewhere.
    let local = value();
    drop(runtime);
    elsewhere(move || drop(local));
    myrt::run(settle());
    assert_eq!(ENDED.load(SeqCst), 3);
    // Dropped at home without a runtime, as anything.
    drop(value());
    assert_eq!(ENDED.load(SeqCst), 4);
}

#[test]
fn a_panic_of_a_local_that_went_home_is_told() {
    let (runtime, log) = collecting();
    runtime.block_on(async {
        let local = Local::new(on_drop(|| panic!("in a destructor")));
        elsewhere(move || drop(local));
        sleep(Duration::from_millis(1)).await;
    });
    assert_eq!(log.take(), ["in a destructor"]);
}

#[test]
fn a_local_future_or_stream_is_one() {
    use myrt::stream::{StreamExt, iter};
    fn sends<F: Future + Send>(future: F) -> F {
        future
    }
    myrt::run(async {
        let shared = Rc::new(Cell::new(0));
        let copy = shared.clone();
        let future = Local::pin(async move {
            myrt::yield_now().await;
            copy.set(7);
        });
        sends(async move { timeout(LONG, future).await.unwrap() }).await;
        assert_eq!(shared.get(), 7);
        let rcs: Local<_> = Local::new(iter([Rc::new(1), Rc::new(2)]));
        assert_eq!(rcs.collect::<Vec<_>>().await.len(), 2);
    });
}
