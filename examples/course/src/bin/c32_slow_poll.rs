//! A task that blocks the loop is reported, with its place and its time.
//!
//! No switch is needed: a turn that takes too long is noticed, the turns after it are timed task by
//! task, and with `debug(true)` all are. The time that counts is that of the poll, which is what
//! the others wait for; a task that awaits for long disturbs nobody and is not reported.
//!
//! Course: 8.5, who blocks and for how long (A30), the profiler (A31; the claim N11); 8.7, debug
//! mode (C32), `slow_callback_duration` (C33). The course's `get_event_loop().set_debug(True)`
//! before `asyncio.run` prints nothing (R4), and its profiler calls a task slow that only waited
//! (R16).
//!
//! ```text
//! cargo run --release -p course --bin slow_poll
//! ```

use std::io;

use myrt::runtime::{Builder, Lints};
use myrt::time::{Duration, sleep};

#[expect(
    clippy::disallowed_methods,
    reason = "the thing that is shown: nobody should do this"
)]
fn block(time: Duration) {
    std::thread::sleep(time);
}

async fn culprit(millis: u64) {
    block(Duration::from_millis(millis));
    myrt::yield_now().await;
}

fn main() -> io::Result<()> {
    let runtime = Builder::new()
        .debug(true)
        .lints(Lints::Warn)
        .slow_poll(Duration::from_millis(100))
        .build()?;
    runtime.block_on(async {
        println!("50 ms: nothing is said.");
        let _ = myrt::spawn(culprit(50)).await;
        println!("A wait of 300 ms: nothing is said.");
        sleep(Duration::from_millis(300)).await;
        println!("300 ms, and on standard error is who it was:");
        let _ = myrt::task::Builder::new()
            .name("culprit")
            .spawn(culprit(300))
            .await;
    });
    Ok(())
}
