//! The monitor: a thread of its own that answers questions about a runtime, also while its loop is
//! blocked.
//!
//! Why: you can look into a running program with `nc`. The monitor reads the task table (any thread
//! may) and asks the loop only for what the loop alone knows, and for changes (`cancel`). It does
//! not hold up the loop, does not count as something that will wake a task, and listens on loopback
//! or a Unix socket only.
//!
//! # Questions and answers
//!
//! A question is a line, an answer some lines and an empty one. `--json` anywhere in the line asks
//! for one line of JSON.
//!
//! ```text
//! $ MYRT_MONITOR=127.0.0.1:50101 cargo run --example 04_echo_server &
//! $ echo ps | nc 127.0.0.1 50101
//! id       name                 state    polls  doing
//! main     -                  waiting        1  waits 1.0s to accept on fd 6 (127.0.0.1:8888) at examples/04_echo_server.rs:37:38
//! ```
//!
//! | question | JSON |
//! |---|---|
//! | `ps`, `tree`, `top [N]` | an array of tasks |
//! | `where ID` | a task, with `also`: what else it waits for, where it waits for several things |
//! | `fds` | `{"complete", "fds": [{"fd", "peer", "local", "waiters": [{"waits_for", "task", "name"}]}]}` |
//! | `timers` | `{"complete", "timers": [{"due_in_ms", "task", "name"}]}`, soonest first |
//! | `metrics` | the fields of [`Metrics`](crate::runtime::Metrics), durations as `…_us`, and the blocking pool's |
//! | `blocked` | `null`, or `{"task", "blocks_ms", "system_call" or "burns_cpu"}` |
//! | `token TOKEN` | `{"allowed": true}`: this connection may cancel and record |
//! | `cancel ID` | `{"cancelled": id}` |
//! | `record start NAME`, `record stop` | `{"recording": file}`, `{"recorded": file}` |
//! | what cannot be answered | `{"error": why}` |
//!
//! A task is what [`Graph::to_json`](crate::task::Graph::to_json) says of it; one that keeps the
//! loop from turning has `blocks_ms` and `system_call` or `burns_cpu` too. What is not known is
//! left out, except `due_in_ms`, which is `null` for ever. `complete` is false where the loop did
//! not answer, and the list is what the tasks themselves said. A line that is no command, no text,
//! or longer than 4,096 bytes has an error as its answer and ends the connection.

mod commands;
mod door;
mod inside;
mod system;
mod talk;
mod token;
mod watch;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::{fmt, path::PathBuf};

use crate::executor::current;
use crate::executor::registry::{self, Home, Message};
use crate::executor::waker_table::Table;
use crate::inspect::trace::Graph;
use crate::runtime_loop::Runtime;
use crate::sys::stderr::complain;
use crate::time::Instant;
use crate::time::clock::Clock;
use commands::Session;
use door::Door;
use talk::Client;
use token::Token;
use watch::Watch;

/// Clients that are answered at a time.
const MOST_CLIENTS: usize = 128;

/// Starts the monitor of the runtime that this thread is inside of, on `address`: a loopback
/// address (`127.0.0.1:50101`), or the path of a Unix socket (`unix:/run/app.sock`; without `unix:`
/// if it has a `/`). Then `nc 127.0.0.1 50101`, or `nc -U /run/app.sock`, and `help`.
///
/// It stops when the runtime ends. `MYRT_MONITOR=127.0.0.1:50101` does the same for a program that
/// was not changed; where that is taken, by another runtime of the program as it may be, the next
/// free port is used, and told on stderr.
///
/// At most 128 clients are answered at a time.
///
/// # Who may connect, and what for
///
/// On a loopback address every user of the machine may read: names of tasks, places in the source,
/// addresses of peers. What changes something (`cancel`, `record`) wants the line `token TOKEN`
/// first, on the same connection. The token is random, made at each start, told by
/// [`Monitor::token`] and, where the environment asked for the monitor, printed on stderr under the
/// address. Who reads that stderr, or its journal, may change things.
///
/// A Unix socket needs no token: it is made with mode 0600, whatever the umask, so only the
/// program's user and root connect. `record start NAME` makes a new file in the folder that the
/// program names ([`Builder::record_dir`](crate::runtime::Builder::record_dir), `MYRT_RECORD_DIR`);
/// without one it is refused. No file is ever overwritten.
///
/// **Where other users or containers share the machine, use a Unix socket.**
///
/// A page in a browser can open a connection to any port of loopback, and nothing in what a client
/// sends proves that it is not a browser. What protects: the connection ends at the first line that
/// is too long, not text, an HTTP request, or no command, so what a page sends as a path, a header
/// or a body is never read as a command; the answer to it is one line that says nothing about the
/// program; and a page does not know the token. What does not protect: that the address is
/// loopback.
///
/// aiomonitor; tokio-console.
///
/// # Errors
/// When the address is in use, is not one of this machine's loopback addresses, or the thread
/// cannot be started. A socket that a program left behind when it was killed is not in use.
///
/// # Panics
/// Outside of a runtime.
#[track_caller]
pub fn start(address: &str) -> io::Result<Monitor> {
    match current::with_core(|core| core.map(|core| Arc::clone(&core.home))) {
        Some(home) => serve(&home, Door::open(address)?),
        None => registry::refuse("monitor::start was called", 0),
    }
}

/// Starts the monitor that the environment asks for.
pub(crate) fn start_for(home: &Arc<Home>, address: &str) -> io::Result<Monitor> {
    serve(home, Door::open_near(address)?)
}

fn serve(home: &Arc<Home>, door: Door) -> io::Result<Monitor> {
    let place = door.place()?;
    let subject = Arc::new(Subject {
        home: Arc::downgrade(home),
        table: Arc::clone(&home.table),
        started: home.started,
        clock: Arc::clone(&home.clock),
        watch: Watch::start(home)?,
        token: Token::new()?,
    });
    let poked = place.clone();
    let token = subject.token.clone();
    home.at_end(Box::new(move || door::poke(&poked)));
    thread::Builder::new()
        .name("myrt-monitor".into())
        .spawn(move || answer_all(&door, &subject))?;
    Ok(Monitor { place, token })
}

/// Starts the monitor that the environment asked for. A program does not fail because nothing can
/// watch it.
pub(crate) fn start_by_environment(runtime: &Runtime, address: &str) {
    match start_for(&runtime.core().home, address) {
        Ok(monitor) => match monitor.token() {
            Some(token) => complain(format_args!(
                "myrt: the monitor listens on {monitor}\nmyrt: its token, to cancel and record, is {token}"
            )),
            None => complain(format_args!("myrt: the monitor listens on {monitor}")),
        },
        Err(error) => complain(format_args!("myrt: MYRT_MONITOR={address}: {error}")),
    }
}

/// Whom a monitor is about. It keeps no strong reference to the `Home`: who has one is taken for
/// somebody that may wake a task, and a deadlock would not be seen.
struct Subject {
    home: Weak<Home>,
    table: Arc<Table>,
    started: Instant,
    clock: Arc<Clock>,
    watch: Arc<Watch>,
    token: Token,
}

impl Subject {
    fn graph(&self) -> Graph {
        let now = self.clock.now();
        let since = now.saturating_duration_since(self.started).as_millis();
        Graph::of(&self.table, u32::try_from(since).unwrap_or(u32::MAX), now)
    }

    /// Gives the loop something to do. False: the runtime has ended.
    fn send(&self, message: Message) -> bool {
        let home = self.home.upgrade();
        home.is_some_and(|home| home.send(message).is_ok())
    }
}

/// Answers every client, each on a thread of its own, until the runtime ends.
fn answer_all(door: &Door, subject: &Arc<Subject>) {
    let clients = Arc::new(AtomicUsize::new(0));
    loop {
        let client = door.accept();
        if subject.watch.is_over() {
            return;
        }
        let begun = client.and_then(|client| begin(client, subject, &clients));
        if begun.is_err() {
            subject.watch.rest(); // out of descriptors or threads: not in a tight loop
        }
    }
}

fn begin(client: Client, subject: &Arc<Subject>, clients: &Arc<AtomicUsize>) -> io::Result<()> {
    if clients.load(Ordering::Relaxed) >= MOST_CLIENTS {
        client.refuse(&format!("{MOST_CLIENTS} clients are connected already"));
        return Ok(());
    }
    let (subject, place) = (Arc::clone(subject), Seat::take(clients));
    thread::Builder::new()
        .name("myrt-monitor-client".into())
        .spawn(move || {
            let _place = place;
            let mut session = Session::new(subject, client.is_private());
            // A client that is gone is no mistake.
            let _ = client.talk(|line| session.reply(line));
        })
        .map(drop)
}

/// A client's place among those that may be there.
struct Seat(Arc<AtomicUsize>);

impl Seat {
    fn take(clients: &Arc<AtomicUsize>) -> Self {
        clients.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(clients))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A monitor that listens; made by [`start`]. Dropping it does not stop it.
#[derive(Debug, Clone)]
pub struct Monitor {
    place: Address,
    token: Token,
}

impl Monitor {
    /// The address on which it listens, for a TCP one.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match &self.place {
            Address::Tcp(address) => Some(*address),
            Address::Unix(_) => None,
        }
    }

    /// What a client on TCP sends as `token TOKEN` before it may cancel and record, for the program
    /// to hand to its operator. None on a Unix socket, where every client may.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        match &self.place {
            Address::Tcp(_) => Some(self.token.as_str()),
            Address::Unix(_) => None,
        }
    }
}

impl fmt::Display for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Address::Tcp(address) => write!(f, "{address}"),
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Where a monitor listens.
#[derive(Debug, Clone)]
enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}
