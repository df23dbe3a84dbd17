//! N15: a proxy as HAProxy: what it adds to an answer, and how much it moves.

use std::io::{self, Read};
use std::net::{Ipv4Addr, TcpStream};

use myrt::time::{Duration, Instant};

use super::c10k::ping;
use crate::finding::Findings;
use crate::machine::child::Role;
use crate::machine::show::time;
use crate::machine::stats::percentile;
use crate::plan::Plan;

/// Gigabits a second that come from `port`.
fn throughput(port: u16, span: Duration) -> io::Result<f64> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    let mut buffer = vec![0; 256 * 1024];
    let start = Instant::now();
    let mut sum = 0;
    while start.elapsed() < span {
        sum += stream.read(&mut buffer)?;
    }
    Ok(sum as f64 * 8.0 / start.elapsed().as_secs_f64() / 1e9)
}

pub(super) fn run(plan: &Plan, findings: &mut Findings) -> io::Result<()> {
    let turns = plan.pick(1_000, 10_000);
    let echo = Role::serve("echo", &[])?;
    let balancer = Role::serve("balancer", &[echo.port.to_string()])?;
    let mut direct = ping(echo.port, "hello", turns)?;
    let mut through = ping(balancer.port, "hello", turns)?;
    direct.sort_unstable();
    through.sort_unstable();
    let slow = percentile(&through, 0.99);
    let measured = format!(
        "median {} through it, {} without; p99 {}",
        time(percentile(&through, 0.5)),
        time(percentile(&direct, 0.5)),
        time(slow)
    );
    findings.judge(
        "N15",
        slow < Duration::from_millis(1),
        "below 1 ms",
        measured,
        "",
    );
    drop((balancer, echo));

    let span = Duration::from_millis(plan.pick(500, 2_000));
    let source = Role::serve("source", &[])?;
    let balancer = Role::serve("balancer", &[source.port.to_string()])?;
    let direct = throughput(source.port, span)?;
    let through = throughput(balancer.port, span)?;
    let measured = format!("{through:.1} Gbit/s on one connection, {direct:.1} without it");
    let why = "over loopback; source, proxy and sink share this machine's cores";
    findings.judge("N15", through >= 10.0, "10 Gbit/s", measured, why);
    findings.number("N15", "throughput", through, "Gbit/s");
    let why = plan.limit("200,000 descriptors (two a connection)");
    findings.untested("N15", "100,000 connections a process", "", why);
    Ok(())
}
