//! Programs about the executor: spawning, yielding, waking.
//!
//! Everything here uses `Rc` and `Cell` where one thread needs no more. Must not know any runtime.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::hint::black_box;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

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

/// Each message carries the sender of the answer, as a request to an actor does: two fresh
/// oneshots a round trip.
pub(super) async fn ping_pong<P: Peer>(peer: P, operations: u64) {
    let (mut to_pong, pong) = local_oneshot::<Ping>();
    let ponger = peer.spawn(async move {
        let mut inbox = pong;
        loop {
            let ping = inbox.await;
            let Some(next) = ping.next else {
                ping.answer.send(ping.number);
                return;
            };
            inbox = next;
            ping.answer.send(ping.number);
        }
    });
    let pinger = peer.spawn(async move {
        for number in 0..operations {
            let (answer, answered) = local_oneshot();
            let (sender, next) = local_oneshot();
            to_pong.send(Ping {
                number,
                answer,
                next: Some(next),
            });
            to_pong = sender;
            black_box(answered.await);
        }
        let (answer, answered) = local_oneshot();
        to_pong.send(Ping {
            number: 0,
            answer,
            next: None,
        });
        answered.await;
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

struct Ping {
    number: u64,
    answer: LocalSender<u64>,
    next: Option<LocalReceiver<Self>>,
}

/// The same hand-written oneshot for every runtime, so that only wakes and polls differ.
fn local_oneshot<T>() -> (LocalSender<T>, LocalReceiver<T>) {
    let shared = Rc::new(Shared {
        value: Cell::new(None),
        waker: Cell::new(None),
    });
    (LocalSender(shared.clone()), LocalReceiver(shared))
}

struct Shared<T> {
    value: Cell<Option<T>>,
    waker: Cell<Option<Waker>>,
}

struct LocalSender<T>(Rc<Shared<T>>);

impl<T> LocalSender<T> {
    fn send(self, value: T) {
        self.0.value.set(Some(value));
        if let Some(waker) = self.0.waker.take() {
            waker.wake();
        }
    }
}

struct LocalReceiver<T>(Rc<Shared<T>>);

impl<T> Future for LocalReceiver<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        if let Some(value) = self.0.value.take() {
            return Poll::Ready(value);
        }
        self.0.waker.set(Some(context.waker().clone()));
        Poll::Pending
    }
}
