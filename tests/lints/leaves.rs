//! Starved branches in detail: what was granted, what fired, and which polls count.

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use myrt::runtime::{Misuse, Report};
use myrt::sync::{Event, Mutex, Semaphore};
use myrt::task::Wait;
use myrt::time::{interval, sleep};
use myrt::{gather, select, spawn, spawn_eager, yield_now};

use super::{Told, run};

const TICK: Duration = Duration::from_millis(10);

/// What the one report says was granted or fired.
#[track_caller]
fn starved(told: &Told) -> Wait {
    match told.one().0 {
        Misuse::StarvedBranch { wait, .. } => wait,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_permit_that_nobody_fetches() {
    let told = run(async {
        let permits = Rc::new(Semaphore::new(0));
        let mut permit = pin!(permits.acquire());
        select! {
            _ = &mut permit => unreachable!("there is none"),
            _ = sleep(TICK) => {}
        }
        permits.add_permits(1);
        for _ in 0..3 {
            sleep(TICK).await;
        }
    });
    assert!(matches!(starved(&told), Wait::Semaphore(_)));
}

#[test]
fn a_timer_that_is_heard_late_is_none() {
    let told = run(async {
        let mut alarm = pin!(sleep(2 * TICK));
        select! {
            _ = &mut alarm => unreachable!("it is later"),
            _ = sleep(TICK) => {}
        }
        for _ in 0..30 {
            sleep(TICK).await;
        }
        alarm.await;
    });
    assert_eq!(told.take(), []);
}

#[test]
fn an_interval_between_two_ticks_is_none() {
    let told = run(async {
        let mut every = interval(TICK);
        for _ in 0..3 {
            select! {
                biased;
                _ = sleep(TICK / 2) => {}
                _ = every.tick() => {}
            }
            for _ in 0..30 {
                sleep(TICK).await;
            }
        }
    });
    assert_eq!(told.take(), []);
}

#[test]
fn an_event_that_happened_and_is_not_heard_for_long() {
    let told = run(async {
        let event = Event::new();
        let mut happened = pin!(event.wait());
        select! {
            _ = &mut happened => unreachable!("it is later"),
            _ = sleep(TICK) => event.set(),
        }
        for _ in 0..30 {
            sleep(TICK).await;
        }
        happened.await;
    });
    assert!(matches!(starved(&told), Wait::Event(_)));
}

#[test]
fn two_branches_that_starve_are_two_reports_and_the_same_line_is_one() {
    let told = run(async {
        let (one, other) = (Mutex::new(()), Mutex::new(()));
        for _ in 0..3 {
            let held = (one.lock().await, other.lock().await);
            let (mut first, mut second) = (pin!(one.lock()), pin!(other.lock()));
            select! {
                _ = &mut first => unreachable!("it is held"),
                _ = &mut second => unreachable!("it is held"),
                _ = sleep(TICK) => drop(held),
            }
            for _ in 0..5 {
                sleep(TICK).await;
            }
        }
    });
    let reports = told.take();
    assert_eq!(reports.len(), 2, "{reports:#?}");
    let starved = |report: &Report| matches!(report, Report::Misuse(Misuse::StarvedBranch { .. }));
    assert!(reports.iter().all(starved), "{reports:#?}");
}

#[test]
fn a_crowd_of_children_that_takes_many_polls_is_none() {
    let told = run(async {
        let lock = Rc::new(Mutex::new(0));
        let permits = Rc::new(Semaphore::new(0));
        let more = permits.clone();
        let giver = spawn(async move {
            yield_now().await;
            more.add_permits(2_000); // all at once: the gather's share is not enough for one poll
        });
        let one = |_| async {
            permits.acquire().await.unwrap().forget();
            *lock.lock().await += 1;
        };
        gather((0..2_000).map(one)).await;
        assert_eq!(*lock.lock().await, 2_000);
        giver.await.unwrap();
    });
    assert_eq!(told.take(), []);
}

#[test]
fn an_eager_task_is_judged_by_its_own_polls() {
    let told = run(async {
        let lock = Rc::new(Mutex::new(()));
        let held = lock.lock().await;
        let theirs = lock.clone();
        let eager = spawn_eager(async move {
            let _locked = theirs.lock().await;
            sleep(TICK).await;
        });
        sleep(TICK).await;
        drop(held);
        for _ in 0..5 {
            yield_now().await;
        }
        eager.await.unwrap();
    });
    assert_eq!(told.take(), []);
}
