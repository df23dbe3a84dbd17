//! Echo, blocking: one client at a time, for comparison. No runtime.
//!
//! The second client connects (the kernel accepts for it) and waits for its first echo until the
//! first has hung up.
//!
//! Course: 8.5, "Serveur bloquant simple" and "Test du problème" (A3). Next: `echo_threads`.
//!
//! ```text
//! cargo run --release -p course --bin echo_blocking                 on 127.0.0.1:8888
//! ```
//!
//! Client: `nc localhost 8888`, twice.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};

fn main() -> io::Result<()> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:8888".to_owned());
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    for stream in listener.incoming() {
        // Everybody else waits here. An error is that client's.
        let _ = stream.and_then(echo);
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
