//! Three ways to lose a wake, and what does not lose it.

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use step03::{Event, Executor, Stalled, yield_now};

use self::lost::{OneSlot, Sleepy};

#[path = "../src/demo/lost.rs"]
mod lost;

#[test]
fn a_future_that_forgets_its_waker_stalls() {
    let executor = Executor::default();
    executor.spawn(async { yield_now().await });
    assert_eq!(executor.run(poll_fn(|_| Poll::<()>::Pending)), Err(Stalled));
}

#[test]
fn one_slot_loses_the_first_of_two() {
    let (event, passed) = (Rc::new(OneSlot::default()), Rc::new(Cell::new(0)));
    let executor = Executor::default();
    for _ in 0..2 {
        let (event, passed) = (Rc::clone(&event), Rc::clone(&passed));
        executor.spawn(async move {
            event.wait().await;
            passed.set(passed.get() + 1);
        });
    }
    executor.spawn(async move { event.set() });
    assert_eq!(executor.run(std::future::pending::<()>()), Err(Stalled));
    assert_eq!(passed.get(), 1);
}

#[test]
fn an_event_wakes_all() {
    let (event, passed) = (Rc::new(Event::default()), Rc::new(Cell::new(0)));
    let executor = Executor::default();
    for _ in 0..3 {
        let (event, passed) = (Rc::clone(&event), Rc::clone(&passed));
        executor.spawn(async move {
            event.wait().await;
            passed.set(passed.get() + 1);
        });
    }
    executor.spawn(async move { event.set() });
    assert_eq!(executor.run(std::future::pending::<()>()), Err(Stalled));
    assert_eq!(passed.get(), 3);
}

#[test]
fn a_task_may_spawn() {
    let executor = Rc::new(Executor::default());
    let event = Rc::new(Event::default());
    let (inner, set) = (Rc::clone(&executor), Rc::clone(&event));
    executor.spawn(async move { inner.spawn(async move { set.set() }) });
    assert_eq!(executor.run(async { event.wait().await }), Ok(()));
}

#[test]
fn a_push_in_the_gap_is_slept_through() {
    let queue = Sleepy::default();
    let woken = queue.wait(Duration::from_millis(50), || queue.push(7));
    assert!(!woken);
    assert_eq!(queue.pop(), Some(7)); // it was there all the time
}

#[test]
fn the_executor_sleeps_until_another_thread_wakes() {
    for _ in 0..200 {
        let mut polls = 0;
        let main = poll_fn(|cx| {
            polls += 1;
            if polls == 2 {
                return Poll::Ready(());
            }
            let waker: Waker = cx.waker().clone();
            thread::spawn(move || waker.wake());
            Poll::Pending
        });
        assert_eq!(Executor::default().run(main), Ok(()));
    }
}

#[test]
fn many_wakes_are_one_poll() {
    let polls = Cell::new(0);
    let main = poll_fn(|cx| {
        polls.set(polls.get() + 1);
        if polls.get() == 2 {
            return Poll::Ready(());
        }
        for _ in 0..10 {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    });
    assert_eq!(Executor::default().run(main), Ok(()));
    assert_eq!(polls.get(), 2);
}
