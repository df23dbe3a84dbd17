//! What the chapter shows of step 5: its run, its figure, its measurement.

use std::cell::RefCell;
use std::hint::black_box;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use draw::{Kind, Log};
use step05::{Timers, Wheel, block_on, now, pause, sleep, spawn};
use sys::count::{allocations, instructions, instructions_each, table};

use self::heap::Heap;
use self::list::List;

/// The solution of the exercise, so that it is measured beside the others.
#[path = "../../exercises/src/heap_solution.rs"]
mod heap;
mod list;

/// Three requests of 100, 120 and 150 ms at once: who began and ended when, in virtual time.
fn three_fetches() -> Vec<(&'static str, u64, u64)> {
    let log = Rc::new(RefCell::new(Vec::new()));
    let done = Rc::clone(&log);
    block_on(async move {
        pause();
        let fetches = [("a", 120), ("b", 100), ("c", 150)].map(|(name, wait)| {
            let log = Rc::clone(&log);
            spawn(async move {
                let began = now();
                sleep(Duration::from_millis(wait)).await;
                log.borrow_mut().push((name, began, now()));
            })
        });
        for fetch in fetches {
            fetch.await.expect("it does not panic");
        }
    });
    done.take()
}

pub fn run() {
    for (name, began, ended) in three_fetches() {
        println!("{name}: from {began} ms to {ended} ms");
    }
    block_on(async {
        pause();
        for n in [300, 250, 200] {
            sleep(Duration::from_millis(n)).await;
        }
        println!("one after the other, 300 + 250 + 200 ms: {} ms", now());
    });
}

pub fn figure() -> String {
    let mut log = Log::new("ms");
    for (name, began, ended) in three_fetches() {
        log.span(
            &format!("fetch {name}"),
            began as f64,
            ended as f64,
            Kind::Wait,
            format!("sleeps {} ms", ended - began),
        );
        log.point(&format!("fetch {name}"), ended as f64, Kind::Run, "");
    }
    log.svg("Three sleeps at once take as long as the longest")
}

/// `n` deadlines wait while one more is made, looked for, and cancelled: the instructions of that.
fn one_more<T: Timers>(n: u64) -> Option<u64> {
    let mut timers = T::default();
    for id in 0..n {
        timers.insert((100 + id, id), Waker::noop().clone());
    }
    let mut once = |key| {
        timers.insert(key, Waker::noop().clone());
        black_box(timers.next());
        timers.cancel(key);
    };
    once((50, n)); // what is made at the first use is there now
    instructions(|| once((50, n + 1)))
}

fn sleeps(times: u64) {
    block_on(async {
        pause();
        for _ in 0..times {
            sleep(Duration::from_millis(1)).await;
        }
    });
}

/// Allocations of one repetition.
fn each(f: fn(u64)) -> Option<u64> {
    Some((allocations(|| f(1024)) - allocations(|| f(24))) / 1000)
}

pub fn measure() -> String {
    let row = |f: fn(u64) -> Option<u64>| [10, 100, 1000].map(f).to_vec();
    table(
        &["10 deadlines wait", "100", "1000"],
        &[
            ("list: insert, next, cancel", row(one_more::<List>)),
            ("heap: insert, next, cancel", row(one_more::<Heap>)),
            ("wheel: insert, next, cancel", row(one_more::<Wheel>)),
        ],
    ) + "\n"
        + &table(
            &["instructions", "allocations"],
            &[(
                "a sleep, to its end, in virtual time",
                vec![instructions_each(8, sleeps), each(sleeps)],
            )],
        )
}
