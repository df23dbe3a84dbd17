//! The drawings: curves with logarithmic axes where the numbers span more than a decade, and bars.
//! Written by hand, for the page.

use std::fmt::Write;

use crate::finding::Plot;

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 64.0;
const BOTTOM: f64 = 46.0;
const TOP: f64 = 34.0;
const RIGHT: f64 = 110.0;
const BAR: f64 = 26.0;
const NAMES: f64 = 170.0;
/// Told apart also by those who do not see red and green apart.
const COLOURS: [&str; 5] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#555555"];

pub(crate) fn draw(plot: &Plot) -> String {
    if plot.curves.iter().all(|(_, points)| points.len() == 1) {
        bars(plot)
    } else {
        curves(plot)
    }
}

fn open(height: f64, title: &str) -> String {
    let title = escape(title);
    format!(
        "<svg role=\"img\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\">\n\
         <title>{title}</title>\n<text x=\"8\" y=\"18\" class=\"title\">{title}</text>\n"
    )
}

fn bars(plot: &Plot) -> String {
    let height = TOP + BAR * plot.curves.len() as f64 + 12.0;
    let mut svg = open(height, &format!("{} ({})", plot.title, plot.y));
    let values = plot
        .curves
        .iter()
        .filter_map(|(name, points)| Some((name, points.first()?.1)));
    let most = values
        .clone()
        .map(|(_, value)| value)
        .fold(f64::MIN_POSITIVE, f64::max);
    for (place, (name, value)) in values.enumerate() {
        let y = TOP + BAR * place as f64;
        let width = (value / most * (WIDTH - NAMES - 80.0)).max(1.0);
        let colour = COLOURS[place % COLOURS.len()];
        let _ = writeln!(
            svg,
            "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{NAMES}\" y=\"{y:.0}\" width=\"{width:.1}\" height=\"{:.0}\" fill=\"{colour}\"/>\
             <text x=\"{:.1}\" y=\"{:.0}\">{}</text>",
            NAMES - 6.0,
            y + 14.0,
            escape(name),
            BAR - 8.0,
            NAMES + width + 5.0,
            y + 14.0,
            short(value)
        );
    }
    svg + "</svg>\n"
}

/// An axis: from the least to the greatest value, logarithmic if they are far apart.
struct Axis {
    low: f64,
    high: f64,
    logarithmic: bool,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        let logarithmic = low > 0.0 && high / low > 20.0;
        let low = if logarithmic { low } else { low.min(0.0) };
        Self {
            low,
            high,
            logarithmic,
        }
    }

    /// Where a value lies, from 0 to 1.
    fn share(&self, value: f64) -> f64 {
        let scale = |value: f64| if self.logarithmic { value.ln() } else { value };
        let span = scale(self.high) - scale(self.low);
        if span > 0.0 {
            (scale(value) - scale(self.low)) / span
        } else {
            0.5
        }
    }

    /// Round values that lie on it.
    fn marks(&self) -> Vec<f64> {
        if self.logarithmic {
            let powers = self.low.log10().ceil() as i32..=self.high.log10().floor() as i32;
            return powers.map(|power| 10_f64.powi(power)).collect();
        }
        let rough = (self.high - self.low).max(f64::MIN_POSITIVE) / 4.0;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
        let step = step
            .into_iter()
            .find(|step| *step >= rough)
            .unwrap_or(rough);
        (0..)
            .map(|number| f64::from(number) * step)
            .take_while(|mark| *mark <= self.high)
            .collect()
    }
}

fn curves(plot: &Plot) -> String {
    let points = || plot.curves.iter().flat_map(|(_, points)| points);
    let horizontal = Axis::over(points().map(|point| point.0));
    let vertical = Axis::over(points().map(|point| point.1));
    let x = |value| LEFT + horizontal.share(value) * (WIDTH - LEFT - RIGHT);
    let y = |value| HEIGHT - BOTTOM - vertical.share(value) * (HEIGHT - BOTTOM - TOP);
    let mut svg = open(HEIGHT, &plot.title);
    for mark in vertical.marks() {
        let (at, name) = (y(mark), short(mark));
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{:.0}\" y1=\"{at:.1}\" y2=\"{at:.1}\" class=\"grid\"/>\
             <text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            at + 4.0
        );
    }
    for mark in horizontal.marks() {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text>",
            x(mark),
            HEIGHT - BOTTOM + 16.0,
            short(mark)
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"{:.0}\">{} → {}</text>",
        HEIGHT - 8.0,
        escape(plot.y),
        escape(plot.x)
    );
    for (place, (name, points)) in plot.curves.iter().enumerate() {
        let colour = COLOURS[place % COLOURS.len()];
        let corners: Vec<_> = points
            .iter()
            .map(|point| format!("{:.1},{:.1}", x(point.0), y(point.1)))
            .collect();
        let _ = write!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            corners.join(" ")
        );
        for point in points {
            let _ = write!(
                svg,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>",
                x(point.0),
                y(point.1)
            );
        }
        if let Some(last) = points.last() {
            // Names of curves that end at one place stand below each other.
            let shift = place as f64 * 14.0 - 4.0;
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{}</text>",
                x(last.0) + 8.0,
                y(last.1)
                    + if vertical.share(last.1) > 0.9 {
                        shift
                    } else {
                        4.0
                    },
                escape(name)
            );
        }
    }
    svg + "</svg>\n"
}

fn short(value: f64) -> String {
    match value {
        _ if value >= 10_000.0 => format!("{:.0}k", value / 1000.0),
        _ if value >= 100.0 || value == value.trunc() => format!("{value:.0}"),
        _ if value >= 1.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
