//! The drawing: a line a task, bars for running, lines for waiting, marks for wakes, a scale; then
//! what happened.
//!
//! Why: the course draws runs like this by hand, and here they come out of real ones.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::event::{Objects, Recording};
use super::polls::{Doing, Life, Poll, Polls};
use crate::executor::error::Outcome;
use crate::executor::wait::Wait;
use crate::inspect::observe::{By, Rest};

/// Columns that the drawing may take, beside the names.
const WIDTH: u64 = 64;
/// Lines that it may take.
const LANES: usize = 200;
/// So many different moments have a label each; of more, every tenth column has one.
const LABELS: usize = 12;
/// Characters that are shown of what a poll printed.
const PRINTED: usize = 60;

const RUNS: char = '█';
const WOKEN: char = '◆';
const READY: char = '░';
const AWAY: char = '━';
const WAITS: char = '┄';
const DROPPED: char = '╳';

/// The drawing, and at most `lines` lines of what happened.
pub(super) fn write(recording: &Recording, lines: usize) -> String {
    let polls = Polls::of(recording);
    let scale = Scale::of(recording.end());
    let titles: Vec<String> = recording.tasks.iter().map(|task| task.title()).collect();
    let names = titles.iter().take(LANES).map(|it| it.chars().count());
    let margin = names.max().unwrap_or(0) + 2;
    let mut text = String::new();
    if recording.lost > 0 {
        let _ = writeln!(text, "({} earlier events are not kept)", recording.lost);
    }
    scale.write(&mut text, &polls, margin);
    for (title, life) in titles.iter().zip(&polls.lives).take(LANES) {
        let lane: String = scale.lane(life, &polls.polls).into_iter().collect();
        let _ = writeln!(text, "{title:<margin$}{}", lane.trim_end());
    }
    if titles.len() > LANES {
        let _ = writeln!(text, "... and {} more tasks", titles.len() - LANES);
    }
    let _ = writeln!(
        text,
        "{:margin$}{RUNS} runs  {WOKEN} woken, runs  {READY} ready  {AWAY} sleeps or waits for the system  \
         {WAITS} waits for a task  {DROPPED} cancelled",
        ""
    );
    if lines > 0 {
        text.push('\n');
        Story::new(recording, &polls, &titles, &scale).write(&mut text, lines);
    }
    text
}

/// Nanoseconds to columns.
struct Scale {
    /// Nanoseconds a column.
    step: u64,
    columns: usize,
    /// Decimals of a millisecond that are worth showing.
    decimals: usize,
}

impl Scale {
    /// Columns of 1, 2 or 5 times a power of ten, from a microsecond on.
    fn of(end: u64) -> Self {
        let tens = (0..16).map(|n| 1000 * 10_u64.pow(n));
        let mut steps = tens.flat_map(|ten| [1, 2, 5].map(|n| n * ten));
        let fits = |step: &u64| end / step < WIDTH;
        let step = steps.find(fits).unwrap_or(u64::MAX);
        Self {
            step,
            columns: (end / step) as usize + 1,
            decimals: match step {
                0..10_000 => 3,
                10_000..100_000 => 2,
                100_000..1_000_000 => 1,
                _ => 0,
            },
        }
    }

    fn column(&self, at: u64) -> usize {
        (at / self.step) as usize
    }

    /// A time in milliseconds, without decimals that say nothing.
    fn label(&self, at: u64) -> String {
        let decimals = self.decimals;
        let text = format!("{:.decimals$}", at as f64 / 1e6);
        if decimals == 0 {
            return text;
        }
        text.trim_end_matches('0').trim_end_matches('.').into()
    }

    fn write(&self, text: &mut String, polls: &Polls, margin: usize) {
        let starts = polls.polls.iter().map(|poll| poll.from);
        let dropped = polls.dropped.iter().map(|(at, ..)| *at);
        let mut moments = BTreeMap::new();
        for at in starts.chain(dropped) {
            moments.entry(self.column(at)).or_insert(at);
        }
        if moments.len() > LABELS {
            let tenth = (0..self.columns).step_by(10);
            moments = tenth
                .map(|column| (column, column as u64 * self.step))
                .collect();
        }
        let (mut labels, mut ticks) = (String::new(), String::new());
        let mut end = 0;
        for (column, at) in moments {
            if column < end {
                continue; // no room
            }
            let label = self.label(at);
            let gap = column - labels.chars().count();
            let _ = write!(labels, "{:gap$}{label}", "");
            let gap = column - ticks.chars().count();
            let _ = write!(ticks, "{:gap$}╷", "");
            end = column + label.len() + 1;
        }
        let _ = writeln!(text, "{:margin$}{labels} ms", "");
        let _ = writeln!(text, "{:margin$}{ticks}", "");
    }

    fn lane(&self, life: &Life, polls: &[Poll]) -> Vec<char> {
        let mut lane = vec![' '; self.columns];
        for stretch in &life.stretches {
            let glyph = match stretch.doing {
                Doing::Runs(_) => continue,
                Doing::Ready => READY,
                Doing::Waits(rest) => glyph_of(rest.wait),
            };
            lane[self.column(stretch.from)..self.column(stretch.to)].fill(glyph);
        }
        for stretch in &life.stretches {
            if let Doing::Runs(poll) = stretch.doing {
                lane[self.column(stretch.from)..=self.column(stretch.to)].fill(RUNS);
                if polls[poll].woken.is_some() {
                    lane[self.column(stretch.from)] = WOKEN;
                }
            }
        }
        if let Some((at, Outcome::Cancelled | Outcome::Panicked)) = life.outcome {
            lane[self.column(at)] = DROPPED;
        }
        lane
    }
}

/// Whether the system works for the task, or another task must do something first.
fn glyph_of(wait: Wait) -> char {
    match wait {
        Wait::Timer(_) | Wait::Readable(_) | Wait::Writable(_) | Wait::Blocking => AWAY,
        _ => WAITS,
    }
}

/// What happened, a line a poll.
struct Story<'a> {
    recording: &'a Recording,
    polls: &'a Polls,
    titles: &'a [String],
    scale: &'a Scale,
    objects: Objects,
}

impl<'a> Story<'a> {
    fn new(
        recording: &'a Recording,
        polls: &'a Polls,
        titles: &'a [String],
        scale: &'a Scale,
    ) -> Self {
        Self {
            recording,
            polls,
            titles,
            scale,
            objects: Objects::default(),
        }
    }

    fn write(&mut self, text: &mut String, most: usize) {
        let mut lines: Vec<(u64, String)> = Vec::new();
        for poll in &self.polls.polls {
            let line = self.line(poll);
            lines.push((poll.from, line));
        }
        for (at, task, outcome) in &self.polls.dropped {
            lines.push((*at, format!("{} {}", self.titles[*task], end_of(*outcome))));
        }
        for (at, number) in &self.polls.printed {
            let line = format!("while no task runs,{}", self.prints(&[*number]));
            lines.push((*at, line));
        }
        lines.sort_by_key(|(at, _)| *at);
        let times: Vec<String> = lines.iter().map(|(at, _)| self.scale.label(*at)).collect();
        let width = times.iter().map(String::len).max().unwrap_or(0);
        for ((_, line), at) in lines.iter().zip(&times).take(most) {
            let _ = writeln!(text, "{at:>width$} ms  {line}");
        }
        if lines.len() > most {
            let _ = writeln!(text, "... and {} more", lines.len() - most);
        }
    }

    fn line(&mut self, poll: &Poll) -> String {
        let mut line = self.titles[poll.task].clone();
        if let Some((_, by)) = poll.woken {
            let _ = write!(line, ", woken by {},", self.by(poll.task, by));
        }
        line.push_str(" runs");
        let took = poll.to - poll.from;
        if took >= self.scale.step {
            let _ = write!(line, " for {} ms", self.scale.label(took));
        }
        for (verb, tasks) in [("spawns", &poll.spawned), ("wakes", &poll.wakes)] {
            let others = tasks.iter().filter(|task| **task != poll.task);
            let names: Vec<&str> = others.map(|task| self.titles[*task].as_str()).collect();
            if !names.is_empty() {
                let _ = write!(line, ", {verb} {}", names.join(", "));
            }
        }
        let prints = self.prints(&poll.printed);
        if !prints.is_empty() {
            let _ = write!(line, ",{prints}");
        }
        let then = match (poll.outcome, poll.rest) {
            (Some(outcome), _) => end_of(outcome).into(),
            (None, Some(rest)) => self.rest(rest),
            (None, None) => "is ready again".into(),
        };
        line + ", " + &then
    }

    /// What was printed, in quotes and not too long.
    fn prints(&self, numbers: &[u64]) -> String {
        let texts = numbers.iter().filter_map(|it| self.recording.printed(*it));
        let text: String = texts.map(|printed| printed.text.as_str()).collect();
        let text = text.trim_end_matches('\n');
        if numbers.is_empty() {
            return String::new();
        }
        match text.char_indices().nth(PRINTED) {
            Some((end, _)) => format!(" prints {:?}...", &text[..end]),
            None => format!(" prints {text:?}"),
        }
    }

    fn by(&self, task: usize, by: By) -> String {
        match by {
            By::Task(id) => match self.recording.place(id) {
                Some(other) if other == task => "itself".into(),
                Some(other) => self.titles[other].clone(),
                None => format!("task {id}"),
            },
            By::Timer => "a timer".into(),
            By::Io => "the selector".into(),
            By::Outside => "another thread".into(),
            By::Program => "the program".into(),
        }
    }

    fn rest(&mut self, rest: Rest) -> String {
        if let Some((kind, number)) = self.objects.of(rest.wait) {
            return format!("waits for {kind} {number}");
        }
        match rest.wait {
            Wait::Timer(at) => match self.recording.deadline(at) {
                Some(at) => format!("sleeps until {} ms", self.scale.label(at)),
                None => "sleeps for ever".into(),
            },
            Wait::Readable(fd) => format!("waits to read fd {fd}"),
            Wait::Writable(fd) => format!("waits to write fd {fd}"),
            Wait::Join(id) => match self.recording.place(id) {
                Some(other) => format!("waits for {}", self.titles[other]),
                None => format!("waits for task {id}"),
            },
            Wait::Blocking => "waits for a job".into(),
            Wait::Children => "waits for its children".into(),
            _ => "waits".into(),
        }
    }
}

fn end_of(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Completed => "ends",
        Outcome::Cancelled => "is cancelled",
        Outcome::Panicked => "panics",
    }
}
