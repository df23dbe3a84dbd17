//! The monitor: a thread of its own that answers questions about a runtime, also while its loop is blocked.
//!
//! It exists so that one can look into a program that runs, with nothing but `nc`. It reads the task table (which any
//! thread may) and asks the loop only for what the loop alone knows, and for what changes something (`cancel`). It must not
//! hold up the loop, nor be taken for somebody who will wake a task, and it listens on loopback or a Unix socket only.
//!
//! # Questions and answers
//!
//! A question is a line, an answer some lines and an empty one. `--json` anywhere in the line asks for one line of JSON.
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
//! | `cancel ID` | `{"cancelled": id}` |
//! | `record start FILE`, `record stop` | `{"recording": file}`, `{"recorded": file}` |
//! | what cannot be answered | `{"error": why}` |
//!
//! A task is what [`Graph::to_json`](crate::task::Graph::to_json) says of it; one that keeps the loop from turning has `blocks_ms`
//! and `system_call` or `burns_cpu` too. What is not known is left out, except `due_in_ms`, which is `null` for ever. `complete` is
//! false where the loop did not answer, and the list is what the tasks themselves said.

mod commands;
mod door;
mod inside;
mod system;
mod talk;
mod watch;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::{fmt, path::PathBuf};

use crate::task::hot;
use crate::task::registry::{Home, Message};
use crate::task::table::Table;
use crate::time::Instant;
use crate::time::clock::Clock;
use crate::trace::Graph;
use door::Door;
use talk::Client;
use watch::Watch;

/// Clients that are answered at a time.
const MOST_CLIENTS: usize = 128;

/// Starts the monitor of the runtime that this thread is inside of, on `address`: a loopback address
/// (`127.0.0.1:50101`), or the path of a Unix socket (`unix:/run/app.sock`; without `unix:` if it has a `/`). Then
/// `nc 127.0.0.1 50101`, or `nc -U /run/app.sock`, and `help`.
///
/// It stops when the runtime ends. `MYRT_MONITOR=127.0.0.1:50101` does the same for a program that was not changed; where
/// that is taken, by another runtime of the program as it may be, the next free port is used, and told on stderr.
///
/// Who can connect can cancel tasks and have recordings written: to a loopback address, that is every user of the
/// machine; to a Unix socket, whom its folder and its mode let. At most 128 clients are answered at a time.
///
/// aiomonitor; tokio-console.
///
/// # Errors
/// When the address is in use, is not one of this machine's loopback addresses, or the thread cannot be started. A socket that
/// a program left behind when it was killed is not in use.
///
/// # Panics
/// Outside of a runtime.
pub fn start(address: &str) -> io::Result<Monitor> {
    hot::with_core(|core| {
        let core = core.expect(
            "monitor::start was called outside of a myrt runtime: use #[myrt::main] or myrt::run",
        );
        serve(&core.home, Door::open(address)?)
    })
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
    });
    let knocks = place.clone();
    home.at_end(Box::new(move || door::knock(&knocks)));
    thread::Builder::new()
        .name("myrt-monitor".into())
        .spawn(move || answer_all(&door, &subject))?;
    Ok(Monitor { place })
}

/// Whom a monitor is about. It keeps no strong reference to the `Home`: who has one is taken for somebody that may wake a task, and a
/// deadlock would not be seen.
struct Subject {
    home: Weak<Home>,
    table: Arc<Table>,
    started: Instant,
    clock: Arc<Clock>,
    watch: Arc<Watch>,
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
            // That a client is gone is nobody's mistake.
            let _ = client.talk(|line| {
                let over = subject.watch.is_over();
                (!over).then(|| commands::answer(line, &subject)).flatten()
            });
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
    place: Place,
}

impl Monitor {
    /// The address on which it listens, for a TCP one.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match &self.place {
            Place::Tcp(address) => Some(*address),
            Place::Unix(_) => None,
        }
    }
}

impl fmt::Display for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Tcp(address) => write!(f, "{address}"),
            Place::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Where a monitor listens.
#[derive(Debug, Clone)]
enum Place {
    Tcp(SocketAddr),
    Unix(PathBuf),
}
