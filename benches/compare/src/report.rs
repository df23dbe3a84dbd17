//! Collects the samples of a run and prints them: one block a program, a summary with goals at the
//! end, JSON on request.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::goals::{Goal, Metric, OURS, goal};
use crate::options::BASELINE;
use crate::stats::{self, PairedRatio, Summary};

/// Every sample of a run.
#[derive(Debug, Default)]
pub struct Report {
    rows: Vec<Row>,
    /// Facts that belong to the run, such as every round of the servers.
    pub extra: Map<String, Value>,
}

/// One program under one metric.
#[derive(Debug)]
pub struct Row {
    pub metric: Metric,
    pub program: String,
    pub what: String,
    pub columns: Vec<Column>,
}

/// One runtime's samples. Sample `i` of one column and of another are of the same round; `NaN`
/// marks a round that does not count.
#[derive(Debug)]
pub struct Column {
    pub runtime: String,
    pub samples: Vec<f64>,
    /// Why there are none.
    pub note: Option<String>,
    /// More about this runtime in this program, for the reader.
    pub remark: String,
}

impl Column {
    pub fn new(runtime: &str) -> Self {
        Self {
            runtime: runtime.into(),
            samples: Vec::new(),
            note: None,
            remark: String::new(),
        }
    }

    pub fn summary(&self) -> Option<Summary> {
        let counted: Vec<f64> = self
            .samples
            .iter()
            .copied()
            .filter(|v| v.is_finite())
            .collect();
        stats::summary(&counted)
    }
}

impl Row {
    fn column(&self, runtime: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.runtime == runtime)
    }

    pub fn median(&self, runtime: &str) -> Option<f64> {
        Some(self.column(runtime)?.summary()?.median)
    }

    /// The ratio over the rounds that count for both.
    fn paired(&self, ours: &str, theirs: &str) -> Option<PairedRatio> {
        let ours = &self.column(ours)?.samples;
        let theirs = &self.column(theirs)?.samples;
        let pairs: Vec<(f64, f64)> = ours
            .iter()
            .zip(theirs)
            .map(|(ours, theirs)| (*ours, *theirs))
            .filter(|(ours, theirs)| ours.is_finite() && theirs.is_finite() && *theirs > 0.0)
            .collect();
        stats::paired_ratio(&pairs)
    }

    /// The ratio to the one of these with the lowest median.
    fn paired_with_best(&self, others: &[&str]) -> Option<PairedRatio> {
        others
            .iter()
            .filter_map(|name| Some((name, self.median(name)?)))
            .min_by(|left, right| left.1.total_cmp(&right.1))
            .and_then(|(name, _)| self.paired(OURS, name))
    }

    /// Median over median: with one sample each there is nothing to pair.
    pub fn ratio(&self, runtime: &str) -> Option<f64> {
        let baseline = self.median(BASELINE)?;
        if baseline == 0.0 {
            None
        } else {
            Some(self.median(runtime)? / baseline)
        }
    }

    /// The best of those who are neither ours nor a yardstick.
    fn best_peer(&self) -> Option<(&str, f64)> {
        self.columns
            .iter()
            .filter(|column| ![OURS, "bare", "raw", "nginx"].contains(&column.runtime.as_str()))
            .filter_map(|column| Some((column.runtime.as_str(), column.summary()?.median)))
            .min_by(|left, right| left.1.total_cmp(&right.1))
    }

    fn print(&self) {
        println!("\n{} · {}", self.program, self.what);
        println!(
            "  {:<14} {:>11} {:>23} {:>9}",
            "runtime",
            self.metric.unit(),
            "quartiles",
            "of tokio"
        );
        for column in &self.columns {
            let Some(summary) = column.summary() else {
                let note = column.note.as_deref().unwrap_or("no sample");
                println!("  {:<14} {note}", column.runtime);
                continue;
            };
            let quartiles = format!(
                "{} – {}",
                plain(summary.low_quartile),
                plain(summary.high_quartile)
            );
            let ratio = self
                .ratio(&column.runtime)
                .map_or("-".into(), |r| format!("{r:.3}"));
            println!(
                "  {:<14} {:>11} {quartiles:>23} {ratio:>9}  {}",
                column.runtime,
                plain(summary.median),
                column.remark
            );
        }
        if self.metric == Metric::RequestCpu {
            self.print_intervals();
        }
    }

    fn print_intervals(&self) {
        for other in ["raw", BASELINE, "tokio-local", "libuv", "monoio", "nginx"] {
            if let Some(ratio) = self.paired(OURS, other) {
                println!(
                    "  {OURS} / {other}: {:.3}, 95 % interval {:.3} – {:.3} over {} clean pairs",
                    ratio.ratio, ratio.low, ratio.high, ratio.pairs
                );
            }
        }
    }

    /// The goal in words and whether it was reached (`None`: ours did not run).
    fn verdict(&self) -> Option<(String, Option<bool>)> {
        let goal = goal(self.metric, &self.program)?;
        let ratio = self.ratio(OURS);
        Some(match goal {
            Goal::OfTokio(limit) => (format!("≤ {limit:.2} of tokio"), ratio.map(|r| r <= limit)),
            Goal::OfTokioAndAsyncLock(limit) => {
                let ours = self.median(OURS);
                let of_smol = ours
                    .zip(self.median("smol"))
                    .map(|(ours, smol)| ours / smol);
                let met = ratio.zip(of_smol).map(|(r, s)| r <= limit && s <= limit);
                (format!("≤ {limit:.2} of tokio and async-lock"), met)
            }
            Goal::OfRaw(limit) => (
                format!("≤ {limit:.2} of raw"),
                self.median(OURS)
                    .zip(self.median("raw"))
                    .map(|(ours, raw)| ours <= raw * limit),
            ),
            Goal::IntervalOfRaw(limit) => (
                format!("interval below {limit} of raw"),
                self.paired(OURS, "raw").map(|raw| raw.high <= limit),
            ),
            Goal::AtMost(limit) => (
                format!("≤ {}", plain(limit)),
                self.median(OURS).map(|value| value <= limit),
            ),
            Goal::Interval { of_raw, of_best } => {
                let best = self.paired_with_best(&[BASELINE, "libuv", "monoio"]);
                let met = self
                    .paired(OURS, "raw")
                    .zip(best)
                    .map(|(raw, best)| raw.low <= of_raw && best.low <= of_best);
                (
                    format!("interval to {of_raw} of raw, {of_best} of the best"),
                    met,
                )
            }
            Goal::IntervalOfTokio(limit) => {
                let best = self.paired_with_best(&[BASELINE, "tokio-local"]);
                (
                    format!("interval to {limit} of tokio's better"),
                    best.map(|best| best.low <= limit),
                )
            }
        })
    }

    fn to_json(&self) -> Value {
        let columns: BTreeMap<&str, Value> = self
            .columns
            .iter()
            .map(|column| {
                let summary = column.summary();
                let value = json!({
                    "median": summary.map(|s| s.median),
                    "low_quartile": summary.map(|s| s.low_quartile),
                    "high_quartile": summary.map(|s| s.high_quartile),
                    "ratio_to_tokio": self.ratio(&column.runtime),
                    "samples": column.samples,
                    "note": column.note,
                    "remark": column.remark,
                });
                (column.runtime.as_str(), value)
            })
            .collect();
        let verdict = self.verdict();
        json!({
            "metric": self.metric.name(),
            "unit": self.metric.unit(),
            "program": self.program,
            "what": self.what,
            "goal": verdict.as_ref().map(|(goal, _)| goal),
            "met": verdict.as_ref().and_then(|(_, met)| *met),
            "runtimes": columns,
        })
    }
}

impl Report {
    /// Keeps a row and prints it at once.
    pub fn add(&mut self, row: Row) {
        row.print();
        self.rows.push(row);
    }

    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Who did not run, and why; each once.
    pub fn missing(&self) -> Vec<String> {
        let mut missing: Vec<String> = self
            .rows
            .iter()
            .flat_map(|row| &row.columns)
            .filter_map(|column| Some(format!("{}: {}", column.runtime, column.note.as_deref()?)))
            .collect();
        missing.sort();
        missing.dedup();
        missing
    }

    pub fn print_summary(&self) {
        println!("\nsummary: ratios to tokio current_thread");
        println!(
            "  {:<13} {:<20} {:>8} {:>10}  {:<22} {:>9}  goal",
            "metric", "program", OURS, "(absolute)", "best peer", "yardstick"
        );
        for row in &self.rows {
            let dash = || "-".to_owned();
            let ours = row
                .ratio(OURS)
                .map_or_else(dash, |ratio| format!("{ratio:.3}"));
            let absolute = row.median(OURS).map_or_else(dash, plain);
            let best = row.best_peer().map_or_else(dash, |(name, _)| {
                let ratio = row
                    .ratio(name)
                    .map_or_else(dash, |ratio| format!("{ratio:.3}"));
                format!("{name} {ratio}")
            });
            let yardstick = ["bare", "raw"].into_iter().find_map(|name| row.ratio(name));
            let yardstick = yardstick.map_or_else(dash, |ratio| format!("{ratio:.3}"));
            let goal = row.verdict().map_or_else(String::new, |(goal, met)| {
                let met = match met {
                    Some(true) => ": met",
                    Some(false) => ": NOT MET",
                    None => "",
                };
                format!("{goal}{met}")
            });
            println!(
                "  {:<13} {:<20} {ours:>8} {absolute:>10}  {best:<22} {yardstick:>9}  {goal}",
                row.metric.name(),
                row.program,
            );
        }
    }

    pub fn to_json(&self, run: Value) -> Value {
        json!({
            "run": run,
            "rows": self.rows.iter().map(Row::to_json).collect::<Vec<_>>(),
            "extra": self.extra,
        })
    }
}

/// Three significant digits, without an exponent.
pub fn plain(value: f64) -> String {
    let digits = match value.abs() {
        v if v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.digits$}")
}
