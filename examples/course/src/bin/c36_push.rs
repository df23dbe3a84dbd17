//! News to browsers without WebSocket: server-sent events, and long polling for those who have not
//! even that.
//!
//! `POST /say` adds a message. `GET /events` is an answer that never ends: each message is an event
//! with a number, and who comes back with `Last-Event-ID` gets what it has missed. `GET
//! /poll?after=N` waits until there is a message after the Nth, and answers 204 when none came for
//! a while. Both are one loop over the same log; a client that leaves ends its task at once, one
//! that does not read after a while.
//!
//! Course: what comes next of 8.5 to 8.7, server-sent events and long polling (C36).
//!
//! ```text
//! cargo run --release -p course --bin push [-- ADDRESS --wait SECONDS]      on 127.0.0.1:8000, 25 s
//! ```
//!
//! Clients: `curl -N localhost:8000/events` in one terminal, `curl -d hello localhost:8000/say` in
//! another, `curl 'localhost:8000/poll?after=1'`; a browser at `http://localhost:8000/`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt::Write;
use std::io;
use std::rc::Rc;

use lexopt::ValueExt;
use myrt::io::Reader;
use myrt::net::{TcpListener, TcpStream};
use myrt::sync::Notify;
use myrt::time::{Duration, sleep, timeout};

/// Messages that are kept for those who come back.
const KEPT: usize = 1000;
const MAX_BODY: usize = 4096;
/// How long a client may take for its request, or for reading what it is sent.
const PATIENCE: Duration = Duration::from_secs(10);
/// Something is sent this often, so that proxies on the way do not take the silence for the end.
const HEARTBEAT: Duration = Duration::from_secs(15);

const PAGE: &str = "<!doctype html><meta charset=utf-8><title>push</title><ul id=news></ul>\n\
    <script>new EventSource('/events').onmessage = e => {\n\
    \x20 const item = document.createElement('li'); item.textContent = e.data; news.append(item) }</script>\n";

/// What was said, numbered from 1.
#[derive(Default)]
struct Log {
    messages: RefCell<VecDeque<(u64, String)>>,
    last: Cell<u64>,
    news: Notify,
}

impl Log {
    fn say(&self, text: String) {
        let number = self.last.get() + 1;
        self.last.set(number);
        let mut messages = self.messages.borrow_mut();
        messages.push_back((number, text));
        let old = messages.len().saturating_sub(KEPT);
        messages.drain(..old);
        drop(messages);
        self.news.notify_waiters();
    }

    /// What was said after a message, waiting for it if need be: each as `show` writes it, and the
    /// number of the last.
    async fn after(&self, seen: u64, show: impl Fn(&mut String, u64, &str)) -> (u64, String) {
        // Between the look and the wait nobody else runs, so no news is missed.
        while self.last.get() <= seen {
            self.news.notified().await;
        }
        let mut text = String::new();
        for (number, message) in self.messages.borrow().iter() {
            if *number > seen {
                show(&mut text, *number, message);
            }
        }
        (self.last.get(), text)
    }
}

/// A request, as far as it matters here.
struct Request {
    method: String,
    path: String,
    query: String,
    last_event: Option<u64>,
    /// None: it is too long.
    body: Option<String>,
}

async fn request(stream: &TcpStream) -> io::Result<Option<Request>> {
    let mut reader = Reader::new(stream);
    let mut head = Vec::new();
    if !matches!(reader.read_until(b"\r\n\r\n", &mut head).await, Ok(1..)) {
        return Ok(None);
    }
    let head = String::from_utf8_lossy(&head);
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(':'));
        let found = lines.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| value.trim().parse::<u64>().ok())
    };
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or("/"));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let length = header("content-length").unwrap_or(0);
    let length = usize::try_from(length)
        .ok()
        .filter(|length| *length <= MAX_BODY);
    let mut body = vec![0; length.unwrap_or(0)];
    if reader.read_exact(&mut body).await.is_err() {
        return Ok(None);
    }
    Ok(Some(Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        last_event: header("last-event-id"),
        body: length.map(|_| String::from_utf8_lossy(&body).into_owned()),
    }))
}

async fn serve(stream: TcpStream, log: &Log, wait: Duration) -> io::Result<()> {
    let Some(request) = timeout(PATIENCE, request(&stream)).await?? else {
        return Ok(());
    };
    match (&*request.method, &*request.path) {
        ("GET", "/") => answer(&stream, "200 OK", "text/html", PAGE).await,
        ("GET", "/events") => events(&stream, log, request.last_event).await,
        ("GET", "/poll") => {
            let after = request
                .query
                .strip_prefix("after=")
                .and_then(|number| number.parse().ok());
            poll(&stream, log, after.unwrap_or(0), wait).await
        }
        ("POST", "/say") => match request.body {
            Some(text) => {
                log.say(text);
                answer(&stream, "204 No Content", "text/plain", "").await
            }
            None => answer(&stream, "413 Content Too Large", "text/plain", "").await,
        },
        _ => {
            answer(
                &stream,
                "404 Not Found",
                "text/plain",
                "try /, /events, /poll?after=0, POST /say\n",
            )
            .await
        }
    }
}

async fn answer(stream: &TcpStream, status: &str, kind: &str, body: &str) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    timeout(PATIENCE, stream.write_all((head + body).as_bytes())).await?
}

/// Ready when the client has left.
async fn gone(stream: &TcpStream) {
    while matches!(stream.read(&mut [0; 256]).await, Ok(1..)) {}
}

/// Server-sent events, until the client leaves. It starts with what comes, or after the event that
/// the client has seen last.
async fn events(stream: &TcpStream, log: &Log, seen: Option<u64>) -> io::Result<()> {
    let mut seen = seen.unwrap_or(log.last.get());
    let mut text =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n\r\n"
            .to_owned();
    loop {
        timeout(PATIENCE, stream.write_all(text.as_bytes())).await??;
        text = myrt::select! {
            (last, events) = log.after(seen, event) => { seen = last; events }
            () = sleep(HEARTBEAT) => ": nothing new\n\n".to_owned(),
            () = gone(stream) => return Ok(()),
        };
    }
}

/// A line break would end the event: each line of a message is a `data` line of its own.
fn event(text: &mut String, number: u64, message: &str) {
    let _ = writeln!(text, "id: {number}");
    for line in message.split('\n') {
        let _ = writeln!(text, "data: {}", line.trim_end_matches('\r'));
    }
    text.push('\n');
}

/// One answer, when there is one.
async fn poll(stream: &TcpStream, log: &Log, seen: u64, wait: Duration) -> io::Result<()> {
    let line = |text: &mut String, number: u64, message: &str| {
        let _ = writeln!(text, "{number} {}", message.replace(['\r', '\n'], " "));
    };
    myrt::select! {
        (_, news) = log.after(seen, line) => answer(stream, "200 OK", "text/plain", &news).await,
        () = sleep(wait) => answer(stream, "204 No Content", "text/plain", "").await,
        () = gone(stream) => Ok(()),
    }
}

#[myrt::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut address, mut wait) = ("127.0.0.1:8000".to_owned(), 25.0);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Value(value) => address = value.string()?,
            lexopt::Arg::Long("wait") => wait = arguments.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    let wait = Duration::try_from_secs_f64(wait)?;
    let _ = myrt::runtime::raise_fd_limit();
    let listener = TcpListener::bind(&*address).await?;
    println!("listening on {}", listener.local_addr()?);
    let log = Rc::new(Log::default());
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let log = Rc::clone(&log);
                drop(myrt::spawn(async move { serve(stream, &log, wait).await }));
            }
            Err(error) => eprintln!("accept: {error}"),
        }
    }
}
