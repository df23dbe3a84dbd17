//! A rate limiter: five calls a second, and not nine.
//!
//! Shows the library's token bucket beside the course's, which lets about nine calls a second
//! through (R1): it does not refresh `last_check` after its sleep, so that the wait itself is
//! credited once more. Both run in virtual time, and the times of the calls are exact.
//!
//! Course: 8.7, case 4 (C28; the claim N19: 0.00 five times, then 0.20, 0.40, 0.60).
//!
//! ```text
//! cargo run --release -p course --bin rate_limiter                  in virtual time: at once
//! cargo run --release -p course --bin rate_limiter -- --real
//! ```

use std::cell::Cell;
use std::io;

use myrt::runtime::Builder;
use myrt::sync::RateLimiter;
use myrt::time::{Duration, Instant, sleep};

const RATE: u32 = 5;
const CALLS: usize = 20;

/// The bucket as the course has it, fault included.
struct CourseBucket {
    allowance: Cell<f64>,
    last_check: Cell<Instant>,
}

impl CourseBucket {
    async fn acquire(&self) {
        let rate = f64::from(RATE);
        let now = Instant::now();
        let passed = now - self.last_check.replace(now);
        let allowance = (self.allowance.get() + passed.as_secs_f64() * rate).min(rate);
        if allowance < 1.0 {
            sleep(Duration::from_secs_f64((1.0 - allowance) / rate)).await;
            self.allowance.set(0.0); // and last_check is from before the sleep
        } else {
            self.allowance.set(allowance - 1.0);
        }
    }
}

/// Makes the calls and prints when each was let through, then the rate after the first burst.
async fn calls(name: &str, acquire: impl AsyncFn()) {
    let start = Instant::now();
    print!("{name:<8}");
    for _ in 0..CALLS {
        acquire().await;
        print!(" {:.2}", start.elapsed().as_secs_f64());
    }
    let after_burst = CALLS as f64 - f64::from(RATE);
    println!(
        "\n         {:.1} calls a second after the burst",
        after_burst / start.elapsed().as_secs_f64()
    );
}

fn main() -> io::Result<()> {
    let real = std::env::args().any(|argument| argument == "--real");
    Builder::new().start_paused(!real).build()?.block_on(async {
        let limiter = RateLimiter::new(RATE, Duration::from_secs(1));
        calls("myrt", async || limiter.acquire().await).await;
        let bucket = CourseBucket {
            allowance: Cell::new(f64::from(RATE)),
            last_check: Cell::new(Instant::now()),
        };
        calls("course", async || bucket.acquire().await).await;
    });
    Ok(())
}
