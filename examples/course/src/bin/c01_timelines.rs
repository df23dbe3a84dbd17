//! The course's lines of time, drawn from what happens, in virtual time: exact, and done at once.
//!
//! Each scene is a few lines of async code and what it prints. The clock stands still while code
//! runs and jumps when all wait, so every number is the one of the drawing. `--real` runs them in
//! real time.
//!
//! Course: 8.7: the introduction (C1: 300 ms become 100 ms), `handle_request` (C2), lazy coroutines
//! (C3), the order around `await` (C4, E4), two tasks (C6), `create_task` (C7), a background task
//! that is cancelled (C10), cancellation with cleanup (C20), `gather` (C8; the claim N16); visual
//! guide: three fetches (E2; N24), patterns 1 to 4 (E5, E6, E7, E8; N22).
//!
//! ```text
//! cargo run --release -p course --bin timelines                     all scenes
//! cargo run --release -p course --bin timelines -- two_tasks [--real]
//! ```

use std::io;
use std::rc::Rc;

use myrt::runtime::Builder;
use myrt::sync::Semaphore;
use myrt::time::{Duration, Instant, sleep};

const SCENES: [&str; 9] = [
    "user_data",
    "handle_request",
    "lazy_future",
    "await_order",
    "two_tasks",
    "background",
    "cancelled",
    "three_fetches",
    "semaphore",
];

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let real = arguments.iter().any(|argument| argument == "--real");
    let asked: Vec<&str> = arguments
        .iter()
        .map(String::as_str)
        .filter(|argument| *argument != "--real")
        .collect();
    for scene in if asked.is_empty() {
        SCENES.to_vec()
    } else {
        asked
    } {
        println!("{scene}");
        let runtime = Builder::new().start_paused(!real).build()?;
        runtime.block_on(async {
            match scene {
                "user_data" => user_data().await,
                "handle_request" => handle_requests().await,
                "lazy_future" => lazy_future().await,
                "await_order" => await_order().await,
                "two_tasks" => two_tasks().await,
                "background" => background().await,
                "cancelled" => cancelled().await,
                "three_fetches" => three_fetches().await,
                "semaphore" => semaphore().await,
                other => println!(
                    "  there is no scene {other}; there are {}",
                    SCENES.join(", ")
                ),
            }
        });
    }
    Ok(())
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What a sign of a bar means, in milliseconds.
const SIGN: u128 = 20;

/// The clock of a scene.
#[derive(Clone, Copy)]
struct Clock(Instant);

impl Clock {
    fn new() -> Self {
        Self(Instant::now())
    }

    fn tell(self, what: &str) {
        println!("  {:>4} ms  {what}", self.0.elapsed().as_millis());
    }

    /// Draws from when to when something went on.
    fn bar(self, name: &str, from: Instant) {
        let [start, end] = [(from - self.0).as_millis(), self.0.elapsed().as_millis()];
        let signs = |millis: u128| usize::try_from(millis / SIGN).unwrap_or(0);
        let (before, during) = (
            " ".repeat(signs(start)),
            "█".repeat(signs(end) - signs(start)),
        );
        println!("  {name:<10} {before}{during}  {start}–{end} ms");
    }
}

async fn fetch(what: &str, takes: u64) -> String {
    sleep(ms(takes)).await;
    format!("{what} data")
}

async fn user_data() {
    let clock = Clock::new();
    for what in ["user", "orders", "advice"] {
        fetch(what, 100).await;
    }
    clock.tell("one after the other");
    let clock = Clock::new();
    let all = myrt::gather!(
        fetch("user", 100),
        fetch("orders", 100),
        fetch("advice", 100)
    )
    .await;
    clock.tell(&format!("gathered: {all:?}"));
}

/// A database, 50 ms, a service, 100 ms, and 10 ms of computing, which nobody else can use.
async fn handle_request(clock: Clock, number: usize) {
    let from = Instant::now();
    sleep(ms(50)).await;
    sleep(ms(100)).await;
    // In virtual time computing takes none; its 10 ms are a wait here, and in `--real`, too.
    sleep(ms(10)).await;
    clock.bar(&format!("request {number}"), from);
}

async fn handle_requests() {
    let clock = Clock::new();
    for number in 1..=2 {
        handle_request(clock, number).await;
    }
    clock.tell("two, one after the other");
    let clock = Clock::new();
    myrt::gather((1..=5).map(|number| handle_request(clock, number))).await;
    clock.tell("five together, on one thread");
}

async fn lazy_future() {
    let greeting = async {
        println!("  2  now it runs");
    };
    println!("  1  made, and nothing was printed");
    greeting.await;
}

async fn await_order() {
    let inner = async {
        println!("  1  inside, before the wait");
        sleep(ms(10)).await;
        println!("  2  inside, after it");
    };
    println!("  A  before await");
    inner.await;
    println!("  B  after await");
}

async fn two_tasks() {
    let clock = Clock::new();
    let first = myrt::spawn(async move {
        clock.tell("task 1: start");
        sleep(ms(100)).await;
        clock.tell("task 1: goes on");
        sleep(ms(100)).await;
        clock.tell("task 1: end");
    });
    let second = myrt::spawn(async move {
        clock.tell("task 2: start");
        sleep(ms(150)).await;
        clock.tell("task 2: end");
    });
    for task in [first, second] {
        task.await.expect("nobody cancels it");
    }
}

async fn background() {
    let clock = Clock::new();
    let logger = myrt::spawn(async move {
        for count in 1.. {
            clock.tell(&format!("logging {count}"));
            sleep(ms(1000)).await;
        }
    });
    clock.tell("main works");
    sleep(ms(3500)).await;
    logger.cancel().await;
    clock.tell("main has cancelled the logger");
}

/// Says that it is over, however that comes.
struct Cleanup(Clock);

impl Drop for Cleanup {
    fn drop(&mut self) {
        self.0.tell("cleaning up");
    }
}

async fn cancelled() {
    let clock = Clock::new();
    let worker = myrt::spawn(async move {
        let _cleanup = Cleanup(clock);
        loop {
            clock.tell("working");
            sleep(ms(500)).await;
        }
    });
    sleep(ms(1900)).await;
    worker.cancel().await;
    // The type of what never comes is `!`; only the error is possible.
    match worker.await {
        Ok(()) => unreachable!("the loop has no end"),
        Err(error) => clock.tell(&format!("cancelled: {}", error.is_cancelled())),
    }
}

async fn three_fetches() {
    let clock = Clock::new();
    let tasks = [(1, 120), (2, 100), (3, 150)].map(|(number, takes)| {
        myrt::spawn(async move {
            let from = Instant::now();
            sleep(ms(takes)).await;
            clock.bar(&format!("fetch {number}"), from);
        })
    });
    for task in tasks {
        task.await.expect("nobody cancels it");
    }
    clock.tell("the longest wait, not the sum");
}

async fn semaphore() {
    let clock = Clock::new();
    let slots = Rc::new(Semaphore::new(2));
    let fetches = (1..=5).map(|number| {
        let slots = Rc::clone(&slots);
        async move {
            let _slot = slots.acquire().await.expect("nobody closes it");
            let from = Instant::now();
            sleep(ms(if number == 5 { 500 } else { 1000 })).await;
            clock.bar(&format!("URL {number}"), from);
        }
    });
    myrt::gather(fetches).await;
    clock.tell("never more than two at a time");
}
