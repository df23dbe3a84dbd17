//! Polling over HTTP against a WebSocket: the same messages, and what each costs on the wire and in
//! time.
//!
//! Course: the visual guide's HTTP against WebSocket (E12): "polling asks again and again, mostly
//! for nothing; a WebSocket is told".
//!
//! ```text
//! cargo run --release --bin ws_vs_poll                           ten seconds, everything in this process
//! cargo run --release --bin ws_vs_poll -- 4                      shorter, in seconds
//! ```
//!
//! Part one: a source that has something to say at random moments, about ten times a second. A
//! client polls it every 100 ms over one kept-alive HTTP/1.1 connection (the fairest polling there
//! is; a browser's requests are about ten times larger), another one every second, a third holds a
//! WebSocket. Part two: how many messages go through at most, when the next is ready as soon as the
//! last was taken. Bytes are counted on the client's socket, both directions, without TCP's own
//! headers. Needs no client: it is one.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use async_tungstenite::tungstenite::Message;
use async_tungstenite::{accept_async, client_async};
use futures_util::SinkExt;
use myrt::io::{AsyncRead, AsyncWrite, Reader, Writer};
use myrt::net::{TcpListener, TcpStream};
use myrt::stream::StreamExt;
use myrt::sync::Notify;
use myrt::time::{Duration, Instant, interval, sleep, timeout};

#[myrt::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let seconds = match std::env::args().nth(1) {
        Some(argument) => argument.parse()?,
        None => 10.0,
    };
    let part = Duration::from_secs_f64(seconds / 2.0);

    println!("About ten messages a second, at random moments:\n");
    println!("                      messages   requests   bytes/message   latency mean     max");
    let source = Source::start(part);
    let (fast, slow, pushed) = myrt::join!(
        poll(source.clone(), Duration::from_millis(100), part),
        poll(source.clone(), Duration::from_secs(1), part),
        listen(source.clone(), part),
    );
    fast?.print("polling every 100 ms");
    slow?.print("polling every second");
    pushed?.print("WebSocket");

    println!("\nAs many as go through, one after the other:\n");
    println!("                      messages   requests   bytes/message   messages/s");
    let source = Rc::new(Source::endless());
    let part = part / 2;
    poll(source.clone(), Duration::ZERO, part)
        .await?
        .print_rate("polling", part);
    listen(source, part).await?.print_rate("WebSocket", part);
    Ok(())
}

/// What there is to be told: messages with the moment of each.
#[derive(Default)]
struct Source {
    /// None: there is always a next one.
    said: Option<RefCell<Vec<Instant>>>,
    more: Notify,
}

impl Source {
    /// Says something now and then, for a while.
    fn start(duration: Duration) -> Rc<Self> {
        let source = Rc::new(Self {
            said: Some(RefCell::default()),
            ..Self::default()
        });
        let speaking = source.clone();
        drop(myrt::spawn(async move {
            let start = Instant::now();
            let mut random = 12345u64;
            while start.elapsed() < duration {
                random = random.wrapping_mul(6364136223846793005).wrapping_add(1);
                sleep(Duration::from_millis(random >> 33 & 127) + Duration::from_millis(36)).await;
                if let Some(said) = &speaking.said {
                    said.borrow_mut().push(Instant::now());
                }
                speaking.more.notify_waiters();
            }
        }));
        source
    }

    fn endless() -> Self {
        Self::default()
    }

    /// What was said since message `from`: the moment of each.
    fn since(&self, from: usize) -> Vec<Instant> {
        match &self.said {
            Some(said) => said.borrow().iter().skip(from).copied().collect(),
            None => vec![Instant::now()],
        }
    }
}

/// What a client has seen.
#[derive(Default)]
struct Seen {
    messages: usize,
    requests: usize,
    bytes: u64,
    late: Duration,
    latest: Duration,
}

impl Seen {
    /// Counts a message that was said at this moment and has arrived now.
    fn count(&mut self, said: Instant) {
        self.messages += 1;
        self.late += said.elapsed();
        self.latest = self.latest.max(said.elapsed());
    }

    fn per_message(&self) -> f64 {
        self.bytes as f64 / self.messages.max(1) as f64
    }

    fn print(&self, name: &str) {
        println!(
            "{name:<22}{:>8}   {:>8}   {:>13.1}   {:>9.2} ms   {:>6.1} ms",
            self.messages,
            self.requests,
            self.per_message(),
            (self.late / self.messages.max(1) as u32).as_secs_f64() * 1000.0,
            self.latest.as_secs_f64() * 1000.0
        );
    }

    fn print_rate(&self, name: &str, time: Duration) {
        println!(
            "{name:<22}{:>8}   {:>8}   {:>13.1}   {:>10.0}",
            self.messages,
            self.requests,
            self.per_message(),
            self.messages as f64 / time.as_secs_f64()
        );
    }
}

/// Asks every `period` (zero: at once again) what is new.
async fn poll(source: Rc<Source>, period: Duration, time: Duration) -> io::Result<Seen> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = myrt::spawn(answer_polls(listener, source.clone())).abort_on_drop();
    let (stream, bytes) = Counted::connect(address).await?;
    let (read, write) = myrt::io::split(stream);
    let (mut reader, mut writer) = (Reader::new(read), Writer::new(write));
    let mut seen = Seen::default();
    let mut ticks = (!period.is_zero()).then(|| interval(period));
    let end = Instant::now() + time;
    while Instant::now() < end {
        if let Some(ticks) = &mut ticks {
            ticks.tick().await;
        }
        let from = seen.messages;
        let request = format!("GET /messages?since={from} HTTP/1.1\r\nHost: {address}\r\n\r\n");
        writer.write_all(request.as_bytes()).await?;
        seen.requests += 1;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body).await?;
        let count = body.iter().filter(|byte| **byte == b'\n').count();
        let said = source.since(from);
        for said in said.into_iter().take(count) {
            seen.count(said);
        }
    }
    drop(server);
    seen.bytes = bytes.get();
    Ok(seen)
}

/// The smallest server that can be polled: one connection, one resource.
async fn answer_polls(listener: TcpListener, source: Rc<Source>) -> io::Result<()> {
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    let (read, write) = stream.into_split();
    let (mut reader, mut writer) = (Reader::new(read), Writer::new(write));
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).await? == 0 {
                return Ok(());
            }
        }
        let from = head
            .split_once("since=")
            .and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
        let said = source.since(from.unwrap_or(0));
        let body: String = said.iter().map(|_| "tick\n").collect();
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        writer.write_all(answer.as_bytes()).await?;
    }
}

/// Is told what is new.
async fn listen(source: Rc<Source>, time: Duration) -> Result<Seen, Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = myrt::spawn(push(listener, source.clone())).abort_on_drop();
    let (stream, bytes) = Counted::connect(address).await?;
    let (mut socket, _) = client_async(format!("ws://{address}/"), stream).await?;
    let mut seen = Seen {
        requests: 1,
        ..Seen::default()
    };
    let mut heard = async || -> Result<(), Box<dyn Error>> {
        while let Some(message) = socket.next().await {
            if message?.is_text() {
                if let Some(said) = source.since(seen.messages).first() {
                    seen.count(*said);
                }
            }
        }
        Ok(())
    };
    if let Ok(ended) = timeout(time, heard()).await {
        ended?;
    }
    drop(server);
    seen.bytes = bytes.get();
    Ok(seen)
}

async fn push(listener: TcpListener, source: Rc<Source>) -> Result<(), Box<dyn Error>> {
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    let mut socket = accept_async(stream).await?;
    let mut told = 0;
    loop {
        let more = source.more.notified(); // before looking, so that nothing is missed in between
        let said = source.since(told);
        for _ in &said {
            socket.feed(Message::text("tick")).await?;
        }
        told += said.len();
        socket.flush().await?;
        if source.said.is_some() {
            more.await;
        }
    }
}

/// A connection whose bytes are counted, in both directions.
struct Counted {
    stream: TcpStream,
    bytes: Rc<Cell<u64>>,
}

impl Counted {
    async fn connect(address: std::net::SocketAddr) -> io::Result<(Self, Rc<Cell<u64>>)> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let bytes = Rc::new(Cell::new(0));
        let counted = Self {
            stream,
            bytes: bytes.clone(),
        };
        Ok((counted, bytes))
    }

    fn count(&self, poll: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(count)) = &poll {
            self.bytes.set(self.bytes.get() + *count as u64);
        }
        poll
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.count(poll)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.count(poll)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}
