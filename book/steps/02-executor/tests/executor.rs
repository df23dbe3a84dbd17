//! Tasks take turns, wakes come from other threads too, and a late wake does no harm.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use step02::{Executor, yield_now};

#[test]
fn tasks_take_turns() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let mut executor = Executor::default();
    for name in ["a", "b"] {
        let log = Rc::clone(&log);
        executor.spawn(async move {
            for turn in 1..=2 {
                log.borrow_mut().push(format!("{name}{turn}"));
                yield_now().await;
            }
        });
    }
    assert_eq!(executor.run(), 0);
    assert_eq!(*log.borrow(), ["a1", "b1", "a2", "b2"]);
}

#[test]
fn a_task_that_is_not_woken_is_left() {
    let mut executor = Executor::default();
    executor.spawn(std::future::pending());
    executor.spawn(async {});
    assert_eq!(executor.run(), 1);
}

#[test]
fn a_waker_works_later_and_from_another_thread() {
    let kept = Rc::new(RefCell::new(None::<Waker>));
    let polls = Rc::new(Cell::new(0));
    let mut executor = Executor::default();
    let (keep, count) = (Rc::clone(&kept), Rc::clone(&polls));
    executor.spawn(poll_fn(move |cx| {
        count.set(count.get() + 1);
        *keep.borrow_mut() = Some(cx.waker().clone());
        if count.get() == 2 { Poll::Ready(()) } else { Poll::Pending }
    }));
    assert_eq!(executor.run(), 1);
    let waker = kept.take().unwrap();
    let late = waker.clone();
    std::thread::spawn(move || waker.wake()).join().unwrap();
    assert_eq!(executor.run(), 0);
    late.wake(); // the task has ended
    assert_eq!(executor.run(), 0);
    assert_eq!(polls.get(), 2);
}
