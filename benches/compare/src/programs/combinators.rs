//! Programs about combinators: gather, timeout, select.

use std::future::{pending, ready};
use std::hint::black_box;
use std::time::Duration;

use crate::peer::Peer;

pub(super) async fn gather_thousand<P: Peer>(peer: P, operations: u64) {
    let task = peer.spawn(async move {
        for _ in 0..operations.div_ceil(1_000) {
            let futures: Vec<_> = (0..1_000u64)
                .map(|number| async move {
                    peer.yield_now().await;
                    number
                })
                .collect();
            let numbers = peer.gather(futures).await;
            assert_eq!(numbers[999], 999, "gather keeps the order");
        }
    });
    task.await;
}

pub(super) async fn timeout_ready<P: Peer>(peer: P, operations: u64) {
    let task = peer.spawn(async move {
        for number in 0..operations {
            drop(black_box(
                peer.timeout(Duration::from_secs(10), ready(number)).await,
            ));
        }
    });
    task.await;
}

pub(super) async fn select_ready<P: Peer>(peer: P, operations: u64) {
    let task = peer.spawn(async move {
        for number in 0..operations {
            black_box(peer.select(ready(number), pending()).await);
        }
    });
    task.await;
}

pub(super) async fn select_pending<P: Peer>(peer: P, operations: u64) {
    let task = peer.spawn(async move {
        for number in 0..operations {
            let yielding = async move {
                peer.yield_now().await;
                number
            };
            black_box(peer.select(yielding, pending()).await);
        }
    });
    task.await;
}
