//! The report as one page that needs nothing else: no script, no font, no picture from anywhere.

use std::fmt::Write;

use super::svg::{self, escape};
use super::{Line, Report};
use crate::finding::Verdict;

const STYLE: &str = "\
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
td, th { border-top: 1px solid #8886; padding: .35rem .6rem; text-align: left; vertical-align: top; }
tr.part td { border-top: 0; padding-top: .1rem; padding-bottom: .1rem; }
tr.part td:nth-child(2) { padding-left: 1.6rem; }
.why, .place { color: #888; font-size: .9em; }
.holds { color: #0a7d4f; } .fails { color: #c8501e; } .untested { color: #8a7400; }
.verdict { white-space: nowrap; font-weight: 600; } tr.part .verdict { font-weight: 400; }
.plots { display: flex; flex-wrap: wrap; align-items: start; gap: 1.2rem; margin-top: 2rem; }
svg { font: 12px system-ui, sans-serif; max-width: 100%; height: auto; background: #fff; border: 1px solid #8884; border-radius: 6px; }
svg text { fill: #333; } svg .title { font-size: 14px; font-weight: 600; } svg .grid { stroke: #ddd; }
dl { display: grid; grid-template-columns: max-content auto; gap: .1rem 1rem; } dd { margin: 0; }
";

pub(crate) fn write(report: &Report) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>The course's numbers, measured</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<h1>The course's numbers, measured</h1>\n\
         <p>{}: {}, {}: {}, {}: {}.</p>\n<dl>\n",
        Verdict::Holds.text(),
        report.count(Verdict::Holds),
        Verdict::Fails.text(),
        report.count(Verdict::Fails),
        Verdict::Untested.text(),
        report.count(Verdict::Untested),
    );
    for (name, value) in &report.machine {
        let _ = writeln!(page, "<dt>{}</dt><dd>{}</dd>", escape(name), escape(value));
    }
    page.push_str(
        "</dl>\n<table>\n<tr><th>id</th><th>claim</th><th>measured</th><th>verdict</th></tr>\n",
    );
    report.lines.iter().for_each(|line| rows(&mut page, line));
    page.push_str("</table>\n<div class=\"plots\">\n");
    for plot in &report.plots {
        page.push_str(&svg::draw(plot));
    }
    page.push_str("</div>\n</body>\n</html>\n");
    page
}

fn rows(page: &mut String, line: &Line) {
    let claim = line.claim;
    let _ = writeln!(
        page,
        "<tr id=\"{0}\"><td><b>{0}</b></td><td>{1} <span class=\"place\">{2}</span></td><td></td>{3}</tr>",
        claim.id,
        escape(claim.says),
        escape(claim.place),
        cell(line.finding.verdict())
    );
    for part in &line.finding.parts {
        let _ = writeln!(
            page,
            "<tr class=\"part\"><td></td><td>{}</td><td>{} <span class=\"why\">{}</span></td>{}</tr>",
            escape(&part.claim),
            escape(&part.measured),
            escape(&part.why),
            cell(part.verdict)
        );
    }
}

fn cell(verdict: Verdict) -> String {
    let class = match verdict {
        Verdict::Holds => "holds",
        Verdict::Fails => "fails",
        Verdict::Untested => "untested",
    };
    format!("<td class=\"verdict {class}\">{}</td>", verdict.text())
}
