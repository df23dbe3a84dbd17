//! The monitor: a thread of its own that answers questions about a runtime, also while its loop is blocked.
//!
//! It exists so that one can look into a program that runs, with nothing but `nc`. It reads the task table (which any
//! thread may) and asks the loop only for what changes something (`cancel`). It must not hold up the loop, and it
//! listens on loopback or a Unix socket only.

mod commands;
mod system;
mod watch;

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use crate::task::hot;
use crate::task::registry::Home;
use watch::Watch;

/// Longest line that a client may send.
const LONGEST_LINE: u64 = 4096;

/// Starts the monitor of the runtime that this thread is inside of, on `address`: a loopback address
/// (`127.0.0.1:50101`), or `unix:/path/of/socket`. Then `nc 127.0.0.1 50101` and `help`.
///
/// It stops when the runtime ends. `MYRT_MONITOR=127.0.0.1:50101` does the same for a program that was not changed.
///
/// aiomonitor; tokio-console.
///
/// # Errors
/// When the address is in use, is not one of this machine's loopback addresses, or the thread cannot be started.
///
/// # Panics
/// Outside of a runtime.
pub fn start(address: &str) -> io::Result<Monitor> {
    hot::with_core(|core| {
        let core = core.expect(
            "monitor::start was called outside of a myrt runtime: use #[myrt::main] or myrt::run",
        );
        start_for(&core.home, address)
    })
}

pub(crate) fn start_for(home: &Arc<Home>, address: &str) -> io::Result<Monitor> {
    let door = Door::open(address)?;
    let place = door.place()?;
    let watch = Watch::start(home)?;
    let home = Arc::clone(home);
    home.at_end(knock(place.clone()));
    let serve = move || door.serve(&home, &watch);
    thread::Builder::new()
        .name("myrt-monitor".into())
        .spawn(serve)?;
    Ok(Monitor { place })
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

enum Door {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

impl Door {
    fn open(address: &str) -> io::Result<Self> {
        if let Some(path) = address.strip_prefix("unix:") {
            return Ok(Self::Unix(UnixListener::bind(path)?, path.into()));
        }
        let addresses: Vec<SocketAddr> = address.to_socket_addrs()?.collect();
        if let Some(outside) = addresses.iter().find(|address| !address.ip().is_loopback()) {
            let message =
                format!("the monitor listens on loopback or a Unix socket only, not on {outside}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        TcpListener::bind(&addresses[..]).map(Self::Tcp)
    }

    fn place(&self) -> io::Result<Place> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(Place::Tcp),
            Self::Unix(_, path) => Ok(Place::Unix(path.clone())),
        }
    }

    /// Answers one client after the other, each on a thread of its own, until the runtime ends.
    fn serve(&self, home: &Arc<Home>, watch: &Arc<Watch>) {
        loop {
            let (home, watched) = (Arc::clone(home), Arc::clone(watch));
            let started = match self {
                Self::Tcp(listener) => listener.accept().and_then(|(client, _)| {
                    let other = client.try_clone()?;
                    begin(move || talk(client, other, &home, &watched))
                }),
                Self::Unix(listener, _) => listener.accept().and_then(|(client, _)| {
                    let other = client.try_clone()?;
                    begin(move || talk(client, other, &home, &watched))
                }),
            };
            if watch.is_over() {
                return;
            }
            if started.is_err() {
                watch.rest(); // out of descriptors or threads: not in a tight loop
            }
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            let _ = std::fs::remove_file(path);
        }
    }
}

fn begin(talk: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new()
        .name("myrt-monitor-client".into())
        .spawn(talk)
        .map(drop)
}

/// What makes the listening thread look up when the runtime has ended.
fn knock(place: Place) -> Box<dyn FnOnce() + Send> {
    Box::new(move || match place {
        Place::Tcp(address) => drop(TcpStream::connect(address)),
        Place::Unix(path) => drop(UnixStream::connect(path)),
    })
}

/// Reads lines, answers each. An answer ends with an empty line.
fn talk(client: impl Read, mut answers: impl Write, home: &Arc<Home>, watch: &Arc<Watch>) {
    let mut lines = BufReader::new(client);
    loop {
        let mut line = Vec::new();
        let read = lines
            .by_ref()
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line);
        if !matches!(read, Ok(n) if n > 0) || watch.is_over() {
            return;
        }
        let line = String::from_utf8_lossy(&line);
        let Some(answer) = commands::answer(line.trim(), home, watch) else {
            return;
        };
        // In one piece: a second one would wait for the client's acknowledgement of the first.
        if answers.write_all((answer + "\n").as_bytes()).is_err() {
            return;
        }
    }
}
