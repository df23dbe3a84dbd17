//! The measurements, a file for each group of claims, and how they are run one after the other.
//!
//! A group says beforehand which ids it answers. Those that it leaves open, since something failed,
//! are reported as not testable with the reason, so that the report has every id.

mod balancer;
mod c10k;
mod cpu;
mod crowds;
mod fanout;
mod limits;
mod redis;
mod selectors;
mod servers;
mod stacks;
mod waits;

use std::io;

use crate::catalogue::CLAIMS;
use crate::finding::Findings;
use crate::plan::Plan;
use crate::progress::Progress;

pub(crate) struct Group {
    name: &'static str,
    ids: &'static [&'static str],
    /// Expected seconds, quick and full: the progress bar's.
    seconds: (u32, u32),
    run: fn(&Plan, &mut Findings) -> io::Result<()>,
}

#[rustfmt::skip]
const GROUPS: &[Group] = &[
    Group { name: "what a thread costs", ids: &["N1", "A5"], seconds: (2, 3), run: stacks::run },
    Group { name: "waiting", ids: &["N2", "N16", "N20", "N21", "N22", "N24"], seconds: (7, 22), run: waits::run },
    Group { name: "limits and reports", ids: &["N11", "N19"], seconds: (4, 5), run: limits::run },
    Group { name: "requests at once", ids: &["N4", "N5", "N17", "N18", "A13", "A14", "C22", "C23"], seconds: (13, 42), run: fanout::run },
    Group { name: "selectors", ids: &["N12", "N13", "N14", "B15"], seconds: (4, 10), run: selectors::run },
    Group { name: "ten thousand connections", ids: &["N3", "A6", "A7", "A11"], seconds: (8, 30), run: c10k::run },
    Group { name: "HTTP: processes and events", ids: &["N6", "N8", "A19"], seconds: (4, 15), run: servers::run },
    Group { name: "Redis", ids: &["N7"], seconds: (4, 12), run: redis::run },
    Group { name: "chat and game", ids: &["N9", "N10"], seconds: (6, 30), run: crowds::run },
    Group { name: "balancer", ids: &["N15"], seconds: (2, 6), run: balancer::run },
    Group { name: "computing", ids: &["N23"], seconds: (3, 8), run: cpu::run },
];

/// Which ids are wanted; all if none is named.
pub(crate) fn is_wanted(only: &[&'static str], id: &str) -> bool {
    only.is_empty() || only.contains(&id)
}

/// Runs every group that answers a wanted id.
pub(crate) fn run(plan: &Plan, only: &[&'static str]) -> Findings {
    let groups = GROUPS
        .iter()
        .filter(|group| group.ids.iter().any(|id| is_wanted(only, id)));
    let weight = |group: &Group| plan.pick(group.seconds.0, group.seconds.1);
    let mut progress = Progress::new(groups.clone().map(weight).sum());
    let mut findings = Findings::default();
    for group in groups {
        progress.begin(group.name);
        let failure = (group.run)(plan, &mut findings).err();
        let why = failure.map_or("the measurement said nothing of it".to_owned(), |error| {
            format!("the measurement failed: {error}")
        });
        complete(&mut findings, group.ids, &why);
        progress.end(weight(group));
    }
    findings
}

/// What a test of the reports is given: every id with each verdict by turns, nothing measured.
pub(crate) fn stub() -> Findings {
    let mut findings = Findings::default();
    for (place, group) in GROUPS.iter().enumerate() {
        for id in group.ids.iter().skip(place % 2) {
            findings.judge(
                id,
                place % 3 == 0,
                "a <claim> & \"its\" text",
                "1 ms",
                "a\tstub",
            );
            findings.number(id, "stubbed", 1.5, "ms");
        }
        complete(&mut findings, group.ids, "it is a stub");
    }
    findings.bars(
        "N1",
        "bars",
        "MiB",
        vec![("a".into(), 1.0), ("b".into(), 20.0)],
    );
    findings
}

fn complete(findings: &mut Findings, ids: &[&'static str], why: &str) {
    for id in ids {
        if findings
            .by_id
            .get(id)
            .is_none_or(|finding| finding.parts.is_empty())
        {
            let says = CLAIMS
                .iter()
                .find(|claim| claim.id == *id)
                .map_or("", |claim| claim.says);
            findings.untested(id, says, "", why);
        }
    }
}

#[test]
fn every_claim_is_in_one_group() {
    let mut measured: Vec<_> = GROUPS.iter().flat_map(|group| group.ids).collect();
    let mut known: Vec<_> = CLAIMS.iter().map(|claim| &claim.id).collect();
    measured.sort();
    known.sort();
    assert_eq!(measured, known);
}
