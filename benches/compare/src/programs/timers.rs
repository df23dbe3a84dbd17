//! Programs about time: sleeps that are dropped, and sleeps that end.
//!

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Span;
use crate::peer::{Peer, Unavailable};

/// In a task of its own: what matters is the timer, not how the main future is woken.
pub(super) async fn create_and_cancel<P: Peer>(peer: P, operations: u64) {
    let task = peer.spawn(async move {
        for number in 0..operations {
            let duration = Duration::from_millis(1_000 + number % 9_000);
            poll_once(peer.sleep(duration)).await;
        }
    });
    task.await;
}

pub(super) fn create_and_cancel_among_many<P: Peer>(operations: u64) -> Result<Value, Unavailable> {
    P::block_on(|peer| async move {
        let mut random = Random(1);
        for _ in 0..100_000 {
            let duration = Duration::from_millis(60_000 + random.below(3_600_000));
            let task = peer.spawn(async move {
                peer.sleep(duration).await;
            });
            peer.detach(task);
        }
        // Two turns, so that every task has been polled and its timer is in place.
        settle(peer).await;
        let span = Span::start();
        create_and_cancel(peer, operations).await;
        span.report(operations)
    })
}

/// The clock of the whole: the CPU time of spawning, arming, firing and ending each of them.
pub(super) fn pending_sleeps<P: Peer>(operations: u64) -> Result<Value, Unavailable> {
    P::block_on(|peer| async move {
        let early = Rc::new(Cell::new(0u64));
        let latest = Rc::new(Cell::new(Duration::ZERO));
        let mut random = Random(7);
        let span = Span::start();
        let mut handles = Vec::with_capacity(operations as usize);
        for _ in 0..operations {
            let duration = Duration::from_micros(20_000 + random.below(480_000));
            let early = early.clone();
            let latest = latest.clone();
            handles.push(peer.spawn(async move {
                let start = Instant::now();
                peer.sleep(duration).await;
                match start.elapsed().checked_sub(duration) {
                    None => early.set(early.get() + 1),
                    Some(late) => latest.set(latest.get().max(late)),
                }
            }));
        }
        for handle in handles {
            handle.await;
        }
        let mut report = span.report(operations);
        report["early"] = json!(early.get());
        report["latest_us"] = json!(latest.get().as_micros() as u64);
        report
    })
}

/// Yields until every task spawned before has been polled at least once.
pub(super) async fn settle<P: Peer>(peer: P) {
    let task = peer.spawn(async move {
        for _ in 0..4 {
            peer.yield_now().await;
        }
    });
    task.await;
}

async fn poll_once(future: impl Future) {
    let mut future = pin!(future);
    poll_fn(|context| {
        let _ = future.as_mut().poll(context);
        Poll::Ready(())
    })
    .await;
}

/// The same pseudo-random durations for every runtime and every run (xorshift).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}
