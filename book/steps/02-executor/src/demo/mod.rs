//! What the chapter shows of step 2: its run, its figure, its measurement.

use std::cell::RefCell;
use std::rc::Rc;

use draw::{Kind, Log};
use step02::{Executor, yield_now};
use sys::count::{allocations, instructions_each, table};

/// Three tasks of 1, 2 and 3 turns: who was polled, in order.
fn turns() -> Vec<(&'static str, u32)> {
    let log = Rc::new(RefCell::new(Vec::new()));
    let mut executor = Executor::default();
    for (name, turns) in [("a", 1), ("b", 2), ("c", 3)] {
        let log = Rc::clone(&log);
        executor.spawn(async move {
            for turn in 1..=turns {
                log.borrow_mut().push((name, turn));
                yield_now().await;
            }
        });
    }
    assert_eq!(executor.run(), 0);
    log.take()
}

pub fn run() {
    for (name, turn) in turns() {
        println!("task {name}, turn {turn}");
    }
    let mut executor = Executor::default();
    executor.spawn(std::future::pending());
    executor.spawn(async {});
    println!("left, for they were never woken: {}", executor.run());
}

pub fn figure() -> String {
    let mut log = Log::new("poll");
    for (at, (name, turn)) in turns().into_iter().enumerate() {
        log.span(
            &format!("task {name}"),
            at as f64,
            at as f64 + 0.92,
            Kind::Run,
            format!("turn {turn}"),
        );
    }
    log.svg("Three tasks take turns on one thread")
}

fn spawn_and_run(tasks: u64) {
    let mut executor = Executor::default();
    for _ in 0..tasks {
        executor.spawn(async {});
    }
    executor.run();
}

fn yields(times: u64) {
    let mut executor = Executor::default();
    executor.spawn(async move {
        for _ in 0..times {
            yield_now().await;
        }
    });
    executor.run();
}

/// Allocations of one repetition.
fn each(f: fn(u64)) -> Option<u64> {
    Some((allocations(|| f(1024)) - allocations(|| f(24))) / 1000)
}

pub fn measure() -> String {
    table(
        &["instructions", "allocations"],
        &[
            (
                "spawn a task, run it to its end",
                vec![instructions_each(14, spawn_and_run), each(spawn_and_run)],
            ),
            ("yield: wake, queue, poll", vec![instructions_each(20, yields), each(yields)]),
        ],
    )
}
