//! Sleeps end in the order of their deadlines, and a dropped one leaves the wheel.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use step05::{Timers, Wheel, block_on, now, pause, sleep, spawn};

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[test]
fn sleeps_end_in_the_order_of_their_deadlines() {
    let log = Rc::new(RefCell::new(Vec::new()));
    block_on(async {
        pause();
        let handles = [300, 100, 200].map(|n| {
            let log = Rc::clone(&log);
            spawn(async move {
                sleep(ms(n)).await;
                log.borrow_mut().push((n, now()));
            })
        });
        for handle in handles {
            handle.await.unwrap();
        }
    });
    assert_eq!(*log.borrow(), [(100, 100), (200, 200), (300, 300)]);
}

#[test]
fn a_day_of_virtual_time_takes_no_time() {
    let began = Instant::now();
    block_on(async {
        pause();
        sleep(Duration::from_secs(86_400)).await;
        assert_eq!(now(), 86_400_000);
    });
    assert!(began.elapsed() < Duration::from_secs(3600));
}

#[test]
fn real_time_is_never_too_short() {
    let began = Instant::now();
    block_on(sleep_here(20));
    assert!(began.elapsed() >= ms(20));
}

async fn sleep_here(n: u64) {
    sleep(ms(n)).await;
}

#[test]
fn a_dropped_sleep_wakes_nothing() {
    block_on(async {
        pause();
        let mut gone = Some(Box::pin(sleep(ms(10))));
        poll_fn(|cx| {
            if let Some(sleep) = &mut gone {
                assert!(Pin::new(sleep).poll(cx).is_pending());
            }
            Poll::Ready(())
        })
        .await;
        gone = None;
        sleep(ms(50)).await;
        assert_eq!(now(), 50);
        assert!(gone.is_none());
    });
}

#[test]
fn a_wheel_finds_what_is_far_away() {
    let mut wheel = Wheel::default();
    for (id, at) in [1000, 5, 256, 261].into_iter().enumerate() {
        wheel.insert((at, id as u64), Waker::noop().clone());
    }
    let mut order = Vec::new();
    while let Some(at) = wheel.next() {
        order.push(at);
        assert_eq!(wheel.expire(at).len(), 1);
    }
    assert_eq!(order, [5, 256, 261, 1000]);
}
