//! One run of one server: start it on core 0, load it from core 1, collect what both say.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command};
use std::time::Duration;

use serde_json::Value;

use super::child::{self, Under};
use crate::peer::Unavailable;
use crate::peers::Contestant;
use crate::system::{self, Cpu, Machine};

/// What the clients do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadKind {
    Echo,
    Connect,
    /// hyper with 50 connections.
    Http,
    /// hyper with 1,000.
    HttpMany,
    /// HTTP by hand.
    Hello,
}

impl LoadKind {
    pub const ALL: [Self; 5] = [
        Self::Echo,
        Self::Connect,
        Self::Http,
        Self::HttpMany,
        Self::Hello,
    ];
    pub const TCP: [Self; 2] = [Self::Echo, Self::Connect];
    pub const HTTP: [Self; 2] = [Self::Http, Self::HttpMany];

    pub fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Connect => "connect",
            Self::Http => "http",
            Self::HttpMany => "http-1000",
            Self::Hello => "hello",
        }
    }

    /// What the server speaks and the load generator does.
    fn mode(self) -> &'static str {
        match self {
            Self::HttpMany => Self::Http.name(),
            other => other.name(),
        }
    }

    /// The server of a contestant that this load is for, if it has one.
    pub fn server(self, contestant: &Contestant) -> Option<fn() -> Result<(), Unavailable>> {
        match self {
            Self::Echo | Self::Connect => contestant.serve,
            Self::Http | Self::HttpMany => contestant.serve_http,
            Self::Hello => contestant.serve_hello,
        }
    }

    /// How many connections are there at once.
    pub fn connections(self) -> u64 {
        match self {
            Self::Echo | Self::Connect | Self::Http | Self::Hello => 50,
            Self::HttpMany => 1_000,
        }
    }

    /// How many requests a measured run has.
    pub fn requests(self, quick: bool) -> u64 {
        let requests = match self {
            Self::Echo => 300_000,
            Self::Connect => 20_000,
            Self::Http | Self::HttpMany => 150_000,
            Self::Hello => 300_000,
        };
        if quick { requests / 5 } else { requests }
    }

    pub fn what(self) -> &'static str {
        match self {
            Self::Echo => "TCP: 32 bytes there and back on connections that stay (50 of them)",
            Self::Connect => "TCP: connect, one echo, close",
            Self::Http => "hyper, HTTP/1 with its header timeout, 50 connections that stay",
            Self::HttpMany => "the same with 1,000 connections",
            Self::Hello => "HTTP/1 by hand, one answer for all, 50 connections that stay",
        }
    }

    pub fn counted_requests(self) -> u64 {
        match self {
            Self::Echo | Self::Http | Self::HttpMany | Self::Hello => 20_000,
            Self::Connect => 2_000,
        }
    }

    /// How many connections the server will have seen at the end.
    fn server_connections(self, requests: u64) -> u64 {
        match self {
            Self::Connect => requests,
            _ => self.connections(),
        }
    }
}

/// What a run gave.
#[derive(Debug)]
pub struct ServerRun {
    /// From the first accept to the last close.
    pub cpu: Cpu,
    pub load: Value,
    pub stderr: String,
    /// Seconds a second that other processes and the hypervisor took.
    pub disturbance: f64,
}

/// Runs one server through one load.
///
/// # Errors
/// A sentence that says what went wrong.
pub fn run(
    runtime: &str,
    kind: LoadKind,
    requests: u64,
    under: Under,
) -> Result<ServerRun, String> {
    let expected = kind.server_connections(requests);
    let mut server = Server::start(runtime, kind, expected, under)?;
    let machine = Machine::now();
    let start = system::monotonic_ns();
    let load = load_command(kind.mode(), server.port, kind.connections(), requests)
        .and_then(|mut command| command.output())
        .map_err(|error| error.to_string())?;
    let elapsed = Duration::from_nanos(system::monotonic_ns() - start);
    let later = Machine::now();
    let load = match child::result(&load) {
        Ok(load) => load,
        Err(reason) => {
            server.kill();
            return Err(format!("load generator: {reason}"));
        }
    };
    let (cpu, stderr) = server.finish()?;
    let ours = cpu.total() + Duration::from_nanos(load["cpu_ns"].as_u64().unwrap_or(0));
    Ok(ServerRun {
        cpu,
        load,
        stderr,
        disturbance: machine.disturbance(later, ours, elapsed),
    })
}

/// A load generator bound to the second core, not yet started.
///
/// # Errors
/// When the path of this program is unknown.
pub fn load_command(
    mode: &str,
    port: u16,
    connections: u64,
    requests: u64,
) -> std::io::Result<Command> {
    let mut command = Under::Nothing.command()?;
    command.args(["load", "--mode", mode, "--port", &port.to_string()]);
    command.args(["--connections", &connections.to_string()]);
    command.args(["--requests", &requests.to_string()]);
    if system::cores() > 1 {
        command.args(["--core", "1"]);
    }
    Ok(command)
}

/// A server process that listens.
pub struct Server {
    process: Child,
    stdout: BufReader<ChildStdout>,
    pub port: u16,
}

impl Server {
    /// Starts it and waits until it listens.
    ///
    /// # Errors
    /// Why it does not.
    pub fn start(
        runtime: &str,
        kind: LoadKind,
        connections: u64,
        under: Under,
    ) -> Result<Self, String> {
        let mut command = under.command().map_err(|error| error.to_string())?;
        command.args(["serve", "--runtime", runtime, "--core", "0"]);
        command.args(["--mode", kind.mode()]);
        command.args(["--connections", &connections.to_string()]);
        let mut process = command.spawn().map_err(|error| error.to_string())?;
        let stdout = process.stdout.take().expect("the output is piped");
        let mut server = Self {
            process,
            stdout: BufReader::new(stdout),
            port: 0,
        };
        let line = server.line();
        match line
            .strip_prefix("listening ")
            .and_then(|port| port.parse().ok())
        {
            Some(port) => {
                server.port = port;
                Ok(server)
            }
            None => {
                server.kill();
                let reason = serde_json::from_str::<Value>(&line).ok();
                let reason = reason.and_then(|r| r["unavailable"].as_str().map(str::to_owned));
                Err(reason.unwrap_or_else(|| format!("the server did not start: {line}")))
            }
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        let _ = self.stdout.read_line(&mut line);
        line.trim_end().to_owned()
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Waits for the end that the tally brings, and reads what it said.
    fn finish(mut self) -> Result<(Cpu, String), String> {
        let line = self.line();
        let mut stderr = String::new();
        if let Some(mut pipe) = self.process.stderr.take() {
            let _ = pipe.read_to_string(&mut stderr);
        }
        let status = self.process.wait().map_err(|error| error.to_string())?;
        let mut times = line
            .strip_prefix("cpu ")
            .ok_or_else(|| format!("the server ended with {status}: {line}"))?
            .split(' ')
            .map(|word| Duration::from_nanos(word.parse().unwrap_or(0)));
        let user = times.next().unwrap_or_default();
        let system = times.next().unwrap_or_default();
        Ok((Cpu { user, system }, stderr))
    }
}
