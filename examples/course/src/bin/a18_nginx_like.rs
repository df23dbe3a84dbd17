//! nginx's model: several workers on one port, each a single-threaded event loop of its own.
//!
//! Shows how a runtime of one thread uses all cores: with one for each, that share nothing
//! (`myrt::workers`). Every worker has its own listener on the same port (`SO_REUSEPORT`); the
//! kernel spreads the connections. Workers are processes here, as nginx's are: one that is killed
//! takes its own connections with it, the others go on, and the parent starts a new one. With
//! `--threads` they are threads of one process; then a worker that panics is started again.
//!
//! Course: 8.5, case 1 (A18; the claim N6), and 8.6, case 1 (B17). The course binds the port once
//! in each child, which fails in the second one (R5), and never makes the listener non-blocking, so
//! the accept loop of an edge-triggered worker blocks it (R6). Here each socket is bound with
//! `SO_REUSEPORT`, and an accept that finds nothing waits in the loop.
//!
//! ```text
//! cargo run --release -p course --bin nginx_like                          a worker a core, on 127.0.0.1:8000
//! cargo run --release -p course --bin nginx_like -- 127.0.0.1:8080 --workers 4 [--threads]
//! ```
//!
//! Clients: `curl -i localhost:8000` (the answer names the worker), `wrk -t1 -c100
//! http://localhost:8000/`, `ss -ltnp`. Ctrl-C or SIGTERM stops the workers; each says how many
//! requests it has served.

use std::cell::Cell;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::rc::Rc;

use lexopt::ValueExt;
use myrt::net::{TcpSocket, TcpStream};
use myrt::process::{Command, Stdio};
use myrt::runtime::Runtime;
use myrt::time::{Duration, sleep};
use myrt::workers::{self, Worker};

const MAX_HEAD: usize = 16 * 1024;
/// A process that dies at once is not started again at once.
const PAUSE: Duration = Duration::from_millis(100);

struct Options {
    address: SocketAddr,
    workers: usize,
    threads: bool,
    /// The number of this worker, in the process of one.
    worker: Option<usize>,
}

fn options() -> Result<Options, lexopt::Error> {
    let mut options = Options {
        address: SocketAddr::from(([127, 0, 0, 1], 8000)),
        workers: std::thread::available_parallelism().map_or(1, usize::from),
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
    let options = options()?;
    let _ = myrt::runtime::raise_fd_limit();
    if let Some(number) = options.worker {
        return Ok(work(options.address, 1, Some(number))?);
    }
    // Holds the port for the workers without listening, so no connection ends here.
    let place = reserve(options.address)?;
    let address = place.local_addr()?;
    println!("listening on {address} with {} workers", options.workers);
    if options.threads {
        return Ok(work(address, options.workers, None)?);
    }
    let processes = (0..options.workers).map(|number| keep_alive(address, number));
    Runtime::new()?.block_on(myrt::try_gather(processes))?;
    Ok(())
}

/// A socket that shares its port.
fn reserve(address: SocketAddr) -> io::Result<TcpSocket> {
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

/// A worker as a process; when it ends, the next one.
async fn keep_alive(address: SocketAddr, number: usize) -> io::Result<()> {
    loop {
        let mut worker = Command::new(std::env::current_exe()?)
            .arg(address.to_string())
            .args(["--worker", &number.to_string()])
            .stdin(Stdio::piped())
            .spawn()?;
        let _held_open = worker.stdin.take(); // it ends when this process does, and the worker with it
        println!("worker {number} is process {}", worker.id().unwrap_or(0));
        let status = worker.wait().await?;
        println!("worker {number} ended: {status}");
        sleep(PAUSE).await;
    }
}

/// Workers as threads of this process, until a signal stops them. A process that is one worker has
/// one, with a number of the parent's choice.
fn work(address: SocketAddr, count: usize, number: Option<usize>) -> io::Result<()> {
    let workers = workers::Builder::new(count).stop_on_signals();
    let served = workers.run(async |worker| {
        if number.is_some() {
            let worker = worker.clone();
            drop(myrt::spawn(async move {
                end_with_parent(&worker).await;
            }));
        }
        serve(&worker, number.unwrap_or(worker.id()), address).await
    })?;
    for (id, served) in served.into_iter().enumerate() {
        let number = number.unwrap_or(id);
        // Nobody may read it any more: the parent was killed, perhaps.
        let _ = writeln!(
            io::stdout(),
            "worker {number} has served {} requests",
            served.transpose()?.unwrap_or(0)
        );
    }
    Ok(())
}

/// A worker must not stay behind when its parent was killed: its standard input ends then.
async fn end_with_parent(worker: &Worker) {
    let _ = myrt::io::stdin().read(&mut [0]).await;
    worker.stop();
}

/// One worker: a listener of its own, a task for each connection. Gives the number of requests when
/// all are stopped.
async fn serve(worker: &Worker, number: usize, address: SocketAddr) -> io::Result<u64> {
    let listener = worker.listener(address).await?;
    let served = Rc::new(Cell::new(0));
    while let Some(accepted) = worker.until_stopped(listener.accept()).await {
        match accepted {
            Ok((stream, _)) => {
                let served = Rc::clone(&served);
                drop(myrt::spawn(async move {
                    let _: io::Result<()> = connection(stream, number, &served).await;
                }));
            }
            Err(error) => eprintln!("worker {number}: accept: {error}"),
        }
    }
    Ok(served.get())
}

async fn connection(stream: TcpStream, number: usize, served: &Cell<u64>) -> io::Result<()> {
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
            served.set(served.get() + requests);
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
