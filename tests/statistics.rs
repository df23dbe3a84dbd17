//! What each primitive, the runtime and the blocking pool say of themselves, in use and out of it:
//! all fields, to the letter.

use std::fmt::Debug;
use std::rc::Rc;

use myrt::runtime::Builder;
use myrt::sync::{
    Barrier, BoundedSemaphore, Condvar, Event, LifoQueue, Mutex, Notify, OnceCell, PriorityQueue,
    Queue, RateLimiter, RwLock, Semaphore, broadcast, mpsc, oneshot, watch,
};
use myrt::task::{self, JoinHandle, Limiter};
use myrt::time::{Duration, Instant, sleep};
use myrt::{spawn, yield_now};

/// Runs a test on a clock that stands; its main future is task `main`, other ids count from 1.
fn run(test: impl Future<Output = ()>) {
    let runtime = Builder::new().start_paused(true).build().unwrap();
    runtime.block_on(test);
}

/// Until everybody waits.
async fn settle() {
    for _ in 0..4 {
        yield_now().await;
    }
}

/// Spawns and lets it come to its first wait.
async fn waits<T: 'static>(future: impl Future<Output = T> + 'static) -> JoinHandle<T> {
    let task = spawn(future);
    settle().await;
    task
}

#[track_caller]
fn says(statistics: impl Debug, expected: &str) {
    let said = format!("{statistics:?}");
    let (_, fields) = said.split_once(" { ").unwrap();
    assert_eq!(fields.strip_suffix(" }").unwrap(), expected);
}

#[test]
fn of_a_mutex() {
    run(async {
        let lock = Rc::new(Mutex::new(()));
        says(lock.statistics(), "locked: false, holder: None, waiting: 0");
        let guard = lock.lock().await;
        let other = Rc::clone(&lock);
        let waiting = waits(async move { drop(other.lock().await) }).await;
        says(
            lock.statistics(),
            "locked: true, holder: Some(Id(main)), waiting: 1",
        );
        drop(guard);
        says(
            lock.statistics(),
            "locked: true, holder: Some(Id(1)), waiting: 0",
        );
        waiting.await.unwrap();
        says(lock.statistics(), "locked: false, holder: None, waiting: 0");
    });
}

#[test]
fn of_a_read_write_lock() {
    run(async {
        let lock = Rc::new(RwLock::new(()));
        let guards = [lock.read().await, lock.read().await];
        let other = Rc::clone(&lock);
        let writes = waits(async move {
            let _guard = other.write().await;
            sleep(Duration::from_secs(1)).await;
        })
        .await;
        says(
            lock.statistics(),
            "readers: 2, writer: false, holder: Some(Id(main)), waiting: 1",
        );
        drop(guards);
        settle().await;
        says(
            lock.statistics(),
            "readers: 0, writer: true, holder: Some(Id(1)), waiting: 0",
        );
        writes.await.unwrap();
        says(
            lock.statistics(),
            "readers: 0, writer: false, holder: None, waiting: 0",
        );
    });
}

#[test]
fn of_semaphores() {
    run(async {
        let semaphore = Rc::new(Semaphore::new(3));
        let held = semaphore.acquire_many(2).await.unwrap();
        let other = Rc::clone(&semaphore);
        let waiting = waits(async move { drop(other.acquire_many(3).await) }).await;
        says(
            semaphore.statistics(),
            "available: 0, set_aside: 1, waiting: 1, last_holder: Some(Id(main)), closed: false",
        );
        drop(held);
        waiting.await.unwrap();
        semaphore.close();
        says(
            semaphore.statistics(),
            "available: 3, set_aside: 0, waiting: 0, last_holder: Some(Id(1)), closed: true",
        );
        let bounded = BoundedSemaphore::new(1);
        let _held = bounded.acquire().await.unwrap();
        says(
            bounded.statistics(),
            "available: 0, set_aside: 0, waiting: 0, last_holder: Some(Id(main)), closed: false",
        );
    });
}

#[test]
fn of_channels() {
    run(async {
        let (sender, mut receiver) = mpsc::channel(2);
        let receiving = waits(async move {
            receiver.recv().await.unwrap();
            receiver
        })
        .await;
        says(
            sender.statistics(),
            "len: 0, capacity: Some(2), senders: 1, waiting_senders: 0, receiver_waiting: true, closed: false",
        );
        sender.send(0).await.unwrap();
        let mut receiver = receiving.await.unwrap();
        sender.send(1).await.unwrap();
        sender.send(2).await.unwrap();
        let other = sender.clone();
        let sending = waits(async move { other.send(3).await }).await;
        let expected = "len: 2, capacity: Some(2), senders: 2, waiting_senders: 1, receiver_waiting: false, closed: false";
        says(sender.statistics(), expected);
        says(receiver.statistics(), expected);
        receiver.close();
        sending.await.unwrap().unwrap_err();
        says(
            receiver.statistics(),
            "len: 2, capacity: Some(2), senders: 1, waiting_senders: 0, receiver_waiting: false, closed: true",
        );
        let (unbounded, _receiver) = mpsc::unbounded::<()>();
        assert_eq!(unbounded.statistics().capacity, None);

        let (give, take) = oneshot::channel();
        says(
            give.statistics(),
            "sent: false, sender_gone: false, closed: false",
        );
        give.send(1).unwrap();
        says(
            take.statistics(),
            "sent: true, sender_gone: true, closed: false",
        );

        let (sender, receiver) = broadcast::channel(4);
        let mut other = sender.subscribe();
        let waiting = waits(async move { other.recv().await }).await;
        says(
            sender.statistics(),
            "len: 0, capacity: 4, senders: 1, receivers: 2, waiting: 1",
        );
        sender.send(1).unwrap();
        waiting.await.unwrap().unwrap();
        says(
            sender.statistics(),
            "len: 1, capacity: 4, senders: 1, receivers: 1, waiting: 0",
        );
        drop(receiver);

        let (sender, mut receiver) = watch::channel(0);
        let waiting = waits(async move {
            receiver.changed().await.unwrap();
            receiver
        })
        .await;
        says(
            sender.statistics(),
            "version: 0, senders: 1, receivers: 1, waiting: 1",
        );
        sender.send(1).unwrap();
        let receiver = waiting.await.unwrap();
        says(
            receiver.statistics(),
            "version: 1, senders: 1, receivers: 1, waiting: 0",
        );
    });
}

#[test]
fn of_queues() {
    run(async {
        let queue = Rc::new(Queue::new(1));
        queue.put_nowait(1).unwrap();
        let other = Rc::clone(&queue);
        let putting = waits(async move { other.put(2).await }).await;
        says(
            queue.statistics(),
            "qsize: 1, maxsize: 1, waiting_puts: 1, waiting_gets: 0, unfinished: 1, shut_down: false",
        );
        queue.get().await.unwrap();
        putting.await.unwrap().unwrap();
        queue.get().await.unwrap();
        let other = Rc::clone(&queue);
        let getting = waits(async move { other.get().await }).await;
        says(
            queue.statistics(),
            "qsize: 0, maxsize: 1, waiting_puts: 0, waiting_gets: 1, unfinished: 2, shut_down: false",
        );
        queue.shutdown(false);
        getting.await.unwrap().unwrap_err();
        says(
            queue.statistics(),
            "qsize: 0, maxsize: 1, waiting_puts: 0, waiting_gets: 0, unfinished: 2, shut_down: true",
        );
        let priorities = PriorityQueue::new(0);
        priorities.put_nowait(1).unwrap();
        assert_eq!(priorities.statistics().qsize, 1);
        let stack = LifoQueue::<i32>::new(3);
        assert_eq!(stack.statistics().maxsize, 3);
    });
}

#[test]
fn of_what_one_waits_for_together() {
    run(async {
        let notify = Rc::new(Notify::new());
        let other = Rc::clone(&notify);
        let waiting = waits(async move { other.notified().await }).await;
        says(notify.statistics(), "permit: false, waiting: 1");
        notify.notify_one();
        notify.notify_one();
        waiting.await.unwrap();
        says(notify.statistics(), "permit: true, waiting: 0");

        let event = Rc::new(Event::new());
        let other = Rc::clone(&event);
        let waiting = waits(async move { other.wait().await }).await;
        says(event.statistics(), "set: false, waiting: 1");
        event.set();
        waiting.await.unwrap();
        says(event.statistics(), "set: true, waiting: 0");

        let barrier = Rc::new(Barrier::new(2));
        let other = Rc::clone(&barrier);
        let waiting = waits(async move { other.wait().await.map(drop) }).await;
        says(
            barrier.statistics(),
            "parties: 2, waiting: 1, broken: false",
        );
        barrier.abort();
        waiting.await.unwrap().unwrap_err();
        says(barrier.statistics(), "parties: 2, waiting: 0, broken: true");

        let both = Rc::new((Mutex::new(false), Condvar::new()));
        let other = Rc::clone(&both);
        let waiting = waits(async move {
            let guard = other.0.lock().await;
            drop(other.1.wait(guard).await);
        })
        .await;
        says(both.1.statistics(), "waiting: 1");
        both.1.notify_one();
        waiting.await.unwrap();
        says(both.1.statistics(), "waiting: 0");

        let cell = Rc::new(OnceCell::new());
        says(
            cell.statistics(),
            "initialized: false, initializing: false, waiting: 0",
        );
        let makers = [1, 2].map(|value| {
            let cell = Rc::clone(&cell);
            spawn(async move {
                let make = async || {
                    sleep(Duration::from_secs(1)).await;
                    value
                };
                *cell.get_or_init(make).await
            })
        });
        settle().await;
        says(
            cell.statistics(),
            "initialized: false, initializing: true, waiting: 1",
        );
        for maker in makers {
            assert_eq!(maker.await.unwrap(), 1);
        }
        says(
            cell.statistics(),
            "initialized: true, initializing: false, waiting: 0",
        );
    });
}

#[test]
fn of_limiters_and_the_blocking_pool() {
    run(async {
        let rate = Rc::new(RateLimiter::new(2, Duration::from_secs(1)));
        says(rate.statistics(), "tokens: 2, waiting: 0");
        rate.acquire().await;
        rate.acquire().await;
        let other = Rc::clone(&rate);
        let waiting = waits(async move { other.acquire().await }).await;
        says(rate.statistics(), "tokens: 0, waiting: 1");
        waiting.await.unwrap();

        let limiter = Limiter::new(1);
        let (go, gone) = std::sync::mpsc::channel::<()>();
        let first = limiter.spawn_blocking(move || gone.recv());
        let second = limiter.spawn_blocking(|| ());
        settle().await;
        says(limiter.statistics(), "limit: 1, running: 1, waiting: 1");
        let pool = task::blocking_pool();
        assert!(pool.threads > pool.idle_threads, "{pool:?}");
        drop(go);
        first.await.unwrap().unwrap_err();
        second.await.unwrap();
        // Other tests use the pool too.
        let pool = task::blocking_pool();
        assert!((1..=512).contains(&pool.threads), "{pool:?}");
    });
}

#[test]
fn of_the_runtime() {
    let runtime = Builder::new().start_paused(true).build().unwrap();
    let before = runtime.metrics();
    assert_eq!((before.polls, before.queued, before.turns), (0, 0, 0));
    runtime.block_on(async {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let ours = myrt::net::UnixStream::from_std(ours).unwrap();
        let reads = waits(async move { ours.read(&mut [0; 1]).await }).await;
        let sleeps = waits(sleep(Duration::from_secs(1))).await;
        reads.cancel();
        sleeps.await.unwrap();
        drop(theirs);
    });
    let after = runtime.metrics();
    assert_eq!((after.tasks, after.spawned, after.ready), (0, 2, 0));
    assert_eq!((after.timers, after.timers_fired), (0, 1));
    assert_eq!((after.sources, after.outside, after.finishing), (0, 0, 0));
    assert!(after.polls >= 4 && after.queued >= after.polls, "{after:?}");
    assert!(after.turns > 0 && after.selector_waits > 0, "{after:?}");
    assert!(after.selector_controls > 0 || std::env::var_os("MYRT_SELECTOR").is_some());
    // The clock stood while they worked.
    assert_eq!(after.busy, Duration::ZERO);
    assert_eq!(
        (after.longest_turn, after.timer_lag),
        (Duration::ZERO, Duration::ZERO)
    );
}

#[test]
fn the_time_that_turns_take_is_counted_by_a_clock_that_runs() {
    let runtime = Builder::new().build().unwrap();
    let worked = runtime.block_on(async {
        let began = Instant::now();
        while Instant::now() == began {}
        let worked = Instant::now() - began;
        sleep(Duration::from_millis(1)).await;
        worked
    });
    let metrics = runtime.metrics();
    assert!(metrics.busy >= worked, "{metrics:?}");
    assert!(metrics.longest_turn >= worked && metrics.longest_turn <= metrics.busy);
}
