//! Wakers: numbers that may be cloned, kept, woken and dropped anywhere, at any time.
#![allow(clippy::disallowed_methods, reason = "tests start threads")]

mod support;

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Poll, Waker};
use std::thread;

use support::{own_waker, runtime, settle};

const THREADS: usize = 8;

/// Each round one thread is told a waker, sets a flag and wakes once. If that wake is lost, the
/// task waits for ever.
#[test]
fn no_wake_of_another_thread_is_lost() {
    const ROUNDS: usize = 2_000;
    let runtime = runtime();
    thread::scope(|scope| {
        let tasks: Vec<_> = (0..THREADS)
            .map(|_| {
                let (tell, told) = mpsc::channel::<Waker>();
                let flag = Arc::new(AtomicBool::new(false));
                let raised = flag.clone();
                scope.spawn(move || {
                    for waker in told {
                        raised.store(true, Ordering::Relaxed); // the wake publishes it
                        waker.wake();
                    }
                });
                runtime.spawn(async move {
                    for _ in 0..ROUNDS {
                        let mut asked = false;
                        poll_fn(|cx| {
                            if flag.swap(false, Ordering::Relaxed) {
                                return Poll::Ready(());
                            }
                            if !std::mem::replace(&mut asked, true) {
                                tell.send(cx.waker().clone()).unwrap();
                            }
                            Poll::Pending
                        })
                        .await;
                    }
                })
            })
            .collect();
        runtime.block_on(async {
            for task in tasks {
                task.await.unwrap();
            }
        });
    });
}

/// Threads wake whatever is in the book: tasks that wait, run, have ended, and those of runtimes
/// that are gone. Beside them tasks that depend on single wakes must come to their end.
#[test]
fn a_million_wakes_of_tasks_and_runtimes_in_every_state() {
    const TOTAL: u64 = 1_000_000;
    let book: Mutex<Vec<Waker>> = Mutex::default();
    let count = AtomicU64::new(0);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for number in 0..THREADS {
            let (book, count, over) = (&book, &count, &over);
            scope.spawn(move || {
                let mut mine = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    // Clones of their own, so that the lock is not what is tested.
                    mine.clone_from(&book.lock().unwrap());
                    for (place, waker) in mine.iter().enumerate() {
                        if place % 3 == number % 3 {
                            let clone = waker.clone();
                            clone.wake();
                        } else {
                            waker.wake_by_ref();
                        }
                    }
                    count.fetch_add(mine.len() as u64, Ordering::Relaxed);
                    if mine.is_empty() {
                        thread::yield_now();
                    }
                }
            });
        }
        let mut generation = 0;
        while count.load(Ordering::Relaxed) < TOTAL {
            let runtime = runtime();
            for _ in 0..4 {
                one_generation(&runtime, &book, generation);
                generation += 1;
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(count.load(Ordering::Relaxed) >= TOTAL);
}

/// Tasks that are driven by the threads alone, each polled some times; their wakers stay in the
/// book.
fn one_generation(runtime: &myrt::runtime::Runtime, book: &Mutex<Vec<Waker>>, generation: usize) {
    runtime.block_on(async {
        let tasks: Vec<_> = (0..16)
            .map(|_| {
                let waker = Rc::new(Cell::new(None));
                let place = waker.clone();
                let task = myrt::spawn(async move {
                    place.set(Some(own_waker().await));
                    for _ in 0..5 {
                        let mut polled = false;
                        poll_fn(|_| {
                            if std::mem::replace(&mut polled, true) {
                                Poll::Ready(())
                            } else {
                                Poll::Pending
                            }
                        })
                        .await;
                    }
                });
                (task, waker)
            })
            .collect();
        settle().await;
        {
            let mut book = book.lock().unwrap();
            for (place, (_, waker)) in tasks.iter().enumerate() {
                let place = (generation * tasks.len() + place) % 64;
                let waker = waker.take().expect("polled");
                if place < book.len() {
                    book[place] = waker;
                } else {
                    book.push(waker);
                }
            }
        }
        for (task, _) in tasks {
            task.await.unwrap();
        }
    });
}

/// A task that counts its polls and ends when told.
fn counting(end: Rc<Cell<bool>>) -> (Rc<Cell<usize>>, impl Future<Output = ()>) {
    let polls = Rc::new(Cell::new(0));
    let count = polls.clone();
    let future = poll_fn(move |_| {
        count.set(count.get() + 1);
        if end.get() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    });
    (polls, future)
}

#[test]
fn wakes_before_during_and_after_a_task_poll_it_exactly_as_often_as_they_should() {
    let runtime = runtime();
    let waker = runtime.block_on(async {
        let end = Rc::new(Cell::new(false));
        let (polls, future) = counting(end.clone());
        let place = Rc::new(Cell::new(None));
        let slot = place.clone();
        let task = myrt::spawn(async move {
            let waker = own_waker().await;
            // During its own poll, many times: one more poll.
            for _ in 0..10 {
                waker.wake_by_ref();
            }
            slot.set(Some(waker));
            future.await;
        });
        settle().await;
        let waker = place.take().expect("polled");
        assert_eq!(polls.get(), 2);
        // While it waits, many times: one poll.
        for _ in 0..10 {
            waker.wake_by_ref();
        }
        settle().await;
        assert_eq!(polls.get(), 3);
        end.set(true);
        waker.wake_by_ref();
        task.await.unwrap();
        assert_eq!(polls.get(), 4);
        // After its life: nothing, also for those who live in its place now.
        let (others, future) = counting(Rc::new(Cell::new(false)));
        drop(myrt::spawn(future));
        settle().await;
        for _ in 0..10 {
            waker.wake_by_ref();
        }
        settle().await;
        assert_eq!((polls.get(), others.get()), (4, 1));
        waker
    });
    // Between two turns of the loop, and after the runtime's end.
    waker.wake_by_ref();
    drop(runtime);
    waker.wake_by_ref();
    let other = support::runtime();
    other.block_on(async {
        waker.wake_by_ref();
        settle().await;
    });
    waker.wake();
}

#[test]
fn a_wake_between_two_block_ons_is_kept_for_the_next() {
    let runtime = runtime();
    let flag = Rc::new(Cell::new(false));
    let seen = flag.clone();
    let place = Rc::new(Cell::new(None));
    let slot = place.clone();
    let task = runtime.spawn(async move {
        poll_fn(|cx| {
            slot.set(Some(cx.waker().clone()));
            if seen.get() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    });
    runtime.block_on(settle());
    flag.set(true);
    place.take().expect("polled").wake();
    assert!(
        runtime.next_deadline().is_some(),
        "a foreign loop is told that there is work"
    );
    runtime.block_on(task).unwrap();
}

#[test]
fn wakers_of_one_task_are_equal_and_those_of_others_are_not() {
    let runtime = runtime();
    runtime.block_on(async {
        let mine = own_waker().await;
        let again = own_waker().await;
        assert!(mine.will_wake(&again) && mine.will_wake(&mine.clone()));
        let other = myrt::spawn(own_waker()).await.unwrap();
        assert!(!mine.will_wake(&other));
        assert!(!mine.will_wake(Waker::noop()));
        assert!(!mine.data().is_null(), "no key is zero");
    });
}

#[test]
fn wakers_cross_between_runtimes() {
    let (tell, told) = mpsc::channel::<Waker>();
    let done = Arc::new(AtomicBool::new(false));
    let flag = done.clone();
    let sleeper = thread::spawn(move || {
        runtime().block_on(async move {
            tell.send(own_waker().await).unwrap();
            poll_fn(|_| {
                if flag.load(Ordering::Acquire) {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
        });
    });
    let waker = told.recv().unwrap();
    // From inside another runtime on another thread.
    runtime().block_on(async move {
        settle().await;
        done.store(true, Ordering::Release);
        waker.wake();
    });
    sleeper.join().unwrap();
}

#[test]
fn a_main_future_is_woken_by_its_own_wakers_and_not_by_those_of_earlier_ones() {
    let runtime = runtime();
    let stale = runtime.block_on(own_waker());
    let polls = Rc::new(Cell::new(0));
    let count = polls.clone();
    let mut fresh = None;
    runtime.block_on(async {
        let mut left = 3;
        poll_fn(|cx| {
            count.set(count.get() + 1);
            fresh = Some(cx.waker().clone());
            left -= 1;
            if left == 0 {
                return Poll::Ready(());
            }
            stale.wake_by_ref();
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    });
    assert_eq!(polls.get(), 3);
    assert!(!stale.will_wake(&fresh.expect("polled")));
}
