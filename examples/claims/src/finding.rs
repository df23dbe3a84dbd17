//! What was found: parts of claims with their verdicts, numbers, and drawings.
//!
//! Why: measurements know claims only, and reports know findings only.

use std::collections::BTreeMap;

/// What a measurement says of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Holds,
    Fails,
    Untested,
}

impl Verdict {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Fails => "does not hold",
            Self::Untested => "cannot be tested here",
        }
    }
}

/// One statement of a claim: several ids of the course state more than one number.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) claim: String,
    pub(crate) measured: String,
    pub(crate) verdict: Verdict,
    /// The reason where one is needed: why it does not hold, why it cannot be tested, what the
    /// number leaves out.
    pub(crate) why: String,
}

/// A number for the machine-readable report.
#[derive(Clone, Debug)]
pub(crate) struct Number {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
}

/// A drawing: curves over a logarithmic x, or bars if there is one point a curve.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    pub(crate) id: &'static str,
    pub(crate) title: String,
    pub(crate) x: &'static str,
    pub(crate) y: &'static str,
    pub(crate) curves: Vec<(String, Vec<(f64, f64)>)>,
}

/// All that was found about one id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Finding {
    pub(crate) parts: Vec<Part>,
    pub(crate) numbers: Vec<Number>,
}

impl Finding {
    /// Does not hold if a part does not; cannot be tested if no part could.
    pub(crate) fn verdict(&self) -> Verdict {
        let any = |verdict| self.parts.iter().any(|part| part.verdict == verdict);
        if any(Verdict::Fails) {
            Verdict::Fails
        } else if any(Verdict::Holds) {
            Verdict::Holds
        } else {
            Verdict::Untested
        }
    }
}

/// What the measurements have found so far, by id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Findings {
    pub(crate) by_id: BTreeMap<&'static str, Finding>,
    pub(crate) plots: Vec<Plot>,
}

impl Findings {
    /// Notes a part that holds or does not.
    pub(crate) fn judge(
        &mut self,
        id: &'static str,
        holds: bool,
        claim: impl Into<String>,
        measured: impl Into<String>,
        why: impl Into<String>,
    ) {
        let verdict = if holds {
            Verdict::Holds
        } else {
            Verdict::Fails
        };
        self.part(id, claim.into(), measured.into(), verdict, why.into());
    }

    /// Notes a part that this machine, or any, cannot test.
    pub(crate) fn untested(
        &mut self,
        id: &'static str,
        claim: impl Into<String>,
        measured: impl Into<String>,
        why: impl Into<String>,
    ) {
        let (claim, measured, why) = (claim.into(), measured.into(), why.into());
        self.part(id, claim, measured, Verdict::Untested, why);
    }

    fn part(
        &mut self,
        id: &'static str,
        claim: String,
        measured: String,
        verdict: Verdict,
        why: String,
    ) {
        let part = Part {
            claim,
            measured,
            verdict,
            why,
        };
        self.by_id.entry(id).or_default().parts.push(part);
    }

    pub(crate) fn number(
        &mut self,
        id: &'static str,
        name: impl Into<String>,
        value: f64,
        unit: &'static str,
    ) {
        let name = name.into();
        let number = Number { name, value, unit };
        self.by_id.entry(id).or_default().numbers.push(number);
    }

    pub(crate) fn plot(&mut self, plot: Plot) {
        self.plots.push(plot);
    }

    /// Bars of one measure, a name each.
    pub(crate) fn bars(
        &mut self,
        id: &'static str,
        title: impl Into<String>,
        y: &'static str,
        bars: Vec<(String, f64)>,
    ) {
        let curves = bars
            .into_iter()
            .map(|(name, value)| (name, vec![(1.0, value)]))
            .collect();
        self.plots.push(Plot {
            id,
            title: title.into(),
            x: "",
            y,
            curves,
        });
    }

    /// Takes over what another one has found.
    pub(crate) fn merge(&mut self, other: Self) {
        for (id, finding) in other.by_id {
            let entry = self.by_id.entry(id).or_default();
            entry.parts.extend(finding.parts);
            entry.numbers.extend(finding.numbers);
        }
        self.plots.extend(other.plots);
    }
}
