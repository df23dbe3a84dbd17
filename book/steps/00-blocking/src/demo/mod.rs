//! What the chapter shows of step 0: its run, its figure, its measurement.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;
use std::thread;

use draw::{Kind, Log};
use step00::{serve_one_by_one, serve_with_threads};

/// What happened, in order: the moment is the place in the list.
type Events = Mutex<Vec<(&'static str, String)>>;

/// Clients A and B come together; A sends three lines and leaves, then B is served.
fn two_clients() -> Vec<(&'static str, String)> {
    let events = Events::default();
    let say = |who: &'static str, what: String| {
        events.lock().expect("no thread panics").push((who, what))
    };
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    thread::scope(|scope| {
        scope.spawn(|| serve_one_by_one(&listener, 2));
        let mut a = TcpStream::connect(address).expect("the server listens");
        say("A", "connects".into());
        let mut b = TcpStream::connect(address).expect("the server listens");
        say("B", "connects".into());
        b.write_all(b"b").expect("the kernel keeps it");
        say("B", "sends".into());
        let mut byte = [0; 1];
        for n in 1..=3 {
            a.write_all(b"a").expect("served");
            a.read_exact(&mut byte).expect("served");
            say("A", format!("echo {n}"));
        }
        drop(a);
        say("A", "leaves".into());
        b.read_exact(&mut byte).expect("served at last");
        say("B", "echo 1".into());
    });
    events.into_inner().expect("no thread panics")
}

pub fn run() {
    println!("one client at a time:");
    for (n, (who, what)) in two_clients().iter().enumerate() {
        println!("{n:>3}  {who} {what}");
    }
    println!("a thread for each of 100 clients:");
    let (before, during) = with_threads(100);
    println!("  threads: {} before, {} during", before.threads, during.threads);
}

pub fn figure() -> String {
    let mut log = Log::new("event");
    let events = two_clients();
    let at = |who: &str, what: &str| {
        events.iter().position(|e| e.0 == who && e.1 == what).expect("it happened") as f64
    };
    log.span("client A", at("A", "connects"), at("A", "leaves"), Kind::Run, "served");
    log.span(
        "client B",
        at("B", "sends"),
        at("A", "leaves"),
        Kind::Wait,
        "waits: the thread is in read(A)",
    );
    log.span("client B", at("A", "leaves"), at("B", "echo 1"), Kind::Run, "served");
    log.span(
        "server",
        at("A", "connects"),
        at("A", "leaves"),
        Kind::Kernel,
        "blocked in read(A), three times",
    );
    log.span("server", at("A", "leaves"), at("B", "echo 1"), Kind::Kernel, "read(B)");
    log.svg("Client B is served only after client A has left")
}

#[derive(Clone, Copy, Default)]
struct Process {
    threads: u64,
    reserved: u64,
    resident: u64,
}

/// What the kernel says of this process. Zeroes where it has no `/proc`.
fn process() -> Process {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let number = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
        line.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0)
    };
    Process { threads: number("Threads:"), reserved: number("VmSize:"), resident: number("VmRSS:") }
}

/// Before any client, and while `n` clients are connected and each has its echo.
fn with_threads(n: usize) -> (Process, Process) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let before = process();
    let server = thread::spawn(move || serve_with_threads(&listener, n));
    let clients: Vec<TcpStream> = (0..n)
        .map(|_| {
            let mut client = TcpStream::connect(address).expect("the server listens");
            client.write_all(b"x").expect("served");
            client.read_exact(&mut [0]).expect("served");
            client
        })
        .collect();
    let during = process();
    drop(clients);
    server.join().expect("it does not panic").expect("it accepts");
    (before, during)
}

pub fn measure() -> String {
    const CLIENTS: u64 = 1000;
    let (before, during) = with_threads(CLIENTS as usize);
    let each = |a: u64, b: u64| b.saturating_sub(a) / CLIENTS;
    format!(
        "| clients | threads | address space, KiB a client | memory, KiB a client |\n\
         |---:|---:|---:|---:|\n\
         | {CLIENTS} | {} | {} | {} |\n",
        during.threads.saturating_sub(before.threads),
        each(before.reserved, during.reserved),
        each(before.resident, during.resident)
    )
}
