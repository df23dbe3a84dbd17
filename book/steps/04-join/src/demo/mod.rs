//! What the chapter shows of step 4: its run, its figure, its measurement.

use std::cell::RefCell;
use std::panic;
use std::rc::Rc;

use draw::{Kind, Log};
use step04::{block_on, spawn, yield_now};
use sys::count::{allocations, instructions_each, table};

// ANCHOR: kitchen
async fn kitchen(log: Rc<RefCell<Vec<(&'static str, String)>>>) {
    let say = move |who, what: &str| log.borrow_mut().push((who, what.to_owned()));
    let (tea_says, toast_says) = (say.clone(), say.clone());
    let tea = spawn(async move {
        for n in 1..=2 {
            tea_says("tea", &format!("step {n}"));
            yield_now().await;
        }
        tea_says("tea", "ready");
        "tea"
    });
    let toast = spawn(async move {
        toast_says("toast", "burns");
        yield_now().await;
        toast_says("toast", "panics");
        panic!("no toast today")
    });
    say("main", "waits");
    let tea: Result<&str, _> = tea.await;
    say("main", &format!("has {}", tea.unwrap_or("nothing")));
    let toast: Result<(), _> = toast.await;
    let why = toast.expect_err("it burns").panic;
    say("main", why.downcast_ref::<&str>().unwrap_or(&"?"));
}
// ANCHOR_END: kitchen

fn cooked() -> Vec<(&'static str, String)> {
    // The default hook would print the panic where the output of this program is read.
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| ()));
    let log = Rc::new(RefCell::new(Vec::new()));
    block_on(kitchen(Rc::clone(&log)));
    panic::set_hook(hook);
    log.take()
}

pub fn run() {
    for (who, what) in cooked() {
        println!("{who:>5}: {what}");
    }
}

pub fn figure() -> String {
    let events = cooked();
    let at = |who: &str, start: &str| {
        events.iter().position(|e| e.0 == who && e.1.starts_with(start)).expect("it happened")
            as f64
    };
    let mut log = Log::new("event");
    log.span("main", at("main", "waits"), at("main", "has"), Kind::Wait, "waits for tea");
    log.span("main", at("main", "has"), at("main", "has") + 0.9, Kind::Run, "has tea");
    log.span("main", at("main", "no"), at("main", "no") + 0.9, Kind::Run, "JoinError");
    for n in 1..=2 {
        let from = at("tea", &format!("step {n}"));
        log.span("tea", from, from + 0.9, Kind::Run, format!("step {n}"));
    }
    for what in ["burns", "panics"] {
        let kind = if what == "burns" { Kind::Run } else { Kind::Lost };
        log.span("toast", at("toast", what), at("toast", what) + 0.9, kind, what);
    }
    let ready = at("tea", "ready");
    log.span("tea", ready, ready + 0.9, Kind::Run, "ready");
    log.arrow("tea", "main", ready + 0.7, "wakes");
    log.svg("A handle waits for tea; the panic of toast reaches only the one that awaits toast")
}

fn spawn_and_join(tasks: u64) {
    block_on(async {
        for _ in 0..tasks {
            spawn(async {}).await.expect("it does not panic");
        }
    });
}

fn yields(times: u64) {
    block_on(async {
        for _ in 0..times {
            yield_now().await;
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
            (
                "spawn a task and await its handle",
                vec![instructions_each(10, spawn_and_join), each(spawn_and_join)],
            ),
            ("yield: wake, queue, poll", vec![instructions_each(20, yields), each(yields)]),
        ],
    )
}
