//! Programs about the executor: spawning, yielding, waking.
//!
//! Everything here uses `Rc` and `Cell` where one thread needs no more.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::hint::black_box;
use std::rc::Rc;
use std::task::{Poll, Waker};

use crate::peer::Peer;

pub(super) async fn spawn_await<P: Peer>(peer: P, operations: u64) {
    for number in 0..operations {
        drop(black_box(
            peer.spawn(async move { black_box(number) }).await,
        ));
    }
}

pub(super) async fn spawn_many<P: Peer>(peer: P, operations: u64) {
    let mut handles = Vec::with_capacity(10_000);
    for _ in 0..operations.div_ceil(10_000) {
        for number in 0..10_000u64 {
            handles.push(peer.spawn(async move { black_box(number) }));
        }
        for handle in handles.drain(..) {
            drop(black_box(handle.await));
        }
    }
}

pub(super) async fn yield_many<P: Peer>(peer: P, operations: u64) {
    let each = operations / 64;
    let mut handles = Vec::with_capacity(64);
    for _ in 0..64 {
        handles.push(peer.spawn(async move {
            for _ in 0..each {
                peer.yield_now().await;
            }
        }));
    }
    for handle in handles {
        handle.await;
    }
}

pub(super) async fn yield_one<P: Peer>(peer: P, operations: u64) {
    let task = peer.spawn(async move {
        for _ in 0..operations {
            peer.yield_now().await;
        }
    });
    task.await;
}

/// The same text for everyone, where a runtime's own `yield_now` may do something cleverer (or, as
/// tokio's, something dearer that is fairer to its I/O).
pub(super) async fn self_wake<P: Peer>(peer: P, operations: u64) {
    let each = operations / 64;
    let mut handles = Vec::with_capacity(64);
    for _ in 0..64 {
        let mut left = each;
        handles.push(peer.spawn(poll_fn(move |context| {
            if left == 0 {
                return Poll::Ready(());
            }
            left -= 1;
            context.waker().wake_by_ref();
            Poll::Pending
        })));
    }
    for handle in handles {
        handle.await;
    }
}

/// The two slots are made once and used for every round trip, so that only wakes and polls count.
pub(super) async fn ping_pong<P: Peer>(peer: P, operations: u64) {
    let to_pong = Rc::new(Slot::default());
    let to_ping = Rc::new(Slot::default());
    let (inbox, outbox) = (to_pong.clone(), to_ping.clone());
    let ponger = peer.spawn(async move {
        for _ in 0..operations {
            let number = inbox.receive().await;
            outbox.send(number);
        }
    });
    let pinger = peer.spawn(async move {
        for number in 0..operations {
            to_pong.send(number);
            black_box(to_ping.receive().await);
        }
    });
    pinger.await;
    ponger.await;
}

pub(super) async fn clone_waker<P: Peer>(peer: P, operations: u64) {
    let task = peer.spawn(poll_fn(move |context| {
        for _ in 0..operations {
            drop(black_box(black_box(context.waker()).clone()));
        }
        Poll::Ready(())
    }));
    task.await;
}

/// The same hand-written one-value mailbox for every runtime: a value, and the waker of the task
/// that waits for it, as inside a oneshot.
#[derive(Default)]
struct Slot {
    value: Cell<Option<u64>>,
    waker: Cell<Option<Waker>>,
}

impl Slot {
    fn send(&self, value: u64) {
        self.value.set(Some(value));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn receive(&self) -> impl Future<Output = u64> {
        poll_fn(|context| {
            if let Some(value) = self.value.take() {
                return Poll::Ready(value);
            }
            self.waker.set(Some(context.waker().clone()));
            Poll::Pending
        })
    }
}
