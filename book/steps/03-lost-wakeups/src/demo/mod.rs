//! What the chapter shows of step 3: its run, its figure, its measurement.

use std::cell::RefCell;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use draw::{Kind, Log};
use step03::{Event, Executor, Stalled, yield_now};
use sys::count::{allocations, instructions_each, table};

use self::lost::{OneSlot, Sleepy};

mod lost;

/// Two tasks wait, the third sets: what happened, and how the run ended.
fn two_wait() -> (Vec<(&'static str, &'static str)>, Result<(), Stalled>) {
    let event = Rc::new(OneSlot::default());
    let log = Rc::new(RefCell::new(Vec::new()));
    let executor = Executor::default();
    for name in ["a", "b"] {
        let (event, log) = (Rc::clone(&event), Rc::clone(&log));
        executor.spawn(async move {
            log.borrow_mut().push((name, "waits"));
            event.wait().await;
            log.borrow_mut().push((name, "goes on"));
        });
    }
    let note = Rc::clone(&log);
    executor.spawn(async move {
        note.borrow_mut().push(("c", "sets"));
        event.set();
    });
    let end = executor.run(pending());
    (log.take(), end)
}

pub fn run() {
    let (log, end) = two_wait();
    println!("one slot for two tasks:");
    for (who, what) in log {
        println!("  task {who} {what}");
    }
    println!("  {end:?}");

    let event = Rc::new(Event::default());
    let executor = Executor::default();
    for name in ["a", "b"] {
        let event = Rc::clone(&event);
        executor.spawn(async move {
            event.wait().await;
            println!("  task {name} goes on");
        });
    }
    let set = Rc::clone(&event);
    executor.spawn(async move { set.set() });
    println!("a list:");
    let main = async move {
        event.wait().await;
        yield_now().await; // after those who were woken with it
    };
    println!("  {:?}", executor.run(main));

    let queue = Sleepy::default();
    let woken = queue.wait(Duration::from_millis(50), || queue.push(7));
    println!(
        "pushed between the look and the sleep: woken {woken}, in the queue {:?}",
        queue.pop()
    );
}

pub fn figure() -> String {
    let (events, _) = two_wait();
    let at =
        |who: &str, what: &str| events.iter().position(|e| *e == (who, what)).map(|n| n as f64);
    let mut log = Log::new("event");
    let last = events.len() as f64 + 1.0;
    for (lane, name) in [("task a", "a"), ("task b", "b")] {
        let from = at(name, "waits").expect("both wait");
        match at(name, "goes on") {
            Some(to) => {
                log.span(lane, from, to, Kind::Wait, "its waker is in the slot");
                log.span(lane, to, to + 0.9, Kind::Run, "goes on");
            }
            None => log.span(lane, from, last, Kind::Lost, "never woken"),
        }
    }
    let set = at("c", "sets").expect("it sets");
    log.span("task c", set, set + 0.9, Kind::Run, "sets");
    log.arrow("task c", "task b", set + 0.5, "wakes");
    log.svg("Task b has put away the waker of task a, which is never woken")
}

fn spawn_and_run(tasks: u64) {
    let executor = Executor::default();
    for _ in 0..tasks {
        executor.spawn(async {});
    }
    executor.run(async {}).expect("the tasks are ahead of it");
}

fn yields(times: u64) {
    let main = async {
        for _ in 0..times {
            yield_now().await;
        }
    };
    Executor::default().run(main).expect("it ends");
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
