//! What each task of this thread waits for, where, and which task could end that.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;

type Place = &'static Location<'static>;

// ANCHOR: note
/// A wait, as the operation that waits describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    pub what: &'static str,
    /// Where the operation was called, if it knows.
    pub at: Option<Place>,
    /// The task that can end it. None, if that is the clock or the kernel.
    pub on: Option<u64>,
}

thread_local! {
    static TASKS: RefCell<BTreeMap<u64, Task>> = const { RefCell::new(BTreeMap::new()) };
    static RUNNING: Cell<u64> = const { Cell::new(0) };
}

/// Said by an operation that is about to return `Pending`.
pub(crate) fn note(what: &'static str, at: Option<Place>, on: Option<u64>) {
    TASKS.with_borrow_mut(|tasks| {
        if let Some(task) = tasks.get_mut(&running()) {
            task.waits.push(Wait { what, at, on });
        }
    });
}

/// Said by the executor before each poll: what was noted in the last one is over.
pub(crate) fn polled(key: u64) {
    RUNNING.set(key);
    TASKS.with_borrow_mut(|tasks| tasks.entry(key).or_default().waits.clear());
}
// ANCHOR_END: note

/// The key of the task that is polled.
pub(crate) fn running() -> u64 {
    RUNNING.get()
}

pub(crate) fn spawned(key: u64, at: Place) {
    TASKS.with_borrow_mut(|tasks| tasks.entry(key).or_default().spawned = Some(at));
}

pub(crate) fn ended(key: u64) {
    TASKS.with_borrow_mut(|tasks| tasks.remove(&key));
}

// ANCHOR: tasks
/// A task that has not ended.
#[derive(Clone, Debug, Default)]
pub struct Task {
    pub spawned: Option<Place>,
    /// Several, if it waits for the first of several things.
    pub waits: Vec<Wait>,
}

/// All tasks of this thread, by key.
pub fn tasks() -> BTreeMap<u64, Task> {
    TASKS.with_borrow(Clone::clone)
}

/// Whether nothing but tasks can end any wait: then none ever ends.
pub(crate) fn deadlocked() -> bool {
    let waits_for_tasks = |task: &Task| task.waits.iter().all(|wait| wait.on.is_some());
    tasks().values().all(|task| !task.waits.is_empty() && waits_for_tasks(task))
}
// ANCHOR_END: tasks

// ANCHOR: circle
/// Tasks that wait for each other in a circle, each for the next and for nothing else.
pub fn circle(tasks: &BTreeMap<u64, Task>) -> Option<Vec<u64>> {
    let next = |key: &u64| match tasks.get(key)?.waits[..] {
        [wait] => wait.on,
        _ => None,
    };
    tasks.keys().find_map(|start| {
        let path = std::iter::successors(Some(*start), |key| next(key).filter(|it| it != start));
        let path: Vec<u64> = path.take(tasks.len()).collect();
        (path.last().and_then(next) == Some(*start)).then_some(path)
    })
}
// ANCHOR_END: circle

/// The place in the table, and which task in that place it is, if it is not the first.
pub struct Name(pub u64);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 as u32, self.0 >> 32) {
            (place, 0) => write!(f, "{place}"),
            (place, later) => write!(f, "{place}.{later}"),
        }
    }
}

/// A line for each task, and the circle if there is one.
pub fn report() -> String {
    let tasks = tasks();
    let mut text = String::new();
    for (key, task) in &tasks {
        let spawned = task.spawned.map_or("main".to_owned(), |at| format!("spawned at {at}"));
        text += &format!("task {} ({spawned})\n", Name(*key));
        for wait in &task.waits {
            let at = wait.at.map_or(String::new(), |at| format!(" at {at}"));
            let on = wait.on.map_or(String::new(), |on| format!(", which task {} has", Name(on)));
            text += &format!("    waits for {}{at}{on}\n", wait.what);
        }
    }
    for (n, key) in circle(&tasks).unwrap_or_default().into_iter().enumerate() {
        text += &format!("{}{}", if n == 0 { "circle: " } else { " -> " }, Name(key));
    }
    text
}
