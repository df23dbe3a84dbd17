//! Echo with a thread for each client, for comparison. No runtime.
//!
//! Nobody waits for anybody, at the price of a stack a client: 8 MB of address space as the course
//! counts, 2 MB with Rust's default, of which a few pages are really used; and of a place in the
//! kernel's scheduler.
//!
//! Course: 8.5, "Thread par connexion" and pattern 1, `ThreadedServer` (A4, A5; the claim N1).
//! Next: `echo_threadpool`.
//!
//! ```text
//! cargo run --release -p course --bin echo_threads                  on 127.0.0.1:8888
//! ```
//!
//! Clients: a hundred of `nc localhost 8888`; `grep Threads /proc/PID/status` says 101.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

#[expect(clippy::disallowed_methods, reason = "the thing that is compared")]
fn main() -> io::Result<()> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:8888".to_owned());
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    for stream in listener.incoming() {
        match stream {
            Ok(stream) => drop(thread::Builder::new().spawn(|| echo(stream))), // no thread left: the client is sent away
            Err(error) => {
                // Out of descriptors: a loop without this pause would burn a core until a client
                // leaves.
                eprintln!("accept: {error}");
                thread::sleep(std::time::Duration::from_millis(10));
            }
        }
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
