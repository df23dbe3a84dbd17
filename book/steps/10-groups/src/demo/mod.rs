//! What the chapter shows of step 10: its run, its figure, its measurement.

mod wrong;

use std::cell::Cell;
use std::time::Duration;

use draw::{Kind, Log};
use step10::{Either, block_on, gather, pause, scope, select, sleep};
use sys::count::{allocations, instructions_each, table};

use wrong::{Gate, poll_all, polls};

async fn fetch(name: &'static str, ms: u64) -> &'static str {
    sleep(Duration::from_millis(ms)).await;
    println!("  {name} is there");
    name
}

pub fn run() {
    block_on(async {
        pause();
        println!("gather:");
        let all = gather([("a", 120), ("b", 150), ("c", 100)].map(|(name, ms)| fetch(name, ms)));
        println!("  {:?}, in the order of the arguments", all.await);
        println!("select:");
        match select(fetch("a", 120), fetch("b", 150)).await {
            Either::Left(name) | Either::Right(name) => {
                println!("  {name} wins, the other is dropped")
            }
        }
        println!("scope:");
        let total = Cell::new(0);
        let result = scope(async |s| {
            for ms in [120, 150, 100] {
                let total = &total; // borrowed from outside
                s.spawn(async move {
                    sleep(Duration::from_millis(ms)).await;
                    total.set(total.get() + ms);
                    if ms == 120 { Err("120 fails") } else { Ok(()) }
                });
            }
            Ok(())
        });
        println!("  {:?}; those before it added up to {}", result.await, total.get());
    });
}

fn by_poll_all(count: usize) -> Vec<(usize, bool)> {
    polls(count, async |gates| {
        poll_all(gates.into_iter().map(|gate| Box::pin(gate.pass()) as _).collect()).await;
    })
}

fn by_gather(count: usize) -> Vec<(usize, bool)> {
    polls(count, async |gates| {
        gather(gates.into_iter().map(Gate::pass)).await;
    })
}

pub fn figure() -> String {
    let mut log = Log::new("poll");
    for (name, polls) in [("poll all", by_poll_all(4)), ("gather", by_gather(4))] {
        for (at, (child, open)) in polls.into_iter().enumerate() {
            let kind = if open || at < 4 { Kind::Run } else { Kind::Lost };
            log.span(&format!("{name}: {child}"), at as f64, at as f64 + 0.9, kind, "");
        }
    }
    log.svg("Four children are woken one after the other. The polls in vain are marked as lost")
}

fn gather_ready(count: u64) {
    block_on(async {
        gather((0..count).map(|_| async {})).await;
    });
}

fn select_ready(times: u64) {
    block_on(async {
        for _ in 0..times {
            select(std::future::pending::<()>(), async {}).await;
        }
    });
}

/// Allocations of one repetition.
fn each(f: fn(u64)) -> Option<u64> {
    Some((allocations(|| f(1024)) - allocations(|| f(24))) / 1000)
}

pub fn measure() -> String {
    let polls = |f: fn(usize) -> Vec<(usize, bool)>| {
        vec![Some(f(10).len() as u64), Some(f(100).len() as u64)]
    };
    let counted = table(
        &["polls, 10 children", "polls, 100 children"],
        &[("poll all at each wake", polls(by_poll_all)), ("`gather`", polls(by_gather))],
    );
    let costs = table(
        &["instructions", "allocations"],
        &[
            (
                "one child of a `gather` that is ready at once",
                vec![instructions_each(20, gather_ready), each(gather_ready)],
            ),
            (
                "`select`, the right one ready",
                vec![instructions_each(20, select_ready), each(select_ready)],
            ),
        ],
    );
    format!("{counted}\n{costs}")
}
