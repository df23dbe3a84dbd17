//! What the chapter shows of step 13: its run, its figure, its measurement.

use std::cell::RefCell;
use std::panic;
use std::rc::Rc;
use std::time::Duration;

use draw::{Kind, Log};
use step13::waits;
use step13::{Mutex, block_on, gather, pause, sleep, spawn, yield_now};
use sys::count::{allocations, instructions_each, table};

/// What happened: the philosopher, which fork, and whether it has it or waits for it.
type Events = Rc<RefCell<Vec<(usize, usize, bool)>>>;

// ANCHOR: table
/// Three philosophers at a round table. Each takes the fork at its left, then the one at its right.
async fn dinner(events: Events) {
    let forks = Rc::new([(), (), ()].map(Mutex::new));
    let seats = [0, 1, 2].map(|seat| {
        let (forks, events) = (Rc::clone(&forks), Rc::clone(&events));
        spawn(async move {
            let mut held = Vec::new();
            for fork in [seat, (seat + 1) % 3] {
                events.borrow_mut().push((seat, fork, false));
                held.push(forks[fork].lock().await);
                events.borrow_mut().push((seat, fork, true));
                yield_now().await;
            }
        })
    });
    for seat in seats {
        let _ = seat.await;
    }
}
// ANCHOR_END: table

/// What happened, and what the panic said.
fn stuck() -> (Vec<(usize, usize, bool)>, String) {
    // The default hook would print the panic where the output of this program is read.
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| ()));
    let events = Events::default();
    let eat = panic::AssertUnwindSafe(|| block_on(dinner(Rc::clone(&events))));
    let panic = panic::catch_unwind(eat).expect_err("they starve");
    panic::set_hook(hook);
    (events.take(), *panic.downcast().expect("the report is a text"))
}

pub fn run() {
    println!("in the middle of a run:");
    block_on(async {
        pause();
        let lock = Rc::new(Mutex::new(()));
        let mutex = Rc::clone(&lock);
        let holder = spawn(async move {
            let _held = mutex.lock().await;
            sleep(Duration::from_millis(5)).await;
        });
        let waiter = spawn(async move { drop(lock.lock().await) });
        yield_now().await;
        print!("{}", waits::report());
        gather([holder, waiter]).await;
    });
    println!("\nthree philosophers:\n{}", stuck().1);
}

pub fn figure() -> String {
    let mut log = Log::new("event");
    let events = stuck().0;
    let end = events.len() as f64 + 1.0;
    for (at, (seat, fork, has)) in events.iter().enumerate() {
        let lane = format!("task {}", seat + 1);
        let granted = events.contains(&(*seat, *fork, true));
        if *has {
            log.span(&lane, at as f64, at as f64 + 0.9, Kind::Run, format!("has {fork}"));
        } else if !granted {
            log.span(&lane, at as f64, end, Kind::Lost, format!("waits for fork {fork}"));
        }
    }
    log.svg("Each task has one fork, and waits for the one that the next has")
}

fn yields(times: u64) {
    block_on(async {
        for _ in 0..times {
            yield_now().await;
        }
    });
}

fn contended_locks(times: u64) {
    block_on(async {
        let mutex = Mutex::new(0_u64);
        let side = async || {
            for _ in 0..times.div_ceil(2) {
                let mut value = mutex.lock().await;
                *value += 1;
                yield_now().await;
            }
        };
        gather([side(), side()]).await;
    });
}

/// Allocations of one repetition.
fn each(f: fn(u64)) -> Option<u64> {
    Some((allocations(|| f(1024)) - allocations(|| f(24))) / 1000)
}

pub fn measure() -> String {
    table(
        &["instructions", "allocations"],
        &[
            ("yield: wake, queue, poll", vec![instructions_each(20, yields), each(yields)]),
            (
                "lock and unlock, another task waits, with a yield",
                vec![instructions_each(20, contended_locks), each(contended_locks)],
            ),
        ],
    )
}
