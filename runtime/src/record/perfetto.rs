//! A recording as chrome trace events, which Perfetto and `chrome://tracing` open.
//!
//! It exists because those tools zoom and measure better than anything of ours. A task is a thread, its polls, waits and
//! its time in the ready queue are slices, its wakes arrows from the poll that woke. It must not know the loop.

use super::event::{Objects, Recording, What};
use super::json::{lines, name_of, word_of};
use super::polls::{Doing, Polls, Stretch};
use crate::observe::By;
use crate::trace::json::Object;

/// The thread of what the loop itself does.
const LOOP: usize = 0;

pub(super) fn write(recording: &Recording) -> String {
    let polls = Polls::of(recording);
    let mut objects = Objects::default();
    let mut rows = vec![
        named("process_name", LOOP, "myrt"),
        named("thread_name", LOOP, "loop"),
    ];
    for (place, (task, life)) in recording.tasks.iter().zip(&polls.lives).enumerate() {
        rows.push(named("thread_name", place + 1, &task.title()));
        for stretch in &life.stretches {
            rows.push(slice(stretch, place + 1, &polls, &mut objects));
        }
        if let Some((at, outcome)) = life.outcome {
            rows.push(instant(at, place + 1, name_of(outcome)));
        }
    }
    rows.extend(arrows(recording, &polls));
    rows.extend(sleeps(recording));
    rows.extend(prints(recording));
    format!(
        "{{\"displayTimeUnit\":\"ms\",\"traceEvents\":{}}}\n",
        lines(rows)
    )
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

/// From the poll that woke to the poll that came of it.
fn arrows(recording: &Recording, polls: &Polls) -> Vec<String> {
    let mut rows = Vec::new();
    for (number, poll) in polls.polls.iter().enumerate() {
        let Some((at, by)) = poll.woken else { continue };
        let from = match by {
            By::Task(id) => recording.place(id).map_or(LOOP, |place| place + 1),
            _ => LOOP,
        };
        let start = begin("s", at, from, "wakes")
            .text("cat", "wake")
            .number("id", number);
        let end = begin("f", poll.from, poll.task + 1, "wakes")
            .text("cat", "wake")
            .text("bp", "e")
            .number("id", number);
        rows.extend([start.end(), end.end()]);
    }
    rows
}

/// What was printed, on the line of the task that was polled.
fn prints(recording: &Recording) -> Vec<String> {
    let prints = recording.events.iter().filter_map(|(at, what)| {
        let What::Printed(id, number) = what else {
            return None;
        };
        let place = id.and_then(|id| recording.place(id));
        let text = &recording.printed(*number)?.text;
        let args = Object::new().text("text", text).end();
        let row = begin("i", *at, place.map_or(LOOP, |place| place + 1), "prints");
        Some(row.text("s", "t").number("args", args).end())
    });
    prints.collect()
}

/// What the loop does beside polling.
fn sleeps(recording: &Recording) -> Vec<String> {
    let mut rows = Vec::new();
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
                rows.push(slice.end());
            }
            What::Fired(timers) => rows.push(instant(*at, LOOP, &format!("{timers} timers fired"))),
            _ => {}
        }
    }
    rows
}
