//! One step at a time: what is ready, which timers run, who waits for what.
//!
//! Shows `Runtime::step`, which polls one task or, when none is ready, does the rest of a turn
//! (timers, selector), and between the steps the ready queue in its order (`Runtime::ready`), the
//! timers, and which task waits for which (`Runtime::graph`). Two clients share a lock; on a
//! terminal press Enter for the next step.
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
use myrt::task::{Builder as Task, Graph, State, TaskInfo, Wait};
use myrt::time::{Duration, Instant, sleep};

/// More steps than the program needs.
const MOST: usize = 100;

fn main() -> io::Result<()> {
    // Virtual time: when nothing is ready, the clock jumps to the next timer.
    let runtime = Builder::new().start_paused(true).build()?;
    drop(runtime.spawn(program())); // it runs on without its handle
    let began = runtime.now();
    let stepping = io::stdin().is_terminal() && io::stdout().is_terminal();
    for step in 1..=MOST {
        let polled = runtime.step()?;
        let at = runtime.now() - began;
        println!("\nstep {step} at {at:?}: {}", what(polled));
        show(&runtime);
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

fn what(polled: bool) -> &'static str {
    if polled {
        "one task was polled"
    } else {
        "nobody was ready, so time leapt to the next timer"
    }
}

fn show(runtime: &Runtime) {
    let graph = runtime.graph();
    let ready = runtime.ready();
    let queue: Vec<String> = ready
        .iter()
        .filter_map(|id| graph.task(*id))
        .map(name)
        .collect();
    println!("  ready:  {}", queue.join(", "));
    println!("  timers: {}", timers(&graph, runtime.now()).join(", "));
    for task in graph.tasks() {
        if task.state == State::Waiting {
            println!("  {} {}", name(task), graph.doing(task));
        }
    }
}

/// Who sleeps, and how long still, soonest first.
fn timers(graph: &Graph, now: Instant) -> Vec<String> {
    let asleep = graph
        .tasks()
        .iter()
        .filter_map(|task| match task.waits_for {
            Wait::Timer(deadline) if task.state == State::Waiting => Some((deadline, name(task))),
            _ => None,
        });
    let mut asleep: Vec<(Instant, String)> = asleep.collect();
    asleep.sort();
    let line = |(at, name): (Instant, String)| format!("{name} in {:.0?}", at - now);
    asleep.into_iter().map(line).collect()
}

fn name(task: &TaskInfo) -> String {
    let title = task.name.clone();
    title.unwrap_or_else(|| format!("task {}", task.id))
}
