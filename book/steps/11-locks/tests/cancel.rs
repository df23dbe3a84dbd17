//! A grant is never lost: a wait that is dropped leaves the line, or hands on what it was given.

use std::future::poll_fn;
use std::task::Poll;

use step11::{Mutex, Semaphore, block_on};

/// Polls a future once; whether it was ready.
async fn is_ready<T>(future: &mut (impl Future<Output = T> + Unpin)) -> bool {
    poll_fn(|cx| Poll::Ready(std::pin::Pin::new(&mut *future).poll(cx).is_ready())).await
}

// ANCHOR: waiting
#[test]
fn who_leaves_the_line_is_passed_over() {
    block_on(async {
        let semaphore = Semaphore::new(1);
        let permit = semaphore.acquire().await;
        let mut first = Box::pin(semaphore.acquire());
        let mut second = Box::pin(semaphore.acquire());
        assert!(!is_ready(&mut first).await && !is_ready(&mut second).await);
        drop(first);
        drop(permit);
        assert!(is_ready(&mut second).await);
    });
}
// ANCHOR_END: waiting

// ANCHOR: granted
#[test]
fn who_was_granted_and_leaves_hands_it_on() {
    block_on(async {
        let semaphore = Semaphore::new(1);
        let permit = semaphore.acquire().await;
        let mut first = Box::pin(semaphore.acquire());
        let mut second = Box::pin(semaphore.acquire());
        assert!(!is_ready(&mut first).await && !is_ready(&mut second).await);
        drop(permit); // granted to `first`, which is woken
        drop(first); // and cancelled before it is polled
        assert!(is_ready(&mut second).await);
    });
}
// ANCHOR_END: granted

#[test]
fn the_last_in_the_line_gives_the_permit_back() {
    block_on(async {
        let semaphore = Semaphore::new(1);
        let permit = semaphore.acquire().await;
        let mut only = Box::pin(semaphore.acquire());
        assert!(!is_ready(&mut only).await);
        drop(permit);
        drop(only);
        let _free_again = semaphore.acquire().await;
    });
}

#[test]
fn a_lock_is_free_after_a_panic_of_its_holder() {
    block_on(async {
        let mutex = Mutex::new(1);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut lock = Box::pin(mutex.lock());
            let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
            let Poll::Ready(_guard) = lock.as_mut().poll(&mut cx) else {
                unreachable!("the lock is free")
            };
            panic!("while it is held");
        }));
        assert!(result.is_err());
        assert_eq!(*mutex.lock().await, 1);
    });
}
