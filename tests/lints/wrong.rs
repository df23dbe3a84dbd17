//! Twelve programs that do something wrong, reported once each.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use myrt::io::Async;
use myrt::runtime::{Misuse, Report};
use myrt::sync::{Mutex, mpsc, oneshot};
use myrt::task::{self, Wait};
use myrt::time::sleep;
use myrt::{select, spawn, yield_now};

use super::{assert_line, looking, run, run_to_panic, runtime};

const SOURCE: &str = include_str!("wrong.rs");

#[test]
fn slow_poll() {
    let (builder, told) = looking();
    let limit = Duration::from_millis(400);
    let runtime = builder.slow_poll(limit).build().unwrap();
    runtime.block_on(async {
        let slow = task::Builder::new().name("slow").spawn(async {
            std::thread::sleep(Duration::from_millis(450)); // the mistake
        });
        slow.await.unwrap();
    });
    let mut reports = told.reports.take();
    // Another poll may have taken as long, where the machine is busy.
    reports.retain(
        |report| matches!(report, Report::SlowPoll { name, .. } if name.as_deref() == Some("slow")),
    );
    let [
        Report::SlowPoll {
            took, spawned_at, ..
        },
    ] = &reports[..]
    else {
        panic!("{reports:?}")
    };
    assert!(*took >= limit);
    assert_line(spawned_at.unwrap(), SOURCE, "slow");
    assert!(
        reports[0]
            .to_string()
            .ends_with("(guide: reports::slow_poll)")
    );
}

/// The graph of the one report, which is a certain deadlock.
fn deadlock(program: impl Future<Output = ()>) -> String {
    let reports = run_to_panic(program).take();
    let [
        Report::Deadlock {
            graph,
            certain: true,
            ..
        },
    ] = &reports[..]
    else {
        panic!("{reports:?}")
    };
    assert!(
        reports[0]
            .to_string()
            .ends_with("(guide: reports::deadlock)")
    );
    graph.clone()
}

#[test]
fn nobody_sends() {
    let graph = deadlock(async {
        let (_sender, mut receiver) = mpsc::channel::<()>(1);
        receiver.recv().await;
    });
    assert!(graph.contains("for the channel at"), "{graph}");
}

/// The names of the tasks in the one report, which is of a circle.
fn circle(program: impl Future<Output = ()>) -> Vec<String> {
    let reports = run(program).take();
    let [Report::Cycle(cycle)] = &reports[..] else {
        panic!("{reports:?}")
    };
    assert!(
        reports[0]
            .to_string()
            .ends_with("(guide: reports::deadlock)")
    );
    let names = cycle.tasks.iter().filter_map(|task| task.name.clone());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// The rest of the program goes on for a while.
async fn others() {
    for _ in 0..5 {
        sleep(Duration::from_secs(1)).await;
    }
}

#[test]
fn two_locks_in_two_orders() {
    let names = circle(async {
        let one = Rc::new(Mutex::new(()));
        let other = Rc::new(Mutex::new(()));
        let both = |name: &'static str, first: Rc<Mutex<()>>, second: Rc<Mutex<()>>| {
            task::Builder::new().name(name).spawn(async move {
                let _first = first.lock().await;
                yield_now().await;
                let _second = second.lock().await;
            })
        };
        let tasks = [
            both("there", one.clone(), other.clone()),
            both("back", other, one),
        ];
        others().await;
        for task in tasks {
            task.cancel().await;
        }
    });
    assert_eq!(names, ["back", "there"]);
}

#[test]
fn two_tasks_await_each_other() {
    let names = circle(async {
        let (give, take) = oneshot::channel::<task::JoinHandle<()>>();
        let first = task::Builder::new().name("first").spawn(async move {
            let _ = take.await.unwrap().await;
        });
        let first_id = first.id();
        let second = task::Builder::new().name("second").spawn(async move {
            let _ = first.await;
        });
        let _ = give.send(second);
        others().await;
        let all = task::all();
        assert!(all.iter().any(|task| task.id == first_id), "{all:?}");
    });
    assert_eq!(names, ["first", "second"]);
}

#[test]
fn starved_branch() {
    let told = run(async {
        let lock = Rc::new(Mutex::new(0));
        let theirs = lock.clone();
        let holder = spawn(async move {
            let _held = theirs.lock().await;
            sleep(Duration::from_millis(10)).await;
        });
        yield_now().await;
        {
            let mut locked = pin!(lock.lock()); // starved
            select! {
                _ = &mut locked => unreachable!("it is held"),
                _ = sleep(Duration::from_millis(5)) => {
                    for _ in 0..3 {
                        sleep(Duration::from_millis(10)).await; // goes on here
                    }
                }
            }
        }
        holder.await.unwrap();
    });
    let (misuse, text) = told.one();
    let Misuse::StarvedBranch {
        wait,
        waits_at,
        task_at,
        ..
    } = misuse
    else {
        panic!("{misuse:?}")
    };
    assert!(matches!(wait, Wait::Lock(_)));
    assert_line(waits_at, SOURCE, "// starved");
    assert_line(task_at.unwrap(), SOURCE, "// goes on here");
    assert!(text.ends_with("(guide: reports::starved_branch)"), "{text}");
}

#[test]
fn self_wake_storm() {
    let told = run(async {
        let mut polls = 0;
        let busy = task::Builder::new().name("busy").spawn(poll_fn(move |cx| {
            polls += 1;
            if polls > 30_000 {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        }));
        busy.await.unwrap();
    });
    let (misuse, text) = told.one();
    let Misuse::SelfWakeStorm { task, polls, .. } = misuse else {
        panic!("{misuse:?}")
    };
    assert_eq!(task.name.as_deref(), Some("busy"));
    assert_eq!(polls, 10_000);
    assert!(
        text.ends_with("(guide: reports::self_wake_storm)"),
        "{text}"
    );
}

#[test]
fn never_yields() {
    let told = run(async {
        let (sender, mut receiver) = mpsc::unbounded();
        let greedy = task::Builder::new().name("greedy").spawn(async move {
            while sender.send(()).is_ok() {
                receiver.recv().await; // always ready
            }
        });
        for _ in 0..5_000 {
            yield_now().await; // the others
        }
        greedy.cancel().await;
    });
    let (misuse, text) = told.one();
    let Misuse::NeverYields { task, .. } = misuse else {
        panic!("{misuse:?}")
    };
    assert_eq!(task.name.as_deref(), Some("greedy"));
    assert!(text.ends_with("(guide: reports::never_yields)"), "{text}");
}

#[test]
fn large_future() {
    let told = run(async {
        for _ in 0..3 {
            let large = spawn(async {
                let buffer = [0_u8; 32 * 1024];
                yield_now().await;
                assert_eq!(buffer[7], 0);
            });
            large.await.unwrap();
        }
    });
    let (misuse, text) = told.one();
    let Misuse::LargeFuture {
        spawned_at, bytes, ..
    } = misuse
    else {
        panic!("{misuse:?}")
    };
    assert!(bytes > 32 * 1024);
    assert_line(spawned_at, SOURCE, "let large = spawn(");
    assert!(text.ends_with("(guide: reports::large_future)"), "{text}");
}

#[test]
fn nobody_can_wake_it() {
    let told = run(async {
        let mut polled = false;
        let forgetful = poll_fn(move |_cx| {
            // It keeps no waker: nobody will poll it again.
            if std::mem::replace(&mut polled, true) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        });
        drop(task::Builder::new().name("forgetful").spawn(forgetful));
        sleep(Duration::from_secs(1)).await;
        sleep(Duration::from_secs(1)).await;
    });
    let (misuse, text) = told.one();
    let Misuse::Unwakeable { task, .. } = misuse else {
        panic!("{misuse:?}")
    };
    assert_eq!(task.name.as_deref(), Some("forgetful"));
    assert!(text.ends_with("(guide: reports::unwakeable)"), "{text}");
}

#[test]
fn spawned_and_never_polled() {
    let told = run(async {
        drop(spawn(async { unreachable!("the program ends first") })); // never runs
    });
    let (misuse, text) = told.one();
    let Misuse::TaskNeverPolled { task, .. } = misuse else {
        panic!("{misuse:?}")
    };
    assert_line(task.spawned_at.unwrap(), SOURCE, "// never runs");
    assert!(
        text.ends_with("(guide: reports::dropped_unpolled)"),
        "{text}"
    );
}

#[test]
fn unjoined_panic() {
    let told = run(async {
        drop(spawn(async { panic!("nobody hears of it") }));
        yield_now().await;
    });
    let (misuse, text) = told.one();
    let Misuse::UnjoinedFailure {
        error, panicked, ..
    } = misuse
    else {
        panic!("{misuse:?}")
    };
    assert!(panicked);
    assert_eq!(error, "nobody hears of it");
    assert!(
        text.ends_with("(guide: reports::unjoined_failure)"),
        "{text}"
    );
}

#[test]
fn unjoined_error() {
    let told = run(async {
        for _ in 0..3 {
            let task = spawn(async { Err::<(), _>(std::io::Error::other("disk full")) });
            yield_now().await;
            drop(task);
        }
    });
    let (misuse, _) = told.one();
    let Misuse::UnjoinedFailure {
        error, panicked, ..
    } = misuse
    else {
        panic!("{misuse:?}")
    };
    assert!(!panicked);
    assert_eq!(error, "disk full");
}

#[test]
fn leaked_registration() {
    let (runtime, told) = runtime();
    let (ours, _theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    runtime.block_on(async {
        let ours = Async::new(ours).unwrap();
        assert!(
            myrt::time::timeout(Duration::from_millis(1), ours.readable())
                .await
                .is_err()
        );
        std::mem::forget(ours); // the mistake
    });
    assert_eq!(told.take(), []);
    drop(runtime);
    let (misuse, text) = told.one();
    let Misuse::LeakedRegistration { closed, .. } = misuse else {
        panic!("{misuse:?}")
    };
    assert!(!closed);
    assert!(
        text.ends_with("(guide: reports::leaked_registration)"),
        "{text}"
    );
}
