//! Ways that seem to work. Each test shows what is wrong with one of them.

use step10::{Either, block_on, gather, select};

#[path = "../src/demo/wrong.rs"]
mod wrong;

use wrong::{Gate, poll_all, polls};

#[test]
fn to_poll_all_at_each_wake_is_quadratic() {
    let all = polls(100, async |gates| {
        poll_all(gates.into_iter().map(|gate| Box::pin(gate.pass()) as _).collect()).await;
    });
    let woken = polls(100, async |gates| {
        gather(gates.into_iter().map(Gate::pass)).await;
    });
    assert_eq!((all.len(), woken.len()), (5150, 200));
}

// ANCHOR: starved
#[test]
fn a_left_side_that_is_always_ready_starves_the_right() {
    block_on(async {
        let mut right = 0;
        for _ in 0..1000 {
            // Both are ready in each round.
            if let Either::Right(()) = select(async {}, async {}).await {
                right += 1;
            }
        }
        assert_eq!(right, 0);
    });
}
// ANCHOR_END: starved
