//! A stale waker wakes nothing. In a process of its own: other tests would use the same places.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use step12::{block_on, spawn, yield_now};

/// The lower half of a key.
fn place(waker: &Waker) -> u32 {
    waker.data().addr() as u32
}

// ANCHOR: stale
#[test]
fn a_stale_waker_does_not_wake_the_next_task_in_that_place() {
    block_on(async {
        let stale = spawn(poll_fn(|cx| Poll::Ready(cx.waker().clone()))).await.unwrap();
        let polls = Rc::new(RefCell::new(Vec::new()));
        let seen = Rc::clone(&polls);
        let _next = spawn(poll_fn(move |cx| {
            seen.borrow_mut().push(place(cx.waker()));
            Poll::<()>::Pending
        }));
        yield_now().await;
        stale.wake_by_ref();
        yield_now().await;
        assert_eq!(polls.take(), [place(&stale)], "polled once, in that very place");
    });
}
// ANCHOR_END: stale
