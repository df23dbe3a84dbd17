//! What does not depend on the machine's mood: user instructions (callgrind) and system calls
//! (strace). Each is counted for N operations and for 2N; the difference is what N cost, with
//! start-up, warm-up and shut-down cancelled out.

use super::child::{self, Under};
use super::server::{self, LoadKind};
use crate::goals::Metric;
use crate::options::Options;
use crate::peers::{CONTESTANTS, NGINX};
use crate::programs::{Kind, PROGRAMS, Program};
use crate::report::{Column, Report, Row};

pub fn instructions(options: &Options, report: &mut Report) {
    println!("\n== user instructions an operation, by callgrind ==");
    if !Under::Callgrind.available() {
        println!("valgrind is not installed: skipped");
        return;
    }
    for program in PROGRAMS
        .iter()
        .filter(|program| program.kind != Kind::Memory)
    {
        if options.wants(program.name) {
            report.add(count_program(options, program));
        }
    }
    for kind in LoadKind::ALL {
        if options.wants(kind.name()) {
            report.add(count_server(
                options,
                kind,
                Under::Callgrind,
                Metric::Instructions,
            ));
        }
    }
}

pub fn syscalls(options: &Options, report: &mut Report) {
    println!("\n== system calls a request, by strace ==");
    if !Under::Strace.available() {
        println!("strace is not installed: skipped");
        return;
    }
    for kind in LoadKind::ALL {
        if options.wants(kind.name()) {
            report.add(count_server(options, kind, Under::Strace, Metric::Syscalls));
        }
    }
}

fn count_program(options: &Options, program: &Program) -> Row {
    let shrink = if options.quick { 4 } else { 1 };
    let operations = (program.counted / shrink).next_multiple_of(program.batch);
    let warm_up = program.batch.max(1_000);
    let columns = CONTESTANTS
        .iter()
        .filter(|contestant| contestant.plays(program) && options.wants_runtime(contestant.name))
        .map(|contestant| {
            let mut column = Column::new(contestant.name);
            let once = count(contestant.name, program, operations, warm_up);
            let twice = once.and_then(|once| {
                count(contestant.name, program, operations * 2, warm_up).map(|twice| (once, twice))
            });
            match twice {
                Ok((once, twice)) => {
                    let each = (twice as f64 - once as f64) / operations as f64;
                    column.samples.push(each);
                }
                Err(reason) => column.note = Some(reason),
            }
            column
        })
        .collect();
    Row {
        metric: Metric::Instructions,
        program: program.name.into(),
        what: program.what.into(),
        columns,
    }
}

fn count(runtime: &str, program: &Program, operations: u64, warm_up: u64) -> Result<u64, String> {
    let arguments = child::program_arguments(runtime, program.name, operations, warm_up);
    let output = Under::Callgrind
        .command()
        .and_then(|mut command| command.args(arguments).output())
        .map_err(|error| error.to_string())?;
    child::result(&output)?;
    Under::Callgrind
        .count(&String::from_utf8_lossy(&output.stderr))
        .ok_or_else(|| "callgrind gave no count".into())
}

fn count_server(options: &Options, kind: LoadKind, under: Under, metric: Metric) -> Row {
    let requests = kind.counted_requests() / if options.quick { 4 } else { 1 };
    let columns = CONTESTANTS
        .iter()
        .filter(|contestant| {
            kind.server(contestant).is_some()
                && contestant.name != NGINX
                && options.wants_runtime(contestant.name)
        })
        .map(|contestant| {
            let mut column = Column::new(contestant.name);
            let counted = |requests| {
                let run = server::run(contestant.name, kind, requests, under)?;
                under
                    .count(&run.stderr)
                    .ok_or_else(|| "the tool gave no count".to_owned())
            };
            match counted(requests).and_then(|once| Ok((once, counted(requests * 2)?))) {
                Ok((once, twice)) => {
                    column
                        .samples
                        .push((twice as f64 - once as f64) / requests as f64);
                }
                Err(reason) => column.note = Some(reason),
            }
            column
        })
        .collect();
    Row {
        metric,
        program: kind.name().into(),
        what: kind.what().into(),
        columns,
    }
}
