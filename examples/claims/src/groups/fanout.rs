//! N4, N5, N17, N18, A13, A14, C22, C23, R9: many requests to a server that takes its time: in
//! sequence, on threads, on one loop.
//!
//! The server and each client are processes of their own, so memory is the client's. The server is
//! new for each measurement: connections that linger on its port must not meet the next one's.

use std::io;

use myrt::time::Duration;

use crate::finding::Findings;
use crate::machine::child::Role;
use crate::machine::python;
use crate::machine::show::{bytes, count};
use crate::plan::Plan;

/// The server's time in milliseconds: as a request over the Internet.
const DELAY: u64 = 100;

#[derive(Clone, Copy)]
struct Run {
    seconds: f64,
    failures: usize,
    resident: u64,
    virt: u64,
}

impl Run {
    fn text(&self, name: &str, virt: bool) -> String {
        let mut text = format!(
            "{name} {:.2} s, {} resident",
            self.seconds,
            bytes(self.resident)
        );
        if virt {
            text += &format!(" ({} reserved)", bytes(self.virt));
        }
        if self.failures > 0 {
            text += &format!(", {} failed", count(self.failures));
        }
        text
    }
}

fn fetch(model: &str, requests: usize, delay: u64) -> io::Result<Run> {
    let server = Role::serve("delay", &[delay.to_string()])?;
    let port = server.port.to_string();
    let mut client = match model {
        "asyncio" => python::start(python::FETCH, &[requests.to_string(), port])?,
        _ => Role::start("fetch", &[model.into(), requests.to_string(), port])?,
    };
    let numbers = client.numbers()?;
    let [seconds, failures, resident, virt, _] = numbers[..] else {
        return Err(io::Error::other("five numbers were expected"));
    };
    Ok(Run {
        seconds,
        failures: failures as usize,
        resident: resident as u64,
        virt: virt as u64,
    })
}

fn maybe_asyncio(plan: &Plan, requests: usize, delay: u64) -> io::Result<Option<Run>> {
    let run = || fetch("asyncio", requests, delay);
    plan.python.as_ref().map(|_| run()).transpose()
}

pub(super) fn run(plan: &Plan, findings: &mut Findings) -> io::Result<()> {
    hundred(plan, findings)?;
    crowd(plan, findings, 1_000)?;
    crowd(plan, findings, plan.fit(10_000))?;
    scraper(plan, findings)
}

/// N17 and C22: a hundred requests of a tenth of a second.
fn hundred(plan: &Plan, findings: &mut Findings) -> io::Result<()> {
    let asked = plan.pick(10, 100);
    let mut sequence = fetch("sequence", asked, DELAY)?;
    sequence.seconds *= 100.0 / asked as f64;
    let (pool, myrt) = (fetch("pool", 100, DELAY)?, fetch("myrt", 100, DELAY)?);
    let asyncio = maybe_asyncio(plan, 100, DELAY)?;
    let scaled = plan.pick(" (10 requests, times ten)", "");
    let about =
        |run: &Run, seconds: f64| (seconds * 0.95..seconds * 1.25 + 0.02).contains(&run.seconds);
    let cells = |run: &Run, name: &str| run.text(name, false);
    let table = [
        cells(&sequence, "in sequence"),
        cells(&pool, "50 threads"),
        cells(&myrt, "async"),
    ];
    let holds = myrt.seconds <= pool.seconds * 1.05 && pool.seconds < sequence.seconds;
    let claim = "many waits: in sequence slowest, then threads, then async";
    findings.judge("C23", holds, claim, table.join("; "), "");
    let holds = myrt.resident <= pool.resident;
    let claim = "async takes less memory than threads";
    findings.judge("C23", holds, claim, table[1..].join("; "), "");
    for (id, pooled, looped) in [("N17", 2.5, 0.5), ("C22", 0.2, 0.1)] {
        let said = sequence.text("in sequence", false) + scaled;
        findings.judge(id, about(&sequence, 10.0), "in sequence 10 s", said, "");
        let why = if id == "N17" {
            "100 requests on 50 threads are two rounds (R9)"
        } else {
            ""
        };
        let claim = format!("50 threads {pooled} s");
        findings.judge(
            id,
            about(&pool, pooled),
            claim,
            pool.text("50 threads", true),
            why,
        );
        let claim = format!(
            "async {looped} s{}",
            if id == "N17" {
                " or less, below 10 MB"
            } else {
                ""
            }
        );
        let holds = match id {
            "N17" => myrt.seconds <= looped && myrt.resident < 10_000_000,
            _ => about(&myrt, looped),
        };
        findings.judge(id, holds, claim, myrt.text("myrt", false), "");
    }
    if let Some(run) = asyncio {
        findings.judge(
            "C22",
            about(&run, 0.1),
            "asyncio 0.1 s",
            run.text("asyncio", false),
            "",
        );
    }
    let claim = "50 threads take 400 MB";
    let said = format!(
        "{} reserved, {} resident",
        bytes(pool.virt),
        bytes(pool.resident)
    );
    findings.judge(
        "N17",
        pool.resident > 300_000_000,
        claim,
        said,
        "address space, not memory (N1)",
    );
    let runs = [
        ("in sequence", Some(sequence)),
        ("50 threads", Some(pool)),
        ("myrt", Some(myrt)),
        ("asyncio", asyncio),
    ];
    let runs = runs
        .into_iter()
        .filter_map(|(name, run)| Some((name.to_owned(), run?.seconds)));
    findings.bars("C22", "100 requests of 100 ms", "seconds", runs.collect());
    Ok(())
}

/// N4 and A13, N5 and A14: everything at once.
fn crowd(plan: &Plan, findings: &mut Findings, requests: usize) -> io::Result<()> {
    let small = requests <= 1_000;
    // So long that the last has begun before the first has ended, on threads too.
    let delay = if small {
        DELAY
    } else {
        plan.pick(1_000, 2_000)
    };
    let (number, comparison) = if small { ("N4", "A13") } else { ("N5", "A14") };
    let threads = fetch("threads", requests, delay)?;
    let myrt = fetch("myrt", requests, delay)?;
    let asyncio = maybe_asyncio(plan, requests, delay)?;
    let all = count(requests);
    let why =
        "the course's seconds are those of the Internet; here the server answers after 100 ms";
    if small {
        let claim = "threads take 15 s and more";
        findings.judge(
            number,
            threads.seconds >= 15.0,
            claim,
            threads.text("threads", true),
            why,
        );
        let claim = "threads take 8 GB";
        let said = format!(
            "{} reserved, {} resident",
            bytes(threads.virt),
            bytes(threads.resident)
        );
        findings.judge(
            number,
            threads.resident > 7_000_000_000,
            claim,
            said,
            "address space, not memory (N1)",
        );
    } else {
        let claim = format!("{all} requests are impossible with threads");
        let said = threads.text("threads", true);
        findings.judge(
            number,
            threads.failures > 0,
            claim,
            said,
            "the system's limits of threads decide",
        );
    }
    let (seconds, memory) = if small {
        (5.0, 100_000_000)
    } else {
        (25.0, 500_000_000)
    };
    let holds = myrt.failures == 0 && myrt.seconds <= seconds && myrt.resident <= memory;
    let claim = format!(
        "an event loop needs {seconds} s and {} MB at most",
        memory / 1_000_000
    );
    findings.judge(number, holds, claim, myrt.text("myrt", false), "");
    let mut said = vec![threads.text("threads", true), myrt.text("myrt", false)];
    said.extend(asyncio.map(|run| run.text("asyncio", false)));
    let claim =
        format!("{all} requests of {delay} ms: the loop is faster than threads, in less memory");
    let holds =
        myrt.seconds < threads.seconds && myrt.resident < threads.resident && myrt.failures == 0;
    findings.judge(comparison, holds, claim, said.join("; "), "");
    let runs = [
        ("threads", Some(threads)),
        ("myrt", Some(myrt)),
        ("asyncio", asyncio),
    ];
    let runs = runs
        .into_iter()
        .filter_map(|(name, run)| run.map(|run| (name, run)));
    let (mut times, mut memories) = (Vec::new(), Vec::new());
    for (name, run) in runs {
        findings.number(comparison, format!("{name}, time"), run.seconds, "s");
        findings.number(
            comparison,
            format!("{name}, resident"),
            run.resident as f64,
            "B",
        );
        times.push((name.to_owned(), run.seconds));
        memories.push((name.to_owned(), run.resident as f64 / f64::from(1 << 20)));
    }
    findings.bars(
        comparison,
        format!("{all} requests of {delay} ms: time"),
        "seconds",
        times,
    );
    findings.bars(
        comparison,
        format!("{all} requests of {delay} ms: memory"),
        "MiB",
        memories,
    );
    Ok(())
}

/// N18: five hundred pages, fifty at a time.
fn scraper(plan: &Plan, findings: &mut Findings) -> io::Result<()> {
    let server = Role::serve("delay", &[DELAY.to_string()])?;
    let port = server.port;
    let start = myrt::time::Instant::now();
    myrt::run(async {
        let slots = myrt::sync::Semaphore::new(50);
        let pages = (0..500).map(|_| async {
            let _slot = slots.acquire().await.expect("it stays open");
            let stream = myrt::net::TcpStream::connect(("127.0.0.1", port)).await?;
            stream.write_all(b"GET /page HTTP/1.0\r\n\r\n").await?;
            let mut bytes = [0; 256];
            while stream.read(&mut bytes).await? > 0 {}
            Ok::<(), io::Error>(())
        });
        myrt::try_gather(pages).await.map(drop)
    })?;
    let took = start.elapsed();
    let asked = plan.pick(10, 50);
    let sequence = fetch("sequence", asked, DELAY)?.seconds / asked as f64 * 500.0;
    let ratio = sequence / took.as_secs_f64();
    let measured = format!(
        "500 pages of 100 ms, 50 at a time: {took:.2?}; in sequence {:.0?} ({asked} pages, scaled): {ratio:.0}x",
        Duration::from_secs_f64(sequence)
    );
    let why = "the course's seconds are those of the Internet; the ratio is tested";
    findings.judge(
        "N18",
        ratio > 500.0 / 30.0,
        "500 s become 30 s: 17x",
        measured,
        why,
    );
    Ok(())
}
