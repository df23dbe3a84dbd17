//! N requests to a server that takes its time: in sequence, a thread each, on fifty threads, or on
//! one event loop.
//!
//! Arguments: model, requests, port. Prints seconds, failures, peak resident and peak virtual
//! bytes, and the most threads that were there at once.

use std::io::{self, Read, Write};
use std::net::TcpStream as Blocking;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use myrt::net::TcpStream;
use myrt::time::{Duration, Instant};

use super::echo::STACK;
use super::{invalid, local, number, receive, say};
use crate::machine::memory::memory;

const REQUEST: &[u8] = b"GET / HTTP/1.0\r\n\r\n";
const POOL: usize = 50;
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn run(arguments: &[String]) -> io::Result<()> {
    let requests: usize = number(arguments, 1)?;
    let port: u16 = number(arguments, 2)?;
    let start = Instant::now();
    let (failures, threads) = match arguments[0].as_str() {
        "sequence" => (on_threads(1, requests, port), 1),
        "pool" => (on_threads(POOL, requests, port), POOL),
        "threads" => (on_threads(requests, requests, port), requests),
        "myrt" => (on_a_loop(requests, port)?, 1),
        model => return Err(invalid(model)),
    };
    let took = start.elapsed().as_secs_f64();
    let memory = memory("self").unwrap_or_default();
    say(&format!(
        "{took} {failures} {} {} {threads}",
        memory.peak_resident, memory.peak_virt
    ))
}

/// `threads` threads share `requests` requests; what no thread could be had for fails.
fn on_threads(threads: usize, requests: usize, port: u16) -> usize {
    let next = AtomicUsize::new(0);
    let answered = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..threads {
            let work = || {
                // With a thread a request each takes one, and one only.
                while next.fetch_add(1, Relaxed) < requests {
                    if blocking(port).is_ok() {
                        answered.fetch_add(1, Relaxed);
                    }
                    if threads == requests {
                        break;
                    }
                }
            };
            if thread::Builder::new()
                .stack_size(STACK)
                .spawn_scoped(scope, work)
                .is_err()
            {
                break;
            }
        }
    });
    requests - answered.load(Relaxed)
}

fn blocking(port: u16) -> io::Result<()> {
    let mut stream = Blocking::connect(local(port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(REQUEST)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    check(&answer)
}

fn on_a_loop(requests: usize, port: u16) -> io::Result<usize> {
    super::run(async {
        let results = myrt::gather((0..requests).map(|_| awaiting(port))).await;
        Ok(results.iter().filter(|result| result.is_err()).count())
    })
}

async fn awaiting(port: u16) -> io::Result<()> {
    let stream = TcpStream::connect(local(port)).await?;
    stream.write_all(REQUEST).await?;
    let mut answer = Vec::new();
    while receive(&stream, &mut answer).await? > 0 {}
    check(&answer)
}

fn check(answer: &[u8]) -> io::Result<()> {
    if answer.starts_with(b"HTTP/1.0 200") {
        Ok(())
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}
