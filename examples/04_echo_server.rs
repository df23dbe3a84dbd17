//! An echo server: one task a client, each written as if it were alone.
//!
//! Shows `TcpListener`, `TcpStream` and `spawn` around each connection. No client waits for another
//! one, no thread is started, and a client that breaks off ends its own task only.
//!
//! Course: 8.7, "Serveur TCP echo" (C14); "I/O: le nerf de la guerre" (D8); 8.6 shows the same
//! server on each selector (B2, B7, B9): `MYRT_SELECTOR=select` (or `poll`, `epoll`, `epoll-level`,
//! `epoll-oneshot`) does that here. Next: `05_echo_clients`.
//!
//! ```text
//! cargo run --example 04_echo_server                       on port 8888
//! cargo run --example 04_echo_server -- 127.0.0.1:9000     elsewhere
//! ```
//!
//! Clients: `nc localhost 8888` or `telnet localhost 8888`, in as many terminals as you like.
//! Ctrl-C ends the server.

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;

use myrt::net::{TcpListener, TcpStream, is_out_of_resources};

#[myrt::main]
async fn main() -> ExitCode {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "localhost:8888".to_owned());
    if let Err(error) = listen(&address).await {
        eprintln!("{address}: {error}");
    }
    ExitCode::FAILURE // a server that works does not come here
}

async fn listen(address: &str) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            // No descriptor left, say: the client waits in the queue, and the next accept a little
            // before it tries.
            Err(error) if is_out_of_resources(&error) => {
                eprintln!("accept: {error}");
                continue;
            }
            Err(error) => return Err(error),
        };
        // The handle is dropped: the task goes on by itself, for as long as the client stays.
        drop(myrt::spawn(serve(stream, peer)));
    }
}

/// One client, from its first byte to its last.
async fn serve(stream: TcpStream, peer: SocketAddr) {
    println!("{peer} came");
    match echo(&stream).await {
        Ok(bytes) => println!("{peer} left, after {bytes} bytes"),
        Err(error) => println!("{peer} broke off: {error}"),
    }
}

/// Sends back what comes, with `Echo: ` before it, until the client has no more to say.
async fn echo(stream: &TcpStream) -> io::Result<usize> {
    let mut buf = [0; 1024];
    let mut total = 0;
    loop {
        let n = stream.read(&mut buf).await?; // other clients have their turn meanwhile
        if n == 0 {
            return Ok(total);
        }
        total += n;
        stream.write_all(b"Echo: ").await?;
        stream.write_all(&buf[..n]).await?;
    }
}
