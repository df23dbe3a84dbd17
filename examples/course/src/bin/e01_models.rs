//! Threads, processes, an event loop: the same work by each, computing and waiting.
//!
//! Waiting: all three take as long as the longest wait, and one thread is enough for it. Computing:
//! threads and processes use the cores, the loop alone does not, and with the pool beside it it
//! does. Threads in Rust have no GIL: the course's picture of threads that take turns is Python's.
//! What follows from the numbers is printed last, as the course's decision tree.
//!
//! Course: visual guide, the three models (E1), the decision tree (E16); 8.7, the comparison (C23); 8.5,
//! when to block and when not (A24).
//!
//! ```text
//! cargo run --release -p course --bin models [-- MILLIONS]            50 million steps of computing a piece
//! ```

use std::hint::black_box;
use std::io;
use std::process::Command;
use std::thread;

use myrt::time::{Duration, Instant};

const PIECES: u64 = 4;
const WAIT: Duration = Duration::from_millis(100);

/// What a piece of the work does.
#[derive(Clone, Copy)]
enum Kind {
    /// How many steps.
    Computing(u64),
    Waiting,
}

impl Kind {
    /// The piece as blocking code.
    #[expect(
        clippy::disallowed_methods,
        reason = "threads and processes wait like this"
    )]
    fn block(self) {
        match self {
            Self::Computing(steps) => {
                let step = |hash: u64, n: u64| (hash ^ n).wrapping_mul(0x0100_0000_01b3);
                black_box((0..black_box(steps)).fold(0xcbf2_9ce4_8422_2325, step));
            }
            Self::Waiting => thread::sleep(WAIT),
        }
    }

    /// The piece as a task.
    async fn run(self) {
        match self {
            Self::Computing(_) => self.block(),
            Self::Waiting => myrt::time::sleep(WAIT).await,
        }
    }

    /// As the arguments of a process that does a piece.
    fn arguments(self) -> [String; 2] {
        let steps = match self {
            Self::Computing(steps) => steps,
            Self::Waiting => 0,
        };
        ["--piece".to_owned(), steps.to_string()]
    }
}

#[expect(clippy::disallowed_methods, reason = "one of the models")]
fn threads(kind: Kind) {
    let threads: Vec<_> = (0..PIECES)
        .map(|_| thread::spawn(move || kind.block()))
        .collect();
    for thread in threads {
        let _ = thread.join();
    }
}

fn processes(kind: Kind) -> io::Result<()> {
    let program = std::env::current_exe()?;
    let start = |_| Command::new(&program).args(kind.arguments()).spawn();
    let children = (0..PIECES).map(start).collect::<io::Result<Vec<_>>>()?;
    for mut child in children {
        child.wait()?;
    }
    Ok(())
}

fn event_loop(kind: Kind) {
    myrt::run(async { myrt::gather((0..PIECES).map(|_| kind.run())).await });
}

fn with_pool(kind: Kind) {
    myrt::run(async {
        let job = |_| myrt::spawn_blocking(move || kind.block());
        myrt::gather((0..PIECES).map(job)).await
    });
}

/// Runs the work by a model, and prints how long it took.
fn measure(model: &str, work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    let took = start.elapsed();
    println!("  {model:<28}{:>6} ms", took.as_millis());
    took
}

fn compare(title: &str, kind: Kind) -> io::Result<[Duration; 2]> {
    println!("{title}, {PIECES} pieces:");
    measure("one after the other", || {
        (0..PIECES).for_each(|_| kind.block());
    });
    let threads = measure("a thread each", || threads(kind));
    let mut started = Ok(());
    measure("a process each", || started = processes(kind));
    started?;
    let tasks = measure("tasks on one loop", || event_loop(kind));
    measure("jobs in the loop's pool", || with_pool(kind));
    Ok([threads, tasks])
}

fn main() -> io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, steps] = &words[..] {
        if flag == "--piece" {
            let kind = match steps.parse() {
                Ok(0) | Err(_) => Kind::Waiting,
                Ok(steps) => Kind::Computing(steps),
            };
            kind.block();
            return Ok(());
        }
    }
    let millions: u64 = words
        .first()
        .and_then(|word| word.parse().ok())
        .unwrap_or(50);
    let [_, waiting] = compare("Waiting 100 ms", Kind::Waiting)?;
    let [threads, tasks] = compare("Computing", Kind::Computing(millions * 1_000_000))?;

    println!("So: what does it do most of the time?");
    println!(
        "  it waits, for many        tasks: {PIECES} waits took {} ms on one thread",
        waiting.as_millis()
    );
    println!(
        "  it waits, for a handful   threads are as good, and simpler where no other await is"
    );
    println!(
        "  it computes               threads, or the pool: {:.1} times as fast here as on the loop",
        tasks.as_secs_f64() / threads.as_secs_f64()
    );
    println!("  both                      tasks, and spawn_blocking for what computes or blocks");
    Ok(())
}
