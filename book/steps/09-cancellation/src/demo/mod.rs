//! What the chapter shows of step 9: its run, its figure, its measurement.

use std::cell::RefCell;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use draw::{Kind, Log};
use step09::{block_on, finally, now, pause, sleep, spawn, timeout, yield_now};
use sys::count::{allocations, instructions_each, table};

/// What happened, and at which millisecond.
type Events = Rc<RefCell<Vec<(u64, &'static str)>>>;

/// Says that it was dropped.
struct Guard(Events);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.borrow_mut().push((now(), "destructor"));
    }
}

// ANCHOR: talk
/// A conversation that takes too long. It is cut off after 50 ms; the goodbye takes 30 ms.
async fn talk(events: Events) {
    let say = |what| events.borrow_mut().push((now(), what));
    let goodbye = {
        let events = Rc::clone(&events);
        async move {
            events.borrow_mut().push((now(), "goodbye begins"));
            sleep(Duration::from_millis(30)).await;
            events.borrow_mut().push((now(), "goodbye ends"));
        }
    };
    let guard = Guard(Rc::clone(&events));
    let conversation = async {
        let _guard = guard;
        sleep(Duration::from_secs(3600)).await;
        say("after the await"); // never
    };
    say("talk begins");
    let result = timeout(Duration::from_millis(50), finally(conversation, goodbye)).await;
    say(if result.is_err() { "timeout returns" } else { "talk ends" });
}
// ANCHOR_END: talk

fn events() -> Vec<(u64, &'static str)> {
    let events = Events::default();
    block_on(async {
        pause();
        talk(Rc::clone(&events)).await;
    });
    events.take()
}

pub fn run() {
    for (at, what) in events() {
        println!("{at:>3} ms  {what}");
    }
}

pub fn figure() -> String {
    let events = events();
    let at = |name| events.iter().find(|event| event.1 == name).expect("it happened").0 as f64;
    let mut log = Log::new("ms");
    log.span("main", at("talk begins"), at("timeout returns"), Kind::Wait, "waits, 50 ms at most");
    log.point("main", at("destructor"), Kind::Lost, "drop");
    let (begins, ends) = (at("goodbye begins"), at("goodbye ends"));
    log.span("cleanup", begins, ends, Kind::Run, "goodbye");
    log.svg("The future is dropped at the timeout; its cleanup runs on as a task of its own")
}

fn cancels(times: u64) {
    block_on(async {
        for _ in 0..times {
            let task = spawn(pending::<()>());
            yield_now().await;
            task.cancel();
        }
    });
}

fn spawns(times: u64) {
    block_on(async {
        for _ in 0..times {
            drop(spawn(async {}));
            yield_now().await;
        }
    });
}

fn timeouts(times: u64) {
    block_on(async {
        for _ in 0..times {
            let _ = timeout(Duration::from_secs(3600), yield_now()).await;
        }
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
            ("spawn, yield, the task ends", vec![instructions_each(10, spawns), each(spawns)]),
            ("spawn, yield, cancel the task", vec![instructions_each(10, cancels), each(cancels)]),
            (
                "a timeout around a yield, which does not fire",
                vec![instructions_each(10, timeouts), each(timeouts)],
            ),
        ],
    )
}
