//! A task queue as Celery's: four workers, jobs that take their time, results by number, and a job
//! that fails.
//!
//! Shows `Queue` with `task_done` and `join`, and what a job's panic does: it is that job's result,
//! and the worker takes the next one. Each job is a task of its own, so that its panic comes back
//! as an error to the worker that awaits it.
//!
//! Course: 8.7, case 3 (C27; the claim N20: jobs of 1 s, 2 s and 0.5 s with four workers). There an
//! exception ends its worker.
//!
//! ```text
//! cargo run --release -p course --bin task_queue                    in virtual time: at once
//! cargo run --release -p course --bin task_queue -- --real
//! ```

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;

use myrt::runtime::Builder;
use myrt::sync::Queue;
use myrt::time::{Duration, Instant, sleep};

const WORKERS: usize = 4;
const JOBS: usize = 14;

#[derive(Debug)]
struct Job {
    number: usize,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Mail,
    Video,
    Report,
    Broken,
    Buggy,
}

type Results = RefCell<BTreeMap<usize, Result<String, String>>>;

/// What a job does: it waits, mostly.
async fn work(kind: Kind) -> Result<String, String> {
    let millis = match kind {
        Kind::Mail => 1000,
        Kind::Video => 2000,
        Kind::Report | Kind::Broken | Kind::Buggy => 500,
    };
    sleep(Duration::from_millis(millis)).await;
    match kind {
        Kind::Broken => Err("the mailbox does not exist".to_owned()),
        Kind::Buggy => panic!("index out of bounds"),
        _ => Ok(format!("{kind:?} done in {millis} ms")),
    }
}

async fn worker(name: usize, queue: Rc<Queue<Job>>, results: Rc<Results>, start: Instant) {
    // Ends when the queue is shut down.
    while let Ok(job) = queue.get().await {
        let result = match myrt::spawn(work(job.kind)).await {
            Ok(result) => result,
            Err(panicked) => Err(format!("the job has a bug: {panicked}")),
        };
        let mark = if result.is_ok() { "ok" } else { "failed" };
        println!(
            "{:>5} ms  worker {name}: job {:>2} ({:?}) {mark}",
            start.elapsed().as_millis(),
            job.number,
            job.kind
        );
        results.borrow_mut().insert(job.number, result);
        queue.task_done();
    }
}

async fn run() {
    let start = Instant::now();
    let queue = Rc::new(Queue::new(0));
    let results = Rc::new(Results::default());
    let workers: Vec<_> = (1..=WORKERS)
        .map(|name| myrt::spawn(worker(name, Rc::clone(&queue), Rc::clone(&results), start)))
        .collect();
    for number in 1..=JOBS {
        let kind = match number {
            5 => Kind::Broken,
            9 => Kind::Buggy,
            _ => [Kind::Mail, Kind::Video, Kind::Report][number % 3],
        };
        queue
            .put(Job { number, kind })
            .await
            .expect("the queue is open");
    }
    queue.join().await; // every job has been done, not only taken
    println!(
        "{:>5} ms  all {} jobs are done",
        start.elapsed().as_millis(),
        results.borrow().len()
    );
    queue.shutdown(false);
    for worker in workers {
        worker.await.expect("no job takes its worker along");
    }
    for (number, result) in &*results.borrow() {
        match result {
            Ok(text) => println!("  job {number:>2}: {text}"),
            Err(text) => println!("  job {number:>2}: error: {text}"),
        }
    }
}

fn main() -> io::Result<()> {
    let real = std::env::args().any(|argument| argument == "--real");
    Builder::new().start_paused(!real).build()?.block_on(run());
    Ok(())
}
