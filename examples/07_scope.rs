//! Structured concurrency: tasks that end before their parent goes on, and so may borrow from it.
//!
//! Shows `scope` with children that share a plain `Cell` of their parent's (no `Rc`, no `'static`),
//! `try_scope` where the first error drops the others, a server that says when it is up, and a
//! deadline for all of it. The rule is one: when a scope has returned, nothing of it runs any more,
//! and no error is lost.
//!
//! Course: 8.7, `gather` and its failures (C18); a scope cancels the siblings, where asyncio's
//! `gather` leaves them running. asyncio's `TaskGroup`, trio's nursery. Next: `08_cleanup`.
//!
//! ```text
//! cargo run --example 07_scope
//! ```

use std::cell::Cell;

use myrt::scope::ScopeError;
use myrt::time::{Duration, Instant, sleep};
use myrt::{scope, try_scope};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[myrt::main]
async fn main() -> Result<(), ScopeError> {
    borrow().await?;
    first_error_wins().await;
    wait_until_it_is_up().await?;
    deadline().await;
    Ok(())
}

/// Three pages at once; their sizes are summed where the parent keeps them.
async fn borrow() -> Result<(), ScopeError> {
    println!("Three pages, 100, 200 and 300 ms away:");
    let start = Instant::now();
    let pages = ["index", "about", "news"];
    let total = Cell::new(0);
    scope(async |s| {
        for (n, page) in (1..).zip(&pages) {
            let total = &total;
            s.spawn(async move {
                sleep(ms(100 * n)).await; // the network
                total.set(total.get() + page.len());
                println!("  {page} is here");
            });
        }
    })
    .await?;
    println!(
        "  {} bytes in {} ms",
        total.get(),
        start.elapsed().as_millis()
    );
    Ok(())
}

/// One of three mirrors fails: the others are dropped at their await points.
async fn first_error_wins() {
    println!("Three parts of one file; the second cannot be had:");
    let start = Instant::now();
    let error = try_scope(async |s| {
        for part in 1..=3 {
            s.try_spawn(async move {
                sleep(ms(100 * part)).await;
                if part == 2 {
                    Err(format!("part {part} is missing"))
                } else {
                    Ok(())
                }
            });
        }
        Ok(())
    })
    .await
    .expect_err("one part is missing");
    println!("  {error}, after {} ms", start.elapsed().as_millis());
}

/// trio's `nursery.start`: the client begins when the server says that it listens.
async fn wait_until_it_is_up() -> Result<(), ScopeError> {
    println!("A server and its client:");
    scope(async |s| {
        let server = s.named("server").start(async |started| {
            sleep(ms(50)).await; // binds
            started.set(8080);
            sleep(Duration::MAX).await; // serves
        });
        match server.await {
            Ok(port) => println!("  the client connects to port {port}"),
            Err(error) => println!("  no server: {error}"),
        }
        s.cancel(); // the children, not this body
        println!("  the client is done, and nobody needs the server any more");
    })
    .await
}

/// Whatever is not done in time is dropped.
async fn deadline() {
    println!("Work without end, 100 ms allowed:");
    let ended = scope(async |s| {
        s.deadline(ms(100));
        s.spawn(async {
            loop {
                sleep(ms(40)).await;
                println!("  still at it");
            }
        });
    });
    println!("  {}", ended.await.expect_err("it has no end"));
}
