//! N12, N13, N14, B15: what select, poll and epoll cost when one of N descriptors is active.

use std::collections::BTreeMap;
use std::io;

use crate::finding::{Findings, Plot};
use crate::machine::child::Role;
use crate::machine::show::count;
use crate::machine::stats::straightness;
use crate::plan::Plan;

/// Descriptors of the process that are not the sockets.
const SPARE: usize = 64;

#[derive(Default)]
struct Results {
    /// Seconds by selector and count.
    took: BTreeMap<String, Vec<(f64, f64)>>,
    refusal: String,
}

impl Results {
    fn at(&self, selector: &str, number: usize) -> Option<f64> {
        let points = self.took.get(selector)?;
        points
            .iter()
            .find(|point| point.0 == number as f64)
            .map(|point| point.1)
    }
}

fn measure(plan: &Plan) -> io::Result<Results> {
    let mut counts = plan.pick(
        vec![100, 1_000, 3_000, 10_000],
        vec![100, 300, 1_000, 3_000, 10_000, 19_000],
    );
    counts.retain(|number| number + SPARE <= plan.room);
    let mut arguments = vec![plan.pick("100", "400").to_owned()];
    arguments.extend(counts.iter().map(ToString::to_string));
    let mut results = Results::default();
    for line in Role::start("selectors", &arguments)?.all_lines()? {
        let mut words = line.splitn(3, ' ');
        let (Some(name), Some(number), Some(rest)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        match (number.parse(), rest.parse()) {
            (Ok(number), Ok(seconds)) => results
                .took
                .entry(name.to_owned())
                .or_default()
                .push((number, seconds)),
            _ => results.refusal = rest.trim_start_matches("refused ").to_owned(),
        }
    }
    Ok(results)
}

pub(super) fn run(plan: &Plan, findings: &mut Findings) -> io::Result<()> {
    let results = measure(plan)?;
    times(findings, &results);
    thousand_waits(findings, &results);
    shapes(plan, findings, &results);
    let micros = |points: &[(f64, f64)]| points.iter().map(|(x, y)| (*x, y * 1e6)).collect();
    findings.plot(Plot {
        id: "B15",
        title: "One active descriptor of N: from the wait to the answer".into(),
        x: "descriptors",
        y: "µs",
        curves: results
            .took
            .iter()
            .map(|(name, points)| (name.clone(), micros(points)))
            .collect(),
    });
    Ok(())
}

/// N12, cell by cell: whether the order of magnitude is the course's.
fn times(findings: &mut Findings, results: &Results) {
    let table = [
        ("select", 100, 0.05),
        ("select", 1_000, 0.5),
        ("poll", 100, 0.04),
        ("poll", 1_000, 0.4),
        ("poll", 10_000, 5.0),
        ("epoll", 100, 0.01),
        ("epoll", 10_000, 0.01),
    ];
    for (selector, number, expected) in table {
        let claim = format!("{selector} at {}: {expected} ms", count(number));
        // select has the selector's own descriptors among its 1,024; 1,000 sockets still fit.
        let Some(seconds) = results.at(selector, number) else {
            findings.untested(
                "N12",
                claim,
                "",
                format!("not measured: {}", results.refusal),
            );
            continue;
        };
        let measured = format!("{:.4} ms", seconds * 1e3);
        let why = "holds if it takes no longer, whatever the machine";
        findings.judge("N12", seconds * 1e3 <= expected, claim, measured, why);
        findings.number(
            "N12",
            format!("{selector} at {number}"),
            seconds * 1e6,
            "µs",
        );
    }
    if let (Some(poll), Some(epoll)) = (results.at("poll", 10_000), results.at("epoll", 10_000)) {
        let ratio = poll / epoll;
        let measured = format!("poll / epoll at 10,000: {ratio:.0}x");
        findings.judge(
            "N12",
            ratio >= 500.0,
            "epoll is 500x faster at 10,000",
            measured,
            "",
        );
    }
    let why = "100,000 descriptors are more than this process may have";
    findings.untested("N12", "poll at 100,000: 50 ms, epoll 0.01 ms", "", why);
}

fn thousand_waits(findings: &mut Findings, results: &Results) {
    let refused = !results.refusal.is_empty();
    let why = "the course's figure cannot be select's: it ends at 1,024 (R11)";
    findings.judge(
        "N13",
        !refused,
        "select waits on 10,000 descriptors",
        &results.refusal,
        why,
    );
    if let (Some(poll), Some(epoll)) = (results.at("poll", 10_000), results.at("epoll", 10_000)) {
        let measured = format!(
            "poll instead: {:.3} s, epoll {:.4} s: {:.0}x",
            poll * 1e3,
            epoll * 1e3,
            poll / epoll
        );
        let claim = "1,000 waits at 10,000 descriptors: at least 33.4x faster with epoll";
        findings.judge(
            "N13",
            poll / epoll >= 33.4,
            claim,
            measured,
            "1,000 times the median",
        );
        findings.number("N13", "poll / epoll", poll / epoll, "x");
    }
}

fn shapes(plan: &Plan, findings: &mut Findings, results: &Results) {
    if let Some(points) = results.took.get("epoll") {
        let (low, high) = points.iter().fold((f64::MAX, 0_f64), |(low, high), point| {
            (low.min(point.1), high.max(point.1))
        });
        let measured = format!(
            "{:.2} to {:.2} µs from 100 to {} descriptors",
            low * 1e6,
            high * 1e6,
            count(points.last().map_or(0, |point| point.0 as usize))
        );
        let why = "epoll_wait is O(ready), epoll_ctl O(log n) (R14)";
        findings.judge(
            "B15",
            high <= 2.0 * low,
            "epoll is flat within 2x",
            &measured,
            "",
        );
        findings.judge(
            "N14",
            high <= 2.0 * low,
            "the wait does not grow with the descriptors",
            measured,
            why,
        );
    }
    if let Some(points) = results.took.get("poll") {
        let straight = straightness(points);
        let why = "past some thousands each descriptor also misses the cache, which bends the line upwards";
        let measured = format!("R² = {straight:.4}");
        findings.judge(
            "B15",
            straight > 0.98,
            "poll grows linearly, R² > 0.98",
            measured,
            why,
        );
    }
    let refused = !results.refusal.is_empty();
    findings.judge(
        "B15",
        refused,
        "select refuses more than 1,023",
        &results.refusal,
        "",
    );
    findings.judge(
        "N14",
        refused,
        "select ends at FD_SETSIZE, 1,024",
        &results.refusal,
        "",
    );
    findings.untested(
        "N14",
        "epoll takes 100,000 connections",
        "",
        plan.limit("100,000 connections"),
    );
}
