//! A recording as JSON: `{"myrt":1,"end":ns,"lost":n,"tasks":[..],"events":[..]}`. Before `tasks`
//! is `"console":true` where the console was recorded, and `lost_texts`, how many of its texts are
//! not kept, if there are any.
//!
//! Tasks have `id`, `title`, and where known `name`, `spawned_at`, `parent` (a place in `tasks`),
//! `child` (1: polled inside of its parent). An event has `at` (nanoseconds since the first one),
//! `event`, and `task` (a place in `tasks`):
//!
//! | event | more |
//! |---|---|
//! | `spawned` | |
//! | `woken` | `by`: `timer`, `io`, `outside`, `program`, or `task` with `waker` |
//! | `polled` | |
//! | `ready` | the poll is over and the task is ready again, or done |
//! | `waits` | `for`, `where`; `until` (ns; of a sleep that ends), `fd`, `join`, `object` (which lock, semaphore, ..) |
//! | `ended` | `outcome` |
//! | `fired` | `count` of timers; no task |
//! | `parked` | `timeout` (ns), none without bound; no task |
//! | `unparked` | `count` of events; no task |
//! | `printed` | `text`; `to`: `stdout` or `stderr`, where the two lead to different places; no task: while none was polled |
//!
//! For tools; the page is one.

use super::console::To;
use super::event::{Objects, Recording, Task, What};
use crate::executor::error::Outcome;
use crate::executor::id::Id;
use crate::executor::wait::Wait;
use crate::foreign;
use crate::inspect::observe::{By, Rest};
use crate::inspect::trace::json::Object;

pub(super) fn write(recording: &Recording) -> String {
    let tasks = recording.tasks.iter().map(|task| task_row(recording, task));
    let mut objects = Objects::default();
    let events = recording.events.iter();
    let rows = events.map(|(at, what)| event_row(recording, &mut objects, *at, *what));
    let mut head = format!(
        "{{\"myrt\":1,\"end\":{},\"lost\":{}",
        recording.end(),
        recording.lost
    );
    if recording.has_console {
        head += ",\"console\":true";
    }
    if recording.forgotten > 0 {
        head += &format!(",\"lost_texts\":{}", recording.forgotten);
    }
    format!(
        "{head},\n\"tasks\":{},\n\"events\":{}}}\n",
        lines(tasks),
        lines(rows)
    )
}

/// An array of objects, an object a line.
pub(super) fn lines(objects: impl IntoIterator<Item = String>) -> String {
    let objects: Vec<String> = objects.into_iter().collect();
    format!("[{}]", objects.join(",\n"))
}

fn task_row(recording: &Recording, task: &Task) -> String {
    let object = Object::new()
        .text("id", task.id)
        .text("title", task.title())
        .maybe("name", task.name.as_deref().map(foreign::bounded))
        .maybe("spawned_at", task.spawned_at);
    let object = match task.parent.and_then(|id| recording.place(id)) {
        Some(parent) => object.number("parent", parent),
        None => object,
    };
    if task.is_child {
        object.number("child", 1).end()
    } else {
        object.end()
    }
}

fn event_row(recording: &Recording, objects: &mut Objects, at: u64, what: What) -> String {
    let begin = |event: &str| Object::new().number("at", at).text("event", event);
    let of = |event: &str, id: Id| with_place(begin(event), "task", recording, id);
    match what {
        What::Spawned(id) => of("spawned", id),
        What::Woken(id, by) => woken(of("woken", id), recording, by),
        What::Polled(id) => of("polled", id),
        What::Rested(id, None) => of("ready", id),
        What::Rested(id, Some(rest)) => waits(of("waits", id), recording, objects, rest),
        What::Ended(id, outcome) => of("ended", id).text("outcome", name_of(outcome)),
        What::Fired(timers) => begin("fired").number("count", timers),
        What::Parked(None) => begin("parked"),
        What::Parked(Some(timeout)) => begin("parked").number("timeout", timeout.as_nanos()),
        What::Unparked(events) => begin("unparked").number("count", events),
        What::Printed(None, number) => printed(begin("printed"), recording, number),
        What::Printed(Some(id), number) => printed(of("printed", id), recording, number),
    }
    .end()
}

/// Where a task is in the list; its id, if it is not there.
fn with_place(object: Object, key: &str, recording: &Recording, id: Id) -> Object {
    match recording.place(id) {
        Some(place) => object.number(key, place),
        None => object.text(&format!("{key}_id"), id),
    }
}

fn printed(object: Object, recording: &Recording, number: u64) -> Object {
    let Some(printed) = recording.printed(number) else {
        return object;
    };
    let object = match printed.to {
        To::Both => object,
        To::Output => object.text("to", "stdout"),
        To::Error => object.text("to", "stderr"),
    };
    object.text("text", &printed.text)
}

fn woken(object: Object, recording: &Recording, by: By) -> Object {
    let object = object.text("by", by_word(by));
    match by {
        By::Task(id) => with_place(object, "waker", recording, id),
        _ => object,
    }
}

fn waits(object: Object, recording: &Recording, objects: &mut Objects, rest: Rest) -> Object {
    let object = object.text("for", word_of(rest.wait));
    let object = match rest.wait {
        Wait::Timer(at) => match recording.deadline(at) {
            Some(until) => object.number("until", until),
            None => object,
        },
        Wait::Readable(fd) | Wait::Writable(fd) => object.number("fd", fd),
        Wait::Join(id) => with_place(object, "join", recording, id),
        _ => match objects.of(rest.wait) {
            Some((_, number)) => object.number("object", number),
            None => object,
        },
    };
    object.maybe("where", rest.at)
}

/// What a task waits for in one word.
pub(super) fn word_of(wait: Wait) -> &'static str {
    match wait {
        Wait::Unknown => "unknown",
        Wait::Timer(_) => "sleep",
        Wait::Readable(_) => "read",
        Wait::Writable(_) => "write",
        Wait::Join(_) => "join",
        Wait::Lock(_) => "lock",
        Wait::Semaphore(_) => "semaphore",
        Wait::Channel(_) => "channel",
        Wait::Event(_) => "event",
        Wait::Blocking => "blocking",
        Wait::Children => "children",
        Wait::Custom => "custom",
    }
}

/// Who woke a task in one word.
pub(super) fn by_word(by: By) -> &'static str {
    match by {
        By::Task(_) => "task",
        By::Timer => "timer",
        By::Io => "io",
        By::Outside => "outside",
        By::Program => "program",
    }
}

pub(super) fn name_of(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Completed => "completed",
        Outcome::Cancelled => "cancelled",
        Outcome::Panicked => "panicked",
    }
}
