//! The report: what was found, with the machine that it was found on, as a table, as JSON and as a
//! page.

pub(crate) mod html;
pub(crate) mod json;
pub(crate) mod svg;
pub(crate) mod table;

use crate::catalogue::{CLAIMS, Claim};
use crate::finding::{Finding, Findings, Plot, Verdict};
use crate::groups::is_wanted;
use crate::machine::memory;
use crate::plan::Plan;

/// What is reported of one id.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) claim: &'static Claim,
    pub(crate) finding: Finding,
}

#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) lines: Vec<Line>,
    pub(crate) plots: Vec<Plot>,
    /// Names and values.
    pub(crate) machine: Vec<(&'static str, String)>,
}

impl Report {
    /// Every wanted id once, in the order of the catalogue.
    pub(crate) fn new(
        mut findings: Findings,
        only: &[&'static str],
        plan: &Plan,
        load_before: Option<f64>,
    ) -> Self {
        let wanted = CLAIMS.iter().filter(|claim| is_wanted(only, claim.id));
        let lines = wanted
            .map(|claim| Line {
                claim,
                finding: findings.by_id.remove(claim.id).unwrap_or_default(),
            })
            .collect();
        findings.plots.retain(|plot| is_wanted(only, plot.id));
        Self {
            lines,
            plots: findings.plots,
            machine: describe(plan, load_before),
        }
    }

    /// How many lines have this verdict.
    pub(crate) fn count(&self, verdict: Verdict) -> usize {
        let same = |line: &&Line| line.finding.verdict() == verdict;
        self.lines.iter().filter(same).count()
    }
}

fn describe(plan: &Plan, load: Option<f64>) -> Vec<(&'static str, String)> {
    let mut machine = vec![
        ("run", plan.pick("quick", "full").to_owned()),
        ("system", memory::kernel()),
        ("cores", plan.cores.to_string()),
        ("descriptors", plan.descriptors.to_string()),
        (
            "python",
            plan.python
                .clone()
                .unwrap_or_else(|| "not installed".into()),
        ),
    ];
    if let Some(load) = load {
        let busy = load > plan.cores as f64 * 0.5;
        let advice = if busy {
            " (others work here too: times are worse than they could be)"
        } else {
            ""
        };
        machine.push(("load before", format!("{load:.1}{advice}")));
    }
    machine
}
