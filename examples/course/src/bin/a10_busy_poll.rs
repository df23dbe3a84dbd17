//! Asking again and again, against being told: what waiting costs.
//!
//! Three ways to wait a second for bytes that come then, with the CPU time of each. Asking in a
//! loop takes all of it. A pause of a millisecond between two questions takes little, not the 100 %
//! that the course's comment claims (R12), and is late by up to that pause. A task takes next to
//! nothing, and is woken when the bytes are there.
//!
//! Course: 8.5, "Polling naïf" (A10), and "I/O: le nerf de la guerre", `wait_readable` with
//! `select(…, 0)` (D4; its closing warning becomes a line with a number). Descriptors of other
//! libraries wait the same way: `myrt::io::readable(fd)`.
//!
//! ```text
//! cargo run --release -p course --bin busy_poll [-- MILLISECONDS]
//! ```

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use myrt::time::{Duration, Instant};

/// CPU time of the main thread so far.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanos = text.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

/// A connection, non-blocking, on which a byte comes after a while.
#[expect(
    clippy::disallowed_methods,
    reason = "the sender must not depend on what is measured"
)]
fn byte_after(delay: Duration) -> io::Result<TcpStream> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let stream = TcpStream::connect(listener.local_addr()?)?;
    let (mut peer, _) = listener.accept()?;
    thread::spawn(move || {
        thread::sleep(delay);
        peer.write_all(b"!")
    });
    stream.set_nonblocking(true)?;
    Ok(stream)
}

fn measure(name: &str, wait: impl FnOnce() -> io::Result<u64>) -> io::Result<()> {
    let (start, before) = (Instant::now(), cpu());
    let asked = wait()?;
    let (took, used) = (start.elapsed(), cpu() - before);
    let percent = 100.0 * used.as_secs_f64() / took.as_secs_f64();
    println!(
        "{name:<24} asked {asked:>9} times, CPU {:>8.2} ms of {:>7.1} ms, {percent:>5.1} %",
        used.as_secs_f64() * 1e3,
        took.as_secs_f64() * 1e3
    );
    Ok(())
}

/// Asks until there is a byte.
fn ask(mut stream: TcpStream, between: impl Fn()) -> io::Result<u64> {
    for asked in 1.. {
        match stream.read(&mut [0]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => between(),
            other => return other.map(|_| asked),
        }
    }
    unreachable!("the range has no end")
}

#[expect(clippy::disallowed_methods, reason = "the thing that is compared")]
fn main() -> io::Result<()> {
    let millis = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(1000);
    let delay = Duration::from_millis(millis);
    let stream = byte_after(delay)?;
    measure("asking in a loop", || ask(stream, || ()))?;
    let stream = byte_after(delay)?;
    measure("with a pause of 1 ms", || {
        ask(stream, || thread::sleep(Duration::from_millis(1)))
    })?;
    let stream = byte_after(delay)?;
    measure("a task that waits", || {
        myrt::run(async {
            myrt::io::readable(&stream).await?;
            (&stream).read_exact(&mut [0])?;
            Ok(1)
        })
    })
}
