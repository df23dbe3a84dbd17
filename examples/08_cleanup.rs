//! Cleanups that may await: they run however their future ends, and the canceller waits for them.
//!
//! Shows `finally` (a partial file is removed after a timeout, after a sibling's failure, and on
//! Ctrl-C), `bracket` (the resource is given back), `shield` (a step that must not be cut in the
//! middle) and `CancelToken` (a wish to stop). Press Ctrl-C while the last part runs: the file is
//! removed, and the exit code is 130. Press it twice to leave at once.
//!
//! Course: 8.7, "Annulation" (C20), "Timeout avec cleanup" (C21), context managers (C29).
//! asyncio's `try … finally: await`, `async with`, `shield`. Next: `09_queue_workers`.
//!
//! ```text
//! cargo run --example 08_cleanup
//! ```

use std::io::Write;
use std::path::{Path, PathBuf};

use myrt::time::{Duration, Instant, sleep, timeout};
use myrt::{CancelToken, bracket, finally, shield, try_scope};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[myrt::main]
async fn main() {
    let path = std::env::temp_dir().join(format!("myrt-cleanup-{}.part", std::process::id()));
    give_back().await;
    not_in_the_middle().await;
    stop_wish().await;

    println!("A download that takes too long:");
    let late = timeout(ms(250), download(&path, 100)).await;
    println!(
        "  {}; the file exists: {}",
        late.expect_err("it takes 5 s"),
        path.exists()
    );

    println!("A download beside one that fails:");
    let failed = try_scope(async |s| {
        s.spawn(download(&path, 100));
        s.try_spawn(async {
            sleep(ms(250)).await;
            Err::<(), _>("the server hung up")
        });
        Ok(())
    });
    let error = failed.await.expect_err("one of them fails");
    println!("  {error}; the file exists: {}", path.exists());

    println!("A download of 5 s. Ctrl-C ends it:");
    download(&path, 100).await;
}

/// Writes `blocks` blocks, one every 50 ms. The file is there only while this runs.
async fn download(path: &Path, blocks: usize) {
    let mine: PathBuf = path.to_owned();
    let work = async {
        let mut file =
            std::fs::File::create(path).expect("the directory for temporary files can be written");
        for _ in 0..blocks {
            file.write_all(b"....").expect("there is room");
            sleep(ms(50)).await;
        }
    };
    finally(work, async move || {
        // Anything may be awaited here: another thread removes the file, and the code that
        // cancelled us waits for that.
        let removed = myrt::spawn_blocking(move || std::fs::remove_file(mine)).await;
        println!(
            "  the partial file is removed: {}",
            matches!(removed, Ok(Ok(())))
        );
    })
    .await;
}

/// asyncio's `async with`: what was taken is given back, with what the body made of it.
async fn give_back() {
    println!("A connection that is closed politely:");
    let words = ["hello", "world"];
    let body = async |sent: &mut Vec<String>| {
        for word in words {
            sent.push(word.to_uppercase());
        }
    };
    bracket(Vec::new(), body, async |sent| {
        sleep(ms(20)).await;
        println!("  said {sent:?} and good-bye");
    })
    .await;
}

/// What has begun is finished, although its caller is given up.
async fn not_in_the_middle() {
    println!("A commit of 100 ms, 30 ms allowed:");
    let start = Instant::now();
    let commit = shield(async {
        sleep(ms(100)).await;
        println!("  committed");
    });
    let late = timeout(ms(30), commit).await.is_err();
    println!("  late: {late}, after {} ms", start.elapsed().as_millis());
}

/// A token says that nothing new shall begin; what runs may end by itself.
async fn stop_wish() {
    println!("A worker that is asked to stop:");
    let token = CancelToken::new();
    let asked = token.child();
    let worker = myrt::spawn(async move {
        let mut jobs = 0;
        while !asked.is_cancelled() {
            sleep(ms(20)).await; // one job, never cut
            jobs += 1;
        }
        jobs
    });
    sleep(ms(90)).await;
    token.cancel();
    println!("  it did {} jobs", worker.await.expect("it ends by itself"));
}
