//! Resident bytes: of an idle task (the programs weigh themselves) and of an idle connection (the
//! server is weighed from outside between two numbers of connections; the clients are elsewhere).

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};

use super::child::{self, Under};
use super::server::{self, LoadKind, Server};
use crate::goals::Metric;
use crate::options::Options;
use crate::peers::CONTESTANTS;
use crate::programs::{Kind, PROGRAMS, Program};
use crate::report::{Column, Report, Row};
use crate::system;

pub fn run(options: &Options, report: &mut Report) {
    println!("\n== resident bytes ==");
    for program in PROGRAMS
        .iter()
        .filter(|program| program.kind == Kind::Memory)
    {
        if options.wants(program.name) {
            report.add(weigh_tasks(options, program));
        }
    }
    if options.wants("connection") {
        report.add(weigh_connections(options));
    }
}

fn weigh_tasks(options: &Options, program: &Program) -> Row {
    let tasks = program.iterations / if options.quick { 10 } else { 1 };
    let columns = CONTESTANTS
        .iter()
        .filter(|contestant| contestant.plays(program) && options.wants_runtime(contestant.name))
        .map(|contestant| {
            let mut column = Column::new(contestant.name);
            let arguments = child::program_arguments(contestant.name, program.name, tasks, 0);
            let output = Under::Nothing
                .command()
                .and_then(|mut command| command.args(arguments).output())
                .map_err(|error| error.to_string());
            match output.and_then(|output| child::result(&output)) {
                Ok(value) => column
                    .samples
                    .push(value["bytes"].as_f64().unwrap_or(f64::NAN)),
                Err(reason) => column.note = Some(reason),
            }
            column
        })
        .collect();
    Row {
        metric: Metric::Bytes,
        program: program.name.into(),
        what: format!("{} ({tasks} tasks)", program.what),
        columns,
    }
}

fn weigh_connections(options: &Options) -> Row {
    // Both processes need an fd for each, and some for themselves.
    let limit = system::raise_fd_limit().saturating_sub(200);
    let connections = limit.min(if options.quick { 2_000 } else { 10_000 });
    let columns = CONTESTANTS
        .iter()
        .filter(|contestant| contestant.serve.is_some() && options.wants_runtime(contestant.name))
        .map(|contestant| {
            let mut column = Column::new(contestant.name);
            match weigh_server(contestant.name, connections) {
                Ok(bytes) => column.samples.push(bytes),
                Err(reason) => column.note = Some(reason),
            }
            column
        })
        .collect();
    Row {
        metric: Metric::Bytes,
        program: "connection".into(),
        what: format!("an idle connection with a 64-byte buffer ({connections} connections)"),
        columns,
    }
}

fn weigh_server(runtime: &str, connections: u64) -> Result<f64, String> {
    let mut server = Server::start(runtime, LoadKind::Echo, connections, Under::Nothing)?;
    let first = connections / 10;
    let clients = server::load_command("idle", server.port, connections, first)
        .and_then(|mut command| command.stdin(Stdio::piped()).spawn());
    let result = clients
        .map_err(|error| error.to_string())
        .and_then(|mut clients| two_weights(&mut clients, &server.id().to_string()));
    server.kill();
    let (before, after) = result?;
    Ok(after.saturating_sub(before) as f64 / (connections - first) as f64)
}

fn two_weights(clients: &mut Child, server: &str) -> Result<(u64, u64), String> {
    let mut output = BufReader::new(clients.stdout.take().expect("the output is piped"));
    let mut input = clients.stdin.take().expect("the input is piped");
    let mut weigh = || {
        let mut line = String::new();
        output
            .read_line(&mut line)
            .map_err(|error| error.to_string())?;
        if !line.starts_with("open ") {
            return Err(format!("the clients could not connect: {line}"));
        }
        let bytes = system::resident_bytes(server);
        input.write_all(b"\n").map_err(|error| error.to_string())?;
        Ok(bytes)
    };
    let weights = weigh().and_then(|before| Ok((before, weigh()?)));
    drop(input);
    let _ = clients.wait();
    weights
}
