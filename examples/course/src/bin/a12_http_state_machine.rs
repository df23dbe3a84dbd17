//! The small HTTP server of `http_async`, as the state machine that the compiler makes of it.
//!
//! Shows what `async` saves: the states by name, the data of each, and a `poll` that goes on in the
//! state in which it was left. Every `Pending` is an `await` of the twin. It is a future like any
//! other: the loop does not know who wrote it.
//!
//! Course: 8.5, "Code comparatif" (A12).
//!
//! ```text
//! cargo run --release -p course --bin http_state_machine            on 127.0.0.1:8000
//! ```
//!
//! Clients: `curl -i localhost:8000`, `ab -n 1000 -c 50 http://localhost:8000/`. The bytes are
//! those of the twin.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use myrt::io::{AsyncRead, AsyncWrite};
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
            Ok((stream, _)) => drop(myrt::spawn(Connection {
                stream,
                state: State::Reading { head: Vec::new() },
            })),
            Err(error) => eprintln!("accept: {error}"),
        }
    }
}

struct Connection {
    stream: TcpStream,
    state: State,
}

enum State {
    /// The head is not whole yet.
    Reading { head: Vec<u8> },
    /// So much of the answer is with the system.
    Writing { answer: Vec<u8>, sent: usize },
}

impl Future for Connection {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { stream, state } = self.get_mut();
        loop {
            match state {
                State::Reading { head } => {
                    if head.windows(4).any(|four| four == b"\r\n\r\n") {
                        *state = State::Writing {
                            answer: answer(head),
                            sent: 0,
                        };
                        continue;
                    }
                    let mut buf = [0; 1024];
                    let n = ready!(Pin::new(&mut &*stream).poll_read(cx, &mut buf))?;
                    if n == 0 || head.len() > MAX_HEAD {
                        return Poll::Ready(Ok(()));
                    }
                    head.extend_from_slice(&buf[..n]);
                }
                State::Writing { answer, sent } if *sent < answer.len() => {
                    *sent += ready!(Pin::new(&mut &*stream).poll_write(cx, &answer[*sent..]))?;
                }
                State::Writing { .. } => {
                    return Poll::Ready(stream.shutdown(std::net::Shutdown::Write));
                }
            }
        }
    }
}

fn answer(head: &[u8]) -> Vec<u8> {
    let line = head.split(|&byte| byte == b'\r').next().unwrap_or_default();
    let body = format!("You said: {}\n", String::from_utf8_lossy(line));
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
