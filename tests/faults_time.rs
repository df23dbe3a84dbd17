//! Faults of issue 11, part E: sleeps that are moved, deadlines that are moved by what runs under
//! them, late ticks.
//!
//! Looked at for E.1 (a wait that was set to the past, or begun after its end): `Sleep::reset`,
//! `sleep_until`, `Interval` (`reset`, `reset_at`, `reset_immediately`, the next tick),
//! `Deadline::set`, `timeout_at`, a scope's deadline (reads the clock itself), hyper's timer (calls
//! `Sleep::reset`), `send_timeout`, `RateLimiter`, `move_on_at`. For E.2 (an end that is moved in
//! the poll in which the old one is over): `Deadline`, a scope's `deadline`. For E.3: the three
//! ways to go on after a late tick.

mod support;

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use myrt::time::{
    Deadline, Elapsed, Instant, MissedTickBehavior, advance, interval, interval_at, sleep,
    sleep_until, timeout_at,
};
use support::{Counter, paused, poll_with, runtime};

const MS: Duration = Duration::from_millis(1);

fn pending<F: Future>(future: Pin<&mut F>) -> bool {
    future
        .poll(&mut Context::from_waker(Waker::noop()))
        .is_pending()
}

/// Which branch of a biased `select!` wins: the sleep's if it is ready.
async fn sleep_wins(sleep: &mut myrt::time::Sleep) -> bool {
    myrt::select! {
        biased;
        () = sleep => true,
        () = async {} => false,
    }
}

#[test]
fn e1_a_polled_sleep_that_is_reset_to_the_past_is_ready_at_once() {
    paused().block_on(async {
        sleep(10 * MS).await;
        let now = Instant::now();
        for past in [now, now - MS, now - 10 * MS] {
            let mut wait = sleep(Duration::from_secs(60));
            assert!(pending(pin!(&mut wait)));
            wait.reset(past);
            assert!(sleep_wins(&mut wait).await);
            // And again, once it has ended.
            wait.reset(past);
            assert!(sleep_wins(&mut wait).await);
        }
    });
}

#[test]
fn e1_who_polled_a_sleep_that_is_reset_to_the_past_is_woken() {
    paused().block_on(async {
        let (counter, waker) = Counter::new();
        let mut wait = sleep(Duration::from_secs(60));
        assert!(poll_with(&mut wait, &waker).is_pending());
        wait.reset(Instant::now() + MS);
        assert_eq!(counter.wakes(), 0);
        wait.reset(Instant::now());
        assert_eq!(counter.wakes(), 1);
        assert!(poll_with(&mut wait, &waker).is_ready());
    });
}

#[test]
fn e1_a_sleep_that_is_reset_outside_of_its_runtime_wakes_and_begins_again() {
    let runtime = runtime();
    let (counter, waker) = Counter::new();
    let mut wait = sleep(Duration::from_secs(3_600));
    runtime.block_on(async { assert!(poll_with(&mut wait, &waker).is_pending()) });
    wait.reset(wait.deadline() - Duration::from_secs(3_600));
    runtime.block_on(async {
        while counter.wakes() == 0 {
            myrt::yield_now().await;
        }
        assert!(sleep_wins(&mut wait).await);
    });
}

#[test]
fn e1_an_interval_that_is_reset_to_the_past_ticks_at_once() {
    paused().block_on(async {
        let mut ticks = interval(100 * MS);
        ticks.tick().await;
        assert!(pending(pin!(ticks.tick())));
        ticks.reset_immediately();
        assert!(!pending(pin!(ticks.tick())));
        assert!(pending(pin!(ticks.tick())));
        ticks.reset_at(Instant::now());
        assert!(!pending(pin!(ticks.tick())));
        assert!(pending(pin!(ticks.tick())));
        ticks.reset();
        assert!(pending(pin!(ticks.tick())));
    });
}

#[test]
fn e1_what_is_begun_after_its_end_is_over_although_the_loop_has_not_looked_since() {
    // The real clock: what passes here is the time of one long poll.
    runtime().block_on(async {
        let start = Instant::now();
        while start.elapsed() < 20 * MS {}
        assert!(sleep_wins(&mut sleep_until(start + 10 * MS)).await);
        let mut late = pin!(timeout_at(start + 10 * MS, std::future::pending::<()>()));
        let polled = late.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(polled, Poll::Ready(Err(Elapsed::default())));
        // Every tick that is due is there without a turn of the loop.
        let mut ticks = interval_at(start, 5 * MS);
        for _ in 0..4 {
            assert!(!pending(pin!(ticks.tick())));
        }
    });
}

#[test]
fn e1_a_deadline_that_is_set_to_the_past_ends_the_future_in_the_same_poll() {
    paused().block_on(async {
        let deadline = Deadline::after(Duration::from_secs(60));
        let polls = Cell::new(0);
        let body = poll_fn(|_| {
            polls.set(polls.get() + 1);
            if polls.get() == 2 {
                deadline.set(Instant::now());
            }
            Poll::<()>::Pending
        });
        let mut run = pin!(deadline.run(body));
        assert!(pending(run.as_mut()));
        let polled = run.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(polled, Poll::Ready(Err(Elapsed::default())));
    });
}

#[test]
fn e2_an_extension_in_the_poll_in_which_the_deadline_is_over_counts() {
    paused().block_on(async {
        let start = Instant::now();
        let deadline = Deadline::after(Duration::ZERO);
        let done = deadline.run(async {
            deadline.extend(50 * MS);
            sleep(5 * MS).await;
            "done"
        });
        assert_eq!(done.await, Ok("done"));
        assert_eq!(start.elapsed(), 5 * MS);
        assert_eq!(deadline.when(), start + 50 * MS);
    });
}

#[test]
fn e2_an_extension_in_the_deadlines_own_tick_counts() {
    paused().block_on(async {
        let start = Instant::now();
        let deadline = Deadline::after(10 * MS);
        let done = deadline.run(async {
            for _ in 0..5 {
                sleep_until(deadline.when()).await;
                deadline.extend(10 * MS);
            }
            sleep(3 * MS).await;
        });
        assert_eq!(done.await, Ok(()));
        assert_eq!(start.elapsed(), 53 * MS);
    });
}

#[test]
fn e2_an_extension_does_not_outlive_itself() {
    paused().block_on(async {
        let start = Instant::now();
        let deadline = Deadline::after(Duration::ZERO);
        let done = deadline.run(async {
            deadline.extend(50 * MS);
            std::future::pending::<()>().await;
        });
        assert_eq!(done.await, Err(Elapsed::default()));
        assert_eq!(start.elapsed(), 50 * MS);
    });
}

#[test]
fn e2_a_scope_hears_of_an_extension_in_the_poll_in_which_its_deadline_is_over() {
    paused().block_on(async {
        let start = Instant::now();
        let done = myrt::scope(async |s| {
            s.deadline(Instant::now());
            s.deadline(50 * MS);
            sleep(5 * MS).await;
            "done"
        });
        assert_eq!(done.await.unwrap(), "done");
        assert_eq!(start.elapsed(), 5 * MS);
    });
}

#[test]
fn e2_every_run_under_a_deadline_hears_that_it_came_nearer() {
    paused().block_on(async {
        let start = Instant::now();
        let deadline = Rc::new(Deadline::after(Duration::from_secs(60)));
        let runs: Vec<_> = (0..3)
            .map(|_| {
                let deadline = Rc::clone(&deadline);
                myrt::spawn(async move { deadline.run(std::future::pending::<()>()).await })
            })
            .collect();
        sleep(MS).await;
        deadline.set(start + 5 * MS);
        for run in runs {
            assert_eq!(run.await.unwrap(), Err(Elapsed::default()));
        }
        assert_eq!(start.elapsed(), 5 * MS);
    });
}

/// The times of the ticks after one that was asked for `late` after it was due, counted from the
/// first.
async fn after_a_late_tick(missed: MissedTickBehavior, late: Duration) -> Vec<u128> {
    let start = Instant::now();
    let mut ticks = interval(100 * MS);
    ticks.set_missed_tick_behavior(missed);
    ticks.tick().await;
    advance(100 * MS + late).await;
    let mut times = Vec::new();
    for _ in 0..3 {
        ticks.tick().await;
        times.push(start.elapsed().as_millis());
    }
    times
}

#[test]
fn e3_after_a_late_tick_delay_counts_from_the_call() {
    paused().block_on(async {
        let delay = MissedTickBehavior::Delay;
        for late in [6, 50, 90, 99, 100, 101, 250] {
            let times = after_a_late_tick(delay, late * MS).await;
            let late = u128::from(late);
            assert_eq!(
                times,
                [100 + late, 200 + late, 300 + late],
                "late by {late}"
            );
        }
        // The loop's own lateness makes no drift.
        for late in [0, 1, 5] {
            let times = after_a_late_tick(delay, late * MS).await;
            assert_eq!(times, [100 + u128::from(late), 200, 300]);
        }
    });
}

#[test]
fn e3_burst_and_skip_keep_to_the_periods_of_the_start() {
    paused().block_on(async {
        for missed in [MissedTickBehavior::Burst, MissedTickBehavior::Skip] {
            assert_eq!(after_a_late_tick(missed, 90 * MS).await, [190, 200, 300]);
        }
        let burst = after_a_late_tick(MissedTickBehavior::Burst, 150 * MS).await;
        assert_eq!(burst, [250, 250, 300]);
        let skip = after_a_late_tick(MissedTickBehavior::Skip, 150 * MS).await;
        assert_eq!(skip, [250, 300, 400]);
    });
}

#[test]
fn e_1_a_sleep_of_no_time_is_ready_at_once_in_a_poll_that_lasts() {
    runtime().block_on(async {
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(3) {}
        let mut polls = 0;
        let mut nothing = pin!(sleep(Duration::ZERO));
        poll_fn(|cx| {
            polls += 1;
            nothing.as_mut().poll(cx)
        })
        .await;
        assert_eq!(polls, 1);
    });
}
