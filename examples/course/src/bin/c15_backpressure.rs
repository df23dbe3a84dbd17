//! Backpressure: who writes faster than the other reads must wait, and memory stays where it is.
//!
//! `Writer::queue` never waits, `drain` waits until the bytes are with the system. A program that
//! queues without draining fills its memory for a peer that does not read; here a quarter of a
//! gigabyte goes through a queue that never holds more than its high-water mark.
//!
//! Course: 8.7, "Points clés": reader, writer, drain, get_extra_info, wait_closed (C15).
//!
//! ```text
//! cargo run --release -p course --bin backpressure [-- MEGABYTES]
//! ```

use std::io;

use myrt::net::{TcpListener, TcpStream};
use myrt::time::{Duration, sleep};

const CHUNK: usize = 16 * 1024;

/// Resident memory in kB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|kb| kb.parse().ok())
        .unwrap_or(0)
}

/// A peer that thinks for a while, then reads everything.
async fn slow_reader(listener: TcpListener) -> io::Result<usize> {
    let (stream, _) = listener.accept().await?;
    sleep(Duration::from_millis(100)).await;
    let mut buf = vec![0; 256 * 1024];
    let mut total = 0;
    loop {
        match stream.read(&mut buf).await? {
            0 => return Ok(total),
            n => total += n,
        }
    }
}

#[myrt::main]
async fn main() -> io::Result<()> {
    let megabytes: usize = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(256);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let stream = TcpStream::connect(listener.local_addr()?).await?;
    println!("writing to {}", stream.peer_addr()?);
    let reader = myrt::spawn(slow_reader(listener));
    let (_read, write) = stream.into_split();
    let mut writer = myrt::io::Writer::new(write);
    let before = resident();
    let mut most = 0;
    let mut waits = 0;
    for _ in 0..megabytes * 1024 * 1024 / CHUNK {
        writer.queue(&[7; CHUNK]);
        most = most.max(writer.queued());
        if writer.is_full() {
            waits += 1;
            writer.drain().await?;
        }
    }
    let grown = resident().saturating_sub(before);
    writer.close().await?;
    let arrived = reader
        .await
        .map_err(|error| io::Error::other(error.to_string()))??;
    println!(
        "{} MB arrived, {} kB were queued at most, drained {waits} times, memory grew by {grown} kB",
        arrived >> 20,
        most >> 10
    );
    Ok(())
}
