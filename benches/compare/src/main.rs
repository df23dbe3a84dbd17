//! Runs the same programs on myrt and on its peers, and tells how they compare.
//! See README.md for the method; `compare --help` for the commands.

mod epoll;
mod goals;
mod load;
mod options;
mod peer;
mod peers;
mod programs;
mod report;
mod run;
mod stats;
mod svg;
mod system;
mod tally;

use std::error::Error;
use std::fs;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::load::{ECHO, HTTP, Load};
use crate::options::{Command, Comparison, HELP, Options};
use crate::peer::Unavailable;
use crate::peers::{CONTESTANTS, Contestant};
use crate::programs::PROGRAMS;
use crate::report::Report;
use crate::run::server::LoadKind;

fn main() -> ExitCode {
    let options = match Options::parse() {
        Ok(options) => options,
        Err(message) => {
            eprintln!("compare: {message}");
            return ExitCode::from(2);
        }
    };
    match dispatch(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(options: &Options) -> Result<(), Box<dyn Error>> {
    if let Some(core) = options.core {
        system::pin_to_core(core)?;
    }
    match &options.command {
        Command::Help => print!("{HELP}"),
        Command::List => list(),
        Command::Child {
            runtime,
            program,
            iterations,
            warm_up,
        } => {
            let program = programs::find(program).ok_or("no such program")?;
            let run = contestant(runtime)?
                .run
                .ok_or("it runs no programs, it only serves")?;
            print_result(run(program, *iterations, *warm_up));
        }
        Command::Serve {
            runtime,
            mode,
            connections,
        } => {
            system::raise_fd_limit();
            tally::expect(*connections);
            let contestant = contestant(runtime)?;
            let serve = match mode.as_str() {
                "http" => contestant.serve_http,
                "hello" => contestant.serve_hello,
                _ => contestant.serve,
            };
            let serve = serve.ok_or("it does not serve")?;
            print_result(serve().map(|()| Value::Null));
        }
        Command::Load {
            mode,
            port,
            connections,
            requests,
        } => {
            system::raise_fd_limit();
            let load = Load {
                port: *port,
                connections: *connections,
                requests: *requests,
            };
            let mut value = match mode.as_str() {
                "echo" => load.repeat(&ECHO)?,
                "http" | "hello" => load.repeat(&HTTP)?,
                "connect" => load.connect()?,
                "idle" => load.idle()?,
                other => return Err(format!("no load {other}").into()),
            };
            value["cpu_ns"] = json!(system::process_cpu_ns());
            println!("{value}");
        }
        Command::Compare(comparisons) => compare(options, comparisons)?,
    }
    Ok(())
}

fn contestant(name: &str) -> Result<&'static Contestant, String> {
    peers::find(name).ok_or_else(|| format!("no runtime {name}"))
}

fn print_result(result: Result<Value, Unavailable>) {
    match result {
        Ok(value) => println!("{value}"),
        Err(unavailable) => println!("{}", json!({ "unavailable": unavailable.to_string() })),
    }
}

fn list() {
    println!("runtimes:");
    for contestant in CONTESTANTS {
        println!("  {:<14} {}", contestant.name, contestant.version);
    }
    println!("programs:");
    for program in PROGRAMS {
        println!("  {:<22} {}", program.name, program.what);
    }
    println!("servers: echo, connect, hello, http; weighed: connection");
}

fn compare(options: &Options, comparisons: &[Comparison]) -> Result<(), Box<dyn Error>> {
    let mut report = Report::default();
    for comparison in comparisons {
        match comparison {
            Comparison::Micro => run::micro::run(options, &mut report),
            Comparison::Tcp => run::tcp::run(options, &LoadKind::TCP, &mut report),
            Comparison::Hyper => run::tcp::run(options, &LoadKind::HTTP, &mut report),
            Comparison::Hello => run::tcp::run(options, &[LoadKind::Hello], &mut report),
            Comparison::Memory => run::memory::run(options, &mut report),
            Comparison::Instructions => run::counted::instructions(options, &mut report),
            Comparison::Syscalls => run::counted::syscalls(options, &mut report),
        }
    }
    report.print_summary();
    if let Some(path) = &options.json {
        let versions: Vec<Value> = CONTESTANTS
            .iter()
            .map(|contestant| json!({ "name": contestant.name, "version": contestant.version }))
            .collect();
        let run = json!({
            "arguments": std::env::args().skip(1).collect::<Vec<_>>(),
            "cores": system::cores(),
            "kernel": fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim(),
            "runtimes": versions,
        });
        fs::write(path, serde_json::to_string_pretty(&report.to_json(run))?)?;
    }
    if let Some(path) = &options.svg {
        fs::write(path, svg::draw(report.rows()))?;
    }
    let missing = report.missing();
    if options.strict && !missing.is_empty() {
        return Err(format!("--strict, and these did not run: {}", missing.join("; ")).into());
    }
    Ok(())
}
