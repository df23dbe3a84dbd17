//! A queue and its workers: four at work, and one job that fails does not take its worker down.
//!
//! Shows `Queue` with `put`, `get`, `task_done`, `join` and `shutdown`, as asyncio has them; and
//! that a job which runs in a task of its own may fail or panic, and is a result like any other.
//! (Rust prints the text of the panic to stderr, as always.)
//!
//! Course: 8.7, "Cas 3: task queue" (C27; the claim N20). The course's seconds are tenths of a
//! second here. Next: `10_rate_limiter`.
//!
//! ```text
//! cargo run --example 09_queue_workers
//! ```

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use myrt::sync::Queue;
use myrt::time::{Duration, Instant, sleep};

const JOBS: u64 = 14;
const WORKERS: usize = 4;

/// What a job takes: 1 s, 2 s or 0.5 s in the course.
fn duration_of(job: u64) -> Duration {
    Duration::from_millis([100, 200, 50][job as usize % 3])
}

/// The work: a number, an error for job 5, a panic in job 9.
async fn work(job: u64) -> Result<u64, String> {
    sleep(duration_of(job)).await;
    match job {
        5 => Err("no such page".to_owned()),
        9 => panic!("job 9 has a bug"),
        job => Ok(job * job),
    }
}

async fn worker(
    name: usize,
    queue: Rc<Queue<u64>>,
    results: Rc<RefCell<BTreeMap<u64, String>>>,
    start: Instant,
) {
    // An error means that the queue was shut down and is empty: the day is over.
    while let Ok(job) = queue.get().await {
        let result = match myrt::spawn(work(job)).await {
            Ok(Ok(value)) => value.to_string(),
            Ok(Err(error)) => format!("failed: {error}"),
            Err(ended) => format!("broke down: {ended}"),
        };
        println!(
            "{:>5} ms  worker {name}: job {job:>2} {result}",
            start.elapsed().as_millis()
        );
        results.borrow_mut().insert(job, result);
        queue.task_done();
    }
}

#[myrt::main]
async fn main() {
    let start = Instant::now();
    let queue = Rc::new(Queue::new(0)); // 0: as many as you like
    let results = Rc::new(RefCell::new(BTreeMap::new()));
    let workers: Vec<_> = (1..=WORKERS)
        .map(|name| myrt::spawn(worker(name, Rc::clone(&queue), Rc::clone(&results), start)))
        .collect();

    for job in 0..JOBS {
        queue.put(job).await.expect("nobody has shut it down");
    }
    queue.join().await; // until `task_done` was called for each
    let took = start.elapsed();
    queue.shutdown(false);
    for worker in workers {
        worker.await.expect("the worker survived every job");
    }

    let alone: Duration = (0..JOBS).map(duration_of).sum();
    println!(
        "{} results after {} ms; one worker would have needed {} ms",
        results.borrow().len(),
        took.as_millis(),
        alone.as_millis()
    );
}
