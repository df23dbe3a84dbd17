//! Echo on an event loop, with whichever mechanism waits for the sockets.
//!
//! Shows that the program is the same with select, poll and epoll in its three modes: what differs
//! is below. A megabyte comes back whole, since `write_all` goes on where the socket stopped
//! taking; the course's `send` cuts off what does not fit. On the edge-triggered selector the read
//! goes on until the socket has no more, which is the runtime's affair.
//!
//! Course: 8.5, pattern 3, `EventLoopServer` (A16); 8.6, the echo servers on select (B2), poll
//! (B7), epoll (B9), edge-triggered (B11), one-shot (B12), kqueue (B13; there on macOS and BSD
//! only), and `DefaultSelector` (B21); 8.7, (C14).
//!
//! ```text
//! cargo run --release -p course --bin echo_event_loop -- 127.0.0.1:8888 --selector epoll
//!     select | poll | epoll | epoll-level | epoll-oneshot | kqueue           without: the best that the system has
//! ```
//!
//! Clients: `nc localhost 8888`, a hundred of them.

use std::io;

use lexopt::ValueExt;
use myrt::net::{TcpListener, TcpStream};
use myrt::runtime::{Builder, Selector};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut address = "127.0.0.1:8888".to_owned();
    let mut selector = Selector::default();
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Value(value) => address = value.string()?,
            lexopt::Arg::Long("selector") => selector = arguments.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    let _ = myrt::runtime::raise_fd_limit();
    let runtime = Builder::new().selector(selector).build()?;
    Ok(runtime.block_on(async {
        let listener = TcpListener::bind(&*address).await?;
        println!("listening on {} with {selector}", listener.local_addr()?);
        loop {
            match listener.accept().await {
                Ok((stream, _)) => drop(myrt::spawn(echo(stream))),
                Err(error) => eprintln!("accept: {error}"),
            }
        }
        #[expect(unreachable_code, reason = "it says the type of the block's error")]
        io::Result::Ok(())
    })?)
}

async fn echo(stream: TcpStream) -> io::Result<()> {
    let mut buf = [0; 4096];
    loop {
        let n = stream.read(&mut buf).await?;
        if n == 0 {
            return Ok(());
        }
        stream.write_all(&buf[..n]).await?;
    }
}
