//! A stream of market data, and pages of an API: async iterators.
//!
//! A million ticks go through a channel to a task that handles them in order; the time from one end
//! to the other is measured for each. Then a generator asks an API for page after page, and ends
//! with the first short one; nothing asks for a page before it is wanted.
//!
//! Course: 8.5, `async for market_data in stream` (A26); 8.7, async iterators (C30) and generators
//! (C31).
//!
//! ```text
//! cargo run --release -p course --bin tick_stream [-- TICKS]
//! ```

use myrt::stream::{self, Stream, StreamExt};
use myrt::sync::mpsc;
use myrt::time::{Duration, Instant, sleep};

/// Ticks that may wait. A producer that is faster waits itself.
const ROOM: usize = 256;

#[derive(Clone, Copy)]
struct Tick {
    number: u64,
    sent: Instant,
}

async fn ticks(count: u64) {
    let (sender, mut receiver) = mpsc::channel(ROOM);
    let producer = myrt::spawn(async move {
        for number in 0..count {
            let sent = Instant::now();
            if sender.send(Tick { number, sent }).await.is_err() {
                return; // nobody listens any more
            }
        }
    });
    let start = Instant::now();
    let mut delays = Vec::new();
    let mut expected = 0;
    while let Some(tick) = receiver.next().await {
        assert_eq!(tick.number, expected, "in order, none lost");
        expected += 1;
        delays.push(tick.sent.elapsed());
    }
    producer.await.expect("nobody cancels it");
    delays.sort_unstable();
    let at = |share: usize| delays[(delays.len() - 1) * share / 1000];
    println!(
        "{expected} ticks in order in {:.2} s; from end to end: half within {:?}, 99.9 % within {:?}",
        start.elapsed().as_secs_f64(),
        at(500),
        at(999),
    );
}

const PAGE: usize = 10;
const ITEMS: usize = 34;

/// An API that gives ten items a page.
async fn api(page: usize) -> Vec<usize> {
    sleep(Duration::from_millis(10)).await;
    println!("  page {page} was asked for");
    (page * PAGE..ITEMS.min((page + 1) * PAGE)).collect()
}

/// The items one after the other; pages are asked for as they are needed.
fn items() -> impl Stream<Item = usize> {
    let pages = stream::unfold(Some(0), |page| async move {
        let items = api(page?).await;
        let next = if items.len() == PAGE {
            Some(page? + 1)
        } else {
            None
        };
        Some((stream::iter(items), next))
    });
    pages.flatten()
}

#[myrt::main]
async fn main() {
    let count = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(1_000_000);
    ticks(count).await;
    println!("Fifteen items take two pages:");
    let some: Vec<_> = Box::pin(items()).take(15).collect().await;
    println!("  {} items", some.len());
    println!("All of them:");
    println!("  {} items", Box::pin(items()).count().await);
}
