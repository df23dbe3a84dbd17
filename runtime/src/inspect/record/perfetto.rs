//! A recording as chrome trace events, which Perfetto and `chrome://tracing` open.
//!
//! Why: those tools zoom and measure better than ours. A task is a thread, its polls, waits and its
//! time in the ready queue are slices, its wakes arrows from the poll that woke.

use std::collections::{BTreeMap, HashMap};

use super::event::{Objects, Recording, What};
use super::json::{by_word, lines, name_of, word_of};
use super::polls::{Doing, Polls, Stretch};
use crate::inspect::trace::json::Object;

/// The thread of what the loop itself does.
const LOOP: usize = 0;

pub(super) fn write(recording: &Recording) -> String {
    let polls = Polls::of(recording);
    let arrows = Arrows::of(&polls);
    let mut objects = Objects::default();
    let mut rows = Rows::default();
    rows.add(0, 0, named("process_name", LOOP, "myrt"));
    rows.add(0, 0, named("thread_name", LOOP, "loop"));
    for (place, (task, life)) in recording.tasks.iter().zip(&polls.lives).enumerate() {
        rows.add(0, 0, named("thread_name", place + 1, &task.title()));
        let mut turn = 0;
        for stretch in &life.stretches {
            let slice = slice(stretch, place + 1, &polls, &mut objects);
            match stretch.doing {
                Doing::Runs(poll) => {
                    turn = turn_of(poll);
                    rows.add(stretch.from, turn, slice);
                    arrows.at_poll(&polls, poll, &mut rows);
                }
                _ => rows.add(stretch.from, turn + 1, slice),
            }
        }
        if let Some((at, outcome)) = life.outcome {
            rows.add(at, turn + 1, instant(at, place + 1, name_of(outcome)));
        }
    }
    of_the_loop(recording, &polls, &arrows, &mut rows);
    prints(recording, &mut rows);
    format!(
        "{{\"displayTimeUnit\":\"ms\",\"traceEvents\":{}}}\n",
        lines(rows.in_order())
    )
}

/// What is written, in order of time, and of what happens at one moment in the order in which it
/// happened: under virtual time that is everything. Whoever reads the file goes by its order then.
#[derive(Default)]
struct Rows(Vec<(u64, usize, String)>);

impl Rows {
    /// `turn`: see [`turn_of`]; 0 comes before all polls.
    fn add(&mut self, at: u64, turn: usize, row: String) {
        self.0.push((at, turn, row));
    }

    fn in_order(mut self) -> impl Iterator<Item = String> {
        self.0.sort_by_key(|(at, turn, _)| (*at, *turn));
        self.0.into_iter().map(|(_, _, row)| row)
    }
}

/// When it is a poll's turn; one more is when its task turns to something else.
fn turn_of(poll: usize) -> usize {
    2 * poll + 2
}

/// Microseconds, as the format has them.
fn micros(nanos: u64) -> String {
    format!("{}.{:03}", nanos / 1000, nanos % 1000)
}

fn begin(kind: &str, at: u64, thread: usize, name: &str) -> Object {
    Object::new()
        .text("ph", kind)
        .number("ts", micros(at))
        .number("pid", 1)
        .number("tid", thread)
        .text("name", name)
}

fn named(what: &str, thread: usize, name: &str) -> String {
    let args = Object::new().text("name", name).end();
    begin("M", 0, thread, what).number("args", args).end()
}

fn instant(at: u64, thread: usize, name: &str) -> String {
    begin("i", at, thread, name).text("s", "t").end()
}

fn slice(stretch: &Stretch, thread: usize, polls: &Polls, objects: &mut Objects) -> String {
    let (name, args) = match stretch.doing {
        Doing::Runs(poll) => {
            let poll = &polls.polls[poll];
            let args = Object::new()
                .number("spawns", poll.spawned.len())
                .number("wakes", poll.wakes.len());
            ("poll".into(), args)
        }
        Doing::Ready => ("ready".into(), Object::new()),
        Doing::Waits(rest) => {
            let word = word_of(rest.wait);
            let name = match objects.of(rest.wait) {
                Some((_, number)) => format!("{word} {number}"),
                None => word.to_owned(),
            };
            (
                name,
                Object::new()
                    .text("for", word_of(rest.wait))
                    .maybe("where", rest.at),
            )
        }
    };
    begin("X", stretch.from, thread, &name)
        .number("dur", micros(stretch.to - stretch.from))
        .number("args", args.end())
        .end()
}

/// Wakes: from the poll that woke to the poll that came of it, which gives an arrow its number. An
/// arrow begins and ends in a slice, or it is not drawn; of two slices of one moment it takes the
/// one that was written last.
struct Arrows {
    /// By poll, the arrows that begin in it.
    from_polls: HashMap<usize, Vec<usize>>,
    /// Those that the loop itself sends, by moment.
    from_loop: BTreeMap<u64, Vec<usize>>,
}

impl Arrows {
    fn of(polls: &Polls) -> Self {
        let mut arrows = Self {
            from_polls: HashMap::new(),
            from_loop: BTreeMap::new(),
        };
        for (number, poll) in polls.polls.iter().enumerate() {
            match (poll.woken, poll.woken_in) {
                (None, _) => {}
                (Some(_), Some(from)) => arrows.from_polls.entry(from).or_default().push(number),
                (Some((at, _)), None) => arrows.from_loop.entry(at).or_default().push(number),
            }
        }
        arrows
    }

    /// What ends and begins in a poll.
    fn at_poll(&self, polls: &Polls, number: usize, rows: &mut Rows) {
        let poll = &polls.polls[number];
        let (thread, turn) = (poll.task + 1, turn_of(number));
        if poll.woken.is_some() {
            let end = arrow("f", poll.from, thread, number);
            rows.add(poll.from, turn, end.text("bp", "e").end());
        }
        for to in self.from_polls.get(&number).into_iter().flatten() {
            if let Some((at, _)) = polls.polls[*to].woken {
                rows.add(at, turn, arrow("s", at, thread, *to).end());
            }
        }
    }
}

fn arrow(kind: &str, at: u64, thread: usize, number: usize) -> Object {
    let arrow = begin(kind, at, thread, "wakes").text("cat", "wake");
    arrow.number("id", number)
}

/// What was printed, on the line of the task that was polled.
fn prints(recording: &Recording, rows: &mut Rows) {
    for (at, what) in &recording.events {
        let What::Printed(id, number) = what else {
            continue;
        };
        let place = id.and_then(|id| recording.place(id));
        if let Some(printed) = recording.printed(*number) {
            let args = Object::new().text("text", &printed.text).end();
            let row = begin("i", *at, place.map_or(LOOP, |place| place + 1), "prints");
            rows.add(*at, 0, row.text("s", "t").number("args", args).end());
        }
    }
}

/// What the loop does beside polling.
fn of_the_loop(recording: &Recording, polls: &Polls, arrows: &Arrows, rows: &mut Rows) {
    let mut parked = None;
    for (at, what) in &recording.events {
        match what {
            What::Parked(_) => parked = Some(*at),
            What::Unparked(events) => {
                let from = parked.take().unwrap_or(*at);
                let args = Object::new().number("events", events).end();
                let slice = begin("X", from, LOOP, "sleeps in the selector")
                    .number("dur", micros(at - from))
                    .number("args", args);
                rows.add(from, 0, slice.end());
            }
            What::Fired(timers) => {
                let name = format!("{timers} timers fired");
                rows.add(*at, 0, instant(*at, LOOP, &name));
            }
            _ => {}
        }
    }
    for (at, numbers) in &arrows.from_loop {
        let wakes = begin("X", *at, LOOP, "wakes").number("dur", micros(0));
        rows.add(*at, 0, wakes.end());
        for number in numbers {
            if let Some((_, by)) = polls.polls[*number].woken {
                let args = Object::new().text("by", by_word(by)).end();
                let start = arrow("s", *at, LOOP, *number);
                rows.add(*at, 0, start.number("args", args).end());
            }
        }
    }
}
