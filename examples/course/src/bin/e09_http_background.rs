//! Work after the answer: the client does not wait for it, and it is done all the same.
//!
//! `/background` answers, then runs what the handler left to be done (FastAPI's `BackgroundTasks`);
//! `/awaited` does the same work before it answers; `/spawned` starts a task and does not wait for
//! it. What is left when the server ends is waited for.
//!
//! Course: visual guide, `create_task` against `BackgroundTasks` (E9).
//!
//! ```text
//! cargo run --release -p course --bin http_background               on 127.0.0.1:8000
//! ```
//!
//! Client: `curl -w ' %{time_total}\n' localhost:8000/background`, and `/awaited`, `/spawned`.

use std::io;

use myrt::io::Reader;
use myrt::net::{TcpListener, TcpStream};
use myrt::time::{Duration, sleep};

/// What is to be done after the answer, in this order.
#[derive(Default)]
struct BackgroundTasks(Vec<std::pin::Pin<Box<dyn Future<Output = ()>>>>);

impl BackgroundTasks {
    fn add(&mut self, work: impl Future<Output = ()> + 'static) {
        self.0.push(Box::pin(work));
    }
}

/// Half a second of work.
async fn send_mail(to: &'static str) {
    sleep(Duration::from_millis(500)).await;
    println!("mail to {to} is sent");
}

async fn handle(path: &str, after: &mut BackgroundTasks) -> (&'static str, &'static str) {
    match path {
        "/background" => after.add(send_mail("background")),
        "/spawned" => drop(myrt::spawn(send_mail("spawned"))),
        "/awaited" => send_mail("awaited").await,
        _ => return ("404 Not Found", "try /background, /spawned, /awaited\n"),
    }
    ("200 OK", "accepted\n")
}

async fn serve(stream: TcpStream) -> io::Result<()> {
    let mut head = Vec::new();
    if !matches!(
        Reader::new(&stream)
            .read_until(b"\r\n\r\n", &mut head)
            .await,
        Ok(1..)
    ) {
        return Ok(());
    }
    let line = String::from_utf8_lossy(&head);
    let mut after = BackgroundTasks::default();
    let (status, body) = handle(line.split(' ').nth(1).unwrap_or("/"), &mut after).await;
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let result = stream.write_all(answer.as_bytes()).await;
    println!("answered {}", line.lines().next().unwrap_or_default());
    drop(stream); // the client is done
    for work in after.0 {
        work.await;
    }
    result
}

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
