//! Programs that hold many idle tasks and weigh the process.
//!
//! Handles are dropped (detached), as a server's are; the weight is the growth of resident memory
//! after one task in a hundred has been spawned first, so that what is paid once is left out.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use serde_json::{Value, json};

use super::timers::{Random, settle};
use crate::peer::{Peer, Unavailable};
use crate::system;

pub(super) fn sleeping_tasks<P: Peer>(tasks: u64) -> Result<Value, Unavailable> {
    P::block_on(|peer| async move {
        let mut random = Random(3);
        spawn_sleepers(peer, &mut random, tasks / 100);
        settle(peer).await;
        let before = system::resident_bytes("self");
        spawn_sleepers(peer, &mut random, tasks);
        settle(peer).await;
        weigh(before, tasks)
    })
}

pub(super) fn waiting_tasks<P: Peer>(tasks: u64) -> Result<Value, Unavailable> {
    P::block_on(|peer| async move {
        spawn_waiters(peer, tasks / 100);
        settle(peer).await;
        let before = system::resident_bytes("self");
        spawn_waiters(peer, tasks);
        settle(peer).await;
        weigh(before, tasks)
    })
}

fn spawn_sleepers<P: Peer>(peer: P, random: &mut Random, tasks: u64) {
    for _ in 0..tasks {
        let duration = Duration::from_millis(3_600_000 + random.below(3_600_000));
        let task = peer.spawn(async move {
            peer.sleep(duration).await;
        });
        peer.detach(task);
    }
}

fn spawn_waiters<P: Peer>(peer: P, tasks: u64) {
    for _ in 0..tasks {
        // The waker is kept in the future itself, which is the least that waiting can cost.
        let mut _waker = None;
        let task = peer.spawn(poll_fn(move |context| {
            _waker = Some(context.waker().clone());
            Poll::<()>::Pending
        }));
        peer.detach(task);
    }
}

/// Prints and ends the process at once: dropping a million tasks is not what is weighed.
fn weigh(before: u64, tasks: u64) -> Value {
    let grown = system::resident_bytes("self").saturating_sub(before);
    println!(
        "{}",
        json!({ "operations": tasks, "bytes": grown as f64 / tasks as f64 })
    );
    std::process::exit(0);
}
