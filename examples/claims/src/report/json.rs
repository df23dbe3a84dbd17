//! The report as JSON, written by hand: it has texts, numbers, lists and objects, and nothing else.

use std::fmt::Write;

use super::Report;

pub(crate) fn write(report: &Report) -> String {
    let machine = report.machine.iter();
    let machine = machine.map(|(name, value)| format!("{}: {}", text(name), text(value)));
    let lines = report.lines.iter().map(|line| {
        let parts = line.finding.parts.iter().map(|part| {
            format!(
                "\n      {{\"claim\": {}, \"measured\": {}, \"verdict\": {}, \"why\": {}}}",
                text(&part.claim),
                text(&part.measured),
                text(part.verdict.text()),
                text(&part.why)
            )
        });
        let numbers = line.finding.numbers.iter().map(|number| {
            format!(
                "\n      {{\"name\": {}, \"value\": {}, \"unit\": {}}}",
                text(&number.name),
                float(number.value),
                text(number.unit)
            )
        });
        format!(
            "\n    {{\"id\": {}, \"claim\": {}, \"where\": {}, \"verdict\": {},\n     \"parts\": [{}],\n     \"numbers\": [{}]}}",
            text(line.claim.id),
            text(line.claim.says),
            text(line.claim.place),
            text(line.finding.verdict().text()),
            join(parts),
            join(numbers)
        )
    });
    let plots = report.plots.iter().map(|plot| {
        let curves = plot.curves.iter().map(|(name, points)| {
            let points = points
                .iter()
                .map(|(x, y)| format!("[{}, {}]", float(*x), float(*y)));
            format!("{}: [{}]", text(name), join(points))
        });
        format!(
            "\n    {{\"id\": {}, \"title\": {}, \"x\": {}, \"y\": {}, \"curves\": {{{}}}}}",
            text(plot.id),
            text(&plot.title),
            text(plot.x),
            text(plot.y),
            join(curves)
        )
    });
    format!(
        "{{\n  \"machine\": {{{}}},\n  \"claims\": [{}],\n  \"plots\": [{}]\n}}\n",
        join(machine),
        join(lines),
        join(plots)
    )
}

fn join(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

/// JSON has no infinity and no "not a number".
fn float(value: f64) -> String {
    if value.is_finite() {
        value.to_string()
    } else {
        "null".to_owned()
    }
}

fn text(value: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in value.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\u{0}'..='\u{1f}' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(letter));
            }
            _ => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}
