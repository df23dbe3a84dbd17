//! Timeout and cancellation: a future is given up by dropping it, so its destructors are the
//! cleanup.
//!
//! Shows `timeout` around something too slow, a worker that is cancelled while it waits, and a
//! download whose partial file is removed however the download ends. In all three the rule is one:
//! when `timeout` or `cancel` has returned, the future is gone, and every value in it has been
//! dropped.
//!
//! Course: 8.7, "Timeouts" (C12), "Annulation" (C20), "Timeout avec cleanup" (C21). Cleanup that
//! must itself await: `08_cleanup`. Next: `04_echo_server`.
//!
//! ```text
//! cargo run --example 03_timeout_and_cancel
//! ```

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use myrt::time::{Duration, sleep, timeout};

#[myrt::main]
async fn main() -> io::Result<()> {
    too_slow().await;
    cancelled_worker().await;
    download().await
}

/// asyncio's `wait_for`: at most so long.
async fn too_slow() {
    println!("A timeout: 300 ms for something that takes a second.");
    match timeout(Duration::from_millis(300), sleep(Duration::from_secs(1))).await {
        Ok(()) => println!("  it was in time"),
        Err(elapsed) => println!("  too slow: {elapsed}"),
    }
}

/// Says when it is dropped. What must happen at the end of something belongs into a destructor.
struct Goodbye(&'static str);

impl Drop for Goodbye {
    fn drop(&mut self) {
        println!("  {}", self.0);
    }
}

async fn cancelled_worker() {
    println!(
        "A cancelled task: it works every 50 ms until it is cancelled after 190, then cleans up."
    );
    let worker = myrt::spawn(async {
        let _cleanup = Goodbye("cleaning up");
        loop {
            println!("  working");
            sleep(Duration::from_millis(50)).await;
        }
    });
    sleep(Duration::from_millis(190)).await;
    // The worker waits in its sleep. It ends there, at the await, before this line returns.
    worker.cancel_with("enough for today");
    let error = worker
        .await
        .map(|never: std::convert::Infallible| match never {})
        .expect_err("it was cancelled");
    println!(
        "  cancelled: {}, because {:?}",
        error.is_cancelled(),
        error.reason()
    );
}

/// A file that is kept only if somebody says so.
struct Partial {
    path: PathBuf,
    keep: bool,
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.keep {
            let removed = fs::remove_file(&self.path);
            println!("  the partial file is removed: {}", removed.is_ok());
        }
    }
}

/// Writes `blocks` blocks, one every 20 ms, as if they came from afar.
async fn fetch_to(path: &Path, blocks: usize) -> io::Result<()> {
    let mut partial = Partial {
        path: path.to_owned(),
        keep: false,
    };
    let mut file = File::create(path)?;
    for _ in 0..blocks {
        sleep(Duration::from_millis(20)).await;
        file.write_all(&[b'.'; 1024])?;
    }
    partial.keep = true;
    Ok(())
}

async fn download() -> io::Result<()> {
    let path = std::env::temp_dir().join(format!("myrt-example-{}.part", std::process::id()));
    println!("A download of 5 blocks, 200 ms allowed.");
    timeout(Duration::from_millis(200), fetch_to(&path, 5)).await??;
    println!("  complete: {} bytes", fs::metadata(&path)?.len());
    fs::remove_file(&path)?;

    println!("A download of 50 blocks, 200 ms allowed.");
    let late = timeout(Duration::from_millis(200), fetch_to(&path, 50)).await;
    println!("  {}", late.expect_err("it takes a second"));
    println!("  and the file exists: {}", path.exists());
    Ok(())
}
