//! CPU time a request, throughput and latency of the servers, in paired rounds.
//!
//! A round runs every server once. A run is clean when other processes and the hypervisor took
//! less than 0.12 seconds a second; one that is not is repeated at once, three times at most. Only
//! clean runs count for medians and intervals, and all are printed. Rounds go on until enough of
//! them are clean throughout, or the patience ends.

use serde_json::{Value, json};

use super::child::Under;
use super::server::{self, LoadKind};
use crate::goals::Metric;
use crate::options::Options;
use crate::peers::CONTESTANTS;
use crate::report::{Column, Report, Row};
use crate::stats;

pub fn run(options: &Options, kinds: &[LoadKind], report: &mut Report) {
    for &kind in kinds {
        if options.wants(kind.name()) {
            let (row, rounds) = measure(options, kind);
            report
                .extra
                .insert(format!("{}-rounds", kind.name()), Value::Array(rounds));
            report.add(row);
        }
    }
}

fn measure(options: &Options, kind: LoadKind) -> (Row, Vec<Value>) {
    let wanted = options.rounds.unwrap_or(if options.quick { 2 } else { 12 });
    let requests = kind.requests(options.quick);
    println!(
        "\n== {}: {requests} requests a run, until {wanted} rounds are clean ==",
        kind.name()
    );
    let mut contest = Contest::new(options, kind, requests);
    let mut clean = 0;
    let mut round = 0;
    while clean < wanted && round < wanted * PATIENCE {
        if contest.round(round) {
            clean += 1;
        }
        round += 1;
    }
    println!("{clean} of {round} rounds were clean throughout");
    contest.finish()
}

/// All rounds of one load.
struct Contest {
    kind: LoadKind,
    requests: u64,
    columns: Vec<Column>,
    loads: Vec<Vec<Value>>,
    rounds: Vec<Value>,
}

impl Contest {
    fn new(options: &Options, kind: LoadKind, requests: u64) -> Self {
        let columns: Vec<Column> = CONTESTANTS
            .iter()
            .filter(|contestant| {
                kind.server(contestant).is_some() && options.wants_runtime(contestant.name)
            })
            .map(|contestant| Column::new(contestant.name))
            .collect();
        let loads = columns.iter().map(|_| Vec::new()).collect();
        Self {
            kind,
            requests,
            columns,
            loads,
            rounds: Vec::new(),
        }
    }

    /// Runs every server once; true when every run was clean.
    fn round(&mut self, round: usize) -> bool {
        let mut clean = true;
        let count = self.columns.len();
        for turn in 0..count {
            let index = (turn + round) % count;
            if self.columns[index].note.is_none() {
                clean &= (0..TRIES).any(|_| self.single(round, index));
            }
        }
        clean
    }

    fn single(&mut self, round: usize, index: usize) -> bool {
        let column = &mut self.columns[index];
        let runtime = column.runtime.clone();
        let result = server::run(&runtime, self.kind, self.requests, Under::Nothing);
        let run = match result {
            Ok(run) => run,
            Err(reason) => {
                println!("  round {round:>2} {runtime:<14} {reason}");
                column.note = Some(reason);
                return true;
            }
        };
        let each = |time: std::time::Duration| time.as_secs_f64() * 1e6 / self.requests as f64;
        let cpu = each(run.cpu.total());
        let clean = run.disturbance < CLEAN;
        println!(
            "  round {round:>2} {runtime:<14} {cpu:>6.3} µs CPU ({:.3} user, {:.3} system)  {:>8.0}/s  p50 {:>6.0} µs  p99 {:>6.0} µs  disturbance {:.3}{}",
            each(run.cpu.user),
            each(run.cpu.system),
            run.load["per_second"].as_f64().unwrap_or(0.0),
            run.load["p50_us"].as_f64().unwrap_or(0.0),
            run.load["p99_us"].as_f64().unwrap_or(0.0),
            run.disturbance,
            if clean { "" } else { "  not clean" },
        );
        self.rounds.push(json!({
            "round": round, "runtime": runtime, "clean": clean, "disturbance": run.disturbance,
            "user_us": each(run.cpu.user), "system_us": each(run.cpu.system), "load": run.load,
        }));
        column.samples.resize(round + 1, f64::NAN);
        if clean {
            column.samples[round] = cpu;
            self.loads[index].push(run.load);
        }
        clean
    }

    fn finish(mut self) -> (Row, Vec<Value>) {
        for (column, loads) in self.columns.iter_mut().zip(&self.loads) {
            if loads.is_empty() && column.note.is_none() {
                column.note = Some("no clean run: see the rounds".into());
                continue;
            }
            let median = |field: &str| {
                let values: Vec<f64> = loads
                    .iter()
                    .filter_map(|load| load[field].as_f64())
                    .collect();
                stats::summary(&values).map_or(f64::NAN, |summary| summary.median)
            };
            column.remark = format!(
                "{:.0}/s, p50 {:.0} µs, p99 {:.0} µs, p99.9 {:.0} µs, {} clean",
                median("per_second"),
                median("p50_us"),
                median("p99_us"),
                median("p999_us"),
                loads.len()
            );
        }
        let row = Row {
            metric: Metric::RequestCpu,
            program: self.kind.name().into(),
            what: self.kind.what().into(),
            columns: self.columns,
        };
        (row, self.rounds)
    }
}

/// Seconds a second that others may take.
const CLEAN: f64 = 0.12;
/// How often a run that others disturbed is tried in one round.
const TRIES: usize = 3;
/// Rounds run at most, as a multiple of the clean ones wanted.
const PATIENCE: usize = 3;
