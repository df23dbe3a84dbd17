//! The table for a terminal: claim, measured, verdict. Colours only on a terminal, and not with
//! `NO_COLOR`.

use std::fmt::Write;
use std::io::IsTerminal;

use super::Report;
use crate::finding::Verdict;

const CLAIM: usize = 36;
const MEASURED: usize = 60;
const VERDICT: usize = 20;

pub(crate) fn draw(report: &Report) -> String {
    let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut text = String::new();
    for (name, value) in &report.machine {
        let _ = writeln!(text, "{name}: {value}");
    }
    let rule = format!(
        "-----+-{}-+-{}-+-{}",
        "-".repeat(CLAIM),
        "-".repeat(MEASURED),
        "-".repeat(VERDICT)
    );
    let _ = writeln!(
        text,
        "\n{:<4} | {:<CLAIM$} | {:<MEASURED$} | verdict",
        "id", "claim", "measured"
    );
    for line in &report.lines {
        let _ = writeln!(text, "{rule}");
        let verdict = paint(line.finding.verdict(), colours);
        row(
            &mut text,
            line.claim.id,
            line.claim.says,
            &format!("course: {}", line.claim.place),
            &verdict,
        );
        for part in &line.finding.parts {
            let mut measured = part.measured.clone();
            if !part.why.is_empty() {
                measured += &format!(" ({})", part.why);
            }
            let claim = format!("· {}", part.claim);
            row(
                &mut text,
                "",
                &claim,
                measured.trim_start(),
                &paint(part.verdict, colours),
            );
        }
    }
    let _ = writeln!(text, "{rule}");
    let counts = [Verdict::Holds, Verdict::Fails, Verdict::Untested];
    let counts = counts.map(|verdict| format!("{}: {}", verdict.text(), report.count(verdict)));
    let _ = writeln!(text, "{}", counts.join(", "));
    text
}

fn paint(verdict: Verdict, colours: bool) -> String {
    let colour = match verdict {
        Verdict::Holds => 32,
        Verdict::Fails => 31,
        Verdict::Untested => 33,
    };
    if colours {
        format!("\x1b[{colour}m{}\x1b[0m", verdict.text())
    } else {
        verdict.text().to_owned()
    }
}

/// One row, its texts wrapped; the verdict is the last column, so that its colour need not be
/// counted.
fn row(text: &mut String, id: &str, claim: &str, measured: &str, verdict: &str) {
    let (claim, measured) = (wrap(claim, CLAIM), wrap(measured, MEASURED));
    for place in 0..claim.len().max(measured.len()).max(1) {
        let cell = |lines: &[String]| lines.get(place).cloned().unwrap_or_default();
        let (id, verdict) = if place == 0 { (id, verdict) } else { ("", "") };
        let (claim, measured) = (cell(&claim), cell(&measured));
        let line = format!("{id:<4} | {claim:<CLAIM$} | {measured:<MEASURED$} | {verdict}");
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[test]
fn lines_are_wrapped_between_words() {
    assert_eq!(wrap("one two three", 7), ["one two", "three"]);
    assert!(wrap("", 7).is_empty());
}
