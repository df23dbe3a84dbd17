//! nginx's model: several workers on one port, each a single-threaded event loop of its own.
//!
//! Shows how a runtime of one thread uses all cores: with one process (or thread) for each, that share nothing. Every worker
//! has its own listener on the same port (`SO_REUSEPORT`); the kernel spreads the connections. A worker that is killed takes its own
//! connections with it, the others go on, and the parent starts a new one.
//!
//! Course: 8.5, case 1 (A18; the claim N6), and 8.6, case 1 (B17). The course binds the port once in each child, which fails in
//! the second one (R5), and never makes the listener non-blocking, so the accept loop of an edge-triggered worker
//! blocks it (R6). Here each socket is bound with `SO_REUSEPORT`, and an accept that finds nothing waits in the loop.
//!
//! ```text
//! cargo run --release -p course --bin nginx_like                          a worker a core, on 127.0.0.1:8000
//! cargo run --release -p course --bin nginx_like -- 127.0.0.1:8080 --workers 4 [--threads]
//! ```
//!
//! Clients: `curl -i localhost:8000` (the answer names the worker), `wrk -t1 -c100 http://localhost:8000/`, `ss -ltnp`.
//! With `--threads` the workers are threads of one process, and the counts of all are printed every second that has any.

use std::io;
use std::net::SocketAddr;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use lexopt::ValueExt;
use myrt::net::{TcpSocket, TcpStream};
use myrt::runtime::Runtime;

const BACKLOG: u32 = 4096;
const MAX_HEAD: usize = 16 * 1024;
/// A worker that dies at once is not started again at once.
const PAUSE: Duration = Duration::from_millis(100);

struct Options {
    address: SocketAddr,
    workers: usize,
    threads: bool,
    /// The number of this worker, in a worker.
    worker: Option<usize>,
}

fn options() -> Result<Options, lexopt::Error> {
    let mut options = Options {
        address: SocketAddr::from(([127, 0, 0, 1], 8000)),
        workers: thread::available_parallelism().map_or(1, usize::from),
        threads: false,
        worker: None,
    };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Value(value) => options.address = value.parse()?,
            lexopt::Arg::Long("workers") => {
                options.workers = arguments.value()?.parse::<usize>()?.max(1);
            }
            lexopt::Arg::Long("threads") => options.threads = true,
            lexopt::Arg::Long("worker") => options.worker = Some(arguments.value()?.parse()?),
            other => return Err(other.unexpected()),
        }
    }
    Ok(options)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut options = options()?;
    let _ = myrt::runtime::raise_fd_limit();
    if let Some(number) = options.worker {
        return Ok(work(options.address, number, &AtomicU64::new(0))?);
    }
    // Holds the port for the workers without listening, so no connection ends here.
    let place = socket(options.address)?;
    options.address = place.local_addr()?;
    println!(
        "listening on {} with {} workers",
        options.address, options.workers
    );
    if options.threads {
        with_threads(&options);
    } else {
        with_processes(&options)?;
    }
    Ok(())
}

/// A socket that shares its port.
fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// A process a worker; one that ends is replaced.
#[expect(
    clippy::disallowed_methods,
    reason = "the parent has no runtime: it only waits for its children"
)]
fn with_processes(options: &Options) -> io::Result<()> {
    let start = |number: usize| -> io::Result<Child> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg(options.address.to_string())
            .arg("--worker")
            .arg(number.to_string());
        command.stdin(std::process::Stdio::piped()); // ends when the parent does
        let child = command.spawn()?;
        println!("worker {number} is process {}", child.id());
        Ok(child)
    };
    let mut workers = (0..options.workers)
        .map(start)
        .collect::<io::Result<Vec<_>>>()?;
    loop {
        thread::sleep(PAUSE);
        for (number, worker) in workers.iter_mut().enumerate() {
            if let Some(status) = worker.try_wait()? {
                println!("worker {number} ended: {status}");
                *worker = start(number)?;
            }
        }
    }
}

/// A thread a worker, each with a runtime of its own.
#[expect(
    clippy::disallowed_methods,
    reason = "the point: one thread a core, each with its own runtime"
)]
fn with_threads(options: &Options) {
    let counts: Arc<[AtomicU64]> = (0..options.workers).map(|_| AtomicU64::new(0)).collect();
    for number in 0..options.workers {
        let (counts, address) = (Arc::clone(&counts), options.address);
        thread::spawn(move || {
            if let Err(error) = work(address, number, &counts[number]) {
                eprintln!("worker {number}: {error}");
            }
        });
    }
    let mut before = 0;
    loop {
        thread::sleep(Duration::from_secs(1));
        let now: Vec<u64> = counts.iter().map(|count| count.load(Relaxed)).collect();
        let sum = now.iter().sum();
        if sum != before {
            println!("requests by worker: {now:?}");
            before = sum;
        }
    }
}

/// A worker: a runtime, a listener, a task for each connection.
fn work(address: SocketAddr, number: usize, count: &AtomicU64) -> io::Result<()> {
    if std::env::args().any(|argument| argument == "--worker") {
        end_with_parent();
    }
    // A loop that borrows what outlives it: block_on asks for no 'static, only its tasks do.
    let (told, mut counted) = myrt::sync::mpsc::unbounded();
    Runtime::new()?.block_on(async {
        let listener = socket(address)?.listen(BACKLOG)?;
        let serve = async {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        let told = told.clone();
                        drop(myrt::spawn(async move {
                            let _: io::Result<()> = connection(stream, number, &told).await;
                        }));
                    }
                    Err(error) => eprintln!("worker {number}: accept: {error}"),
                }
            }
        };
        let add = async {
            while let Some(requests) = counted.recv().await {
                count.fetch_add(requests, Relaxed);
            }
        };
        myrt::join!(serve, add);
        Ok(())
    })
}

/// A worker whose parent was killed must not stay behind: its standard input ends then.
#[expect(
    clippy::disallowed_methods,
    reason = "standard input is read by a thread that does nothing else"
)]
fn end_with_parent() {
    thread::spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        std::process::exit(0);
    });
}

async fn connection(
    stream: TcpStream,
    number: usize,
    told: &myrt::sync::mpsc::UnboundedSender<u64>,
) -> io::Result<()> {
    let _ = stream.set_nodelay(true);
    let text = format!(
        "Hello from worker {number}, process {}\n",
        std::process::id()
    );
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{text}",
        text.len()
    );
    let mut input = vec![0; MAX_HEAD];
    let mut filled = 0;
    let mut out = Vec::new();
    loop {
        let read = stream.read(&mut input[filled..]).await?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        // A head ends with an empty line; each gets an answer, all of them one write.
        let mut at = 0;
        let mut requests = 0;
        while let Some(end) = input[at..filled]
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
        {
            at += end + 4;
            requests += 1;
            out.extend_from_slice(answer.as_bytes());
        }
        if requests > 0 {
            let _ = told.send(requests);
            stream.write_all(&out).await?;
            out.clear();
        }
        input.copy_within(at..filled, 0);
        filled -= at;
        if filled == MAX_HEAD {
            return stream
                .write_all(
                    b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n\r\n",
                )
                .await;
        }
    }
}
