//! A rate limiter that holds its rate, beside one that does not.
//!
//! Shows `RateLimiter`: five calls a second, the first five at once, then one every 0.2 s. Then the
//! same calls through the limiter of the course, which counts the time of its own sleep twice and
//! lets nearly twice the rate through.
//!
//! Course: 8.7, "Cas 4: rate limiting" (C28; the claims N19 and R1). Next: `11_pubsub`.
//!
//! ```text
//! cargo run --example 10_rate_limiter
//! ```

use myrt::sync::RateLimiter;
use myrt::time::{Duration, Instant, sleep};

const CALLS: usize = 20;
const RATE: u32 = 5;

/// The course's token bucket, mistake included.
struct Naive {
    tokens: f64,
    last: Instant,
}

impl Naive {
    async fn acquire(&mut self) {
        let rate = f64::from(RATE);
        let now = Instant::now();
        self.tokens = rate.min(self.tokens + (now - self.last).as_secs_f64() * rate);
        self.last = now; // the mistake: this is not set again after the sleep below ...
        if self.tokens < 1.0 {
            sleep(Duration::from_secs_f64((1.0 - self.tokens) / rate)).await;
            self.tokens = 0.0; // ... so the next call is credited with the time of the sleep
        } else {
            self.tokens -= 1.0;
        }
    }
}

/// Prints when a call passed, five in a line.
fn passed(call: usize, start: Instant) {
    let end = if call % 5 == 4 { "\n" } else { "" };
    print!("{:>8.2} s{end}", start.elapsed().as_secs_f64());
}

/// The rate after the first five, which may pass at once.
fn report(start: Instant) {
    let rate = (CALLS - RATE as usize) as f64 / start.elapsed().as_secs_f64();
    println!("  after the first five: {rate:.1} calls a second\n");
}

#[myrt::main]
async fn main() {
    println!("RateLimiter::new({RATE}, 1 s), {CALLS} calls:");
    let limiter = RateLimiter::new(RATE, Duration::from_secs(1));
    let start = Instant::now();
    for call in 0..CALLS {
        limiter.acquire().await;
        passed(call, start);
    }
    report(start);

    println!("The course's limiter, asked for the same:");
    let start = Instant::now();
    let mut naive = Naive {
        tokens: f64::from(RATE),
        last: start,
    };
    for call in 0..CALLS {
        naive.acquire().await;
        passed(call, start);
    }
    report(start);
}
