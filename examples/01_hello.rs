//! Hello: a coroutine is lazy, `await` runs it, and `spawn` lets it run beside others.
//!
//! Shows the three things that surprise a newcomer to async code: calling an `async fn` runs
//! nothing; `await` is the place where others get their turn, and the only one; a spawned task
//! starts at its first turn and not at the call.
//!
//! Course: 8.7, "Coroutines" (C3), "await" (C4) and "Bases" (C7). Next: `02_sleep_and_gather`.
//!
//! ```text
//! cargo run --example 01_hello
//! ```
//!
//! No client is needed. The order of the lines never changes: there is one thread.

use myrt::time::{Duration, sleep};

/// Nothing of this runs when it is called: the call makes a value, a future.
async fn greet(name: &str) -> usize {
    println!("  1  greeting begins");
    sleep(Duration::from_millis(50)).await; // the loop is free to do something else meanwhile
    println!("  2  hello, {name}");
    name.len()
}

#[myrt::main]
async fn main() {
    println!("Lazy: nothing runs before the await.");
    let greeting = greet("world");
    println!("  A  the call has returned, and nothing was printed");
    let letters = greeting.await;
    println!("  B  the await gave {letters}");

    println!("Spawned: it runs while main sleeps.");
    let task = myrt::spawn(async {
        println!("  2  the task runs, because main waits");
        "what the task returned"
    });
    println!("  1  main goes on: spawn only queued the task");
    sleep(Duration::from_millis(10)).await;
    println!("  3  main is back");
    // The handle gives what the task returned, or says that it panicked or was cancelled.
    println!(
        "  4  {}",
        task.await
            .expect("the task neither panics nor is cancelled")
    );
}
