//! Time an operation: rounds in which every runtime runs each program once, so that whatever
//! disturbs the machine disturbs all of them alike.

use super::child::{self, Under};
use crate::goals::Metric;
use crate::options::Options;
use crate::peers::CONTESTANTS;
use crate::programs::{Kind, PROGRAMS, Program};
use crate::report::{Column, Report, Row};

pub fn run(options: &Options, report: &mut Report) {
    let rounds = options.rounds.unwrap_or(if options.quick { 3 } else { 11 });
    println!("\n== time an operation: CPU time of the process, {rounds} rounds ==");
    for program in PROGRAMS
        .iter()
        .filter(|program| program.kind != Kind::Memory)
    {
        if options.wants(program.name) {
            report.add(measure(options, program, rounds));
        }
    }
}

fn measure(options: &Options, program: &Program, rounds: usize) -> Row {
    let mut columns: Vec<Column> = CONTESTANTS
        .iter()
        .filter(|contestant| contestant.plays(program) && options.wants_runtime(contestant.name))
        .map(|contestant| Column::new(contestant.name))
        .collect();
    // `sleeps` is what its name says: 100,000 of them, quick or not.
    let shrink = if options.quick && program.name != "sleeps" {
        4
    } else {
        1
    };
    let iterations = (program.iterations / shrink).next_multiple_of(program.batch);
    for round in 0..rounds {
        let count = columns.len();
        for turn in 0..count {
            // Each round starts with another runtime, so that none always follows the same one.
            let column = &mut columns[(turn + round) % count];
            if column.note.is_none() {
                sample(column, program, iterations);
            }
        }
    }
    Row {
        metric: Metric::Time,
        program: program.name.into(),
        what: program.what.into(),
        columns,
    }
}

fn sample(column: &mut Column, program: &Program, iterations: u64) {
    let warm_up = (iterations / 10).next_multiple_of(program.batch);
    let arguments = child::program_arguments(&column.runtime, program.name, iterations, warm_up);
    let output = Under::Nothing
        .command()
        .and_then(|mut command| command.args(arguments).output());
    match output
        .map_err(|error| error.to_string())
        .and_then(|output| child::result(&output))
    {
        Ok(value) => {
            column
                .samples
                .push(value["cpu_ns"].as_f64().unwrap_or(f64::NAN));
            if let Some(early) = value["early"].as_u64() {
                let latest = value["latest_us"].as_u64().unwrap_or(0) as f64 / 1_000.0;
                column.remark = format!("{early} early, the latest {latest:.1} ms late");
            }
        }
        Err(reason) => column.note = Some(reason),
    }
}
