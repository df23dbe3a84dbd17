//! A task whose share is used up joins a queue before it gives way, and keeps its place.
//!
//! Looked at: every user of the wait queue, and the once cell, condvar, watch and broadcast, which
//! join by themselves. Descriptors promise no order among those that have not waited. `select!`
//! gives way before it polls a branch, since a later branch of a biased one must not win by that:
//! it says so.

mod support;

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use myrt::CancelToken;
use myrt::sync::{
    Barrier, Event, Mutex, Notify, OnceCell, Queue, RateLimiter, RwLock, Semaphore, broadcast,
    mpsc, watch,
};
use myrt::task::poll_budget;
use support::runtime;

/// Always-ready operations that a poll may do.
const SHARE: usize = 128;

fn ignore<T>(_: T) {}

/// Uses the running task's share up.
async fn spend() {
    poll_fn(|cx| {
        for _ in 0..SHARE {
            if poll_budget(cx).is_pending() {
                panic!("a poll begins with its whole share");
            }
        }
        Poll::Ready(())
    })
    .await;
}

/// The order in which an early task, whose share is used up when it comes, and a late one get what
/// both wait for. `open` is called when both have come.
fn order<F, Fut>(come: F, open: impl FnOnce()) -> Vec<&'static str>
where
    F: Fn(&'static str, Rc<RefCell<Vec<&'static str>>>) -> Fut,
    Fut: Future<Output = ()> + 'static,
{
    runtime().block_on(async {
        let log = Rc::new(RefCell::new(Vec::new()));
        let early = come("early", Rc::clone(&log));
        let early = myrt::spawn(async move {
            spend().await;
            early.await;
        });
        let late = myrt::spawn(come("late", Rc::clone(&log)));
        myrt::yield_now().await;
        open();
        early.await.unwrap();
        late.await.unwrap();
        log.take()
    })
}

const IN_ORDER: [&str; 2] = ["early", "late"];

#[test]
fn f2_who_comes_to_a_lock_without_a_share_keeps_its_place() {
    for held in [false, true] {
        let mutex = Rc::new(Mutex::new(()));
        let guard = held.then(|| Rc::clone(&mutex).try_lock_owned().unwrap());
        let come = |name, log: Rc<RefCell<Vec<_>>>| {
            let mutex = Rc::clone(&mutex);
            async move {
                let guard = mutex.lock().await;
                log.borrow_mut().push(name);
                drop(guard);
            }
        };
        assert_eq!(order(come, || drop(guard)), IN_ORDER, "held: {held}");
        assert!(mutex.try_lock().is_ok());

        for writes in [false, true] {
            let lock = Rc::new(RwLock::new(()));
            let guard = held.then(|| lock.try_write().unwrap());
            let come = |name, log: Rc<RefCell<Vec<_>>>| {
                let lock = Rc::clone(&lock);
                async move {
                    if writes {
                        let guard = lock.write().await;
                        log.borrow_mut().push(name);
                        drop(guard);
                    } else {
                        let guard = lock.read().await;
                        log.borrow_mut().push(name);
                        drop(guard);
                    }
                }
            };
            let readers_pass = !held && !writes;
            let got = order(come, || drop(guard));
            if readers_pass {
                // Both may read: nothing is lost, whichever runs first.
                assert_eq!(got.len(), 2);
            } else {
                assert_eq!(got, IN_ORDER, "held: {held}, writes: {writes}");
            }
            assert!(lock.try_write().is_ok());
        }
    }
}

#[test]
fn f2_who_comes_for_permits_without_a_share_keeps_its_place() {
    for held in [false, true] {
        let semaphore = Rc::new(Semaphore::new(1));
        let permit = held.then(|| Rc::clone(&semaphore).try_acquire_owned().unwrap());
        let come = |name, log: Rc<RefCell<Vec<_>>>| {
            let semaphore = Rc::clone(&semaphore);
            async move {
                let permit = semaphore.acquire().await.unwrap();
                log.borrow_mut().push(name);
                drop(permit);
            }
        };
        assert_eq!(order(come, || drop(permit)), IN_ORDER, "held: {held}");
        assert_eq!(semaphore.available_permits(), 1);

        let limiter = Rc::new(RateLimiter::new(2, Duration::from_nanos(1)));
        let come = |name, log: Rc<RefCell<Vec<_>>>| {
            let limiter = Rc::clone(&limiter);
            async move {
                limiter.acquire().await;
                log.borrow_mut().push(name);
            }
        };
        assert_eq!(order(come, || ()), IN_ORDER);
    }
}

#[test]
fn f2_who_comes_to_a_channel_without_a_share_keeps_its_place() {
    for full in [false, true] {
        let (sender, receiver) = mpsc::channel(1);
        let receiver = Rc::new(RefCell::new(receiver));
        if full {
            sender.try_send("full").unwrap();
        }
        let come = |name, _| {
            let sender = sender.clone();
            let receiver = Rc::clone(&receiver);
            async move {
                sender.send(name).await.unwrap();
                if name == "early" {
                    return;
                }
                // The last one empties the channel.
                receiver.borrow_mut().close();
            }
        };
        let got = Rc::new(RefCell::new(Vec::new()));
        let (into, from) = (Rc::clone(&got), Rc::clone(&receiver));
        let drain = move || {
            drop(myrt::spawn(async move {
                while got_all(&from, &into) < 2 {
                    myrt::yield_now().await;
                }
            }));
        };
        order(come, drain);
        got_all(&receiver, &got);
        assert_eq!(*got.borrow(), IN_ORDER, "full: {full}");
    }
}

/// Takes what there is; how many of the two have come.
fn got_all(
    from: &RefCell<mpsc::Receiver<&'static str>>,
    into: &RefCell<Vec<&'static str>>,
) -> usize {
    while let Ok(name) = from.borrow_mut().try_recv() {
        if name != "full" {
            into.borrow_mut().push(name);
        }
    }
    into.borrow().len()
}

#[test]
fn f2_who_comes_to_a_queue_without_a_share_keeps_its_place() {
    let queue = Rc::new(Queue::new(4));
    let come = |name, log: Rc<RefCell<Vec<_>>>| {
        let queue = Rc::clone(&queue);
        async move {
            assert_eq!(queue.get().await.unwrap(), log.borrow().len());
            log.borrow_mut().push(name);
        }
    };
    let put = || {
        queue.put_nowait(0).unwrap();
        queue.put_nowait(1).unwrap();
    };
    assert_eq!(order(come, put), IN_ORDER);
    // With one there from the start.
    queue.put_nowait(0).unwrap();
    assert_eq!(order(come, || queue.put_nowait(1).unwrap()), IN_ORDER);
}

/// That what `wait` waits for comes to the early one first.
fn wakes_in_order<F: Future<Output = ()> + 'static>(wait: impl Fn() -> F, open: impl FnOnce()) {
    let come = |name, log: Rc<RefCell<Vec<_>>>| {
        let wait = wait();
        async move {
            wait.await;
            log.borrow_mut().push(name);
        }
    };
    assert_eq!(order(come, open), IN_ORDER);
}

#[test]
fn f2_who_comes_to_what_wakes_in_order_without_a_share_keeps_its_place() {
    let event = Rc::new(Event::new());
    let wait = || {
        let event = Rc::clone(&event);
        async move { event.wait().await }
    };
    wakes_in_order(wait, || event.set());

    let notify = Rc::new(Notify::new());
    let notify_both = || {
        notify.notify_one();
        notify.notify_one();
    };
    wakes_in_order(|| Rc::clone(&notify).notified_owned(), notify_both);

    let token = CancelToken::new();
    wakes_in_order(|| token.cancelled(), || token.cancel());

    let (sender, receiver) = watch::channel(1);
    let wait = || {
        let mut receiver = receiver.clone();
        async move { receiver.changed().await.unwrap() }
    };
    wakes_in_order(wait, || sender.send(2).unwrap());

    let (sender, receiver) = broadcast::channel(1);
    let wait = || {
        let mut receiver = receiver.resubscribe();
        async move { ignore(receiver.recv().await.unwrap()) }
    };
    wakes_in_order(wait, || assert!(sender.send(2).is_ok()));

    let (sender, receiver) = mpsc::channel::<u8>(1);
    let wait = || {
        let sender = sender.clone();
        async move { sender.closed().await }
    };
    wakes_in_order(wait, || drop(receiver));
}

#[test]
fn f2_a_stored_notification_is_that_of_the_first_who_came() {
    let notify = Rc::new(Notify::new());
    notify.notify_one();
    let come = |name, log: Rc<RefCell<Vec<_>>>| {
        let notify = Rc::clone(&notify);
        async move {
            notify.notified().await;
            log.borrow_mut().push(name);
            notify.notify_one();
        }
    };
    assert_eq!(order(come, || ()), IN_ORDER);
}

#[test]
fn f2_the_turn_to_make_a_value_is_that_of_the_first_who_came() {
    let cell = Rc::new(OnceCell::new());
    let come = |name, _| {
        let cell = Rc::clone(&cell);
        async move {
            cell.get_or_init(async || name).await;
        }
    };
    order(come, || ());
    assert_eq!(cell.get(), Some(&"early"));
}

#[test]
fn f2_a_barrier_counts_who_comes_without_a_share() {
    let barrier = Rc::new(Barrier::new(2));
    let come = |name, log: Rc<RefCell<Vec<_>>>| {
        let barrier = Rc::clone(&barrier);
        async move {
            let place = barrier.wait().await.unwrap();
            assert_eq!(place.is_leader(), name == "late");
            log.borrow_mut().push(name);
        }
    };
    assert_eq!(order(come, || ()).len(), 2);
}

#[test]
fn f2_what_was_granted_while_giving_way_goes_on_when_its_future_is_dropped() {
    runtime().block_on(async {
        let mutex = Mutex::new(());
        let semaphore = Semaphore::new(3);
        let notify = Notify::new();
        notify.notify_one();
        spend().await;
        poll_fn(|cx| {
            assert!(pin!(mutex.lock()).poll(cx).is_pending());
            assert!(pin!(semaphore.acquire_many(2)).poll(cx).is_pending());
            assert!(pin!(notify.notified()).poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        assert!(mutex.try_lock().is_ok());
        assert_eq!(semaphore.available_permits(), 3);
        assert!(notify.statistics().permit);
        // Kept meanwhile: nobody overtakes.
        myrt::yield_now().await;
        spend().await;
        let mut lock = pin!(mutex.lock());
        poll_fn(|cx| {
            assert!(lock.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        assert!(mutex.try_lock().is_err());
        drop(lock.await);
        assert!(mutex.try_lock().is_ok());
    });
}
