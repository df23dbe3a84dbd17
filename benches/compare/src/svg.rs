//! The plot: a group of bars a row, on a logarithmic scale of the ratio to tokio, written by hand.

use std::fmt::Write;

use crate::report::Row;

/// Draws every row that has a ratio.
pub fn draw(rows: &[Row]) -> String {
    let groups: Vec<&Row> = rows
        .iter()
        .filter(|row| {
            row.columns
                .iter()
                .any(|column| row.ratio(&column.runtime).is_some())
        })
        .collect();
    let bars: usize = groups.iter().map(|row| row.columns.len()).sum();
    let height = MARGIN * 2.0 + bars as f64 * BAR + groups.len() as f64 * GAP;
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"20\" font-size=\"14\">relative to tokio current_thread \
         (logarithmic, shorter is better)</text>"
    );
    for power in [0.03, 0.1, 0.3, 1.0, 3.0, 10.0] {
        let x = position(power);
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"30\" y2=\"{height}\" stroke=\"#ddd\"/>\n\
             <text x=\"{x:.1}\" y=\"36\" text-anchor=\"middle\" fill=\"#666\">{power}</text>"
        );
    }
    let mut y = MARGIN;
    for row in groups {
        let _ = writeln!(
            svg,
            "<text x=\"8\" y=\"{:.1}\" font-weight=\"bold\">{} · {}</text>",
            y + 11.0,
            escape(&row.program),
            row.metric.name()
        );
        for column in &row.columns {
            bar(&mut svg, row, &column.runtime, y);
            y += BAR;
        }
        y += GAP;
    }
    svg.push_str("</svg>\n");
    svg
}

fn bar(svg: &mut String, row: &Row, runtime: &str, y: f64) {
    let label = y + 11.0;
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{label:.1}\" text-anchor=\"end\">{}</text>",
        LEFT - 6.0,
        escape(runtime)
    );
    let Some(ratio) = row.ratio(runtime) else {
        let _ = writeln!(
            svg,
            "<text x=\"{LEFT}\" y=\"{label:.1}\" fill=\"#999\">not available here</text>"
        );
        return;
    };
    let end = position(ratio);
    let colour = match runtime {
        "myrt" => "#c0392b",
        "tokio" => "#2c3e50",
        "bare" | "raw" => "#bbbbbb",
        _ => "#7f9fbf",
    };
    let _ = writeln!(
        svg,
        "<rect x=\"{LEFT}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{colour}\"/>\n\
         <text x=\"{:.1}\" y=\"{label:.1}\" fill=\"#333\">{ratio:.2}</text>",
        y + 1.0,
        (end - LEFT).max(1.0),
        BAR - 2.0,
        end + 4.0
    );
}

/// 0.01 lies at the left edge, 30 at the right one.
fn position(ratio: f64) -> f64 {
    let share = (ratio.clamp(0.01, 30.0).log10() + 2.0) / (30f64.log10() + 2.0);
    LEFT + share * (WIDTH - LEFT - 60.0)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

const WIDTH: f64 = 1000.0;
const LEFT: f64 = 340.0;
const MARGIN: f64 = 44.0;
const BAR: f64 = 15.0;
const GAP: f64 = 12.0;
