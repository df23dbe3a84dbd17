//! A tour of myrt in a quarter of a minute: each idea of the course, run once, drawn from what
//! really happened.
//!
//! Shows, in this order: two tasks that interleave on one thread (C6), three fetches in sequence
//! and gathered (E2, E5, E6), a semaphore's slots (E8), a heartbeat that is cancelled (C10, C11,
//! C20), what a blocking call does to the others (E11, A28), an hour of virtual time, and a server
//! for 5,000 clients at once (A6: C10K, and N1). Course: 8.5, 8.7, and the visual guide.
//!
//! It takes no arguments, uses no network but loopback and needs no client. In a terminal it draws
//! in colour, in a pipe in plain text.
//!
//! ```text
//! cargo run --release --example tour
//! ```
//!
//! `paint.rs` draws, `crowd.rs` is the server with its clients; this file has the ideas.

mod crowd;
mod paint;

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use myrt::runtime::{Builder, Lints};
use myrt::sync::Semaphore;
use myrt::task;
use myrt::time::{Duration, Instant, interval, sleep};
use paint::{Paint, Row, Shade, Timeline};

fn main() -> io::Result<()> {
    let paint = Paint::new();
    paint.title("myrt: tasks, time and sockets on one thread");
    // As `myrt::run` does it, but what the runtime notices is kept for the drawing, not printed at
    // once.
    let noticed = Noticed::default();
    let keep = Rc::clone(&noticed);
    let builder = Builder::new().slow_poll(ms(50)).lints(Lints::Warn);
    let runtime = builder
        .on_report(move |report| keep.borrow_mut().push(report.to_string()))
        .build()?;
    runtime.block_on(async {
        two_tasks(&paint).await;
        three_fetches(&paint).await;
        slots(&paint).await;
        heartbeat(&paint).await;
        blocking(&paint, &noticed).await;
    });
    an_hour(&paint)?;
    crowd::five_thousand_clients(&paint)?;
    paint.goodbye(
        "Read on: ARCHITECTURE.md shows one turn of the loop, examples/01_hello.rs is the first program to change.",
    );
    Ok(())
}

/// What the runtime has reported.
type Noticed = Rc<RefCell<Vec<String>>>;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

async fn two_tasks(paint: &Paint) {
    paint.heading("Two tasks, one thread", "8.7, C6");
    let timeline = Timeline::new();
    async fn steps(row: Row, wait: Duration, waits: usize) {
        row.say("starts");
        for step in 1..=waits {
            row.shade(Shade::Asleep);
            sleep(wait).await; // here, and only here, the other task gets its turn
            row.say(if step == waits { "ends" } else { "goes on" });
        }
        row.end();
    }
    let first = myrt::spawn(steps(timeline.row("task 1"), ms(100), 2));
    let second = myrt::spawn(steps(timeline.row("task 2"), ms(150), 1));
    first.await.expect("nobody cancels it");
    second.await.expect("nobody cancels it");
    paint.said(&timeline);
    paint.timeline(&timeline, None);
    paint.note("350 ms of waiting took 200 ms: each waits while the other one runs or waits.");
}

async fn fetch(row: Row, takes: Duration) {
    row.shade(Shade::Work);
    sleep(takes).await;
    row.end();
}

const FETCHES: [(&str, u64); 3] = [("user", 120), ("orders", 100), ("advice", 150)];

async fn three_fetches(paint: &Paint) {
    paint.heading("Three fetches", "visual guide, E2, E5, E6");
    let sequence = Timeline::new();
    for (what, takes) in FETCHES {
        fetch(sequence.row(what), ms(takes)).await;
    }
    paint.label(&format!("awaited in sequence: {}", sequence.length()));
    paint.timeline(&sequence, None);

    let together = Timeline::new();
    myrt::gather(FETCHES.map(|(what, takes)| fetch(together.row(what), ms(takes)))).await;
    paint.label(&format!("gathered: {}", together.length()));
    paint.timeline(&together, Some(&sequence));
    paint.note("The sum of the waits becomes the longest wait.");
}

async fn slots(paint: &Paint) {
    paint.heading("Five fetches, two slots", "visual guide, E8");
    const PAGES: [(&str, u64); 5] = [
        ("page 1", 100),
        ("page 2", 50),
        ("page 3", 100),
        ("page 4", 50),
        ("page 5", 100),
    ];
    let timeline = Timeline::new();
    let slots = Rc::new(Semaphore::new(2));
    let tasks = PAGES.map(|(page, takes)| {
        let (row, slots) = (timeline.row(page), Rc::clone(&slots));
        myrt::spawn(async move {
            row.shade(Shade::Queued);
            let _slot = slots.acquire().await.expect("nobody closes it");
            fetch(row, ms(takes)).await;
        })
    });
    for task in tasks {
        task.await.expect("nobody cancels it");
    }
    paint.timeline(&timeline, None);
    paint.note("Who came first goes first, and never more than two at a time.");
}

async fn heartbeat(paint: &Paint) {
    paint.heading("A heartbeat, cancelled", "8.7, C10, C11, C20");
    /// Marks the end in the drawing when it is dropped, as any destructor in a cancelled task runs.
    struct Ended(Row);
    impl Drop for Ended {
        fn drop(&mut self) {
            self.0.mark(paint::CANCELLED);
            self.0.end();
        }
    }
    let timeline = Timeline::new();
    let row = timeline.row("heartbeat");
    let beats = myrt::spawn(async move {
        let row = Ended(row);
        let mut beat = interval(ms(80));
        loop {
            beat.tick().await;
            row.0.mark(paint::EVENT);
            row.0.shade(Shade::Asleep);
        }
    });
    fetch(timeline.row("work"), ms(440)).await;
    beats.cancel(); // its destructors have run when this returns
    let error = beats
        .await
        .map(|never: std::convert::Infallible| match never {})
        .expect_err("cancelled");
    paint.timeline(&timeline, None);
    paint.note(&format!(
        "The handle says: {error}. A task is cancelled by dropping its future where it waits."
    ));
}

/// What a ticker does in 240 ms while something else takes 100 ms of the thread, or of another
/// thread.
async fn ticker_beside<F>(timeline: &Timeline, what: &'static str, other: impl FnOnce(Row) -> F)
where
    F: Future<Output = ()> + 'static,
{
    let ticks = timeline.row("ticker");
    let ticker = myrt::spawn(async move {
        loop {
            ticks.mark(paint::EVENT);
            sleep(ms(10)).await;
        }
    });
    sleep(ms(60)).await;
    let other = task::Builder::new()
        .name("other")
        .spawn(other(timeline.row(what)));
    other.await.expect("nobody cancels it");
    sleep(ms(80)).await;
    ticker.cancel();
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the mistake that is shown"
)]
fn blocking_call(row: Row) {
    row.shade(Shade::Blocked);
    std::thread::sleep(ms(100));
}

async fn blocking(paint: &Paint, noticed: &Noticed) {
    paint.heading(
        "What a blocking call does to the others",
        "8.5, A28; visual guide, E11",
    );
    let wrong = Timeline::new();
    ticker_beside(&wrong, "a task", |row| async move {
        blocking_call(row.clone());
        row.end();
    })
    .await;
    paint.label("in a task: the thread is taken, and nobody else runs");
    paint.timeline(&wrong, None);
    noticed
        .take()
        .iter()
        .for_each(|report| paint.wrapped(report));

    let right = Timeline::new();
    ticker_beside(&right, "the pool", |row| async move {
        row.shade(Shade::Work);
        myrt::spawn_blocking(|| blocking_call(Row::nowhere()))
            .await
            .expect("it does not panic");
        row.end();
    })
    .await;
    paint.label("with spawn_blocking: another thread is taken");
    paint.timeline(&right, Some(&wrong));
}

fn an_hour(paint: &Paint) -> io::Result<()> {
    paint.heading("An hour of heartbeats, at once", "8.7, C11, every 30 s");
    let real = Instant::now();
    let runtime = Builder::new().start_paused(true).build()?;
    let (beats, took) = runtime.block_on(async {
        let start = Instant::now();
        let mut beat = interval(ms(30_000));
        let mut beats = 0;
        while start.elapsed() < Duration::from_secs(3600) {
            beat.tick().await;
            beats += 1;
        }
        (beats, start.elapsed())
    });
    paint.fact(
        "by the runtime's clock",
        &format!("{beats} beats in {} s", took.as_secs()),
    );
    paint.fact(
        "by the clock on the wall",
        &format!("{:.1} ms", real.elapsed().as_secs_f64() * 1e3),
    );
    paint.note("A paused clock leaps to the next deadline when nothing else can happen: tests need not wait.");
    Ok(())
}
