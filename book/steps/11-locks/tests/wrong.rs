//! Ways that seem to work. Each test shows what is wrong with one of them.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use step11::{Mutex, Semaphore, block_on, spawn, yield_now};

#[path = "../src/demo/wrong.rs"]
mod wrong;

use wrong::{ask_the_bank, polls_of_the_herd, two_withdrawals};

#[test]
fn one_thread_is_not_enough_across_an_await() {
    assert_eq!(two_withdrawals(), 90, "two withdrawals, and one of them is lost");
}

// ANCHOR: ref_cell
#[test]
#[allow(clippy::await_holding_refcell_ref, reason = "that is what goes wrong here")]
fn a_ref_cell_is_still_borrowed_when_the_second_task_comes() {
    block_on(async {
        let balance = Rc::new(RefCell::new(100));
        let first = Rc::clone(&balance);
        let task = spawn(async move {
            let mut held = first.borrow_mut();
            ask_the_bank().await;
            *held -= 10;
        });
        yield_now().await;
        assert!(balance.try_borrow_mut().is_err()); // `borrow_mut` would panic
        task.await.unwrap();
    });
}
// ANCHOR_END: ref_cell

#[test]
fn a_mutex_keeps_the_second_task_out() {
    block_on(async {
        let balance = Rc::new(Mutex::new(100));
        let tasks = [(), ()].map(|()| {
            let balance = Rc::clone(&balance);
            spawn(async move {
                let mut held = balance.lock().await;
                ask_the_bank().await;
                *held -= 10;
            })
        });
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*balance.lock().await, 80);
    });
}

#[test]
fn to_wake_all_is_quadratic() {
    assert_eq!(polls_of_the_herd(100), 5151);
}

#[test]
fn a_permit_that_is_handed_over_cannot_be_overtaken() {
    block_on(async {
        let semaphore = Rc::new(Semaphore::new(1));
        let permit = semaphore.acquire().await;
        let line = Rc::clone(&semaphore);
        let first = spawn(async move {
            let _permit = line.acquire().await;
            "first in the line"
        });
        yield_now().await; // it waits
        drop(permit);
        let mut late = Box::pin(semaphore.acquire()); // comes before `first` is polled
        let passed = poll_fn(|cx| Poll::Ready(late.as_mut().poll(cx).is_ready())).await;
        assert!(!passed);
        assert_eq!(first.await.unwrap(), "first in the line");
    });
}
