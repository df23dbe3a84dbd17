//! Tasks have no stacks: what a task weighs, and code that looks blocking all the same.
//!
//! A green thread, gevent's style, has a stack of its own and may be stopped in any call. A task
//! here is a value: as large as what it keeps across its awaits, known when it is compiled. That is
//! why a hundred thousand fit, and why `await` is written where other tasks may run. Who wants
//! gevent's straight code, without a single `await`, runs the loop on one thread and calls into it
//! from others: `ask` below blocks its thread, and the loop serves all of them.
//!
//! Course: 8.5, hybrid 2, gevent (A29).
//!
//! ```text
//! cargo run --release -p course --bin no_stacks [-- TASKS]            100,000 tasks
//! ```

use std::io;
use std::thread;

use myrt::runtime::{Remote, Runtime};
use myrt::sync::Event;
use myrt::time::{Duration, Instant, sleep};

/// Keeps a number across its await.
async fn small(number: u64) -> u64 {
    sleep(Duration::ZERO).await;
    number + 1
}

/// Keeps a buffer across its await: the task has it inside.
async fn with_buffer(number: u64) -> u64 {
    let buffer = [number; 512];
    sleep(Duration::ZERO).await;
    buffer.iter().sum()
}

/// Has a buffer too, but not across the await.
async fn buffer_before(number: u64) -> u64 {
    let sum: u64 = [number; 512].iter().sum();
    sleep(Duration::ZERO).await;
    sum
}

/// Resident memory in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    kilobytes
        .and_then(|number| number.parse::<u64>().ok())
        .unwrap_or(0)
        * 1024
}

fn sizes() {
    println!("bytes of a task's future:");
    println!("  {:>5}  keeps a number", size_of_val(&small(1)));
    println!("  {:>5}  keeps 4,096 bytes", size_of_val(&with_buffer(1)));
    println!(
        "  {:>5}  is done with them before it waits",
        size_of_val(&buffer_before(1))
    );
}

fn crowd(count: u64) -> io::Result<()> {
    let runtime = Runtime::new()?;
    runtime.block_on(async {
        let before = resident();
        let go = std::rc::Rc::new(Event::new());
        let tasks: Vec<_> = (0..count)
            .map(|number| {
                let go = std::rc::Rc::clone(&go);
                myrt::spawn(async move {
                    go.wait().await;
                    number
                })
            })
            .collect();
        myrt::yield_now().await; // all of them wait now
        let each = resident().saturating_sub(before) / count.max(1);
        println!("{count} tasks that wait: {each} bytes each, resident; a thread reserves 8 MB of address space");
        go.set();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap_or(0);
        }
        println!("all have ended: {}", sum == count * count.saturating_sub(1) / 2);
    });
    Ok(())
}

/// Straight, blocking code, as under gevent: the loop is somewhere else.
fn ask(remote: &Remote, number: u64) -> u64 {
    let answer = remote.spawn(move || async move {
        sleep(Duration::from_millis(100)).await;
        number * number
    });
    answer.join().unwrap_or(0)
}

#[expect(
    clippy::disallowed_methods,
    reason = "threads of blocking code are what is shown"
)]
fn facade() -> io::Result<()> {
    let runtime = Runtime::new()?;
    let start = Instant::now();
    let askers: Vec<_> = (1..=10)
        .map(|number| {
            let remote = runtime.remote();
            thread::spawn(move || ask(&remote, number))
        })
        .collect();
    let sum = runtime.block_on(async {
        let join = move || {
            askers
                .into_iter()
                .filter_map(|thread| thread.join().ok())
                .sum::<u64>()
        };
        myrt::spawn_blocking(join).await.unwrap_or(0)
    });
    println!(
        "ten threads without an await asked one loop: the sum is {sum}, {} ms instead of 1000",
        start.elapsed().as_millis()
    );
    Ok(())
}

fn main() -> io::Result<()> {
    let count = std::env::args().nth(1).and_then(|text| text.parse().ok());
    sizes();
    crowd(count.unwrap_or(100_000))?;
    facade()
}
