//! Programs about locks and channels. All run in spawned tasks, as users' code does.
//!

use std::hint::black_box;
use std::rc::Rc;

use crate::peer::{Peer, Primitives};

pub(super) async fn mutex<P: Peer>(peer: P, operations: u64) {
    let task = peer.spawn(async move {
        let mutex = P::Sync::mutex(0);
        for _ in 0..operations {
            *P::Sync::lock(black_box(&mutex)).await += 1;
        }
    });
    task.await;
}

pub(super) async fn mutex_contended<P: Peer>(peer: P, operations: u64) {
    let mutex = Rc::new(P::Sync::mutex(0));
    let each = operations / 64;
    let mut handles = Vec::with_capacity(64);
    for _ in 0..64 {
        let mutex = mutex.clone();
        handles.push(peer.spawn(async move {
            for _ in 0..each {
                let mut guard = P::Sync::lock(&mutex).await;
                *guard += 1;
                peer.yield_now().await;
            }
        }));
    }
    for handle in handles {
        handle.await;
    }
    assert_eq!(
        *P::Sync::lock(&mutex).await,
        each * 64,
        "the mutex lost an update"
    );
}

pub(super) async fn semaphore<P: Peer>(peer: P, operations: u64) {
    let task = peer.spawn(async move {
        let semaphore = P::Sync::semaphore(8);
        for _ in 0..operations {
            drop(P::Sync::acquire(black_box(&semaphore)).await);
        }
    });
    task.await;
}

pub(super) async fn semaphore_contended<P: Peer>(peer: P, operations: u64) {
    let semaphore = Rc::new(P::Sync::semaphore(8));
    let each = operations / 64;
    let mut handles = Vec::with_capacity(64);
    for _ in 0..64 {
        let semaphore = semaphore.clone();
        handles.push(peer.spawn(async move {
            for _ in 0..each {
                let permit = P::Sync::acquire(&semaphore).await;
                peer.yield_now().await;
                drop(permit);
            }
        }));
    }
    for handle in handles {
        handle.await;
    }
}

pub(super) async fn stream<P: Peer>(peer: P, operations: u64) {
    let (sender, mut receiver) = P::Sync::channel::<u64>(128);
    let producer = peer.spawn(async move {
        for number in 0..operations {
            P::Sync::send(&sender, number).await;
        }
    });
    let consumer = peer.spawn(async move {
        let mut received = 0u64;
        while let Some(number) = P::Sync::receive(&mut receiver).await {
            black_box(number);
            received += 1;
        }
        assert_eq!(received, operations, "the channel lost a message");
    });
    producer.await;
    consumer.await;
}

pub(super) async fn oneshot<P: Peer>(peer: P, operations: u64) {
    let task = peer.spawn(async move {
        for number in 0..operations {
            let (sender, receiver) = P::Sync::oneshot::<u64>();
            P::Sync::send_once(black_box(sender), number);
            drop(black_box(receiver.await));
        }
    });
    task.await;
}

pub(super) async fn oneshot_task<P: Peer>(peer: P, operations: u64) {
    let task = peer.spawn(async move {
        for number in 0..operations {
            let (sender, receiver) = P::Sync::oneshot::<u64>();
            let task = peer.spawn(async move { P::Sync::send_once(sender, number) });
            peer.detach(task);
            drop(black_box(receiver.await));
        }
    });
    task.await;
}

pub(super) async fn channel_ping_pong<P: Peer>(peer: P, operations: u64) {
    let (to_pong, mut pong) = P::Sync::channel::<u64>(1);
    let (to_ping, mut ping) = P::Sync::channel::<u64>(1);
    let ponger = peer.spawn(async move {
        while let Some(number) = P::Sync::receive(&mut pong).await {
            P::Sync::send(&to_ping, number).await;
        }
    });
    let pinger = peer.spawn(async move {
        for number in 0..operations {
            P::Sync::send(&to_pong, number).await;
            black_box(P::Sync::receive(&mut ping).await);
        }
    });
    pinger.await;
    ponger.await;
}
