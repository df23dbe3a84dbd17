//! N6, N8, A19: HTTP by a process a client, as Apache's prefork does it, and by one event loop.

use std::io;

use crate::finding::Findings;
use crate::machine::child::Role;
use crate::machine::memory;
use crate::machine::show::{bytes, count};
use crate::plan::Plan;

const REQUEST: &str = "GET / HTTP/1.1\\r\\nhost: localhost\\r\\n\\r\\n";
/// The number of processes of the course's Apache.
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

/// What was measured of the models.
struct Models {
    processes: usize,
    forked: Load,
    forked_memory: u64,
    /// With more clients than processes.
    crowded: Load,
    looped: Load,
    looped_memory: u64,
    /// With ten times as many clients.
    busy: Load,
    /// A loop a core.
    workers: Load,
    peak: u64,
    threads: u64,
}

fn measure(plan: &Plan) -> io::Result<Models> {
    let millis = plan.pick(1_000, 4_000);
    let processes = plan.pick(64, PREFORK);
    let mut prefork = Role::serve("prefork", &[processes.to_string()])?;
    let pids = prefork.line()?;
    let forked = load(prefork.port, processes, millis, 1, REQUEST)?;
    let shares = pids.split_whitespace().filter_map(memory::proportional);
    let forked_memory = shares.sum();
    let crowded = load(prefork.port, processes + 10, 1_000, 1, REQUEST)?;
    drop(prefork);

    let server = Role::serve("http", &["0".to_owned()])?;
    let looped = load(server.port, processes, millis, 1, REQUEST)?;
    let looped_memory = memory::proportional(&server.pid()).unwrap_or(0);
    let many = plan.fit(processes * 10);
    let busy = load(server.port, many, plan.pick(1_000, 2_000), 1, REQUEST)?;
    let memory = server.memory().unwrap_or_default();
    let others: Vec<_> = (1..plan.cores)
        .map(|_| Role::serve("http", &[server.port.to_string()]))
        .collect::<io::Result<_>>()?;
    let workers = load(server.port, processes, millis, 1, REQUEST)?;
    drop(others);
    Ok(Models {
        processes,
        forked,
        forked_memory,
        crowded,
        looped,
        looped_memory,
        busy,
        workers,
        peak: memory.peak_resident,
        threads: memory.threads,
    })
}

pub(super) fn run(plan: &Plan, findings: &mut Findings) -> io::Result<()> {
    let models = measure(plan)?;
    against(plan, findings, &models);
    let Models {
        looped,
        peak,
        threads,
        ..
    } = &models;
    let measured = format!(
        "{}/s, {} at most, {threads} thread",
        count(looped.rate as u64),
        bytes(*peak)
    );
    let holds = looped.rate >= 10_000.0 && *peak < 100_000_000 && *threads == 1;
    let claim = "10,000 requests/s in 100 MB on one core";
    let why = "myrt; Node itself is not measured";
    findings.judge("N8", holds, claim, measured, why);
    findings.number("N8", "requests a second", looped.rate, "1/s");
    Ok(())
}

/// N6 and A19: processes against events.
fn against(plan: &Plan, findings: &mut Findings, models: &Models) {
    let (forked, looped, workers) = (&models.forked, &models.looped, &models.workers);
    let said = format!(
        "{} processes {}/s, p99 {:.1} ms; one loop {}/s, p99 {:.1} ms; {} loops, one a core, {}/s, p99 {:.1} ms",
        models.processes,
        count(forked.rate as u64),
        forked.slow * 1e3,
        count(looped.rate as u64),
        looped.slow * 1e3,
        plan.cores,
        count(workers.rate as u64),
        workers.slow * 1e3,
    );
    let why = "hello, without the work that Apache does for a request; the client has one thread of this machine";
    let ratio = workers.rate / forked.rate;
    let claim = "events serve more requests a second than processes";
    findings.judge("A19", ratio > 1.0, claim, &said, why);
    findings.judge(
        "N6",
        ratio >= 10.0,
        "10x the rate",
        format!("{ratio:.1}x"),
        why,
    );
    let (small, large) = (models.looped_memory, models.forked_memory);
    let ratio = large as f64 / small.max(1) as f64;
    let said = format!("{ratio:.1}x: {} against {}", bytes(large), bytes(small));
    let why = "each process's proportional share; Apache's have modules in them, these have none";
    findings.judge("N6", ratio >= 5.0, "5x less memory", said, why);
    let said = format!(
        "with 10 more clients than processes {} get no answer; the loop with {}: {} get none",
        models.crowded.failures,
        count(models.processes * 10),
        models.busy.failures
    );
    let holds = models.crowded.failures > 0 && models.busy.failures == 0;
    let why = "no answer: none within half a second";
    findings.judge("N6", holds, "10x the connections", said, why);
    let claim = "Apache 5,000 requests/s in 1 GB, nginx 50,000 to 100,000 in 200 MB";
    findings.untested("N6", claim, "", "the models are measured, not the products");
    let bars = [
        ("prefork", forked),
        ("one loop", looped),
        ("a loop a core", workers),
    ];
    for (name, load) in bars {
        findings.number("A19", name, load.rate, "1/s");
    }
    let bars = bars.map(|(name, load)| (name.to_owned(), load.rate));
    findings.bars("A19", "HTTP requests a second", "1/s", bars.into());
}
