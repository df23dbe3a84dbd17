//! The course's own scenarios (chapter 8.7 and the visual guide), each with its exact timeline
//! under virtual time.
//!
//! Sequential against gathered, errors with and without `return_exceptions`, and the fallback are
//! in `gather.rs`; a heartbeat in a `select!` is in `select.rs`. A time that is off by a
//! millisecond fails.

mod support;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::pending;
use std::rc::Rc;

use myrt::cancel::finally;
use myrt::sync::{Queue, RateLimiter, Semaphore};
use myrt::time::{Duration, Instant, interval_at, sleep, timeout};
use support::timeline::{Log, at, ms};

/// Two tasks, each with two waits: 0, 100, 150, 200.
#[myrt::test(start_paused)]
async fn c06_two_tasks_take_turns() {
    let log = Log::new();
    let task = |name: &'static str, first, second| {
        let log = log.clone();
        async move {
            log.add(format!("{name} starts"));
            sleep(ms(first)).await;
            log.add(format!("{name} goes on"));
            sleep(ms(second)).await;
            log.add(format!("{name} ends"));
        }
    };
    let one = myrt::spawn(task("task1", 100, 100));
    let two = myrt::spawn(task("task2", 50, 100));
    assert!(one.await.is_ok() && two.await.is_ok());
    log.is(&[
        (0, "task1 starts"),
        (0, "task2 starts"),
        (50, "task2 goes on"),
        (100, "task1 goes on"),
        (150, "task2 ends"),
        (200, "task1 ends"),
    ]);
}

/// `create_task`: it runs beside its parent, and its handle can be dropped.
#[myrt::test(start_paused)]
async fn c10_a_background_task_runs_on_until_it_is_cancelled() {
    let log = Log::new();
    let background = myrt::spawn({
        let log = log.clone();
        async move {
            for n in 0.. {
                log.add(format!("background {n}"));
                sleep(ms(100)).await;
            }
        }
    });
    let detached = log.clone();
    drop(myrt::spawn(async move {
        sleep(ms(120)).await;
        detached.add("the detached one ends");
    }));
    log.add("main works");
    sleep(ms(250)).await;
    log.add("main cancels");
    background.cancel().await;
    assert!(background.await.unwrap_err().is_cancelled());
    sleep(ms(500)).await;
    log.is(&[
        (0, "main works"),
        (0, "background 0"),
        (100, "background 1"),
        (120, "the detached one ends"),
        (200, "background 2"),
        (250, "main cancels"),
    ]);
}

/// A heartbeat every 30 seconds beside a conversation of 100.
#[myrt::test(start_paused)]
async fn c11_a_heartbeat_beats_beside_the_work_and_ends_with_it() {
    let log = Log::new();
    let heartbeat = myrt::spawn({
        let log = log.clone();
        async move {
            let every = Duration::from_secs(30);
            let mut beats = interval_at(Instant::now() + every, every);
            loop {
                beats.tick().await;
                log.add("ping");
            }
        }
    });
    sleep(Duration::from_secs(100)).await;
    heartbeat.cancel().await;
    log.add("closed");
    sleep(Duration::from_secs(100)).await;
    log.is(&[
        (30_000, "ping"),
        (60_000, "ping"),
        (90_000, "ping"),
        (100_000, "closed"),
    ]);
}

/// `wait_for` of three seconds around ten: the inner one is gone before the error is told.
#[myrt::test(start_paused)]
async fn c12_wait_for_gives_up_after_three_seconds() {
    struct Dropped(Log);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.add("dropped");
        }
    }
    let log = Log::new();
    let guard = Dropped(log.clone());
    let slow = async move {
        let _guard = guard;
        sleep(Duration::from_secs(10)).await;
    };
    assert!(timeout(Duration::from_secs(3), slow).await.is_err());
    log.add("too slow");
    let quick = async {
        sleep(Duration::from_secs(2)).await;
        "quick"
    };
    let got = timeout(Duration::from_secs(3), quick).await;
    log.add(got.expect("in time"));
    log.is(&[(3_000, "dropped"), (3_000, "too slow"), (5_000, "quick")]);
}

/// Four lines in two seconds, then the cleanup, which the canceller waits for, then the error.
#[myrt::test(start_paused)]
async fn c20_a_cancelled_task_cleans_up_first() {
    let log = Log::new();
    let (working, cleaning) = (log.clone(), log.clone());
    let work = async move {
        loop {
            working.add("working");
            sleep(ms(500)).await;
        }
    };
    let task = myrt::spawn(finally(work, async move || {
        cleaning.add("cleaning up");
        sleep(ms(300)).await;
        cleaning.add("clean");
    }));
    sleep(ms(1_999)).await;
    task.cancel_with("enough").await;
    log.add("cancelled");
    assert_eq!(task.await.unwrap_err().reason(), Some("enough"));
    log.is(&[
        (0, "working"),
        (500, "working"),
        (1_000, "working"),
        (1_500, "working"),
        (1_999, "cleaning up"),
        (2_299, "clean"),
        (2_299, "cancelled"),
    ]);
}

/// Two slots, five pages: never more than two at work, first come, first served.
#[myrt::test(start_paused)]
async fn e08_a_semaphore_has_two_slots_for_five() {
    let log = Log::new();
    let slots = Semaphore::new(2);
    let at_work = Cell::new(0);
    let pages = [1_000, 1_000, 1_000, 1_000, 500].into_iter().enumerate();
    myrt::gather(pages.map(|(page, takes)| {
        let (log, slots, at_work) = (&log, &slots, &at_work);
        async move {
            let _slot = slots.acquire().await.expect("open");
            at_work.set(at_work.get() + 1);
            assert!(at_work.get() <= 2);
            log.add(format!("page {page} starts"));
            sleep(ms(takes)).await;
            log.add(format!("page {page} ends"));
            at_work.set(at_work.get() - 1);
        }
    }))
    .await;
    log.is(&[
        (0, "page 0 starts"),
        (0, "page 1 starts"),
        (1_000, "page 0 ends"),
        (1_000, "page 1 ends"),
        (1_000, "page 2 starts"),
        (1_000, "page 3 starts"),
        (2_000, "page 2 ends"),
        (2_000, "page 3 ends"),
        (2_000, "page 4 starts"),
        (2_500, "page 4 ends"),
    ]);
}

/// The schedule of fourteen jobs on four workers, job by job.
fn ends_of_jobs(takes: impl Fn(u64) -> u64) -> BTreeMap<u64, u64> {
    let mut free = [0; 4];
    (0..14)
        .map(|job| {
            let worker = free.iter_mut().min().expect("four workers");
            *worker += takes(job);
            (job, *worker)
        })
        .collect()
}

/// Four workers, one of which has a job that fails and one that panics: they work on, and `join`
/// waits for the last.
#[myrt::test(start_paused)]
async fn c27_four_workers_and_a_job_that_fails() {
    let takes = |job: u64| [1_000, 2_000, 500][job as usize % 3];
    let start = Instant::now();
    let queue = Rc::new(Queue::new(0));
    let results = Rc::new(RefCell::new(BTreeMap::new()));
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let (queue, results) = (Rc::clone(&queue), Rc::clone(&results));
            myrt::spawn(async move {
                while let Ok(job) = queue.get().await {
                    let work = myrt::spawn(async move {
                        sleep(ms(takes(job))).await;
                        match job {
                            5 => Err("no such page"),
                            _ => Ok(job * job),
                        }
                    });
                    let result = work.await.expect("no panic");
                    results.borrow_mut().insert(job, (at(start), result));
                    queue.task_done();
                }
            })
        })
        .collect();
    for job in 0..14 {
        queue.put(job).await.expect("open");
    }
    queue.join().await;
    let ends = ends_of_jobs(takes);
    assert_eq!(at(start), ends.values().copied().max().expect("some"));
    queue.shutdown(false);
    for worker in workers {
        worker.await.expect("a failed job takes no worker along");
    }
    let results = results.borrow();
    assert_eq!(results.len(), 14);
    for (job, (end, result)) in results.iter() {
        assert_eq!(*end, ends[job], "job {job}");
        assert_eq!(result.is_err(), *job == 5, "job {job}");
    }
}

/// A bucket of five a second: five at once, then one every 200 ms, twenty after three seconds.
#[myrt::test(start_paused)]
async fn c28_a_rate_limiter_holds_its_rate() {
    let start = Instant::now();
    let limiter = Rc::new(RateLimiter::new(5, Duration::from_secs(1)));
    let calls = (0..20).map(|_| {
        let limiter = Rc::clone(&limiter);
        async move {
            limiter.acquire().await;
            at(start)
        }
    });
    let times = myrt::gather(calls).await;
    let expected: Vec<_> = (0..20_u64).map(|n| n.saturating_sub(4) * 200).collect();
    assert_eq!(times, expected);
}

/// Three requests, each with a limit of its own: the one that never answers costs two seconds, and
/// the others nothing.
#[myrt::test(start_paused)]
async fn c13_each_of_three_requests_has_its_own_limit() {
    let start = Instant::now();
    let get = |takes: Option<u64>| async move {
        timeout(ms(2_000), async {
            match takes {
                Some(takes) => sleep(ms(takes)).await,
                None => pending().await,
            }
            at(start)
        })
        .await
        .ok()
    };
    let got = myrt::gather([get(Some(500)), get(Some(1_500)), get(None)]).await;
    assert_eq!(got, [Some(500), Some(1_500), None]);
    assert_eq!(at(start), 2_000);
}
