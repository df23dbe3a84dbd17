//! N7: a Redis in one thread. The course's program where it is built beside this one, else a small
//! one of our own; and the distribution's, where that is installed.

use std::io;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use super::{c10k, servers};
use crate::finding::Findings;
use crate::machine::child::{Role, pause};
use crate::machine::show::{bytes, count};
use crate::plan::Plan;
use myrt::time::Duration;

const SET: &str = "*3\\r\\n$3\\r\\nSET\\r\\n$3\\r\\nkey\\r\\n$5\\r\\nvalue\\r\\n";
const PING: &str = "*1\\r\\n$4\\r\\nPING\\r\\n";
const CLIENTS: usize = 50;

/// A server at a port that was free a moment ago: these say nothing that we could read.
fn foreign(program: &str, arguments: impl Fn(u16) -> Vec<String>) -> io::Result<Foreign> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let child = Command::new(program)
        .args(arguments(port))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()?;
    let server = Foreign { child, port };
    for _ in 0..200 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(server);
        }
        pause(Duration::from_millis(10));
    }
    Err(io::Error::other(format!("{program} does not listen")))
}

/// A process that knows nothing of us, so it has to be killed.
struct Foreign {
    child: std::process::Child,
    port: u16,
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) fn run(plan: &Plan, findings: &mut Findings) -> io::Result<()> {
    let beside = std::env::current_exe()?.with_file_name("redis_like");
    let (name, (loads, crowd)) = if beside.is_file() {
        let arguments = |port| {
            vec![
                format!("127.0.0.1:{port}"),
                "--max-clients".into(),
                "20000".into(),
            ]
        };
        let server = foreign(&beside.to_string_lossy(), arguments)?;
        let pid = server.child.id().to_string();
        (
            "the course's redis_like",
            with_crowd(plan, &pid, server.port)?,
        )
    } else {
        let server = Role::serve("redis", &[])?;
        (
            "a small one of our own",
            with_crowd(plan, &server.pid(), server.port)?,
        )
    };
    judge(findings, name, &loads);
    let measured = format!(
        "{} clients, {} resident",
        count(crowd.connected),
        bytes(crowd.whole)
    );
    let holds = crowd.connected >= 10_000 && crowd.whole <= 50_000_000;
    findings.judge(
        "N7",
        holds,
        "10,000 clients in 50 MB",
        measured,
        "without data",
    );
    let real = foreign("redis-server", |port| {
        let port = port.to_string();
        [
            "--bind",
            "127.0.0.1",
            "--port",
            &port,
            "--save",
            "",
            "--appendonly",
            "no",
        ]
        .map(str::to_owned)
        .into()
    });
    if let Ok(server) = real {
        let (plain, pipelined) = measure(plan, server.port)?;
        findings.number("N7", "redis-server, SET", plain.rate, "1/s");
        findings.number(
            "N7",
            "redis-server, SET, pipelined by 16",
            pipelined.rate,
            "1/s",
        );
        let measured = said(&plain, &pipelined);
        let holds = plain.rate >= 100_000.0;
        findings.judge(
            "N7",
            holds,
            "100,000 operations/s, redis-server itself",
            measured,
            WHY,
        );
    }
    Ok(())
}

type Loads = (servers::Load, servers::Load);

fn with_crowd(plan: &Plan, pid: &str, port: u16) -> io::Result<(Loads, c10k::Crowd)> {
    let loads = measure(plan, port)?;
    let crowd = c10k::measure(pid, port, plan.fit(10_000), PING, 200)?;
    Ok((loads, crowd))
}

const WHY: &str = "50 clients on one thread, which has as much to do as the server";

fn measure(plan: &Plan, port: u16) -> io::Result<Loads> {
    let millis = plan.pick(700, 3_000);
    Ok((
        servers::load(port, CLIENTS, millis, 1, SET)?,
        servers::load(port, CLIENTS, millis, 16, SET)?,
    ))
}

fn said(plain: &servers::Load, pipelined: &servers::Load) -> String {
    format!(
        "SET {}/s, median {:.2} ms; pipelined by 16 {}/s",
        count(plain.rate as u64),
        plain.median * 1e3,
        count(pipelined.rate as u64)
    )
}

fn judge(findings: &mut Findings, name: &str, (plain, pipelined): &Loads) {
    let measured = said(plain, pipelined);
    let claim = format!("100,000 operations/s, {name}");
    findings.judge("N7", plain.rate >= 100_000.0, claim, measured, WHY);
    let measured = format!(
        "median {:.2} ms, p99 {:.2} ms",
        plain.median * 1e3,
        plain.slow * 1e3
    );
    findings.judge(
        "N7",
        plain.slow < 1e-3,
        "below 1 ms",
        measured,
        "p99, under full load",
    );
    findings.number("N7", "SET", plain.rate, "1/s");
    findings.number("N7", "SET, pipelined by 16", pipelined.rate, "1/s");
}
