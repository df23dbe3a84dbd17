//! Sleep and gather: what waits together costs the longest wait, not the sum.
//!
//! Shows three fetches awaited one after the other, then gathered, then one whose result is not
//! needed at once. A fetch is a sleep here, as in the course: to the loop, waiting is waiting.
//!
//! Course: 8.7, introduction (C1: 300 ms become 100 ms) and `gather` (C8); visual guide, patterns 1
//! to 3 (E2, E5, E6, E7). The same with real sockets: `05_echo_clients`. Next:
//! `03_timeout_and_cancel`.
//!
//! ```text
//! cargo run --example 02_sleep_and_gather
//! ```

use myrt::time::{Duration, Instant, sleep};

/// Tells when something happened, in milliseconds since `start`.
fn tell(start: Instant, what: &str) {
    println!("  {:>4} ms  {what}", start.elapsed().as_millis());
}

/// Asks a "service" that takes its time to answer.
async fn fetch(what: &'static str, takes: Duration, start: Instant) -> &'static str {
    sleep(takes).await;
    tell(start, &format!("answer: {what}"));
    what
}

const SERVICES: [(&str, Duration); 3] = [
    ("user", Duration::from_millis(120)),
    ("orders", Duration::from_millis(100)),
    ("advice", Duration::from_millis(150)),
];

async fn one_after_the_other() {
    println!("One after the other: the waits add up.");
    let start = Instant::now();
    for (what, takes) in SERVICES {
        fetch(what, takes, start).await;
    }
    tell(start, "all three");
}

async fn together() {
    println!("Together: the longest wait counts. Answers come as they are ready,");
    println!("results stand in the order of the questions.");
    let start = Instant::now();
    let results = myrt::gather(SERVICES.map(|(what, takes)| fetch(what, takes, start))).await;
    tell(start, &format!("all three: {results:?}"));
}

async fn in_the_background() {
    println!("In the background: started now, asked for later.");
    let start = Instant::now();
    let report = myrt::spawn(fetch("report", Duration::from_millis(80), start));
    tell(start, "main does something else");
    sleep(Duration::from_millis(40)).await;
    tell(start, "main wants the report");
    report.await.expect("nobody cancels it");
    tell(start, "main has it, and waited for half of it only");
}

#[myrt::main]
async fn main() {
    one_after_the_other().await;
    together().await;
    in_the_background().await;
}
