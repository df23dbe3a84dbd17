//! A waker is a number: it works from anywhere, at any time, and a stale one does nothing.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use step12::{block_on, spawn, yield_now};

#[path = "../src/demo/wrong.rs"]
mod wrong;

/// The waker of the task that awaits this.
async fn own_waker() -> Waker {
    poll_fn(|cx| Poll::Ready(cx.waker().clone())).await
}

#[test]
fn without_a_generation_it_would() {
    assert_eq!(wrong::woken_by_a_stale_place(), Some("second"));
}

#[test]
fn a_waker_works_on_another_thread_and_after_the_runtime() {
    let kept = block_on(async {
        let waker = own_waker().await;
        let late = waker.clone();
        let mut polls = 0;
        poll_fn(move |_| {
            polls += 1;
            if polls == 2 {
                return Poll::Ready(());
            }
            let waker = waker.clone();
            std::thread::spawn(move || waker.wake());
            Poll::Pending
        })
        .await;
        late
    });
    kept.wake_by_ref();
    std::thread::spawn(move || drop(kept)).join().unwrap();
}

#[test]
fn two_runtimes_share_the_table_and_wake_their_own_tasks() {
    let ends: Vec<_> = (0..2)
        .map(|_| {
            std::thread::spawn(|| {
                block_on(async {
                    let tasks: Vec<_> = (0..50).map(|_| spawn(yield_now())).collect();
                    for task in tasks {
                        task.await.unwrap();
                    }
                });
            })
        })
        .collect();
    ends.into_iter().for_each(|end| end.join().unwrap());
}

#[test]
fn a_waker_is_woken_once_however_often_it_is_called() {
    let polls = Rc::new(RefCell::new(0));
    block_on(async {
        let counted = Rc::clone(&polls);
        let task = spawn(poll_fn(move |cx| {
            *counted.borrow_mut() += 1;
            if *counted.borrow() == 2 {
                return Poll::Ready(());
            }
            for _ in 0..10 {
                cx.waker().wake_by_ref();
            }
            Poll::Pending
        }));
        task.await.unwrap();
    });
    assert_eq!(*polls.borrow(), 2);
}

#[test]
fn clones_are_the_same_waker() {
    block_on(async {
        let waker = own_waker().await;
        let clone = waker.clone();
        assert!(waker.will_wake(&clone));
        let other = spawn(own_waker()).await.unwrap();
        assert!(!waker.will_wake(&other));
    });
}
