//! Echo with a pool of threads and a queue, for comparison. No runtime.
//!
//! Memory is bounded, and so is the number of clients that are served: with ten threads the
//! eleventh waits in the queue until one of the ten hangs up, even if all ten say nothing.
//!
//! Course: 8.5, pattern 2 (A15). Next: `echo_event_loop`.
//!
//! ```text
//! cargo run --release -p course --bin echo_threadpool -- 127.0.0.1:8888 --threads 10
//! ```
//!
//! Clients: eleven of `nc localhost 8888`.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use lexopt::ValueExt;

/// Clients that may wait for a thread. The kernel's queue comes on top.
const QUEUE: usize = 128;

#[expect(clippy::disallowed_methods, reason = "the thing that is compared")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut address = "127.0.0.1:8888".to_owned();
    let mut threads = 10;
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Value(value) => address = value.string()?,
            lexopt::Arg::Long("threads") => threads = arguments.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    let (sender, receiver) = mpsc::sync_channel::<TcpStream>(QUEUE);
    let receiver = Arc::new(Mutex::new(receiver));
    for _ in 0..threads {
        let receiver = Arc::clone(&receiver);
        thread::spawn(move || {
            loop {
                // The lock is held while waiting: the threads take turns at the queue.
                let next = receiver.lock().ok().and_then(|queue| queue.recv().ok());
                let Some(stream) = next else { return };
                let _ = echo(stream);
            }
        });
    }
    for stream in listener.incoming().flatten() {
        sender.send(stream)?;
    }
    Ok(())
}

fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buf = [0; 4096];
    loop {
        let n = stream.read(&mut buf)?;
        if n == 0 {
            return Ok(());
        }
        stream.write_all(&buf[..n])?;
    }
}
