//! What only the loop knows: every descriptor and timer with the tasks that wait for it, and the
//! counts.
//!
//! Why: a task's row in the table has room for one wait, and a task may wait for several things.
//! The monitor asks the loop for a copy. While the loop is blocked there is none; then the rows
//! must do, and the client does not wait.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use super::Subject;
use crate::core::Core;
use crate::executor::id::Id;
use crate::executor::registry::Message;
use crate::executor::slot::index_of;
use crate::executor::wait::Wait;
use crate::foreign;
use crate::inspect::trace::json::{self, Object};
use crate::inspect::trace::{Graph, State, in_words, title, wait_to_json};
use crate::metrics::Metrics;
use crate::reactor::source::{Direction, Waiter};
use crate::sys::describe::{self, Described};
use crate::time::Instant;

/// How often it is looked whether the loop is blocked, and how often at most: a second in all.
const GLANCE: Duration = Duration::from_millis(5);
const GLANCES: usize = 200;

/// Has the loop answer. None: it is blocked, or has ended, or is not turned.
pub(super) fn ask<T: Send + 'static>(
    subject: &Subject,
    question: impl FnOnce(&Core) -> T + Send + 'static,
) -> Option<T> {
    if subject.watch.is_blocked() {
        return None;
    }
    let (tell, told) = mpsc::sync_channel(1);
    // The asking thread may have gone.
    let call = move |core: &Core| drop(tell.send(question(core)));
    if !subject.send(Message::call(call)) {
        return None;
    }
    for _ in 0..GLANCES {
        match told.recv_timeout(GLANCE) {
            Ok(answer) => return Some(answer),
            Err(RecvTimeoutError::Timeout) if !subject.watch.is_blocked() => {}
            Err(_) => return None,
        }
    }
    None
}

pub(super) fn metrics(subject: &Subject) -> Option<Metrics> {
    ask(subject, Metrics::of)
}

/// Somebody who waits for a descriptor or a timer; none: a waker that is not one of myrt's, as
/// combinators have.
type Who = Option<Id>;

/// A descriptor and who waits for it.
pub(super) struct Descriptor {
    fd: i32,
    waiters: Vec<(Direction, Who)>,
}

/// A list, and whether it is the whole one, as the loop has it, or what the tasks' rows say.
pub(super) struct List<T> {
    pub(super) rows: Vec<T>,
    pub(super) complete: bool,
}

/// The descriptors that the loop knows, by number.
pub(super) fn descriptors(subject: &Subject, graph: &Graph) -> List<Descriptor> {
    let (mut rows, complete) = match ask(subject, known) {
        Some(known) => {
            let rows = known.into_iter().map(|(fd, waiters)| Descriptor {
                fd,
                waiters: waiters
                    .into_iter()
                    .map(|(direction, key)| (direction, who(subject, key)))
                    .collect(),
            });
            (rows.collect(), true)
        }
        None => (waited_for(graph), false),
    };
    rows.sort_by_key(|row: &Descriptor| row.fd);
    List { rows, complete }
}

fn known(core: &Core) -> Vec<(i32, Vec<Waiter>)> {
    let mut known = core.reactor.sources.borrow_mut().waiters();
    let background = core.reactor.background.get();
    known.retain(|(fd, _)| *fd != background);
    known
}

/// What the rows say: who waits for one thing only, or for one thing last.
fn waited_for(graph: &Graph) -> Vec<Descriptor> {
    let mut rows: Vec<Descriptor> = Vec::new();
    for task in graph.tasks() {
        let (fd, direction) = match task.waits_for {
            Wait::Readable(fd) if task.state == State::Waiting => (fd, Direction::Read),
            Wait::Writable(fd) if task.state == State::Waiting => (fd, Direction::Write),
            _ => continue,
        };
        let waiter = (direction, Some(task.id));
        match rows.iter_mut().find(|row| row.fd == fd) {
            Some(row) => row.waiters.push(waiter),
            None => rows.push(Descriptor {
                fd,
                waiters: vec![waiter],
            }),
        }
    }
    rows
}

/// The timers that wait, soonest first: when they are due, and whom they wake.
pub(super) fn timers(subject: &Subject, graph: &Graph) -> List<(Instant, Who)> {
    let (mut rows, complete) = match ask(subject, |core| core.timers.waiters()) {
        Some(known) => {
            let rows = known.into_iter().map(|(at, key)| (at, who(subject, key)));
            (rows.collect(), true)
        }
        None => (slept_for(graph), false),
    };
    rows.sort_by_key(|(at, _)| *at);
    List { rows, complete }
}

fn slept_for(graph: &Graph) -> Vec<(Instant, Who)> {
    let asleep = graph
        .tasks()
        .iter()
        .filter_map(|task| match task.waits_for {
            Wait::Timer(at) if task.state == State::Waiting => Some((at, Some(task.id))),
            _ => None,
        });
    asleep.collect()
}

/// Everything that a task waits for as the loop knows it, the soonest timer first.
pub(super) fn waits_of(subject: &Subject, task: Id) -> Vec<Wait> {
    let Some((fds, timers)) = ask(subject, |core| (known(core), core.timers.waiters())) else {
        return Vec::new();
    };
    let is = |key: Option<u64>| who(subject, key) == Some(task);
    let mut due: Vec<Instant> = timers
        .into_iter()
        .filter(|(_, key)| is(*key))
        .map(|(at, _)| at)
        .collect();
    due.sort_unstable();
    let mut waits: Vec<Wait> = due.into_iter().map(Wait::Timer).collect();
    for (fd, waiters) in fds {
        let mine = waiters.into_iter().filter(|(_, key)| is(*key));
        waits.extend(mine.map(|(direction, _)| direction.wait(fd)));
    }
    waits
}

/// Whose waker it is.
fn who(subject: &Subject, key: Option<u64>) -> Who {
    let slot = subject.table.look(index_of(key?))?;
    (Some(slot.key()) == key).then(|| Id::from_identity(slot.identity()))
}

fn name(graph: &Graph, who: Who) -> String {
    match who {
        Some(id) => graph.task(id).map_or_else(|| id.to_string(), title),
        None => "of another kind of waker".into(),
    }
}

fn who_to_json(graph: &Graph, object: Object, who: Who) -> Object {
    let task = who.and_then(|id| graph.task(id));
    object.maybe("task", who).maybe(
        "name",
        task.and_then(|task| task.name.as_deref())
            .map(foreign::bounded),
    )
}

impl Descriptor {
    pub(super) fn in_words(&self, graph: &Graph) -> String {
        if self.waiters.is_empty() {
            let Described { local, peer, .. } = describe::fd(self.fd);
            return match peer.or(local) {
                Some(address) => format!("fd {} ({address}): no task waits\n", self.fd),
                None => format!("fd {}: no task waits\n", self.fd),
            };
        }
        let line = |(direction, who): &(Direction, Who)| {
            let writes = *direction == Direction::Write;
            format!(
                "{}: task {}\n",
                in_words(self.fd, writes),
                name(graph, *who)
            )
        };
        self.waiters.iter().map(line).collect()
    }

    pub(super) fn to_json(&self, graph: &Graph) -> String {
        let Described { local, peer, .. } = describe::fd(self.fd);
        let waiters = self.waiters.iter().map(|(direction, who)| {
            let object = wait_to_json(Object::new(), direction.wait(self.fd), graph);
            who_to_json(graph, object, *who).end()
        });
        Object::new()
            .number("fd", self.fd)
            .maybe("peer", peer)
            .maybe("local", local)
            .number("waiters", json::array(waiters))
            .end()
    }
}

pub(super) fn timer_in_words(graph: &Graph, (at, who): (Instant, Who)) -> String {
    let task = name(graph, who);
    match graph.until(at) {
        Some(rest) => format!("in {rest:.1?}: task {task}\n"),
        None => format!("never: task {task}\n"),
    }
}

pub(super) fn timer_to_json(graph: &Graph, (at, who): (Instant, Who)) -> String {
    let object = Object::new().maybe_number("due_in_ms", graph.until_ms(at));
    who_to_json(graph, object, who).end()
}
