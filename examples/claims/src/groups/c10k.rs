//! N3, A6, A7 and A11: ten thousand connections that mostly do nothing, on a loop, on threads and
//! on asyncio; and nineteen thousand.
//!
//! Server and clients are processes of their own; the clients are four, with a source address each.
//! Memory is the server process's: what it had before the clients came is taken off, and the
//! kernel's socket buffers are not in it for anyone.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use myrt::time::{Duration, Instant};

use crate::finding::Findings;
use crate::machine::child::Role;
use crate::machine::memory::memory;
use crate::machine::python;
use crate::machine::show::{bytes, count, time};
use crate::machine::stats::percentile;
use crate::plan::Plan;

const PROCESSES: usize = 4;

/// What a server was like with its crowd.
pub(super) struct Crowd {
    pub(super) connected: usize,
    /// Whether it still answers then.
    pub(super) answers: bool,
    pub(super) connecting: Duration,
    /// Bytes a connection.
    pub(super) resident: u64,
    pub(super) virt: u64,
    pub(super) whole: u64,
    pub(super) threads: u64,
    pub(super) median: Duration,
    pub(super) slow: Duration,
}

/// Lets `clients` idle clients connect, then measures the answers to one that is active.
pub(super) fn measure(
    pid: &str,
    port: u16,
    clients: usize,
    message: &str,
    turns: usize,
) -> io::Result<Crowd> {
    let before = memory(pid).unwrap_or_default();
    let start = Instant::now();
    let mut holders = Vec::new();
    for process in 0..PROCESSES {
        let share = clients / PROCESSES + usize::from(process < clients % PROCESSES);
        let source = (2 + process).to_string();
        let arguments = [
            port.to_string(),
            share.to_string(),
            source,
            message.to_owned(),
        ];
        holders.push(Role::start("idle", &arguments)?);
    }
    let mut connected = 0;
    for holder in &mut holders {
        connected += holder
            .numbers()?
            .first()
            .map_or(0, |number| *number as usize);
    }
    let connecting = start.elapsed();
    let after = memory(pid).unwrap_or_default();
    // A server that cannot take that many may be gone by now.
    let times = ping(port, &message.replace("\\r\\n", "\r\n"), turns);
    let answers = times.is_ok();
    let mut times = times.unwrap_or_default();
    times.sort_unstable();
    let each = |after: u64, before: u64| after.saturating_sub(before) / connected.max(1) as u64;
    Ok(Crowd {
        connected,
        answers,
        connecting,
        resident: each(after.resident, before.resident),
        virt: each(after.virt, before.virt),
        whole: after.resident,
        threads: after.threads,
        median: percentile(&times, 0.5),
        slow: percentile(&times, 0.99),
    })
}

/// One client that asks again as soon as it is answered.
pub(super) fn ping(port: u16, message: &str, turns: usize) -> io::Result<Vec<Duration>> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut times = Vec::new();
    for _ in 0..turns {
        let start = Instant::now();
        stream.write_all(message.as_bytes())?;
        if stream.read(&mut [0; 4096])? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        times.push(start.elapsed());
    }
    Ok(times)
}

fn server(model: &str) -> io::Result<Role> {
    match model {
        "asyncio" => python::start(python::ECHO, &[])?.listening(),
        "threads" => Role::serve("echo-threads", &[]),
        _ => Role::serve("echo", &[]),
    }
}

pub(super) fn run(plan: &Plan, findings: &mut Findings) -> io::Result<()> {
    let sizes = plan.pick(vec![10_000], vec![10_000, 19_000]);
    let turns = plan.pick(500, 3_000);
    let mut memories = Vec::new();
    let mut latencies = Vec::new();
    for wanted in sizes {
        let size = plan.fit(wanted);
        let mut seen = Vec::new();
        for model in ["myrt", "threads", "asyncio"] {
            if model == "asyncio" && plan.python.is_none() {
                let why = "python3 is not installed";
                findings.untested(
                    "A6",
                    format!("{} connections on asyncio", count(wanted)),
                    "",
                    why,
                );
                continue;
            }
            let server = server(model)?;
            let crowd = measure(&server.pid(), server.port, size, "hello", turns)?;
            judge(findings, model, wanted, &crowd);
            let name = format!("{model}, {}", count(crowd.connected));
            if !crowd.answers {
                continue;
            }
            memories.push((name.clone(), crowd.resident as f64 / 1024.0));
            latencies.push((name, crowd.median.as_secs_f64() * 1e6));
            seen.push((model, crowd));
        }
        let of = |name: &str| seen.iter().find(|(model, _)| *model == name);
        if let Some((_, myrt)) = of("myrt") {
            extrapolate(plan, findings, myrt);
            if let Some((_, threads)) = of("threads") {
                compare(findings, threads, myrt);
            }
        }
    }
    findings.bars("A6", "Resident memory a connection", "KiB", memories);
    findings.bars(
        "A6",
        "One active client among the idle ones, median answer",
        "µs",
        latencies,
    );
    Ok(())
}

/// A7: what the industry has, from the bytes of a connection here.
fn extrapolate(plan: &Plan, findings: &mut Findings, myrt: &Crowd) {
    let each = format!(
        "measured {} B a connection with {} of them",
        count(myrt.resident),
        count(myrt.connected)
    );
    let claim = "a connection takes less than 10 KB";
    findings.judge("A7", myrt.resident < 10_000, claim, each, "");
    for (what, clients) in [
        ("a game", 50_000),
        ("a chat", 100_000),
        ("streaming", 1_000_000),
    ] {
        let claim = format!("{what} with {} clients", count(clients));
        let measured = format!("extrapolated: {}", bytes(myrt.resident * clients as u64));
        findings.untested("A7", claim, measured, plan.limit(&count(clients)));
    }
}

/// A11: the course's comparison, each cell as measured.
fn compare(findings: &mut Findings, threads: &Crowd, myrt: &Crowd) {
    let clients = count(myrt.connected);
    let mut row = |holds: bool, aspect: &str, of_threads: String, of_loop: String| {
        let claim = format!("{aspect}, {clients} clients: less on a loop");
        let measured = format!("blocking on threads {of_threads}, event loop {of_loop}");
        findings.judge("A11", holds, claim, measured, "");
    };
    row(
        myrt.threads < threads.threads,
        "threads",
        count(threads.threads),
        count(myrt.threads),
    );
    row(
        myrt.resident < threads.resident,
        "resident memory a client",
        bytes(threads.resident),
        bytes(myrt.resident),
    );
    row(
        myrt.virt < threads.virt,
        "address space a client",
        bytes(threads.virt),
        bytes(myrt.virt),
    );
    row(
        myrt.connecting < threads.connecting,
        "time until all are connected and answered",
        time(threads.connecting),
        time(myrt.connecting),
    );
    row(
        myrt.median < threads.median,
        "answer to one that is active",
        time(threads.median),
        time(myrt.median),
    );
}

fn judge(findings: &mut Findings, model: &str, wanted: usize, crowd: &Crowd) {
    let reached = crowd.connected >= wanted && crowd.answers;
    let claim = format!("{} connections on {model}", count(wanted));
    if !crowd.answers {
        let measured = format!("gone after about {} connections", count(crowd.connected));
        let why = "with threads the system's limits decide: each has four mappings of 65,530 that Linux grants a process by default";
        findings.judge(
            "A6",
            false,
            claim,
            measured,
            if model == "threads" { why } else { "" },
        );
        return;
    }
    let measured = format!(
        "{} connected and answered in {}, {} B a connection{}, {} thread{}; one active: median {}, p99 {}",
        count(crowd.connected),
        time(crowd.connecting),
        count(crowd.resident),
        if model == "threads" {
            format!(" ({} reserved)", bytes(crowd.virt))
        } else {
            String::new()
        },
        count(crowd.threads),
        if crowd.threads == 1 { "" } else { "s" },
        time(crowd.median),
        time(crowd.slow),
    );
    let why = if model == "asyncio" {
        "its second thread waits for this program's end"
    } else {
        ""
    };
    findings.judge("A6", reached, claim, measured, why);
    for (name, value, unit) in [
        ("resident a connection", crowd.resident as f64, "B"),
        ("one active, median", crowd.median.as_secs_f64() * 1e6, "µs"),
        ("one active, p99", crowd.slow.as_secs_f64() * 1e6, "µs"),
    ] {
        findings.number("A6", format!("{model}, {wanted}: {name}"), value, unit);
    }
    let short = format!(
        "{} connections, {} resident",
        count(crowd.connected),
        bytes(crowd.whole)
    );
    match model {
        "threads" if wanted == 10_000 => {
            let ends = crowd.connected < 2_000;
            let why = "the limits are the system's, of threads and mappings, and far above a thousand here";
            findings.judge("N3", ends, "threads end at about 1,000 clients", short, why);
        }
        "myrt" => {
            let claim = format!("an event loop takes {}", count(wanted));
            findings.judge("N3", reached, claim, short, "");
        }
        _ => {}
    }
}
