//! Starts the course's programs as processes of their own, and talks to them over plain blocking
//! sockets.
//!
//! Nothing of myrt is used here: what a client sees is what counts. A program says `listening on
//! ADDRESS` as its first line.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its part of it"
)]
#![allow(clippy::disallowed_methods, reason = "clients outside of any runtime")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// The longest that anything may take. Tests wait for what they want, not for this.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A program that runs; dropping it kills it.
pub struct Server {
    child: Child,
    monitor: Option<Monitor>,
    pub address: SocketAddr,
    said: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Starts a program on a port of the system's choice, with further arguments.
    pub fn start(program: &str, arguments: &[&str]) -> Self {
        Self::start_with(Command::new(program).arg("127.0.0.1:0").args(arguments))
    }

    pub fn start_with(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("it was asked for")).lines();
        let first = lines.next().expect("a first line").expect("text");
        let address = first
            .split_whitespace()
            .nth(2)
            .and_then(|word| word.parse().ok());
        let address = address.unwrap_or_else(|| panic!("`listening on ADDRESS`, not {first:?}"));
        let said = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&said);
        // What it prints later is read, so that it never waits for a reader.
        thread::spawn(move || {
            lines
                .map_while(Result::ok)
                .for_each(|line| heard.lock().unwrap().push(line));
        });
        Self {
            child,
            monitor: None,
            address,
            said,
        }
    }

    /// Starts a program with myrt's monitor, so that its tasks can be counted. (It takes threads of
    /// its own.)
    pub fn watched(program: &str, arguments: &[&str]) -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "myrt-course-{}-{}.sock",
            std::process::id(),
            STARTED.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        let mut command = Command::new(program);
        command.env("MYRT_MONITOR", format!("unix:{}", path.display()));
        let mut server = Self::start_with(command.arg("127.0.0.1:0").args(arguments));
        let stream =
            UnixStream::connect(&path).expect("the monitor listens before its program does");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        server.monitor = Some(Monitor { stream, path });
        server
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }

    /// Waits until it has printed a line with this in it.
    pub fn wait_for_line(&self, part: &str) -> String {
        let mut found = None;
        eventually(part, || {
            found = self.said().into_iter().find(|line| line.contains(part));
            found.is_some()
        });
        found.unwrap()
    }

    pub fn connect(&self) -> TcpStream {
        connect(self.address)
    }

    /// The number of tasks; none where nobody counts them: see [`Server::watched`].
    pub fn tasks(&mut self) -> Option<usize> {
        let monitor = self.monitor.as_mut()?;
        monitor.stream.write_all(b"ps\n").unwrap();
        let answer = BufReader::new(&monitor.stream).lines().map(Result::unwrap);
        // A head, a line for each task, an empty one.
        Some(answer.take_while(|line| !line.is_empty()).count() - 1)
    }

    /// The number of open descriptors.
    pub fn fds(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.id()))
            .expect("it runs")
            .count()
    }

    /// Descriptors and tasks, when they do not change any more: those of earlier clients are gone.
    /// (A single look at the tasks may miss one that runs at that moment.)
    pub fn settled(&mut self) -> (usize, Option<usize>) {
        let mut now = (self.fds(), self.tasks());
        let mut since = Instant::now();
        while since.elapsed() < Duration::from_millis(60) {
            thread::sleep(Duration::from_millis(5));
            let next = (self.fds(), self.tasks());
            if next != now {
                (now, since) = (next, Instant::now());
            }
        }
        now
    }

    /// A number of `/proc/PID/status`, such as `Threads` or `VmRSS` (in kB).
    pub fn status(&self, name: &str) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.id())).expect("it runs");
        let line = status
            .lines()
            .find(|line| line.starts_with(name))
            .expect("there is such a line");
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Runs something against the server; it must be up afterwards with as many descriptors and
    /// tasks as before.
    pub fn unharmed_by(&mut self, what: &str, something: impl FnOnce(&Self)) {
        let (fds, tasks) = self.settled();
        something(self);
        assert!(
            self.child.try_wait().unwrap().is_none(),
            "{what} ended the server"
        );
        eventually(
            &format!("{fds} descriptors and {tasks:?} tasks after {what}"),
            || self.fds() == fds && self.tasks() == tasks,
        );
    }
}

/// A conversation with the monitor of a program.
struct Monitor {
    stream: UnixStream,
    path: PathBuf,
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something is true.
#[track_caller]
pub fn eventually(what: &str, mut is_true: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_true() {
        assert!(start.elapsed() < PATIENCE, "waited in vain for: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends something and reads exactly `n` bytes.
pub fn ask(stream: &mut TcpStream, request: &[u8], length: usize) -> Vec<u8> {
    stream.write_all(request).unwrap();
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).unwrap_or_else(|error| {
        panic!("{error} instead of an answer to {}", request.escape_ascii())
    });
    answer
}

/// Sends something and expects exactly this.
#[track_caller]
pub fn expect(stream: &mut TcpStream, request: impl AsRef<[u8]>, answer: impl AsRef<[u8]>) {
    let answer = answer.as_ref();
    let got = ask(stream, request.as_ref(), answer.len());
    assert!(
        got == answer,
        "{} instead of {}",
        got.escape_ascii(),
        answer.escape_ascii()
    );
}

/// Reads to the end; a reset is an end, too.
pub fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    rest
}

/// Sends everything, ends its own direction, reads the answer to the end.
pub fn half_closed(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut stream = connect(address);
    stream.write_all(request).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream
        .read_to_end(&mut answer)
        .expect("an end, not a reset");
    answer
}

/// Closes with a reset.
pub fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
}

/// What clients do to servers. `greeting` is a request as the server likes it, whole or not.
pub fn hardships(server: &mut Server, greeting: &[u8]) {
    // Ten thousand once; a thousand when the suite runs again for another selector.
    let again = std::env::var_os("MYRT_SELECTOR").is_some();
    let times = if again { 1_000 } else { 10_000 };
    server.unharmed_by(&format!("{times} connects and disconnects"), |server| {
        (0..times).for_each(|_| drop(server.connect()));
    });
    server.unharmed_by("100 resets", |server| {
        (0..100).for_each(|_| reset(server.connect()));
    });
    server.unharmed_by("resets within a request", |server| {
        for length in 0..=greeting.len() {
            let mut stream = server.connect();
            stream.write_all(&greeting[..length]).unwrap();
            if length % 2 == 0 {
                reset(stream);
            } else {
                drop(stream);
            }
        }
    });
    server.unharmed_by(
        "a client that leaves without reading its answers",
        |server| {
            let mut stream = server.connect();
            for _ in 0..100 {
                if stream.write_all(greeting).is_err() {
                    break;
                }
            }
        },
    );
    server.unharmed_by("a mebibyte without a newline", |server| {
        let mut stream = server.connect();
        stream
            .set_write_timeout(Some(Duration::from_secs(2)))
            .unwrap();
        let _ = stream.write_all(&vec![b'x'; 1 << 20]);
    });
    server.unharmed_by("invalid UTF-8 and zeros", |server| {
        let mut stream = server.connect();
        let _ = stream.write_all(b"\xff\xfe\x00\xc3\x28\r\n\r\n\x80");
    });
    server.unharmed_by("a half-close before the first word", |server| {
        assert!(half_closed(server.address, b"").len() < 1000);
    });
    server.unharmed_by("a hundred clients at once", |server| {
        let clients: Vec<_> = (0..100).map(|_| server.connect()).collect();
        drop(clients);
    });
}

/// A server in the test's process that answers each connection with `serve`, on a thread each.
pub fn serve_with(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = Arc::clone(&serve);
            thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Runs a program to its end and gives what it printed.
pub fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .expect("the program starts");
    assert!(
        output.status.success(),
        "{}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}
