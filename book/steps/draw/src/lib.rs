//! A log of a run becomes an SVG: lanes, spans, points and arrows. Also the `main` that all steps
//! share.

use std::fmt::Write;

/// The name of a file of the page, and what makes it.
pub type File = (&'static str, fn() -> String);

/// Runs a step. Without arguments `demo`; with the name of one of `files`, prints that; with `book
/// DIR`, writes all of them there.
pub fn main(demo: fn(), files: &[File]) {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => demo(),
        ["book", folder] => {
            for (name, make) in files {
                std::fs::write(std::path::Path::new(folder).join(name), make())
                    .expect("the folder can be written");
            }
        }
        [name] if files.iter().any(|file| file.0 == name) => {
            let make = files.iter().find(|file| file.0 == name).expect("just found").1;
            print!("{}", make());
        }
        _ => {
            let names: Vec<_> = files.iter().map(|file| file.0).collect();
            eprintln!("without arguments it runs; otherwise one of: {}", names.join(", "));
            std::process::exit(2);
        }
    }
}

/// What a span is, and so its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A task is polled, a thread runs.
    Run,
    /// Waits for something that will come.
    Wait,
    /// The kernel does it, or is asked.
    Kernel,
    /// Waits for something that never comes.
    Lost,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Run => "runs",
            Self::Wait => "waits",
            Self::Kernel => "kernel",
            Self::Lost => "lost",
        }
    }
}

enum Mark {
    Span { from: f64, to: f64, kind: Kind },
    Point { at: f64, kind: Kind },
    Arrow { at: f64, to: usize },
}

/// What happened, in which lane, and when. The unit of time is the caller's: milliseconds, polls,
/// system calls.
pub struct Log {
    unit: &'static str,
    lanes: Vec<String>,
    marks: Vec<(usize, Mark, String)>,
}

const LEFT: f64 = 110.0;
const WIDTH: f64 = 760.0;
const LANE: f64 = 40.0;
const TOP: f64 = 30.0;

impl Log {
    pub fn new(unit: &'static str) -> Self {
        Self { unit, lanes: Vec::new(), marks: Vec::new() }
    }

    /// Names lanes before anything happens in them: they are drawn in this order.
    pub fn lanes(&mut self, names: &[&str]) {
        for name in names {
            self.lane(name);
        }
    }

    /// Lanes stand in the order in which they are first named.
    fn lane(&mut self, name: &str) -> usize {
        self.lanes.iter().position(|lane| lane == name).unwrap_or_else(|| {
            self.lanes.push(name.to_owned());
            self.lanes.len() - 1
        })
    }

    pub fn span(&mut self, lane: &str, from: f64, to: f64, kind: Kind, label: impl Into<String>) {
        let lane = self.lane(lane);
        self.marks.push((lane, Mark::Span { from, to, kind }, label.into()));
    }

    pub fn point(&mut self, lane: &str, at: f64, kind: Kind, label: impl Into<String>) {
        let lane = self.lane(lane);
        self.marks.push((lane, Mark::Point { at, kind }, label.into()));
    }

    /// From one lane to another: a wake, a message.
    pub fn arrow(&mut self, from: &str, to: &str, at: f64, label: impl Into<String>) {
        let (from, to) = (self.lane(from), self.lane(to));
        self.marks.push((from, Mark::Arrow { at, to }, label.into()));
    }

    /// The drawing. `title` is what a reader hears who does not see it. No blank line, so that
    /// Markdown keeps it in one piece.
    pub fn svg(&self, title: &str) -> String {
        let end = self.end();
        let x = |at: f64| LEFT + at / end * (WIDTH - LEFT - 20.0);
        let middle = |lane: usize| TOP + lane as f64 * LANE + LANE / 2.0;
        let bottom = TOP + self.lanes.len() as f64 * LANE;
        let height = bottom + 56.0;
        let mut out = format!(
            "<div class=\"drawing\"><svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" xmlns=\"http://www.w3.org/2000/svg\">\n\
             <title>{}</title>\n",
            escape(title)
        );
        for (n, lane) in self.lanes.iter().enumerate() {
            let y = middle(n);
            let _ = writeln!(
                out,
                "<text class=\"lane\" x=\"{}\" y=\"{}\">{}</text>",
                LEFT - 10.0,
                y + 4.0,
                escape(lane)
            );
            let _ = writeln!(
                out,
                "<line class=\"rule\" x1=\"{LEFT}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\"/>",
                WIDTH - 20.0
            );
        }
        for (lane, mark, label) in &self.marks {
            let y = middle(*lane);
            match *mark {
                Mark::Span { from, to, kind } => {
                    let (left, wide) = (x(from), (x(to) - x(from)).max(2.0));
                    let _ = writeln!(
                        out,
                        "<rect class=\"{}\" x=\"{left:.1}\" y=\"{:.1}\" width=\"{wide:.1}\" height=\"20\" rx=\"3\"><title>{}</title></rect>",
                        kind.name(),
                        y - 10.0,
                        escape(label)
                    );
                    let inside = label.chars().count() as f64 * 6.6 + 8.0 <= wide;
                    if inside {
                        let _ = writeln!(
                            out,
                            "<text class=\"in {}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                            kind.name(),
                            left + wide / 2.0,
                            y + 4.0,
                            escape(label)
                        );
                    } else if !label.is_empty() {
                        let _ = writeln!(
                            out,
                            "<text class=\"over\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                            left + wide / 2.0,
                            y - 13.0,
                            escape(label)
                        );
                    }
                }
                Mark::Point { at, kind } => {
                    let _ = writeln!(
                        out,
                        "<circle class=\"{}\" cx=\"{:.1}\" cy=\"{y}\" r=\"5\"/>",
                        kind.name(),
                        x(at)
                    );
                    let _ = writeln!(
                        out,
                        "<text class=\"over\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                        x(at),
                        y - 10.0,
                        escape(label)
                    );
                }
                Mark::Arrow { at, to } => {
                    let (x, to) = (x(at), middle(to));
                    let tip = if to > y { to - 11.0 } else { to + 11.0 };
                    let back = if to > y { tip - 7.0 } else { tip + 7.0 };
                    let from = if to > y { y + 11.0 } else { y - 11.0 };
                    let _ = writeln!(
                        out,
                        "<line class=\"arrow\" x1=\"{x:.1}\" y1=\"{from:.1}\" x2=\"{x:.1}\" y2=\"{back:.1}\"/>"
                    );
                    let _ = writeln!(
                        out,
                        "<path class=\"tip\" d=\"M{x:.1} {tip:.1} L{:.1} {back:.1} L{:.1} {back:.1} Z\"/>",
                        x - 4.0,
                        x + 4.0
                    );
                    if !label.is_empty() {
                        let _ = writeln!(
                            out,
                            "<text class=\"side\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                            x + 6.0,
                            (y + to) / 2.0 + 4.0,
                            escape(label)
                        );
                    }
                }
            }
        }
        self.axis(&mut out, end, bottom);
        self.legend(&mut out, bottom + 44.0);
        out += "</svg></div>\n";
        out
    }

    fn end(&self) -> f64 {
        let ends = self.marks.iter().map(|(_, mark, _)| match *mark {
            Mark::Span { to, .. } => to,
            Mark::Point { at, .. } | Mark::Arrow { at, .. } => at,
        });
        ends.fold(1.0, f64::max)
    }

    fn axis(&self, out: &mut String, end: f64, bottom: f64) {
        // The step, of 1, 2, 5, 10, 20, ..: at most ten of them.
        let steps = (0..9).flat_map(|power| [1.0, 2.0, 5.0].map(|n| n * 10_f64.powi(power)));
        let step = steps.into_iter().find(|step| end / step <= 10.0).unwrap_or(end);
        let _ = writeln!(
            out,
            "<line class=\"axis\" x1=\"{LEFT}\" y1=\"{bottom}\" x2=\"{}\" y2=\"{bottom}\"/>",
            WIDTH - 20.0
        );
        let mut at = 0.0;
        while at <= end + 1e-9 {
            let x = LEFT + at / end * (WIDTH - LEFT - 20.0);
            let _ = writeln!(
                out,
                "<line class=\"axis\" x1=\"{x:.1}\" y1=\"{bottom}\" x2=\"{x:.1}\" y2=\"{}\"/>",
                bottom + 4.0
            );
            let _ = writeln!(
                out,
                "<text class=\"tick\" x=\"{x:.1}\" y=\"{}\">{at}</text>",
                bottom + 17.0
            );
            at += step;
        }
        let _ = writeln!(
            out,
            "<text class=\"lane\" x=\"{}\" y=\"{}\">{}</text>",
            LEFT - 10.0,
            bottom + 17.0,
            escape(self.unit)
        );
    }

    fn legend(&self, out: &mut String, y: f64) {
        let mut kinds: Vec<Kind> = self
            .marks
            .iter()
            .filter_map(|(_, mark, _)| match *mark {
                Mark::Span { kind, .. } | Mark::Point { kind, .. } => Some(kind),
                Mark::Arrow { .. } => None,
            })
            .collect();
        kinds.sort();
        kinds.dedup();
        for (n, kind) in kinds.iter().enumerate() {
            let x = LEFT + n as f64 * 90.0;
            let _ = writeln!(
                out,
                "<rect class=\"{}\" x=\"{x}\" y=\"{}\" width=\"16\" height=\"12\" rx=\"2\"/><text class=\"key\" x=\"{}\" y=\"{y}\">{}</text>",
                kind.name(),
                y - 10.0,
                x + 22.0,
                kind.name()
            );
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::{Kind, Log};

    #[test]
    fn a_drawing_has_every_mark_and_no_blank_line() {
        let mut log = Log::new("ms");
        log.span("a", 0.0, 10.0, Kind::Run, "x < y");
        log.point("b", 5.0, Kind::Lost, "gone");
        log.arrow("a", "b", 3.0, "wakes");
        let svg = log.svg("two lanes");
        for part in ["x &lt; y", "gone", "wakes", "two lanes", "class=\"lost\"", ">10<"] {
            assert!(svg.contains(part), "{part} is not in {svg}");
        }
        assert!(!svg.contains("\n\n"));
    }
}
