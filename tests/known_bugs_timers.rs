//! Bugs that the timers of other runtimes had, by their rows in `KNOWN_BUGS.md`.
#![allow(clippy::disallowed_methods, reason = "tests read the real clock")]

mod support;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use myrt::runtime::{Builder, Observer};
use myrt::time::{
    Deadline, Instant, call_later, interval, move_on_after, sleep, sleep_until, timeout,
};
use support::{counted, hooked, paused, poll_with, runtime, settle};

const MS: Duration = Duration::from_millis(1);

#[test]
fn r19_the_largest_durations_overflow_nowhere() {
    paused().block_on(async {
        let odd = Duration::from_millis(u64::MAX / 10);
        let nanos = Duration::from_nanos(u64::MAX);
        for long in [
            Duration::MAX,
            odd,
            Duration::from_secs(u64::MAX),
            nanos,
            nanos - MS,
        ] {
            assert_eq!(timeout(long, async { 1 }).await, Ok(1));
            assert_eq!(move_on_after(long, async { 2 }).await, Some(2));
            assert!(timeout(MS, timeout(long, sleep(long))).await.is_err());
            let mut ticks = interval(long);
            ticks.tick().await;
            assert!(timeout(MS, ticks.tick()).await.is_err());
            call_later(long, || unreachable!()).cancel();
            let deadline = Deadline::after(long);
            deadline.extend(long);
            assert_eq!(deadline.run(async { 3 }).await, Ok(3));
            let mut nap = sleep(MS);
            nap.reset(Instant::now() + long);
            assert!(poll_with(&mut nap, Waker::noop()).is_pending());
            nap.reset(Instant::FAR_FUTURE);
            assert!(Instant::now() + long > Instant::now());
            assert!(Instant::now() - long < Instant::now());
            assert!(Instant::now().checked_add(Duration::MAX).is_none());
        }
    });
}

#[test]
fn r19_the_largest_durations_under_the_real_clock() {
    let runtime = runtime();
    runtime.block_on(async {
        for long in [Duration::MAX, Duration::from_millis(u64::MAX / 10)] {
            assert!(timeout(MS, sleep(long)).await.is_err());
            drop(myrt::spawn(sleep(long)));
        }
        sleep(2 * MS).await;
    });
    runtime.shutdown(Duration::MAX);
}

/// The wheel's own tests cross every level's edge; here the same through `sleep`.
#[test]
fn r20_a_far_timer_delays_no_near_one() {
    paused().block_on(async {
        drop(myrt::spawn(sleep(Duration::MAX)));
        drop(myrt::spawn(sleep(Duration::from_millis(1 << 43))));
        let start = Instant::now();
        for level in 0..7 {
            let edge = start + Duration::from_millis(1 << (6 * level));
            for near in [edge - MS, edge, edge + MS] {
                sleep_until(near).await;
                assert_eq!(Instant::now(), near.max(start));
                sleep(MS).await;
                assert_eq!(Instant::now(), near.max(start) + MS);
            }
        }
    });
}

#[test]
fn r21_cancelled_timers_are_not_kept() {
    let runtime = runtime();
    runtime.block_on(async {
        for _ in 0..10 {
            let naps: Vec<_> = (0..10_000)
                .map(|n| {
                    let mut nap = sleep(Duration::from_secs(n + 1));
                    assert!(poll_with(&mut nap, Waker::noop()).is_pending());
                    nap
                })
                .collect();
            assert_eq!(runtime.metrics().timers, 10_000);
            drop(naps);
            assert_eq!(runtime.metrics().timers, 0);
        }
    });
}

#[test]
fn r22_timers_may_be_set_moved_and_dropped_while_they_fire() {
    paused().block_on(async {
        let other = Rc::new(RefCell::new(Some(Box::pin(sleep(5 * MS)))));
        assert!(poll_with(other.borrow_mut().as_mut().unwrap(), Waker::noop()).is_pending());
        let fresh = Rc::new(RefCell::new(None));
        let mine = Rc::new(RefCell::new(sleep(5 * MS)));
        let (o, f, m) = (other.clone(), fresh.clone(), mine.clone());
        let waker = hooked(
            move || {
                drop(o.take());
                let mut nap = sleep(3 * MS);
                assert!(poll_with(&mut nap, Waker::noop()).is_pending());
                *f.borrow_mut() = Some(nap);
                m.borrow_mut().reset(Instant::now() + 7 * MS);
            },
            || (),
        );
        assert!(poll_with(&mut *mine.borrow_mut(), &waker).is_pending());
        sleep(6 * MS).await;
        assert!(other.borrow().is_none());
        let mut nap = fresh.take().expect("it fired");
        assert!(poll_with(&mut nap, Waker::noop()).is_pending());
        let start = Instant::now();
        nap.await;
        assert_eq!(start.elapsed(), 2 * MS);
        let mine = mine.replace(sleep(MS));
        mine.await;
        assert_eq!(start.elapsed(), 6 * MS);
    });
}

/// What the selector is asked to wait for.
#[derive(Default)]
struct Asked(Rc<RefCell<Vec<Option<Duration>>>>);

impl Observer for Asked {
    fn parking(&self, timeout: Option<Duration>) {
        self.0.borrow_mut().push(timeout);
    }
}

#[test]
fn r23_a_deadline_of_now_is_ready_and_short_sleeps_do_not_spin() {
    let runtime = runtime();
    runtime.block_on(async {
        for _ in 0..100 {
            let now = Instant::now();
            assert!(poll_with(&mut sleep_until(now), Waker::noop()).is_ready());
        }
        // A millisecond that is rounded down is asked for again and again, with a timeout of zero.
        let before = runtime.metrics().selector_waits;
        for _ in 0..50 {
            sleep(Duration::from_micros(1100)).await;
        }
        let waits = runtime.metrics().selector_waits - before;
        assert!(
            waits <= 50 * 4,
            "{waits} looks at the selector for 50 sleeps"
        );
    });
    paused().block_on(async {
        for _ in 0..100 {
            sleep_until(Instant::now()).await;
            assert!(timeout(Duration::ZERO, settle()).await.is_err());
        }
    });
}

#[test]
fn r24_a_timer_of_thirty_days_neither_overflows_nor_spins() {
    let asked = Asked::default();
    let log = asked.0.clone();
    let runtime = Builder::new().observer(asked).build().unwrap();
    let month = Duration::from_secs(30 * 86_400);
    let task = runtime.spawn(sleep(month));
    runtime.block_on(async {
        let before = runtime.metrics().selector_waits;
        // Something beside it, so that the loop goes to sleep and comes back.
        myrt::spawn_blocking(|| std::thread::sleep(30 * MS))
            .await
            .unwrap();
        let waits = runtime.metrics().selector_waits - before;
        assert!(waits <= 10, "{waits} looks at the selector while idle");
    });
    assert!(!task.is_finished());
    let longest = log.borrow().iter().copied().max().flatten();
    assert!(
        longest.is_some_and(|longest| longest <= month + MS && longest > MS),
        "{longest:?}"
    );
    paused().block_on(async {
        let start = Instant::now();
        sleep(month).await;
        assert_eq!(start.elapsed(), month);
    });
}

#[test]
fn r25_virtual_time_stands_still_while_io_wakes_tasks() {
    paused().block_on(async {
        let start = Instant::now();
        let (ours, theirs) = support::unix_pair();
        let echo = myrt::spawn(async move {
            for _ in 0..200 {
                let bytes = support::read_some(&theirs).await.unwrap();
                support::write_some(&theirs, &bytes).await.unwrap();
            }
        });
        for _ in 0..200 {
            support::write_some(&ours, b"ping").await.unwrap();
            let answer = timeout(MS, support::read_some(&ours)).await;
            assert_eq!(answer.expect("no time passes").unwrap(), b"ping");
        }
        echo.await.unwrap();
        let (mut ours, mut theirs) = myrt::io::duplex(8);
        let text = "much longer than the pipe between them";
        let write = async {
            myrt::io::AsyncWriteExt::write_all(&mut ours, text.as_bytes())
                .await
                .unwrap();
            drop(ours);
        };
        let mut all = String::new();
        let read = myrt::io::AsyncReadExt::read_to_string(&mut theirs, &mut all);
        let both = async { myrt::join!(write, read).1 };
        assert!(timeout(MS, both).await.expect("no time passes").is_ok());
        assert_eq!(start.elapsed(), Duration::ZERO);
    });
}

#[test]
fn r25_short_runs_of_block_on_miss_no_timer() {
    let runtime = runtime();
    let fired = Rc::new(Cell::new(false));
    let flag = fired.clone();
    drop(runtime.spawn(async move {
        sleep(3 * MS).await;
        flag.set(true);
    }));
    let start = std::time::Instant::now();
    while !fired.get() {
        runtime.block_on(sleep(Duration::from_micros(100)));
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "the timer was missed"
        );
    }
}

#[test]
fn r50_an_interval_makes_one_wake_a_tick() {
    let runtime = paused();
    runtime.block_on(async {
        let polls = Rc::new(Cell::new(0));
        let ticking = async {
            let mut ticks = interval(10 * MS);
            for _ in 0..100 {
                ticks.tick().await;
            }
        };
        myrt::spawn(counted(polls.clone(), ticking)).await.unwrap();
        // The first tick comes at once, with the first poll.
        assert_eq!(polls.get(), 100);
        assert_eq!(runtime.metrics().timers_fired, 99);
        // Ready already: nothing is registered.
        let mut late = interval(10 * MS);
        late.tick().await;
        myrt::time::advance(35 * MS).await;
        let before = runtime.metrics().timers_fired;
        for _ in 0..3 {
            let tick = std::future::poll_fn(|cx| Poll::Ready(late.poll_tick(cx).is_ready()));
            assert!(tick.await);
        }
        assert_eq!(runtime.metrics().timers_fired, before);
        assert_eq!(runtime.metrics().timers, 0);
    });
}
