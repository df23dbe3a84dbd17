//! Blocking work beside async work: on the loop's thread it stops everyone, on the thread pool
//! nobody.
//!
//! A ticker ticks every 10 ms while something computes, or blocks, for a while. The gaps between
//! the ticks are printed: on the loop there is one gap as long as the work; in the pool there is
//! none. Several jobs in the pool use several cores. And twenty clients of an internal service:
//! threads do as well as tasks, there is no reason to change what works.
//!
//! Course: 8.5, "Quand utiliser…" (A24: internal API, CPU in a request, a legacy library that
//! blocks), "Hybride 1", `run_in_executor` (A28); 8.7, threads for images (C24).
//!
//! ```text
//! cargo run --release -p course --bin blocking_work [-- MILLISECONDS]
//! ```

use std::cell::Cell;
use std::rc::Rc;
use std::thread;

use myrt::time::{Duration, Instant, MissedTickBehavior, interval, sleep};

const TICK: Duration = Duration::from_millis(10);

/// Computes for so long.
fn compute(time: Duration) -> u64 {
    let start = Instant::now();
    let mut number = 1_u64;
    while start.elapsed() < time {
        for _ in 0..1000 {
            number = number
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
        }
    }
    number
}

/// A library from the time before: it blocks its thread.
#[expect(clippy::disallowed_methods, reason = "the thing that is shown")]
fn legacy(time: Duration) {
    thread::sleep(time);
}

/// Runs `work` beside a ticker, and tells how the ticker fared.
async fn beside_a_ticker(name: &str, work: impl Future) {
    let ticks = Rc::new(Cell::new(0_u32));
    let longest = Rc::new(Cell::new(Duration::ZERO));
    let (count, gap) = (Rc::clone(&ticks), Rc::clone(&longest));
    let ticker = myrt::spawn(async move {
        let mut interval = interval(TICK);
        interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut last = Instant::now();
        loop {
            interval.tick().await;
            let now = Instant::now();
            gap.set(gap.get().max(now - last));
            last = now;
            count.set(count.get() + 1);
        }
    });
    myrt::yield_now().await; // the ticker begins
    let start = Instant::now();
    work.await;
    let took = start.elapsed();
    sleep(TICK).await;
    ticker.cancel().await;
    println!(
        "{name:<34} took {:>5} ms, {:>3} ticks, longest gap {:>5.1} ms",
        took.as_millis(),
        ticks.get(),
        longest.get().as_secs_f64() * 1e3
    );
}

/// A request of an internal API: it waits for a database.
const REQUEST: Duration = Duration::from_millis(20);
const CLIENTS: usize = 20;

#[expect(clippy::disallowed_methods, reason = "the thing that is compared")]
fn twenty_threads() {
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| thread::spawn(|| thread::sleep(REQUEST)))
        .collect();
    for client in clients {
        client.join().expect("a sleep does not panic");
    }
}

#[myrt::main]
async fn main() {
    let millis = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(1000);
    let time = Duration::from_millis(millis);
    beside_a_ticker("computing on the loop (wrong)", async { compute(time) }).await;
    beside_a_ticker(
        "computing in the pool",
        myrt::spawn_blocking(move || compute(time)),
    )
    .await;
    beside_a_ticker(
        "a blocking library in the pool",
        myrt::spawn_blocking(move || legacy(time)),
    )
    .await;
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let jobs = (0..cores).map(|_| myrt::spawn_blocking(move || compute(time)));
    beside_a_ticker(
        &format!("{cores} computations, {cores} cores"),
        myrt::gather(jobs.collect::<Vec<_>>()),
    )
    .await;
    beside_a_ticker(
        "20 clients, a task each",
        myrt::gather((0..CLIENTS).map(|_| sleep(REQUEST))),
    )
    .await;
    beside_a_ticker(
        "20 clients, a thread each",
        myrt::spawn_blocking(twenty_threads),
    )
    .await;
}
