//! The last part of the tour: 5,000 clients at once, served by one thread.
//!
//! Why apart from `main.rs`: it is the one part with sockets. The server runs on the main thread;
//! the clients run in the same process, on a runtime of their own on a thread of the blocking pool,
//! so that their work is not counted as the server's. Each connection has two descriptors here, one
//! at either end.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use myrt::net::{TcpListener, TcpSocket, TcpStream, is_out_of_resources};
use myrt::runtime::{Selector, raise_fd_limit};
use myrt::time::{Duration, Instant, sleep, sleep_until};

use crate::paint::Paint;

const CLIENTS: usize = 5_000;
/// Descriptors that are not connections.
const SPARE: usize = 64;
/// Connections that may wait to be accepted, and how many clients connect at a time.
const BACKLOG: u32 = 1_024;
/// How long each of the two loads lasts.
const LOAD: Duration = Duration::from_secs(2);
/// In the calm load, a client rests so long between two requests.
const REST: Duration = Duration::from_millis(500);

pub(crate) fn five_thousand_clients(paint: &Paint) -> io::Result<()> {
    paint.heading("5,000 clients, one thread", "8.5, A6, N1");
    let (limit, _) = raise_fd_limit()?;
    let selector: Selector = std::env::var("MYRT_SELECTOR")
        .ok()
        .and_then(|name| name.parse().ok())
        .unwrap_or_default();
    // select knows no descriptor above 1,023, however many there may be.
    let usable = selector
        .max_fd()
        .map_or(limit, |highest| limit.min(highest.unsigned_abs().into()));
    let room = usize::try_from(usable)
        .unwrap_or(usize::MAX)
        .saturating_sub(SPARE)
        / 2;
    let clients = CLIENTS.min(room);
    let limit = if clients == CLIENTS {
        format!("raised to {limit}; each connection needs two here, both ends")
    } else {
        format!(
            "the limit is {limit}, {selector} takes {usable}: enough for {clients} clients only"
        )
    };
    paint.fact("descriptors", &limit);
    myrt::run(serve_and_load(paint, clients))
}

/// What the server counts.
#[derive(Default)]
struct Counts {
    connected: Cell<usize>,
    most: Cell<usize>,
    requests: Cell<u64>,
}

async fn serve_and_load(paint: &Paint, clients: usize) -> io::Result<()> {
    let before = resident();
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let listener = socket.listen(BACKLOG)?;
    let address = listener.local_addr()?;
    let counts = Rc::new(Counts::default());
    let server = myrt::spawn(serve(listener, Rc::clone(&counts)));
    let load = myrt::spawn_blocking(move || myrt::run(load(address, clients)));
    while counts.connected.get() < clients && !load.is_finished() {
        sleep(Duration::from_millis(1)).await;
    }
    let after = resident();
    let report = load.await.expect("the clients do not panic")?;
    server.cancel();

    paint.fact(
        "clients at once",
        &format!(
            "{}, connected in {:.2} s",
            grouped(counts.most.get()),
            report.connecting.as_secs_f64()
        ),
    );
    if let (Some(before), Some(after)) = (before, after) {
        let each = after.saturating_sub(before) / clients.max(1) as u64;
        let megabytes = (after as f64) / f64::from(1 << 20);
        paint.fact(
            "memory of the process",
            &format!("{megabytes:.1} MiB: {each} bytes a connection, both ends, and the task that serves it"),
        );
    }
    paint.label("calm: each client sends a request twice a second");
    report.calm.print(paint);
    paint.label("flat out: each client sends the next request when it has its answer");
    report.flat_out.print(paint);
    paint.note(&format!(
        "{} requests, answered by one thread; the clients had another one.",
        grouped(counts.requests.get() as usize),
    ));
    paint.note(
        "Flat out, an answer waits for everybody else's: that is the queue, and not the work.",
    );
    Ok(())
}

async fn serve(listener: TcpListener, counts: Rc<Counts>) -> io::Result<()> {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) if is_out_of_resources(&error) => continue, // the next accept waits a little
            Err(error) => return Err(error),
        };
        let _ = stream.set_nodelay(true);
        let counts = Rc::clone(&counts);
        // One task a connection: it is written as if it were alone.
        drop(myrt::spawn(async move {
            counts.connected.set(counts.connected.get() + 1);
            counts
                .most
                .set(counts.most.get().max(counts.connected.get()));
            let _ = echo(&stream, &counts).await; // a connection that breaks concerns nobody else
            counts.connected.set(counts.connected.get() - 1);
        }));
    }
}

async fn echo(stream: &TcpStream, counts: &Counts) -> io::Result<()> {
    let mut buf = [0; 64];
    loop {
        let n = stream.read(&mut buf).await?;
        if n == 0 {
            return Ok(());
        }
        stream.write_all(&buf[..n]).await?;
        counts.requests.set(counts.requests.get() + 1);
    }
}

/// What the clients found.
struct Report {
    connecting: Duration,
    calm: Latencies,
    flat_out: Latencies,
}

/// The clients, on a runtime and a thread of their own.
async fn load(address: SocketAddr, clients: usize) -> io::Result<Report> {
    let start = Instant::now();
    let mut peers = Vec::with_capacity(clients);
    while peers.len() < clients {
        let batch = (clients - peers.len()).min(BACKLOG as usize / 2);
        let connects: Vec<_> = (0..batch)
            .map(|_| myrt::spawn(TcpStream::connect(address)))
            .collect();
        for connect in connects {
            let stream = connect.await.expect("nobody cancels it")?;
            stream.set_nodelay(true)?;
            peers.push(Rc::new(stream));
        }
    }
    let connecting = start.elapsed();
    // Everybody says something once before it is measured.
    for peer in &peers {
        request(peer).await?;
    }
    sleep(Duration::from_millis(50)).await;
    let calm = run_load(&peers, Some(REST)).await?;
    let flat_out = run_load(&peers, None).await?;
    Ok(Report {
        connecting,
        calm,
        flat_out,
    })
}

/// Lets each client send requests for a while.
async fn run_load(peers: &[Rc<TcpStream>], rest: Option<Duration>) -> io::Result<Latencies> {
    let micros = Rc::new(RefCell::new(Vec::new()));
    let begin = Instant::now();
    let end = begin + LOAD;
    let mut clients = Vec::new();
    for (n, peer) in peers.iter().enumerate() {
        let (peer, micros) = (Rc::clone(peer), Rc::clone(&micros));
        // Calm clients begin one after the other, so that they do not all speak at the same moment.
        let mut next = begin
            + rest.map_or(Duration::ZERO, |rest| {
                rest.mul_f64(n as f64 / peers.len() as f64)
            });
        clients.push(myrt::spawn(async move {
            while Instant::now() < end {
                if let Some(rest) = rest {
                    sleep_until(next).await;
                    next += rest;
                }
                let start = Instant::now();
                request(&peer).await?;
                micros
                    .borrow_mut()
                    .push(u32::try_from(start.elapsed().as_micros()).unwrap_or(u32::MAX));
            }
            io::Result::Ok(())
        }));
    }
    for client in clients {
        client.await.expect("nobody cancels it")?;
    }
    let took = begin.elapsed();
    let mut micros = micros.take();
    micros.sort_unstable();
    Ok(Latencies { micros, took })
}

/// Sends sixteen bytes and waits for them to come back.
async fn request(peer: &TcpStream) -> io::Result<()> {
    let (sent, mut buf) = (*b"are you there? \n", [0; 16]);
    peer.write_all(&sent).await?;
    peer.read_exact(&mut buf).await?;
    if buf == sent {
        Ok(())
    } else {
        Err(io::Error::other("the echo is not what was sent"))
    }
}

/// How long requests took, sorted.
struct Latencies {
    micros: Vec<u32>,
    took: Duration,
}

impl Latencies {
    fn percentile(&self, share: f64) -> Duration {
        let place = ((self.micros.len() as f64) * share) as usize;
        let micros = self
            .micros
            .get(place.min(self.micros.len().saturating_sub(1)))
            .copied()
            .unwrap_or(0);
        Duration::from_micros(u64::from(micros))
    }

    fn print(&self, paint: &Paint) {
        let rate = self.micros.len() as f64 / self.took.as_secs_f64();
        paint.fact("  requests a second", &grouped(rate as usize));
        let [median, p90, p99, most] =
            [0.5, 0.9, 0.99, 1.0].map(|share| self.percentile(share).as_secs_f64() * 1e3);
        paint.fact(
            "  answered within",
            &format!(
                "{median:.2} ms (half), {p90:.2} ms (90 %), {p99:.2} ms (99 %), {most:.2} ms (all)"
            ),
        );
    }
}

/// A number with its thousands apart.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes of memory that the process really uses, where the system tells (Linux).
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}
