//! N6, N8, A19: HTTP by a process a client, as Apache's prefork does it, and by one event loop.

use std::io;

use crate::finding::Findings;
use crate::machine::child::Role;
use crate::machine::memory;
use crate::machine::show::{bytes, count};
use crate::plan::Plan;

const REQUEST: &str = "GET / HTTP/1.1\\r\\nhost: localhost\\r\\n\\r\\n";
/// The course's Apache has so many processes.
const PREFORK: usize = 256;

/// What clients that ask without pause saw.
pub(super) struct Load {
    pub(super) rate: f64,
    pub(super) median: f64,
    pub(super) slow: f64,
    pub(super) failures: usize,
}

pub(super) fn load(
    port: u16,
    clients: usize,
    millis: u64,
    pipelined: usize,
    request: &str,
) -> io::Result<Load> {
    let arguments = [
        port.to_string(),
        clients.to_string(),
        millis.to_string(),
        pipelined.to_string(),
        request.to_owned(),
    ];
    let numbers = Role::start("load", &arguments)?.numbers()?;
    let [requests, seconds, median, slow, failures] = numbers[..] else {
        return Err(io::Error::other("five numbers were expected"));
    };
    Ok(Load {
        rate: requests / seconds,
        median,
        slow,
        failures: failures as usize,
    })
}

pub(super) fn run(plan: &Plan, findings: &mut Findings) -> io::Result<()> {
    let millis = plan.pick(1_000, 4_000);
    let processes = plan.pick(64, PREFORK);
    let mut prefork = Role::serve("prefork", &[processes.to_string()])?;
    let pids = prefork.line()?;
    let forked = load(prefork.port, processes, millis, 1, REQUEST)?;
    let forked_memory: u64 = pids
        .split_whitespace()
        .filter_map(memory::proportional)
        .sum();
    let crowded = load(prefork.port, processes + 10, 1_000, 1, REQUEST)?;
    drop(prefork);

    let server = Role::serve("http", &[])?;
    let looped = load(server.port, processes, millis, 1, REQUEST)?;
    let looped_memory = memory::proportional(&server.pid()).unwrap_or(0);
    let threads = server.memory().map_or(0, |memory| memory.threads);
    let resident = server.memory().map_or(0, |memory| memory.peak_resident);
    let busy = load(
        server.port,
        plan.fit(processes * 10),
        plan.pick(1_000, 2_000),
        1,
        REQUEST,
    )?;

    let said = format!(
        "prefork, {processes} processes: {}/s, {}; one loop of myrt: {}/s, {} (p99 {:.1} ms against {:.1})",
        count(forked.rate as u64),
        bytes(forked_memory),
        count(looped.rate as u64),
        bytes(looped_memory),
        looped.slow * 1e3,
        forked.slow * 1e3,
    );
    let why = "without the work that Apache does for a request; the client shares the machine";
    let ratio = looped.rate / forked.rate;
    findings.judge(
        "A19",
        ratio > 1.0,
        "events serve more requests a second than processes",
        &said,
        why,
    );
    findings.judge(
        "N6",
        ratio >= 10.0,
        "10x the rate",
        format!("{ratio:.1}x"),
        why,
    );
    let ratio = forked_memory as f64 / looped_memory.max(1) as f64;
    let why = "proportional share; Apache's processes have modules in them, these have none";
    findings.judge(
        "N6",
        ratio >= 5.0,
        "5x less memory",
        format!(
            "{ratio:.1}x: {} against {}",
            bytes(forked_memory),
            bytes(looped_memory)
        ),
        why,
    );
    let measured = format!(
        "with 10 more clients than processes {} get no answer; the loop with {}: {} get none",
        crowded.failures,
        count(processes * 10),
        busy.failures
    );
    let holds = crowded.failures > 0 && busy.failures == 0;
    findings.judge(
        "N6",
        holds,
        "10x the connections",
        measured,
        "no answer: none within half a second",
    );
    let why = "neither is a part of this; both are beside the course's programs in their tests";
    findings.untested(
        "N6",
        "Apache 5,000 requests/s in 1 GB, nginx 50,000 to 100,000 in 200 MB",
        "",
        why,
    );
    let measured = format!(
        "{}/s, {} at most, {threads} thread",
        count(looped.rate as u64),
        bytes(resident)
    );
    let holds = looped.rate >= 10_000.0 && resident < 100_000_000 && threads == 1;
    findings.judge(
        "N8",
        holds,
        "10,000 requests/s in 100 MB on one core",
        measured,
        "myrt; Node itself is not measured",
    );
    findings.number("N8", "requests a second", looped.rate, "1/s");
    findings.number("A19", "prefork", forked.rate, "1/s");
    findings.number("A19", "one loop", looped.rate, "1/s");
    findings.bars(
        "A19",
        "HTTP requests a second",
        "1/s",
        vec![
            ("prefork".into(), forked.rate),
            ("myrt, one loop".into(), looped.rate),
        ],
    );
    Ok(())
}
