//! `JoinSet`, `wait` and the limiter: timelines, O(1) joins, ends.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::Poll;

use myrt::runtime::Builder;
use myrt::task::{JoinSet, Limiter};
use myrt::time::{Duration, Instant, sleep, timeout};
use myrt::{When, wait, yield_now};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn at(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap()
}

async fn after<T>(takes: u64, value: T) -> T {
    sleep(ms(takes)).await;
    value
}

fn set_of(times: &[u64]) -> JoinSet<u64> {
    times.iter().map(|n| after(*n, *n)).collect()
}

#[myrt::test(start_paused)]
async fn results_come_in_the_order_in_which_tasks_end() {
    let start = Instant::now();
    let mut set = set_of(&[30, 10, 20, 10]);
    assert_eq!(set.len(), 4);
    assert!(set.try_join_next().is_none());
    let mut seen = Vec::new();
    while let Some(result) = set.join_next().await {
        seen.push((at(start), result.unwrap()));
    }
    assert_eq!(seen, [(10, 10), (10, 10), (20, 20), (30, 30)]);
    assert!(set.is_empty());
    assert!(set.join_next().await.is_none());
    // It can be used again, and its numbers with it.
    let task = set.spawn(async { 1 });
    let (id, value) = set.join_next_with_id().await.unwrap().unwrap();
    assert_eq!((id, value), (task.id(), 1));
    assert_eq!(set_of(&[3, 1, 2]).join_all().await, [1, 2, 3]);
}

#[myrt::test]
async fn a_join_among_10_000_tasks_polls_nobody() {
    let open = Rc::new(Cell::new(None::<usize>));
    let polls = Rc::new(Cell::new(0));
    let wakers = Rc::new(RefCell::new(Vec::new()));
    let mut set = JoinSet::new();
    for n in 0..10_000 {
        let (open, polls, wakers) = (open.clone(), polls.clone(), wakers.clone());
        set.spawn(poll_fn(move |cx| {
            polls.set(polls.get() + 1);
            if open.get() == Some(n) {
                return Poll::Ready(n);
            }
            wakers.borrow_mut().push(cx.waker().clone());
            Poll::Pending
        }));
    }
    let joins = Rc::new(Cell::new(0));
    let counted = joins.clone();
    let parent = myrt::spawn(async move {
        let mut next = pin!(set.join_next());
        poll_fn(|cx| {
            counted.set(counted.get() + 1);
            next.as_mut().poll(cx)
        })
        .await
        .unwrap()
        .unwrap()
    });
    yield_now().await;
    yield_now().await;
    assert_eq!((polls.get(), joins.get()), (10_000, 1));
    open.set(Some(5_000));
    let waker = wakers.borrow()[5_000].clone();
    waker.wake();
    assert_eq!(parent.await.unwrap(), 5_000);
    assert_eq!(
        (polls.get(), joins.get()),
        (10_001, 2),
        "one poll of one task, one of the joiner"
    );
}

#[myrt::test(start_paused)]
async fn a_task_that_panics_or_is_cancelled_gives_its_error() {
    let mut set = JoinSet::new();
    set.spawn(async { panic!("no") });
    let second = set.spawn(pending::<()>());
    let error = set.join_next().await.unwrap().unwrap_err();
    assert!(error.is_panic());
    let cancel = second.cancel();
    cancel.await;
    let error = set.join_next_with_id().await.unwrap().unwrap_err();
    assert!(error.is_cancelled());
    assert!(set.is_empty());
}

struct Told(Rc<Cell<u32>>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[myrt::test]
async fn dropping_the_set_cancels_its_tasks_at_once() {
    let gone = Rc::new(Cell::new(0));
    let mut set = JoinSet::new();
    for _ in 0..3 {
        let told = Told(gone.clone());
        set.spawn(async move {
            let _told = told;
            pending::<()>().await;
        });
    }
    yield_now().await;
    drop(set);
    assert_eq!(gone.get(), 3);
}

#[test]
fn a_panicking_destructor_does_not_spare_the_other_tasks() {
    struct Bad;
    impl Drop for Bad {
        fn drop(&mut self) {
            panic!("destructor");
        }
    }
    let reports = Rc::new(Cell::new(0));
    let seen = reports.clone();
    let runtime = Builder::new()
        .on_unhandled(move |_| seen.set(seen.get() + 1))
        .build()
        .unwrap();
    let gone = Rc::new(Cell::new(0));
    runtime.block_on(async {
        let mut set = JoinSet::new();
        for n in 0..4 {
            let told = Told(gone.clone());
            set.spawn(async move {
                let _told = told;
                let _bad = (n < 2).then(|| Bad);
                pending::<()>().await;
            });
        }
        yield_now().await;
    });
    assert_eq!((gone.get(), reports.get()), (4, 2));
}

#[myrt::test(start_paused)]
async fn detached_tasks_run_on_and_shutdown_waits() {
    let gone = Rc::new(Cell::new(0));
    let mut set = JoinSet::new();
    for _ in 0..2 {
        let told = Told(gone.clone());
        set.spawn(async move {
            let _told = told;
            sleep(ms(10)).await;
        });
    }
    set.detach_all();
    assert!(set.is_empty());
    sleep(ms(5)).await;
    assert_eq!(gone.get(), 0);
    sleep(ms(6)).await;
    assert_eq!(gone.get(), 2);

    let mut set = set_of(&[1000, 2000]);
    let start = Instant::now();
    set.shutdown().await;
    assert_eq!((set.len(), at(start)), (0, 0));

    let mut set = set_of(&[1000, 1]);
    sleep(ms(2)).await;
    set.cancel_all();
    assert_eq!(set.join_next().await.unwrap().unwrap(), 1);
    assert!(set.join_next().await.unwrap().unwrap_err().is_cancelled());
}

#[myrt::test(start_paused)]
async fn tasks_from_elsewhere_and_blocking_jobs_join_too() {
    let mut set = JoinSet::new();
    let finished = myrt::spawn(async { 1 });
    yield_now().await;
    assert!(finished.is_finished());
    set.insert(finished);
    set.insert(myrt::task::Builder::new().name("named").spawn(async { 2 }));
    set.insert(myrt::spawn_eager(async { 3 }));
    set.spawn_blocking(|| 4);
    let mut all = set.join_all().await;
    all.sort_unstable();
    assert_eq!(all, [1, 2, 3, 4]);
}

#[myrt::test(start_paused)]
async fn a_join_that_is_given_up_loses_nothing() {
    let mut set = set_of(&[10, 20]);
    for _ in 0..3 {
        assert!(timeout(ms(3), set.join_next()).await.is_err());
    }
    assert_eq!(set.join_next().await.unwrap().unwrap(), 10);
    assert_eq!(set.join_next().await.unwrap().unwrap(), 20);
}

#[test]
fn a_set_may_be_made_outside_and_outlive_its_runtime() {
    let mut set = JoinSet::new();
    let runtime = Builder::new().build().unwrap();
    runtime.block_on(async {
        set.spawn(async { 1 });
        set.spawn(pending::<i32>());
        assert_eq!(set.join_next().await.unwrap().unwrap(), 1);
    });
    drop(runtime);
    drop(set);
}

#[myrt::test]
async fn its_bells_are_no_tasks() {
    let mut set = set_of(&[1000, 1000]);
    assert_eq!(myrt::task::all().len(), 3, "the main one and two");
    set.cancel_all();
}

// wait

#[myrt::test(start_paused)]
async fn wait_for_the_first() {
    let start = Instant::now();
    let mut set = set_of(&[30, 10, 20, 10]);
    let done: Vec<_> = wait(&mut set, When::FirstCompleted, None).await;
    let values: Vec<_> = done
        .into_iter()
        .map(|(_, result)| result.unwrap())
        .collect();
    assert_eq!((values, at(start), set.len()), (vec![10, 10], 10, 2));
    let done = wait(&mut set, When::All, None).await;
    assert_eq!((done.len(), at(start), set.len()), (2, 30, 0));
    assert!(
        wait(&mut set, When::All, None).await.is_empty(),
        "nothing to wait for"
    );
}

#[myrt::test(start_paused)]
async fn wait_with_a_limit_leaves_the_pending_in_the_set() {
    let start = Instant::now();
    let mut set = set_of(&[10, 20, 30]);
    let done = wait(&mut set, When::All, Some(ms(25))).await;
    assert_eq!((done.len(), at(start), set.len()), (2, 25, 1));
    assert_eq!(set.join_next().await.unwrap().unwrap(), 30);
    assert_eq!(at(start), 30);
}

#[myrt::test(start_paused)]
async fn wait_for_the_first_error() {
    let start = Instant::now();
    let mut set = set_of(&[10, 30]);
    set.spawn(async {
        sleep(ms(20)).await;
        panic!("no")
    });
    let done = wait(&mut set, When::FirstError, None).await;
    let kinds: Vec<_> = done.iter().map(|(_, result)| result.is_ok()).collect();
    assert_eq!((kinds, at(start), set.len()), (vec![true, false], 20, 1));
    let done = wait(&mut set, When::FirstError, None).await;
    assert_eq!(
        (done.len(), at(start)),
        (1, 30),
        "without an error it waits for all"
    );

    let start = Instant::now();
    let mut set: JoinSet<Result<u64, u64>> = [10, 20, 30]
        .into_iter()
        .map(|n| async move { after(n, if n == 20 { Err(n) } else { Ok(n) }).await })
        .collect();
    let done = wait(&mut set, When::First(Result::is_err), None).await;
    assert_eq!((done.len(), at(start), set.len()), (2, 20, 1));
}

#[myrt::test(start_paused)]
async fn a_wait_that_is_given_up_loses_nothing() {
    let mut set = set_of(&[10, 20, 30]);
    assert!(
        timeout(ms(15), wait(&mut set, When::All, None))
            .await
            .is_err()
    );
    assert_eq!(set.len(), 3);
    assert_eq!(set.join_next().await.unwrap().unwrap(), 10);
    assert_eq!(wait(&mut set, When::All, None).await.len(), 2);
}

// Limiter

#[myrt::test]
async fn a_limiter_never_runs_more_than_it_may_and_keeps_the_order() {
    let limiter = Limiter::new(2);
    let running = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let jobs: Vec<_> = (0..20)
        .map(|n| {
            let (running, most) = (running.clone(), most.clone());
            limiter.spawn_blocking(move || {
                most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
                std::thread::yield_now();
                running.fetch_sub(1, SeqCst);
                n
            })
        })
        .collect();
    assert_eq!(
        (limiter.statistics().running, limiter.statistics().waiting),
        (2, 18)
    );
    for (n, job) in jobs.into_iter().enumerate() {
        assert_eq!(job.await.unwrap(), n);
    }
    assert!(most.load(SeqCst) <= 2);
    let statistics = limiter.statistics();
    assert_eq!(
        (statistics.limit, statistics.running, statistics.waiting),
        (2, 0, 0)
    );
}

#[myrt::test]
async fn r44_a_cancelled_waiter_passes_its_permit_on() {
    let limiter = Limiter::new(1);
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let (begin, begun) = std::sync::mpsc::channel::<()>();
    let first = limiter.spawn_blocking(move || {
        begin.send(()).unwrap();
        gate.recv().is_ok()
    });
    let second = limiter.spawn_blocking(|| 2);
    let third = limiter.spawn_blocking(|| 3);
    yield_now().await;
    assert_eq!(limiter.statistics().waiting, 2);
    second.cancel().await;
    assert_eq!(limiter.statistics().waiting, 1);
    begun.recv().unwrap();
    // A running job cannot be stopped: its permit stays with it, although its task is gone.
    first.cancel().await;
    assert_eq!(limiter.statistics().running, 1);
    open.send(()).unwrap();
    assert_eq!(third.await.unwrap(), 3);
    assert!(
        limiter
            .spawn_blocking(|| panic!("no"))
            .await
            .unwrap_err()
            .is_panic()
    );
    assert_eq!(limiter.spawn_blocking(|| 5).await.unwrap(), 5);
    assert_eq!(limiter.statistics().running, 0);
}
