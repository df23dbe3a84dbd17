//! The drawings of the course, made by real runs.
//!
//! Shows `Recorder`: each program runs under virtual time, so it takes none and draws the same at
//! each run. For a program of your own no line is needed: `MYRT_RECORD=run.txt cargo run`, or
//! `run.html` for a page that plays it, `run.perfetto.json` for <https://ui.perfetto.dev>.
//!
//! Go on with the guide, or with `12_stepper`, which stops between the steps.
//!
//! ```text
//! cargo run --example 13_timeline              # all
//! cargo run --example 13_timeline semaphore    # one, with what happened
//! ```

use std::future::Future;
use std::rc::Rc;

use myrt::runtime::{Builder, Recorder};
use myrt::sync::Semaphore;
use myrt::task::Builder as Task;
use myrt::time::{Duration, sleep};

fn main() {
    let wanted = std::env::args().nth(1);
    for (name, about, record) in PROGRAMS {
        if wanted.as_deref().is_none_or(|wanted| wanted == name) {
            let recorder = record();
            println!("{name}: {about}\n");
            match wanted {
                None => println!("{}", recorder.to_drawing()),
                Some(_) => println!("{}", recorder.to_text()),
            }
        }
    }
}

/// Name, what it is about, and the run.
pub(crate) type Program = (&'static str, &'static str, fn() -> Recorder);

/// The programs.
pub(crate) const PROGRAMS: [Program; 6] = [
    (
        "two_tasks",
        "two tasks share one thread: 0, 100, 150, 200 ms",
        two_tasks,
    ),
    (
        "sequential",
        "three requests of 1 s, one after the other: 3 s",
        sequential,
    ),
    ("gather", "the same three at once: 1 s", together),
    (
        "create_task",
        "a task in the background, awaited later",
        create_task,
    ),
    (
        "semaphore",
        "five downloads of 1 s, two at a time: 3 s",
        semaphore,
    ),
    (
        "three_fetches",
        "who is done first: 100, 120, 150 ms",
        three_fetches,
    ),
];

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Runs a program under virtual time and records it.
fn record(program: impl Future<Output = ()>) -> Recorder {
    let recorder = Recorder::new();
    let runtime = Builder::new()
        .start_paused(true)
        .observer(recorder.clone())
        .build()
        .expect("a runtime");
    runtime.block_on(program);
    drop(runtime);
    recorder
}

/// task1 waits 100 ms twice, task2 150 ms once.
fn two_tasks() -> Recorder {
    record(async {
        let task1 = Task::new().name("task1").spawn(async {
            sleep(ms(100)).await;
            sleep(ms(100)).await;
        });
        let task2 = Task::new().name("task2").spawn(sleep(ms(150)));
        let _ = (task1.await, task2.await);
    })
}

/// A request of a second.
async fn fetch() {
    sleep(ms(1000)).await;
}

fn sequential() -> Recorder {
    record(async {
        for _ in 0..3 {
            fetch().await;
        }
    })
}

fn together() -> Recorder {
    record(async {
        myrt::gather((0..3).map(|_| fetch())).await;
    })
}

/// The task runs while `main` does something else; then `main` waits for it.
fn create_task() -> Recorder {
    record(async {
        let download = Task::new().name("download").spawn(fetch());
        sleep(ms(400)).await;
        let _ = download.await;
    })
}

fn semaphore() -> Recorder {
    record(async {
        let two = Rc::new(Semaphore::new(2));
        let urls = (1..=5).map(|n| {
            let two = Rc::clone(&two);
            Task::new().name(format!("url {n}")).spawn(async move {
                let _permit = two.acquire().await;
                fetch().await;
            })
        });
        for url in urls.collect::<Vec<_>>() {
            let _ = url.await;
        }
    })
}

fn three_fetches() -> Recorder {
    record(async {
        let fetches = [150, 100, 120].map(|delay| {
            let name = format!("fetch {delay}");
            Task::new().name(name).spawn(sleep(ms(delay)))
        });
        for fetch in fetches {
            let _ = fetch.await;
        }
    })
}
