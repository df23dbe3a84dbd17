//! Time as its users see it: never early, exact under a paused clock, and the odd durations.
#![allow(
    clippy::disallowed_methods,
    reason = "tests start threads and read the real clock"
)]

mod support;

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use futures_util::FutureExt;
use myrt::time::{
    Instant, Interval, MissedTickBehavior, advance, call_later, interval, interval_at, pause,
    resume, sleep, sleep_until, timeout,
};
use support::{Counter, counted, paused, poll_with, runtime, settle};

const MS: Duration = Duration::from_millis(1);

#[test]
fn none_of_a_hundred_thousand_sleeps_is_early() {
    let early = Rc::new(Cell::new(0));
    let ended = Rc::new(Cell::new(0));
    let (early_count, end_count) = (early.clone(), ended.clone());
    runtime().block_on(async move {
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        let tasks: Vec<_> = (0..100_000)
            .map(|_| {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                let length = Duration::from_nanos(random % 200_000_000);
                let (early, ended) = (early_count.clone(), end_count.clone());
                myrt::spawn(async move {
                    let start = std::time::Instant::now();
                    sleep(length).await;
                    if start.elapsed() < length {
                        early.set(early.get() + 1);
                    }
                    ended.set(ended.get() + 1);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!((ended.get(), early.get()), (100_000, 0));
}

#[test]
fn virtual_sleeps_end_at_their_tick_in_order() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let seen = log.clone();
    paused().block_on(async move {
        let start = Instant::now();
        let mut random = 1_u64;
        let tasks: Vec<_> = (0..10_000)
            .map(|_| {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                // From nothing to some months, on every level of a wheel.
                let length = Duration::from_millis((random >> 20) >> (random % 44));
                let log = log.clone();
                myrt::spawn(async move {
                    sleep_until(start + length).await;
                    assert_eq!(start.elapsed(), length);
                    log.borrow_mut().push(length);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    let log = seen.borrow();
    assert_eq!(log.len(), 10_000);
    assert!(log.is_sorted());
}

#[test]
fn parts_of_a_tick_are_rounded_up() {
    paused().block_on(async {
        let start = Instant::now();
        sleep(Duration::from_nanos(1)).await;
        assert_eq!(start.elapsed(), MS);
        sleep(Duration::from_micros(1500)).await;
        assert_eq!(start.elapsed(), 3 * MS);
    });
}

#[test]
fn zero_is_ready_at_once_and_so_is_what_has_passed() {
    runtime().block_on(async {
        let mut zero = sleep(Duration::ZERO);
        assert!(poll_with(&mut zero, Waker::noop()).is_ready());
        assert!(
            poll_with(&mut zero, Waker::noop()).is_ready(),
            "and stays so"
        );
        let mut passed = sleep_until(Instant::now() - Duration::from_secs(1));
        assert!(poll_with(&mut passed, Waker::noop()).is_ready());
        assert!(passed.is_elapsed());
    });
}

#[test]
fn a_sleep_without_end_never_ends_and_disturbs_nobody() {
    for clock in [runtime(), paused()] {
        let ended = clock.block_on(async {
            let forever = myrt::spawn(sleep(Duration::MAX));
            let until = myrt::spawn(sleep_until(Instant::FAR_FUTURE));
            sleep(3 * MS).await;
            // Nothing else to do, for a real while: virtual time must not jump to the end of time.
            let remote = myrt::runtime::Remote::current();
            let (waker, done) = (Rc::new(Cell::new(false)), Cell::new(false));
            let waiter = support::own_waker().await;
            let thread = thread::spawn(move || {
                thread::sleep(20 * MS);
                remote.defer(move || waiter.wake());
            });
            drop(waker);
            std::future::poll_fn(|_| {
                if done.replace(true) {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
            thread.join().unwrap();
            forever.is_finished() || until.is_finished()
        });
        assert!(!ended);
    }
}

#[test]
fn reset_moves_a_waiting_timer_both_ways_and_revives_an_ended_one() {
    paused().block_on(async {
        let start = Instant::now();
        let mut nap = pin!(sleep(10 * MS));
        assert!(poll_with(&mut nap, Waker::noop()).is_pending());
        nap.reset(start + 50 * MS);
        nap.as_mut().await;
        assert_eq!(start.elapsed(), 50 * MS);
        nap.reset(start + 60 * MS);
        assert!(!nap.is_elapsed());
        assert!(poll_with(&mut nap, Waker::noop()).is_pending());
        nap.reset(start + 55 * MS);
        nap.as_mut().await;
        assert_eq!(start.elapsed(), 55 * MS);
        // Into the past, while the task that waits is not polled again by anyone else.
        nap.reset(Instant::FAR_FUTURE);
        let (counter, waker) = Counter::new();
        assert!(poll_with(&mut nap, &waker).is_pending());
        nap.reset(start);
        settle().await;
        sleep(MS).await;
        assert_eq!(counter.wakes(), 1);
        assert!(poll_with(&mut nap, &waker).is_ready());
    });
}

#[test]
fn a_sleep_that_changes_tasks_wakes_the_one_that_polled_it_last() {
    paused().block_on(async {
        let nap = Rc::new(RefCell::new(Box::pin(sleep(5 * MS))));
        let (first, early) = Counter::new();
        assert!(poll_with(&mut *nap.borrow_mut(), &early).is_pending());
        let moved = nap.clone();
        let task = myrt::spawn(async move {
            std::future::poll_fn(|cx| moved.borrow_mut().poll_unpin(cx)).await;
        });
        task.await.unwrap();
        assert_eq!(first.wakes(), 0);
    });
}

async fn missed(behavior: MissedTickBehavior) -> Vec<u128> {
    let start = Instant::now();
    let mut ticks = interval_at(start, 10 * MS);
    ticks.set_missed_tick_behavior(behavior);
    let mut due = Vec::new();
    for busy in [0, 35, 0, 0, 0, 0] {
        let at = ticks.tick().await;
        due.push((start.elapsed().as_millis() * 1000) + (at - start).as_millis());
        advance(busy * MS).await;
    }
    due
}

#[test]
fn an_interval_does_about_missed_ticks_as_it_is_told() {
    paused().block_on(async {
        // Each number: when it came * 1000 + when it was due.
        let burst = missed(MissedTickBehavior::Burst).await;
        assert_eq!(burst, [0, 10_010, 45_020, 45_030, 45_040, 50_050]);
        let delay = missed(MissedTickBehavior::Delay).await;
        assert_eq!(delay, [0, 10_010, 45_020, 55_055, 65_065, 75_075]);
        let skip = missed(MissedTickBehavior::Skip).await;
        assert_eq!(skip, [0, 10_010, 45_020, 50_050, 60_060, 70_070]);
    });
}

#[test]
fn an_interval_can_be_reset_and_loses_no_tick_when_given_up() {
    paused().block_on(async {
        let start = Instant::now();
        let mut ticks: Interval = interval(10 * MS);
        ticks.tick().await;
        assert!(timeout(4 * MS, ticks.tick()).await.is_err());
        assert_eq!(ticks.tick().await - start, 10 * MS);
        advance(5 * MS).await;
        ticks.reset();
        assert_eq!(ticks.tick().await - start, 25 * MS);
        ticks.reset_immediately();
        ticks.tick().await;
        assert_eq!(start.elapsed(), 25 * MS);
        ticks.reset_at(start + 100 * MS);
        ticks.tick().await;
        assert_eq!(start.elapsed(), 100 * MS);
        assert_eq!(ticks.period(), 10 * MS);
    });
}

#[test]
#[should_panic(expected = "must not be zero")]
fn an_interval_of_zero_is_refused() {
    paused().block_on(async { drop(interval(Duration::ZERO)) });
}

#[test]
fn call_later_calls_once_or_not_at_all() {
    paused().block_on(async {
        let called = Rc::new(RefCell::new(Vec::new()));
        let start = Instant::now();
        let call = |name: &'static str| {
            let called = called.clone();
            move || called.borrow_mut().push((name, start.elapsed()))
        };
        let kept = call_later(20 * MS, call("kept"));
        let cancelled = call_later(10 * MS, call("cancelled"));
        drop(call_later(30 * MS, call("dropped handle")));
        cancelled.cancel();
        assert!(cancelled.is_finished() && !kept.is_finished());
        sleep(40 * MS).await;
        assert!(kept.is_finished());
        assert_eq!(
            *called.borrow(),
            [("kept", 20 * MS), ("dropped handle", 30 * MS)]
        );
    });
}

#[test]
fn advance_fires_what_lies_on_the_way_each_at_its_own_time() {
    paused().block_on(async {
        let start = Instant::now();
        let log = Rc::new(RefCell::new(Vec::new()));
        for length in [30, 10, 20, 50] {
            let log = log.clone();
            drop(myrt::spawn(async move {
                sleep(length * MS).await;
                log.borrow_mut().push(start.elapsed());
            }));
        }
        advance(40 * MS).await;
        assert_eq!(*log.borrow(), [10 * MS, 20 * MS, 30 * MS]);
        assert_eq!(start.elapsed(), 40 * MS);
    });
}

#[test]
fn a_paused_clock_stands_still_until_nothing_else_can_happen() {
    let runtime = runtime();
    runtime.block_on(async {
        pause();
        let start = Instant::now();
        settle().await;
        thread::sleep(5 * MS);
        assert_eq!(start.elapsed(), Duration::ZERO);
        // It waits for jobs on the pool ...
        let job = myrt::spawn_blocking(|| thread::sleep(20 * MS));
        assert!(
            timeout(MS, job).await.is_ok(),
            "the job is over before time moves"
        );
        assert_eq!(start.elapsed(), Duration::ZERO);
        // ... not for descriptors.
        let (ours, _theirs) = support::half_unix();
        assert!(timeout(3600 * 1000 * MS, ours.readable()).await.is_err());
        assert_eq!(start.elapsed(), 3600 * 1000 * MS);
    });
}

#[test]
fn a_job_that_is_given_up_does_not_hold_virtual_time_for_ever() {
    paused().block_on(async {
        for _ in 0..20 {
            let job = myrt::spawn_blocking(|| thread::sleep(MS));
            settle().await;
            job.cancel().await;
            drop(job);
            sleep(Duration::from_secs(1)).await;
        }
    });
}

#[test]
fn the_end_of_a_job_and_a_far_deadline_never_change_places() {
    paused().block_on(async {
        for round in 0..2000 {
            let job = myrt::spawn_blocking(move || round);
            assert!(
                timeout(Duration::from_secs(3600), job).await.is_ok(),
                "round {round}"
            );
        }
    });
}

#[test]
fn a_resumed_clock_goes_on_from_where_it_was() {
    runtime().block_on(async {
        // Behind the system's clock ...
        pause();
        let stopped = Instant::now();
        thread::sleep(20 * MS);
        let real = std::time::Instant::now();
        resume();
        let passed = Instant::now() - stopped;
        assert!(passed <= real.elapsed(), "{passed:?}");
        // ... and ahead of it.
        pause();
        let before = Instant::now();
        sleep(Duration::from_secs(3600)).await;
        resume();
        assert!(before.elapsed() >= Duration::from_secs(3600));
        let start = Instant::now();
        sleep(2 * MS).await;
        assert!(start.elapsed() >= 2 * MS);
        // At the end of time.
        pause();
        sleep_until(Instant::FAR_FUTURE - Duration::from_secs(1)).await;
        resume();
        assert!(Instant::now() > before);
        sleep(MS).await;
    });
}

#[test]
fn a_timeout_polls_its_future_first_and_makes_no_timer_for_what_is_ready() {
    let runtime = paused();
    runtime.block_on(async {
        assert_eq!(timeout(Duration::ZERO, async { 5 }).await, Ok(5));
        assert!(
            timeout(Duration::ZERO, std::future::pending::<()>())
                .await
                .is_err()
        );
        assert_eq!(runtime.metrics().timers_fired, 0);
        // What is ready at the very moment of the deadline wins.
        assert!(timeout(10 * MS, sleep(10 * MS)).await.is_ok());
        assert!(timeout(10 * MS, sleep(11 * MS)).await.is_err());
    });
}

#[test]
fn nested_timeouts_absorb_only_their_own_deadline() {
    paused().block_on(async {
        let start = Instant::now();
        let inner = async { timeout(10 * MS, sleep(Duration::MAX)).await.is_err() };
        assert_eq!(timeout(20 * MS, inner).await, Ok(true));
        let inner = async { timeout(20 * MS, sleep(Duration::MAX)).await.is_err() };
        assert!(timeout(10 * MS, inner).await.is_err());
        assert_eq!(start.elapsed(), 20 * MS);
    });
}

#[test]
fn a_sleep_wakes_its_task_once() {
    paused().block_on(async {
        let polls = Rc::new(Cell::new(0));
        myrt::spawn(counted(polls.clone(), sleep(Duration::from_secs(7))))
            .await
            .unwrap();
        assert_eq!(polls.get(), 2);
    });
}

#[test]
fn a_sleep_may_be_dropped_on_another_thread_and_outlive_its_runtime() {
    let runtime = runtime();
    let mut nap = sleep(Duration::from_secs(3600));
    let mut late = sleep(Duration::from_secs(3600));
    runtime.block_on(async {
        assert!(poll_with(&mut nap, Waker::noop()).is_pending());
        assert!(poll_with(&mut late, Waker::noop()).is_pending());
    });
    assert_eq!(runtime.metrics().timers, 2);
    thread::spawn(move || drop(nap)).join().unwrap();
    runtime.block_on(sleep(MS));
    assert_eq!(runtime.metrics().timers, 1);
    drop(runtime);
    drop(late);
}
