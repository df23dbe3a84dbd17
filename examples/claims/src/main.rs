#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod catalogue;
mod finding;
mod groups;
mod machine;
mod options;
mod plan;
mod progress;
mod report;
mod roles;

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;

use options::Options;
use plan::Plan;
use report::Report;

fn main() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> Result<(), Box<dyn Error>> {
    let options = Options::parse(lexopt::Parser::from_env())?;
    if let Some((role, arguments)) = &options.role {
        return Ok(roles::take(role, arguments)?);
    }
    if options.help {
        return Ok(print(options::HELP)?);
    }
    if options.list {
        let lines = catalogue::CLAIMS.iter();
        let lines =
            lines.map(|claim| format!("{:<4} {} ({})\n", claim.id, claim.says, claim.place));
        return Ok(print(&lines.collect::<String>())?);
    }
    let plan = Plan::new(options.quick)?;
    let load = machine::memory::load();
    let findings = if options.stub {
        groups::stub()
    } else {
        groups::run(&plan, &options.only)
    };
    let report = Report::new(findings, &options.only, &plan, load);
    if let Some(path) = &options.json {
        fs::write(path, report::json::write(&report))?;
    }
    if let Some(path) = &options.html {
        fs::write(path, report::html::write(&report))?;
    }
    Ok(print(&report::table::draw(&report))?)
}

/// To standard output, where a reader that has seen enough is no error.
fn print(text: &str) -> io::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
