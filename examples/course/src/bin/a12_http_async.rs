//! A small HTTP server as it is written with `async`: from top to bottom. Its twin is
//! `http_state_machine`.
//!
//! Course: 8.5, "Code comparatif" (A12).
//!
//! ```text
//! cargo run --release -p course --bin http_async                    on 127.0.0.1:8000
//! ```
//!
//! Clients: `curl -i localhost:8000`, `ab -n 1000 -c 50 http://localhost:8000/`. The bytes are
//! those of the twin.

use std::io;

use myrt::net::{TcpListener, TcpStream};

const MAX_HEAD: usize = 8 * 1024;

#[myrt::main]
async fn main() -> io::Result<()> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let listener = TcpListener::bind(&*address).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(myrt::spawn(serve(stream))),
            Err(error) => eprintln!("accept: {error}"),
        }
    }
}

async fn serve(stream: TcpStream) -> io::Result<()> {
    let mut head = Vec::new();
    let mut buf = [0; 1024];
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        let n = stream.read(&mut buf).await?;
        if n == 0 || head.len() > MAX_HEAD {
            return Ok(());
        }
        head.extend_from_slice(&buf[..n]);
    }
    let line = head.split(|&byte| byte == b'\r').next().unwrap_or_default();
    let body = format!("You said: {}\n", String::from_utf8_lossy(line));
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown(std::net::Shutdown::Write)
}
