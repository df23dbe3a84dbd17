//! A service that fails: a limit for each try, tries again with growing pauses, and a breaker that
//! gives it peace.
//!
//! Shows that resilience is a few lines around a future, since a future that is given up is dropped
//! and holds nothing any more. A retry helps against a hiccup. Against a service that is down it
//! makes things worse: then the breaker opens after some failures in a row, refuses at once without
//! asking, and lets one call through after a while to see whether the service is back.
//!
//! Course: what comes next of 8.5 to 8.7, resilience: timeouts, retry, circuit breaker (C36). Its
//! keep-alive is in `http_server`, pooled connections are in `balancer`. The clock is virtual, so
//! the times are exact; with `--real` it is the machine's.
//!
//! ```text
//! cargo run --release -p course --bin resilience [-- --real]
//! ```

use std::cell::Cell;
use std::io;

use myrt::runtime::Builder;
use myrt::time::{Duration, Instant, sleep, timeout};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// How the service is on a try: quick, failing, or silent for ever.
#[derive(Clone, Copy)]
enum Mood {
    Well,
    Failing,
    Hanging,
}

/// A service with a mood for each call; the last one stays.
struct Service {
    moods: &'static [Mood],
    calls: Cell<usize>,
}

impl Service {
    fn new(moods: &'static [Mood]) -> Self {
        Self {
            moods,
            calls: Cell::new(0),
        }
    }

    async fn ask(&self) -> Result<&'static str, &'static str> {
        let call = self.calls.replace(self.calls.get() + 1);
        sleep(ms(10)).await;
        match self.moods[call.min(self.moods.len() - 1)] {
            Mood::Well => Ok("an answer"),
            Mood::Failing => Err("out of order"),
            Mood::Hanging => std::future::pending().await,
        }
    }
}

/// Tries up to `tries` times, each with a limit; the pause between them doubles from 100 ms.
///
/// Only for what may be done twice. Where many clients would try again at the same moment, add
/// something random to the pause.
async fn retry<T>(
    tries: u32,
    limit: Duration,
    mut call: impl AsyncFnMut() -> Result<T, &'static str>,
) -> Result<T, &'static str> {
    let mut pause = ms(100);
    for left in (0..tries).rev() {
        let result = timeout(limit, call())
            .await
            .unwrap_or(Err("no answer in time"));
        match result {
            Err(why) if left > 0 => {
                println!("    {why}; again in {} ms", pause.as_millis());
                sleep(pause).await;
                pause *= 2;
            }
            result => return result,
        }
    }
    Err("not tried")
}

/// Stands before a service, and opens when it fails several times in a row.
struct Breaker {
    /// This many failures open it.
    limit: u32,
    /// For so long.
    rest: Duration,
    failures: Cell<u32>,
    open_until: Cell<Option<Instant>>,
}

impl Breaker {
    fn new(limit: u32, rest: Duration) -> Self {
        Self {
            limit,
            rest,
            failures: Cell::new(0),
            open_until: Cell::new(None),
        }
    }

    async fn call<T>(
        &self,
        call: impl Future<Output = Result<T, &'static str>>,
    ) -> Result<T, &'static str> {
        if let Some(until) = self.open_until.get() {
            if Instant::now() < until {
                return Err("refused: the breaker is open");
            }
            // Half open: this call is the probe. Until it succeeds the breaker is open for the
            // others, also if it is given up.
            self.open_until.set(Some(Instant::now() + self.rest));
        }
        let result = call.await;
        if result.is_ok() {
            self.failures.set(0);
            self.open_until.set(None);
        } else {
            self.failures.set(self.failures.get() + 1);
            if self.failures.get() >= self.limit {
                self.open_until.set(Some(Instant::now() + self.rest));
            }
        }
        result
    }
}

fn tell(start: Instant, text: &str) {
    println!("  {:>5} ms  {text}", start.elapsed().as_millis());
}

async fn scenes() {
    println!("A hiccup: tried again.");
    let start = Instant::now();
    let service = Service::new(&[Mood::Failing, Mood::Hanging, Mood::Well]);
    let result = retry(4, ms(50), async || service.ask().await).await;
    tell(
        start,
        &format!("{result:?} after {} calls", service.calls.get()),
    );

    println!("A service that is down: given up.");
    let start = Instant::now();
    let service = Service::new(&[Mood::Failing]);
    let result = retry(4, ms(50), async || service.ask().await).await;
    tell(
        start,
        &format!("{result:?} after {} calls", service.calls.get()),
    );

    println!("With a breaker: three failures, then a second of peace.");
    let start = Instant::now();
    let service = Service::new(&[
        Mood::Failing,
        Mood::Failing,
        Mood::Failing,
        Mood::Failing,
        Mood::Well,
    ]);
    let breaker = Breaker::new(3, ms(1000));
    let mut before = None;
    for _ in 0..30 {
        let result = breaker.call(service.ask()).await;
        let asked = service.calls.get();
        if before != Some(result) {
            tell(start, &format!("{result:?}, {asked} calls so far"));
            before = Some(result);
        }
        sleep(ms(100)).await;
    }
    tell(
        start,
        &format!("thirty requests were {} calls", service.calls.get()),
    );
}

fn main() -> io::Result<()> {
    let real = std::env::args().any(|argument| argument == "--real");
    Builder::new()
        .start_paused(!real)
        .build()?
        .block_on(scenes());
    Ok(())
}
