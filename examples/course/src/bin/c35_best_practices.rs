//! The five best practices, each as what goes wrong without it and what happens with it.
//!
//! Nothing blocks the loop: what must block goes to the pool. What does not depend on each other
//! waits together. Whatever comes from outside has a limit of time, and of number. Somebody hears
//! of errors, and what is cancelled cleans up. The runtime sees the first and the last by itself:
//! it reports the poll that took too long, and the panic that nobody awaits.
//!
//! Course: 8.7, key points and best practices (C35); 8.5, key points (A32).
//!
//! ```text
//! cargo run --release -p course --bin best_practices
//! ```

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use myrt::runtime::{Builder, Lints, Report};
use myrt::sync::Semaphore;
use myrt::time::{Duration, Instant, sleep, timeout};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a library that knows nothing of loops"
)]
fn blocking_library() {
    std::thread::sleep(ms(150));
}

/// 1, on the machine's clock, since blocking stops a virtual one.
fn nothing_blocks() -> io::Result<()> {
    println!("1. Nothing blocks the loop");
    let told = Rc::new(Cell::new(0));
    let count = Rc::clone(&told);
    let runtime = Builder::new()
        .debug(true)
        .slow_poll(ms(100))
        .lints(Lints::Warn)
        .on_report(move |report| {
            if let Report::SlowPoll { .. } = report {
                count.set(count.get() + 1);
            }
        })
        .build()?;
    runtime.block_on(async {
        let _ = myrt::spawn(async { blocking_library() }).await;
        println!("   called in a task: reported {} times", told.replace(0));
        let _ = myrt::spawn_blocking(blocking_library).await;
        println!("   called in the pool: reported {} times", told.get());
    });
    Ok(())
}

async fn call(name: &'static str) -> &'static str {
    sleep(ms(100)).await;
    name
}

async fn wait_together() {
    println!("2. What does not depend on each other waits together");
    let start = Instant::now();
    for name in ["a", "b", "c"] {
        call(name).await;
    }
    println!("   one after the other: {} ms", start.elapsed().as_millis());
    let start = Instant::now();
    let names = myrt::gather(["a", "b", "c"].map(call)).await;
    println!("   gathered: {} ms, {names:?}", start.elapsed().as_millis());
}

async fn limit_of_time() {
    println!("3. A limit of time for what comes from outside");
    let start = Instant::now();
    let result = timeout(ms(3000), sleep(ms(10_000))).await;
    println!(
        "   {:?} after {} ms instead of 10000",
        result.is_err(),
        start.elapsed().as_millis()
    );
}

async fn limit_of_number() {
    println!("4. A limit of number");
    for permits in [100, 10] {
        let (semaphore, now, most) = (Semaphore::new(permits), Cell::new(0), Cell::new(0));
        let fetch = async |_: u32| {
            let _permit = semaphore.acquire().await;
            now.set(now.get() + 1);
            most.set(most.get().max(now.get()));
            sleep(ms(10)).await;
            now.set(now.get() - 1);
        };
        let start = Instant::now();
        myrt::gather((0..100).map(&fetch)).await;
        println!(
            "   {permits} permits: {} at once, {} ms",
            most.get(),
            start.elapsed().as_millis()
        );
    }
}

async fn errors_and_cleanup() {
    println!("5. Errors are heard, and what is cancelled cleans up");
    drop(myrt::spawn(async { panic!("nobody awaits me") }));
    sleep(ms(1)).await;
    let work = async {
        myrt::finally(sleep(ms(1000)), async || {
            sleep(ms(10)).await; // a goodbye over the network
            println!("   cleaned up");
        })
        .await;
    };
    println!("   cut off: {}", timeout(ms(100), work).await.is_err());
}

fn main() -> io::Result<()> {
    nothing_blocks()?;
    let heard = |panic: &myrt::runtime::Unhandled<'_>| println!("   unhandled: {}", panic.message);
    let runtime = Builder::new()
        .start_paused(true)
        .on_unhandled(heard)
        .build()?;
    runtime.block_on(async {
        wait_together().await;
        limit_of_time().await;
        limit_of_number().await;
        errors_and_cleanup().await;
    });
    Ok(())
}
