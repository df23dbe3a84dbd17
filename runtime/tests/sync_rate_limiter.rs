//! The rate limiter under virtual time: the exact moments at which calls pass.

mod support;

use std::cell::RefCell;
use std::rc::Rc;

use myrt_runtime::runtime::Builder;
use myrt_runtime::sync::RateLimiter;
use myrt_runtime::task::spawn;
use myrt_runtime::time::{Duration, Instant, sleep, timeout};
use support::cut;

/// Runs under a clock that stands still until everybody waits.
fn virtually<F: Future>(future: F) -> F::Output {
    let runtime = Builder::new()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(future)
}

fn millis(start: Instant) -> u128 {
    start.elapsed().as_millis()
}

#[test]
fn five_a_second_is_five_a_second() {
    let times = virtually(async {
        let limiter = RateLimiter::new(5, Duration::from_secs(1));
        let start = Instant::now();
        let mut times = Vec::new();
        for _ in 0..20 {
            limiter.acquire().await;
            times.push(millis(start));
        }
        times
    });
    let expected: Vec<u128> = [0; 5]
        .into_iter()
        .chain((1..=15).map(|n| n * 200))
        .collect();
    assert_eq!(times, expected);
}

#[test]
fn callers_pass_in_order_and_a_cancelled_one_takes_nothing() {
    let order = virtually(async {
        let limiter = Rc::new(RateLimiter::with_burst(10, Duration::from_secs(1), 1));
        let order = Rc::new(RefCell::new(Vec::new()));
        let start = Instant::now();
        let mut tasks = Vec::new();
        for n in 0..5 {
            let limiter = Rc::clone(&limiter);
            let order = Rc::clone(&order);
            tasks.push(spawn(async move {
                if n == 1 {
                    // At the head of the queue when it is cancelled.
                    let short = Duration::from_millis(50);
                    assert!(timeout(short, limiter.acquire()).await.is_err());
                } else if n == 3 {
                    // In the middle of it.
                    let short = Duration::from_millis(70);
                    assert!(timeout(short, limiter.acquire()).await.is_err());
                } else {
                    limiter.acquire().await;
                    order.borrow_mut().push((n, millis(start)));
                }
            }));
        }
        for task in tasks {
            task.await.expect("no panic");
        }
        order.take()
    });
    assert_eq!(order, [(0, 0), (2, 100), (4, 200)]);
}

#[test]
fn cancelled_after_any_number_of_polls_it_keeps_its_rate_and_its_order() {
    for polls in 0..6 {
        let times = virtually(async {
            let limiter = Rc::new(RateLimiter::with_burst(10, Duration::from_secs(1), 1));
            let start = Instant::now();
            let times = Rc::new(RefCell::new(Vec::new()));
            let callers: Vec<_> = (0..6)
                .map(|caller| {
                    let (limiter, times) = (Rc::clone(&limiter), Rc::clone(&times));
                    spawn(async move {
                        if caller % 2 == 1 {
                            // Given up after `n` polls, and begun again behind the others.
                            cut(polls, || limiter.acquire()).await;
                        } else {
                            limiter.acquire().await;
                        }
                        times.borrow_mut().push(millis(start));
                    })
                })
                .collect();
            for caller in callers {
                caller.await.expect("no panic");
            }
            times.take()
        });
        assert_eq!(
            times,
            [0, 100, 200, 300, 400, 500],
            "cut after {polls} polls"
        );
    }
}

#[test]
fn a_pause_fills_the_bucket_and_no_more() {
    virtually(async {
        let limiter = RateLimiter::new(3, Duration::from_millis(30));
        for _ in 0..3 {
            limiter.acquire().await;
        }
        assert!(!limiter.try_acquire());
        sleep(Duration::from_secs(60)).await;
        assert_eq!(limiter.statistics().tokens, 3);
        let start = Instant::now();
        limiter.acquire_many(3).await;
        limiter.acquire().await;
        assert_eq!(millis(start), 10);
    });
}

/// Thirds of a second do not divide by nanoseconds; nothing drifts all the same.
#[test]
fn odd_rates_do_not_drift() {
    virtually(async {
        let limiter = RateLimiter::with_burst(3, Duration::from_secs(1), 1);
        let start = Instant::now();
        for _ in 0..=3_000 {
            limiter.acquire().await;
        }
        let late = start
            .elapsed()
            .checked_sub(Duration::from_secs(1_000))
            .expect("never early");
        assert!(
            late < Duration::from_millis(5),
            "{late:?} late after 1,000 seconds"
        );
    });
}

#[test]
fn r19_huge_periods_do_not_overflow() {
    virtually(async {
        let limiter = RateLimiter::new(u32::MAX, Duration::MAX);
        limiter.acquire_many(u32::MAX).await;
        assert!(
            timeout(Duration::from_secs(9), limiter.acquire())
                .await
                .is_err()
        );
        let slow = RateLimiter::new(1, Duration::MAX);
        slow.acquire().await;
        assert!(
            timeout(Duration::from_secs(9), slow.acquire())
                .await
                .is_err()
        );
    });
}
