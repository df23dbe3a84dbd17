//! Drawing for the tour: headings, facts, and timelines of what tasks really did.
//!
//! Why: `main.rs` should be about tasks only. Rows note instants while tasks run; drawing happens
//! afterwards. It knows nothing of the runtime but its clock. Colours appear on a terminal only,
//! and not with `NO_COLOR`.

use std::cell::{Cell, RefCell};
use std::io::IsTerminal;
use std::rc::Rc;

use myrt::time::{Duration, Instant};

/// Columns of a timeline.
const WIDTH: usize = 60;
/// Columns before it, for names.
const NAMES: usize = 14;

/// Something happened.
pub(crate) const EVENT: Mark = Mark('●', 'o');
/// It ended there because it was cancelled.
pub(crate) const CANCELLED: Mark = Mark('✖', 'x');

/// A mark on a terminal, and in plain text.
#[derive(Clone, Copy)]
pub(crate) struct Mark(char, char);

/// What a task is doing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shade {
    Nothing,
    /// It waits for time to pass.
    Asleep,
    /// It waits for its turn.
    Queued,
    /// It waits for an answer.
    Work,
    /// It keeps the thread.
    Blocked,
}

impl Shade {
    fn letter(self, fancy: bool) -> char {
        match (self, fancy) {
            (Self::Nothing, _) => ' ',
            (Self::Asleep, true) => '─',
            (Self::Asleep, false) => '-',
            (Self::Queued, true) => '·',
            (Self::Queued, false) => '.',
            (Self::Work, true) => '█',
            (Self::Work, false) => '=',
            (Self::Blocked, true) => '▓',
            (Self::Blocked, false) => '#',
        }
    }
}

/// What one task did, and when. Clones write into the same row.
#[derive(Clone)]
pub(crate) struct Row {
    name: &'static str,
    start: Instant,
    inner: Rc<Noted>,
}

#[derive(Default)]
struct Noted {
    shades: RefCell<Vec<(Duration, Shade)>>,
    marks: RefCell<Vec<(Duration, Mark)>>,
    words: RefCell<Vec<(Duration, &'static str)>>,
    end: Cell<Duration>,
}

impl Row {
    /// A row that nobody will draw.
    pub(crate) fn nowhere() -> Self {
        Self {
            name: "",
            start: Instant::now(),
            inner: Rc::default(),
        }
    }

    fn now(&self) -> Duration {
        let now = self.start.elapsed();
        self.inner.end.set(now);
        now
    }

    /// From now on it does this.
    pub(crate) fn shade(&self, shade: Shade) {
        let now = self.now();
        self.inner.shades.borrow_mut().push((now, shade));
    }

    /// From now on it does nothing.
    pub(crate) fn end(&self) {
        self.shade(Shade::Nothing);
    }

    /// Something happens now.
    pub(crate) fn mark(&self, mark: Mark) {
        let now = self.now();
        self.inner.marks.borrow_mut().push((now, mark));
    }

    /// Something happens now, and this is what.
    pub(crate) fn say(&self, word: &'static str) {
        self.mark(EVENT);
        self.inner.words.borrow_mut().push((self.now(), word));
    }

    fn shade_at(&self, at: Duration) -> Shade {
        let shades = self.inner.shades.borrow();
        shades
            .iter()
            .rev()
            .find(|(from, _)| *from <= at)
            .map_or(Shade::Nothing, |(_, shade)| *shade)
    }
}

/// What several tasks did since it was made.
pub(crate) struct Timeline {
    start: Instant,
    rows: RefCell<Vec<Row>>,
}

impl Timeline {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            rows: RefCell::default(),
        }
    }

    /// A row for one more task.
    pub(crate) fn row(&self, name: &'static str) -> Row {
        let row = Row {
            name,
            start: self.start,
            inner: Rc::default(),
        };
        self.rows.borrow_mut().push(row.clone());
        row
    }

    /// When the last thing happened.
    fn end(&self) -> Duration {
        self.rows
            .borrow()
            .iter()
            .map(|row| row.inner.end.get())
            .max()
            .unwrap_or_default()
    }

    /// How long it took, as text.
    pub(crate) fn length(&self) -> String {
        format!("{} ms", self.end().as_millis())
    }
}

/// Writes to the standard output, in colour or plain.
pub(crate) struct Paint {
    fancy: bool,
    headings: Cell<u32>,
}

const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "31";
const COLOURS: [&str; 5] = ["36", "33", "35", "32", "34"];

impl Paint {
    pub(crate) fn new() -> Self {
        let fancy = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self {
            fancy,
            headings: Cell::new(0),
        }
    }

    /// The text in a colour, where there are colours.
    fn dye(&self, colour: &str, text: &str) -> String {
        if self.fancy {
            format!("\x1b[{colour}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    pub(crate) fn title(&self, text: &str) {
        println!("\n  {}", self.dye(BOLD, text));
    }

    /// Begins a part, and says where the course has it.
    pub(crate) fn heading(&self, text: &str, course: &str) {
        let number = self.headings.get() + 1;
        self.headings.set(number);
        let place = self.dye(DIM, &format!("course: {course}"));
        println!(
            "\n  {}   {place}",
            self.dye(BOLD, &format!("{number}  {text}"))
        );
    }

    pub(crate) fn label(&self, text: &str) {
        println!("     {text}");
    }

    pub(crate) fn note(&self, text: &str) {
        println!("     {}", self.dye(DIM, text));
    }

    /// A longer text, broken between words.
    pub(crate) fn wrapped(&self, text: &str) {
        let mut line = String::new();
        for word in text.split_whitespace() {
            if !line.is_empty() && line.len() + word.len() >= NAMES + WIDTH {
                self.note(&line);
                line.clear();
            }
            line += if line.is_empty() { "" } else { " " };
            line += word;
        }
        self.note(&line);
    }

    /// A value with its name.
    pub(crate) fn fact(&self, name: &str, value: &str) {
        println!("     {name:<26}{value}");
    }

    pub(crate) fn goodbye(&self, text: &str) {
        println!("\n  {}\n", self.dye(BOLD, text));
    }

    /// What was said in the rows, in the order in which it was.
    pub(crate) fn said(&self, timeline: &Timeline) {
        let rows = timeline.rows.borrow();
        let mut words: Vec<_> = rows
            .iter()
            .enumerate()
            .flat_map(|(n, row)| {
                row.inner
                    .words
                    .borrow()
                    .iter()
                    .map(|&(at, word)| (at, n, word))
                    .collect::<Vec<_>>()
            })
            .collect();
        words.sort_by_key(|(at, ..)| *at);
        for (at, n, word) in words {
            let line = self.dye(
                COLOURS[n % COLOURS.len()],
                &format!("{} {word}", rows[n].name),
            );
            println!("     {:>4} ms  {line}", at.as_millis());
        }
    }

    /// Draws the rows over a scale of time; `scale`: as wide as another timeline, to compare the
    /// two.
    pub(crate) fn timeline(&self, timeline: &Timeline, scale: Option<&Timeline>) {
        let span = scale
            .map_or(Duration::ZERO, Timeline::end)
            .max(timeline.end())
            .max(Duration::from_millis(1));
        let rows = timeline.rows.borrow();
        for (n, row) in rows.iter().enumerate() {
            println!(
                "     {:<NAMES$}{}",
                row.name,
                self.drawn(row, span, COLOURS[n % COLOURS.len()])
            );
        }
        let events = rows.iter().flat_map(|row| {
            let ends = row
                .inner
                .shades
                .borrow()
                .iter()
                .map(|(at, _)| *at)
                .collect::<Vec<_>>();
            ends.into_iter().chain([row.inner.end.get()])
        });
        println!(
            "     {:NAMES$}{}",
            "",
            self.dye(DIM, &axis(events.collect(), span))
        );
    }

    fn drawn(&self, row: &Row, span: Duration, colour: &str) -> String {
        let mut cells: Vec<char> = Vec::with_capacity(WIDTH);
        for column in 0..WIDTH {
            let middle = span.mul_f64((column as f64 + 0.5) / WIDTH as f64);
            cells.push(row.shade_at(middle).letter(self.fancy));
        }
        for (at, mark) in row.inner.marks.borrow().iter() {
            cells[column(*at, span)] = if self.fancy { mark.0 } else { mark.1 };
        }
        let text: String = cells.into_iter().collect();
        let text = text.trim_end();
        let blocked = row
            .inner
            .shades
            .borrow()
            .iter()
            .any(|(_, shade)| *shade == Shade::Blocked);
        self.dye(if blocked { RED } else { colour }, text)
    }
}

/// The column in which a moment lies.
fn column(at: Duration, span: Duration) -> usize {
    let place = at.as_secs_f64() / span.as_secs_f64() * WIDTH as f64;
    (place as usize).min(WIDTH - 1)
}

/// The scale below a timeline: the moments at which something changed, as far as there is room.
fn axis(mut moments: Vec<Duration>, span: Duration) -> String {
    moments.push(Duration::ZERO);
    moments.sort_unstable();
    let mut line = String::new();
    for at in moments {
        let place = column(at, span);
        if line.is_empty() || place > line.len() {
            line = format!("{line:<place$}{}", at.as_millis());
        }
    }
    line + " ms"
}
