//! Asking several services at once: all of them, the first that answers, each with a limit of its
//! own.
//!
//! Three servers on this machine answer in JSON after some time. Aggregating takes as long as the
//! slowest, a request that depends on another waits for it alone, and a fallback returns with the
//! first success.
//!
//! Course: 8.7, `gather` over four services (C9: 400 ms become 100 ms), requests with a timeout
//! (C13), "la première qui réussit" (C19). That code waits for all of them (R3): a second, though
//! the first answer is there after 10 ms; `first_ok` returns then and drops the others. 8.5, the
//! gateway over three services (A25).
//!
//! ```text
//! cargo run --release -p course --bin aggregate
//! ```

use std::io;
use std::net::SocketAddr;

use myrt::io::Reader;
use myrt::net::{TcpListener, TcpStream};
use myrt::time::{Duration, Instant, sleep, timeout};

/// The services: `/NAME/MILLISECONDS` answers after that time, `/NAME/fail` fails at once.
async fn services() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    drop(myrt::spawn(async move {
        loop {
            // An error passes: the next accept waits a little before it tries.
            if let Ok((stream, _)) = listener.accept().await {
                drop(myrt::spawn(serve(stream)));
            }
        }
    }));
    Ok(address)
}

async fn serve(stream: TcpStream) -> io::Result<()> {
    let mut reader = Reader::new(&stream);
    let mut line = String::new();
    reader.read_line(&mut line).await?;
    let path = line.split(' ').nth(1).unwrap_or("/");
    let (name, what) = path
        .trim_start_matches('/')
        .split_once('/')
        .unwrap_or(("", "fail"));
    let (status, body) = match what.parse() {
        Ok(millis) => {
            sleep(Duration::from_millis(millis)).await;
            (
                "200 OK",
                format!(r#"{{"{name}":"answered after {millis} ms"}}"#),
            )
        }
        Err(_) => ("503 Service Unavailable", String::new()),
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await
}

/// A GET, as small as it can be.
async fn get(server: SocketAddr, path: &str) -> io::Result<String> {
    let stream = TcpStream::connect(server).await?;
    stream
        .write_all(
            format!("GET /{path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n")
                .as_bytes(),
        )
        .await?;
    let mut answer = Vec::new();
    Reader::new(&stream).read_to_end(&mut answer).await?;
    let text = String::from_utf8_lossy(&answer);
    match text.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200 ") => Ok(body.to_owned()),
        _ => Err(io::Error::other(format!(
            "{path}: {}",
            text.lines().next().unwrap_or_default()
        ))),
    }
}

fn tell(start: Instant, what: &str) {
    println!("  {:>4} ms  {what}", start.elapsed().as_millis());
}

/// Several JSON objects as one: what is between the braces, joined.
fn merged<'a>(objects: impl IntoIterator<Item = &'a String>) -> String {
    let inner: Vec<_> = objects
        .into_iter()
        .map(|object| object.trim_matches(['{', '}']))
        .collect();
    format!("{{{}}}", inner.join(","))
}

#[myrt::main]
async fn main() -> io::Result<()> {
    let server = services().await?;

    println!("Four services together:");
    let start = Instant::now();
    let paths = ["user/100", "orders/100", "prices/100", "stock/100"];
    let answers = myrt::try_gather(paths.map(|path| get(server, path))).await?;
    tell(start, &merged(&answers));

    println!("A gateway: the user first, what depends on it then, side by side:");
    let start = Instant::now();
    let user = get(server, "user/50").await?;
    let (orders, advice) =
        myrt::try_gather!(get(server, "orders/100"), get(server, "advice/100")).await?;
    tell(start, &merged([&user, &orders, &advice]));

    println!("A limit of 200 ms for each:");
    let start = Instant::now();
    let limited = ["fast/10", "medium/150", "slow/1000"].map(|path| async move {
        (
            path,
            timeout(Duration::from_millis(200), get(server, path))
                .await
                .ok()
                .and_then(Result::ok),
        )
    });
    for (path, answer) in myrt::gather(limited).await {
        println!("           {path}: {}", answer.as_deref().unwrap_or("None"));
    }
    tell(start, "the slow one was given up");

    println!("Whoever succeeds first, one that fails among them:");
    let start = Instant::now();
    let mirrors = ["mirror1/fail", "mirror2/10", "mirror3/1000"];
    match myrt::first_ok(mirrors.map(|path| get(server, path))).await {
        Ok(answer) => tell(start, &answer),
        Err(errors) => tell(start, &format!("{errors:?}")),
    }
    Ok(())
}
