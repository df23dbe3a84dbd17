//! Errors: `?` in async code, the first error that stops a group, and errors that are results among
//! others.
//!
//! Shows that an error travels up through `await` as through any call; that `try_gather` gives the
//! first one and drops the other futures (asyncio's `gather` leaves them running, to print into
//! whatever comes next); and that `gather` over `Result`s is `return_exceptions=True`.
//!
//! Course: 8.7, "Gestion des erreurs" (C17), `gather` with and without `return_exceptions` (C18).
//!
//! ```text
//! cargo run --release -p course --bin errors
//! ```

use std::io;

use myrt::runtime::Builder;
use myrt::time::{Duration, sleep};

async fn task(number: u32) -> Result<String, String> {
    sleep(Duration::from_millis(u64::from(number) * 100)).await;
    if number == 2 {
        return Err(format!("task {number} failed"));
    }
    println!("  task {number} ends");
    Ok(format!("result {number}"))
}

async fn above() -> Result<(), String> {
    let result = task(2).await?; // goes up from here
    println!("  not reached: {result}");
    Ok(())
}

fn main() -> io::Result<()> {
    Builder::new().start_paused(true).build()?.block_on(async {
        println!("An error that is handed up:");
        if let Err(error) = above().await {
            println!("  caught: {error}");
        }
        println!("The first error stops the group; task 3 is dropped and says nothing:");
        let result = myrt::try_gather([1, 2, 3].map(task)).await;
        println!("  {result:?}");
        sleep(Duration::from_secs(1)).await;
        println!("Errors as results:");
        for result in myrt::gather([1, 2, 3].map(task)).await {
            println!("  {result:?}");
        }
    });
    Ok(())
}
