//! One step at a time: what is ready, which timers run, who waits for what.
//!
//! Shows `Runtime::step`, which polls one task or, when none is ready, does the rest of a turn (timers, selector), and
//! the task graph between the steps. Two clients share a lock; on a terminal press Enter for the next step.
//!
//! asyncio's loop in slow motion. Next: `13_timeline`, the same as drawings.
//!
//! ```text
//! cargo run --example 12_stepper
//! cargo run --example 12_stepper | cat      # all steps, without a pause
//! ```

use std::io::{self, BufRead, IsTerminal};
use std::rc::Rc;

use myrt::runtime::{Builder, Runtime};
use myrt::sync::Mutex;
use myrt::task::{Builder as Task, Graph, State, Wait};
use myrt::time::{Duration, sleep};

/// More steps than the program needs.
const MOST: usize = 100;

fn main() -> io::Result<()> {
    // Virtual time: when nothing is ready, the clock jumps to the next timer.
    let runtime = Builder::new().start_paused(true).build()?;
    drop(runtime.spawn(program())); // it runs on without its handle
    let stepping = io::stdin().is_terminal() && io::stdout().is_terminal();
    for step in 1..=MOST {
        let polled = runtime.step()?;
        while !polled && ready(&runtime.graph()).is_empty() {
            runtime.turn(None)?; // until a timer makes somebody ready
        }
        show(&runtime, step, polled);
        if runtime.graph().tasks().is_empty() {
            println!("\nthe program is over");
            break;
        }
        if stepping {
            println!("(Enter: next step)");
            io::stdin().lock().read_line(&mut String::new())?;
        }
    }
    Ok(())
}

/// Two clients that need the same lock for 100 ms each.
async fn program() {
    let page = Rc::new(Mutex::new(0));
    let clients = ["ada", "bob"].map(|name| {
        let page = Rc::clone(&page);
        Task::new().name(name).spawn(async move {
            let mut visits = page.lock().await;
            sleep(Duration::from_millis(100)).await;
            *visits += 1;
        })
    });
    for client in clients {
        let _ = client.await;
    }
}

fn show(runtime: &Runtime, step: usize, polled: bool) {
    let what = if polled {
        "one task was polled"
    } else {
        "nothing was ready: timers and selector"
    };
    println!("\nstep {step}: {what}");
    let graph = runtime.graph();
    println!("  ready:  {}", ready(&graph).join(", "));
    let asleep = |task: &myrt::task::TaskInfo| {
        task.state == State::Waiting && matches!(task.waits_for, Wait::Timer(_))
    };
    println!("  timers: {}", list(&graph, asleep).join(", "));
    for task in graph.tasks() {
        if task.state == State::Waiting {
            println!("  {} {}", name(task), graph.doing(task));
        }
    }
}

fn ready(graph: &Graph) -> Vec<String> {
    list(graph, |task| task.state == State::Ready)
}

fn list(graph: &Graph, wanted: impl Fn(&myrt::task::TaskInfo) -> bool) -> Vec<String> {
    let tasks = graph.tasks().iter();
    tasks.filter(|task| wanted(task)).map(name).collect()
}

fn name(task: &myrt::task::TaskInfo) -> String {
    let title = task.name.clone();
    title.unwrap_or_else(|| format!("task {}", task.id))
}
