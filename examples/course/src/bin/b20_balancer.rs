//! A load balancer: connections spread over several servers, by turns or to the one with the
//! fewest.
//!
//! Shows both directions of a connection copied at once, each with its own end (half-close), and a
//! task that asks every server for its health. A server that cannot be reached is passed over at
//! once, so the client notices nothing; it is back as soon as it answers. `--pool` keeps
//! connections open in advance, which saves the client the wait for one.
//!
//! Course: 8.6, case 4, HAProxy (B20; the claim N15). The course's loop registers the client's side
//! only, so the first event of a server is a KeyError, and uses `sendall` on sockets that must not
//! block (R13). `copy_bidirectional` waits for whichever of the four ends can go on, and
//! `tests/balancer.rs` holds bytes, ends and counts against it.
//!
//! ```text
//! cargo run --release -p course --bin balancer -- 127.0.0.1:9000 --backend 127.0.0.1:8001 --backend 127.0.0.1:8002
//!     --algorithm rr | leastconn     --check-every 1000 (ms)     --pool 2
//! ```
//!
//! Clients: those of the servers behind it, such as `curl localhost:9000`, `wrk`, `iperf3`, `nc`.
//! SIGUSR1 is not needed to see the counts: they are printed whenever a server comes or goes.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;

use lexopt::ValueExt;
use myrt::io::copy_bidirectional_with_sizes;
use myrt::net::{TcpListener, TcpStream};
use myrt::time::{Duration, interval, timeout};

/// How long a server may take to accept.
const CONNECT: Duration = Duration::from_secs(2);
/// Buffer of each direction.
const BUFFER: usize = 32 * 1024;

struct Backend {
    address: String,
    healthy: Cell<bool>,
    active: Cell<usize>,
    served: Cell<u64>,
    /// Open connections that nobody uses yet.
    pool: RefCell<VecDeque<TcpStream>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    RoundRobin,
    LeastConnections,
}

struct Balancer {
    backends: Vec<Rc<Backend>>,
    algorithm: Algorithm,
    turn: Cell<usize>,
}

impl Balancer {
    /// The healthy servers in the order in which they are to be tried. With none healthy all are
    /// tried: better a late answer.
    fn order(&self) -> Vec<Rc<Backend>> {
        let turn = self.turn.replace(self.turn.get().wrapping_add(1));
        let mut order: Vec<_> = self
            .backends
            .iter()
            .filter(|backend| backend.healthy.get())
            .cloned()
            .collect();
        if order.is_empty() {
            order.clone_from(&self.backends);
        }
        let length = order.len();
        order.rotate_left(turn % length);
        if self.algorithm == Algorithm::LeastConnections {
            order.sort_by_key(|backend| backend.active.get()); // stable: among equals it goes by turns
        }
        order
    }

    /// A connection to one of them.
    async fn connect(&self) -> Option<(Busy, TcpStream)> {
        for backend in self.order() {
            // Counted from here: connections that are being opened are work, too.
            let busy = Busy::new(&backend);
            let stream = match backend.pooled() {
                Some(stream) => Ok(stream),
                None => backend.open().await,
            };
            match stream {
                Ok(stream) => {
                    backend.served.set(backend.served.get() + 1);
                    return Some((busy, stream));
                }
                Err(error) => self.judge(&backend, Err(error)),
            }
        }
        None
    }

    /// Notes how a server is doing, and tells if that is news.
    fn judge(&self, backend: &Backend, found: io::Result<()>) {
        if found.is_ok() == backend.healthy.replace(found.is_ok()) {
            return;
        }
        match found {
            Ok(()) => print!("{} is up", backend.address),
            Err(error) => print!("{} is down ({error})", backend.address),
        }
        let served = self
            .backends
            .iter()
            .map(|backend| format!("{} {}", backend.address, backend.served.get()));
        println!("; served so far: {}", served.collect::<Vec<_>>().join(", "));
    }
}

impl Backend {
    async fn open(&self) -> io::Result<TcpStream> {
        let stream = timeout(CONNECT, TcpStream::connect(&*self.address)).await??;
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }

    /// A pooled connection that is still good: neither closed nor spoken into.
    fn pooled(&self) -> Option<TcpStream> {
        let is_quiet = |stream: &TcpStream| matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        loop {
            let stream = self.pool.borrow_mut().pop_front()?;
            if is_quiet(&stream) {
                return Some(stream);
            }
        }
    }
}

/// Counts a connection for as long as it lives.
struct Busy(Rc<Backend>);

impl Busy {
    fn new(backend: &Rc<Backend>) -> Self {
        backend.active.set(backend.active.get() + 1);
        Self(Rc::clone(backend))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.active.set(self.0.active.get() - 1);
    }
}

struct Options {
    address: String,
    backends: Vec<String>,
    algorithm: Algorithm,
    check_every: Duration,
    pool: usize,
}

fn options() -> Result<Options, lexopt::Error> {
    let mut options = Options {
        address: "127.0.0.1:9000".to_owned(),
        backends: Vec::new(),
        algorithm: Algorithm::RoundRobin,
        check_every: Duration::from_secs(1),
        pool: 0,
    };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Value(value) => options.address = value.string()?,
            lexopt::Arg::Long("backend") => options.backends.push(arguments.value()?.string()?),
            lexopt::Arg::Long("pool") => options.pool = arguments.value()?.parse()?,
            lexopt::Arg::Long("check-every") => {
                options.check_every =
                    Duration::from_millis(arguments.value()?.parse::<u64>()?.max(1));
            }
            lexopt::Arg::Long("algorithm") => {
                options.algorithm = match arguments.value()?.string()?.as_str() {
                    "rr" => Algorithm::RoundRobin,
                    "leastconn" => Algorithm::LeastConnections,
                    other => return Err(format!("{other}: rr or leastconn").into()),
                }
            }
            other => return Err(other.unexpected()),
        }
    }
    if options.backends.is_empty() {
        return Err("--backend HOST:PORT at least once".into());
    }
    Ok(options)
}

#[myrt::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = options()?;
    let _ = myrt::runtime::raise_fd_limit();
    let backend = |address: &String| {
        Rc::new(Backend {
            address: address.clone(),
            healthy: Cell::new(true),
            active: Cell::new(0),
            served: Cell::new(0),
            pool: RefCell::default(),
        })
    };
    let balancer = Rc::new(Balancer {
        backends: options.backends.iter().map(backend).collect(),
        algorithm: options.algorithm,
        turn: Cell::new(0),
    });
    let listener = TcpListener::bind(&*options.address).await?;
    println!("listening on {}", listener.local_addr()?);
    for backend in &balancer.backends {
        drop(myrt::spawn(check(
            Rc::clone(&balancer),
            Rc::clone(backend),
            options.check_every,
            options.pool,
        )));
    }
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(myrt::spawn(client(stream, Rc::clone(&balancer)))),
            Err(error) => eprintln!("accept: {error}"),
        }
    }
}

/// Asks a server again and again whether it takes connections. The one it takes fills the pool.
async fn check(balancer: Rc<Balancer>, backend: Rc<Backend>, every: Duration, pool: usize) {
    let mut ticks = interval(every);
    loop {
        ticks.tick().await;
        loop {
            let found = backend.open().await;
            let up = found.is_ok();
            let room = backend.pool.borrow().len() < pool;
            match found {
                Ok(stream) if room => backend.pool.borrow_mut().push_back(stream),
                Ok(_) => {}
                Err(ref _error) => backend.pool.borrow_mut().clear(),
            }
            balancer.judge(&backend, found_health(up));
            if !up || !room || backend.pool.borrow().len() >= pool {
                break;
            }
        }
    }
}

fn found_health(up: bool) -> io::Result<()> {
    if up {
        Ok(())
    } else {
        Err(io::Error::other("health check"))
    }
}

async fn client(mut stream: TcpStream, balancer: Rc<Balancer>) {
    let _ = stream.set_nodelay(true);
    let Some((_busy, mut server)) = balancer.connect().await else {
        let _ = stream.set_linger(Some(Duration::ZERO)); // a reset: nobody is there
        return;
    };
    // An error is a reset of one side; dropping both hands it on.
    let _ = copy_bidirectional_with_sizes(&mut stream, &mut server, BUFFER, BUFFER).await;
}
