//! The picture: what was learned, as lines of text of a given width.
//!
//! Why apart from the terminal: it can be tested, and printed once.

use crate::tasks::{Snapshot, Sort, Task, duration, micros};

/// What the keys do.
pub const KEYS: &str = "\
↑ ↓ j k  select a task
Enter    where it waits, under whom
c        cancel it (asks first)
b        busiest first
p        most polled first
w        longest waiting first
i        in the order of the table
t        the tree
Esc      back
q        quit
";

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Dim,
    Head,
    Selected,
    Alarm,
}

/// A line of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub text: String,
    pub tone: Tone,
}

/// What is shown, and what is selected.
#[derive(Debug)]
pub struct View {
    address: String,
    snapshot: Option<Snapshot>,
    sort: Sort,
    /// The id of the selected task, which keeps its place in the list however that is sorted.
    selected: Option<String>,
    first: usize,
    /// A text in front of the list: its title and its lines.
    opened: Option<(String, Vec<String>)>,
    /// The id of the task that is to be cancelled, if the answer is yes.
    asked: Option<String>,
    message: String,
    lost: Option<String>,
}

impl View {
    pub fn new(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            snapshot: None,
            sort: Sort::Busy,
            selected: None,
            first: 0,
            opened: None,
            asked: None,
            message: String::new(),
            lost: None,
        }
    }

    /// A new answer has come.
    pub fn take(&mut self, mut snapshot: Snapshot) {
        if let Some(before) = &self.snapshot {
            snapshot.compare(before);
        }
        snapshot.sort(self.sort);
        self.snapshot = Some(snapshot);
        self.lost = None;
    }

    /// None came.
    pub fn lost(&mut self, why: &str) {
        self.lost = Some(why.to_owned());
    }

    pub fn say(&mut self, message: &str) {
        self.message = message.trim().to_owned();
    }

    pub fn sort(&mut self, by: Sort) {
        self.sort = by;
        if let Some(snapshot) = &mut self.snapshot {
            snapshot.sort(by);
        }
    }

    fn tasks(&self) -> &[Task] {
        self.snapshot
            .as_ref()
            .map_or(&[], |snapshot| &snapshot.tasks)
    }

    fn place(&self) -> Option<usize> {
        let selected = self.selected.as_deref()?;
        self.tasks().iter().position(|task| task.id == selected)
    }

    /// The id of the selected task, if it is still there.
    pub fn selected(&self) -> Option<String> {
        self.place().map(|place| self.tasks()[place].id.clone())
    }

    /// Moves the selection, or the text in front.
    pub fn select(&mut self, by: isize) {
        if let Some((_, lines)) = &self.opened {
            let last = lines.len().saturating_sub(1);
            self.first = self.first.saturating_add_signed(by).min(last);
            return;
        }
        let last = self.tasks().len().saturating_sub(1);
        let place = match self.place() {
            Some(place) => place.saturating_add_signed(by).min(last),
            None => 0,
        };
        self.selected = self.tasks().get(place).map(|task| task.id.clone());
    }

    /// Shows a text instead of the list.
    pub fn open(&mut self, title: &str, text: &str) {
        self.first = 0;
        self.opened = Some((title.to_owned(), text.lines().map(str::to_owned).collect()));
    }

    /// Goes back to the list. False: it is there.
    pub fn close(&mut self) -> bool {
        self.first = 0;
        self.opened.take().is_some()
    }

    /// Asks whether to cancel the selected task.
    pub fn ask(&mut self) {
        self.asked = self.selected();
        if self.asked.is_none() {
            self.say("select a task first: ↑ ↓");
        }
    }

    pub fn wants_answer(&self) -> bool {
        self.asked.is_some()
    }

    /// The task that is to be cancelled, if the answer was yes.
    pub fn answer(&mut self, yes: bool) -> Option<String> {
        self.message.clear();
        self.asked.take().filter(|_| yes)
    }

    /// The screen: `height` lines of `width` columns; with `usize::MAX` as many as there are,
    /// without the line of keys.
    pub fn lines(&mut self, width: usize, height: usize) -> Vec<Line> {
        let mut lines = vec![self.head(width)];
        let blocking = self.tasks().iter().find(|task| task.blocks.is_some());
        if let Some((task, blocks)) = blocking.and_then(|task| Some((task, task.blocks.as_ref()?)))
        {
            let text = format!(
                " the loop is blocked: task {} {} {blocks}",
                task.id, task.name
            );
            lines.push(line(&text, Tone::Alarm));
        }
        if let Some(why) = &self.lost {
            lines.push(line(&format!(" no answer: {why}"), Tone::Alarm));
        }
        let room = height.saturating_sub(lines.len() + 2);
        match &self.opened {
            Some((title, text)) => {
                lines.push(line(&format!(" {title} (Esc: back)"), Tone::Head));
                let shown = text.iter().skip(self.first).take(room);
                lines.extend(shown.map(|text| line(&format!(" {text}"), Tone::Plain)));
            }
            None => {
                lines.push(line(&columns(width, TITLES.map(str::to_owned)), Tone::Head));
                self.scroll(room);
                let shown = self.tasks().iter().skip(self.first).take(room);
                lines.extend(shown.map(|task| self.row(task, width)));
            }
        }
        if height != usize::MAX {
            lines.resize(height.saturating_sub(1), line("", Tone::Plain));
            lines.push(self.foot(width));
        }
        for line in &mut lines {
            line.text = fit(&line.text, width);
        }
        lines
    }

    /// Keeps the selected task in sight.
    fn scroll(&mut self, room: usize) {
        let last = self.tasks().len().saturating_sub(room);
        self.first = self.first.min(last);
        if let Some(place) = self.place() {
            let lowest = (place + 1).saturating_sub(room);
            self.first = self.first.clamp(lowest, place.max(lowest));
        }
    }

    fn head(&self, width: usize) -> Line {
        let rate: f64 = self.tasks().iter().map(|task| task.rate).sum();
        let tasks = match self.tasks().len() {
            1 => "1 task".to_owned(),
            many => format!("{many} tasks"),
        };
        let counts = self.snapshot.as_ref().and_then(|it| it.counts);
        let busy = counts
            .and_then(|counts| counts.share)
            .map(|share| format!("  loop {} busy", percent(share)))
            .unwrap_or_default();
        if width < NARROW {
            return line(&format!(" {tasks}  {rate:.0} polls/s{busy}"), Tone::Head);
        }
        let ready = counts.map_or(0, |counts| counts.ready);
        let worst = counts.map(|counts| {
            let [turn, lag] = [counts.longest_turn_us, counts.timer_lag_us].map(micros);
            format!("  longest turn {turn}  timers late by {lag}")
        });
        let text = format!(
            " {}  {tasks}, {ready} ready  {rate:.0} polls/s{busy}{}",
            self.address,
            worst.unwrap_or_default()
        );
        line(&text, Tone::Head)
    }

    fn foot(&self, width: usize) -> Line {
        if let Some(id) = &self.asked {
            return line(
                &format!(" cancel task {id}? y: yes, any other key: no"),
                Tone::Alarm,
            );
        }
        if !self.message.is_empty() {
            return line(&format!(" {}", self.message), Tone::Plain);
        }
        let keys = if width < WIDE_KEYS {
            " q quit  ↑↓ Enter where  ? keys"
        } else {
            " q quit   ↑↓ select   Enter where   c cancel   t tree   b p w i sort   ? keys"
        };
        line(keys, Tone::Dim)
    }

    fn row(&self, task: &Task, width: usize) -> Line {
        let waits = task.state == "waiting";
        let doing = match &task.blocks {
            Some(blocks) => blocks,
            None if waits => &task.wait,
            None => &task.state,
        };
        let cells = [
            task.id.clone(),
            task.name.clone(),
            task.state.clone(),
            task.polls.to_string(),
            format!("{:.0}", task.rate),
            task.share.map(percent).unwrap_or_default(),
            task.longest_us.map(micros).unwrap_or_default(),
            task.waited_ms.map(duration).unwrap_or_default(),
            doing.clone(),
            task.at.clone(),
        ];
        let is_selected = self.selected.as_deref() == Some(&task.id);
        let tone = match (&task.blocks, is_selected) {
            (_, true) => Tone::Selected,
            (Some(_), _) => Tone::Alarm,
            _ if task.rate == 0.0 && waits => Tone::Dim,
            _ => Tone::Plain,
        };
        line(&columns(width, cells), tone)
    }
}

fn line(text: &str, tone: Tone) -> Line {
    Line {
        text: text.to_owned(),
        tone,
    }
}

/// `3%`; what is little but something is not nothing.
fn percent(share: f64) -> String {
    match share * 100.0 {
        few if few > 0.0 && few < 0.5 => "<1%".into(),
        many => format!("{many:.0}%"),
    }
}

const TITLES: [&str; 10] = [
    "ID", "NAME", "STATE", "POLLS", "/s", "BUSY", "LONGEST", "WAITED", "FOR", "AT",
];
/// Below this width only what matters most is shown.
const NARROW: usize = 64;
/// From this width on everything is.
const WIDE: usize = 112;
/// From this width on all keys are named.
const WIDE_KEYS: usize = 76;

/// The columns that have room in a width; 0: not shown. Words stand to the left, numbers to the
/// right; the last one has what is left.
fn columns(width: usize, cells: [String; 10]) -> String {
    let widths = match width {
        0..NARROW => [6, 9, 0, 0, 0, 4, 0, 0, 0, 0],
        NARROW..WIDE => [6, 12, 0, 0, 6, 5, 0, 9, 0, 0],
        WIDE.. => [7, 16, 9, 8, 6, 5, 8, 11, 30, 0],
    };
    let mut text = String::new();
    for (place, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let is_number = (3..8).contains(&place);
        if width > 0 {
            text.push(' ');
            let cell = fit(cell, width);
            let gap = cell.len() - cell.trim_end().len();
            match is_number {
                true => text.extend([&" ".repeat(gap), cell.trim_end()]),
                false => text.push_str(&cell),
            }
        }
    }
    let [.., doing, at] = cells;
    let rest = if width < WIDE { &doing } else { &at };
    format!("{text}  {rest}")
}

/// Exactly `width` columns: filled up with spaces, or cut with a mark.
fn fit(text: &str, width: usize) -> String {
    let clean = text.replace(char::is_control, "?");
    if clean.chars().count() <= width {
        let gap = width - clean.chars().count();
        return clean + &" ".repeat(if width == usize::MAX { 0 } else { gap });
    }
    let kept: String = clean.chars().take(width.saturating_sub(1)).collect();
    kept + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(tasks: usize) -> View {
        let rows: Vec<String> = (0..tasks)
            .map(|n| format!(r#"{{"id":"{n}","name":"worker {n}","state":"waiting","polls":{n},"waited_ms":{n}}}"#))
            .collect();
        let mut view = View::new("here");
        view.take(Snapshot::parse(&format!("[{}]", rows.join(","))).unwrap());
        view
    }

    #[test]
    fn the_screen_is_filled_and_never_overrun() {
        for (width, height) in [(80, 24), (20, 5), (200, 60), (1, 1)] {
            let lines = view(100).lines(width, height);
            assert!(lines.len() <= height, "{} lines of {height}", lines.len());
            assert!(lines.iter().all(|line| line.text.chars().count() == width));
        }
    }

    #[test]
    fn a_small_screen_has_what_matters() {
        let mut view = View::new("here");
        let row = r#"[{"id":"3","name":"reader","state":"waiting","polls":7,"busy_us":10,"longest_poll_us":4,"waited_ms":1500,
            "waits_for":"read","fd":9,"peer":"10.0.0.1:80","waits_at":"src/main.rs:1:2"}]"#;
        view.take(Snapshot::parse(row).unwrap());
        let text = |view: &mut View, width| {
            let lines = view.lines(width, 6);
            let texts: Vec<String> = lines.iter().map(|it| it.text.trim_end().into()).collect();
            texts.join("\n")
        };
        assert_eq!(
            text(&mut view, 40),
            " 1 task  0 polls/s\n ID     NAME      BUSY  FOR\n 3      reader          read fd 9 (10.0…\n\n\n q quit  ↑↓ Enter where  ? keys"
        );
        let normal = text(&mut view, 80);
        assert!(
            normal.contains("1.5 s  read fd 9 (10.0.0.1:80)"),
            "{normal}"
        );
        let wide = text(&mut view, 140);
        assert!(wide.contains("4 µs") && wide.ends_with("? keys"), "{wide}");
        assert!(
            wide.contains("read fd 9 (10.0.0.1:80)         main.rs:1:2"),
            "{wide}"
        );
    }

    #[test]
    fn the_selection_stays_in_sight_and_on_its_task() {
        let mut view = view(100);
        for _ in 0..51 {
            view.select(1);
        }
        assert_eq!(view.selected().as_deref(), Some("50"));
        let shown = |view: &mut View| {
            let lines = view.lines(100, 20);
            lines
                .iter()
                .any(|line| line.tone == Tone::Selected && line.text.contains("worker 50"))
        };
        assert!(shown(&mut view));
        view.sort(Sort::Waited);
        assert!(shown(&mut view));
        view.ask();
        assert_eq!(view.answer(false), None);
        view.ask();
        assert_eq!(view.answer(true).as_deref(), Some("50"));
    }

    #[test]
    fn who_blocks_the_loop_is_told_at_the_top() {
        let mut view = view(1);
        let row = r#"[{"id":"9","name":"stuck","state":"running","polls":1,"blocks_ms":70,"burns_cpu":true}]"#;
        view.take(Snapshot::parse(row).unwrap());
        let lines = view.lines(100, 10);
        assert_eq!(lines[1].tone, Tone::Alarm);
        assert!(
            lines[1].text.contains("task 9 stuck burns CPU for 70 ms"),
            "{lines:?}"
        );
        view.lost("it has ended");
        assert!(view.lines(100, 10)[2].text.contains("it has ended"));
    }
}
