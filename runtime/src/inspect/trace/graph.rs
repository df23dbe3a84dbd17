//! The task graph: what each task waits for, as a tree and as JSON.
//!
//! It is printed on request, and in reports.

use std::collections::{BTreeMap, HashSet};
use std::fmt::{self, Write};
use std::time::Duration;

use super::json::{self, Object};
use super::snapshot::{self, State, TaskInfo};
use crate::executor::current;
use crate::executor::id::Id;
use crate::executor::registry::Home;
use crate::executor::wait::Wait;
use crate::executor::waker_table::Table;
use crate::foreign;
use crate::runtime_loop::Runtime;
use crate::sys::describe::{self, Kind};
use crate::time::Instant;

/// The tasks of one runtime at one moment. Displayed as a tree; [`Graph::to_json`] is for tools.
#[derive(Debug, Clone)]
pub struct Graph {
    rows: Vec<TaskInfo>,
    now_ms: u32,
    /// The moment of `now_ms` on the runtime's clock.
    now: Instant,
}

/// The tasks of this thread's runtime and what they wait for. Empty outside of a runtime.
///
/// ```
/// myrt::run(async {
///     let task = myrt::spawn(async { myrt::time::sleep(std::time::Duration::MAX).await });
///     myrt::yield_now().await;
///     assert!(myrt::task::graph().to_string().contains("sleep"));
///     let _ = task.cancel();
/// });
/// ```
#[must_use]
pub fn graph() -> Graph {
    current::with_core(|core| match core {
        Some(core) => {
            let now = core.timers.clock.now();
            Graph::new(&core.home, core.timers.millis(now), now)
        }
        None => Graph {
            rows: Vec::new(),
            now_ms: 0,
            now: Instant::now(),
        },
    })
}

impl Graph {
    pub(crate) fn new(home: &Home, now_ms: u32, now: Instant) -> Self {
        Self::of(&home.table, now_ms, now)
    }

    pub(crate) fn of(table: &Table, now_ms: u32, now: Instant) -> Self {
        Self {
            rows: snapshot::of(table),
            now_ms,
            now,
        }
    }

    /// The tasks, in the order of the table.
    #[must_use]
    pub fn tasks(&self) -> &[TaskInfo] {
        &self.rows
    }

    /// The task of an id.
    #[must_use]
    pub fn task(&self, id: Id) -> Option<&TaskInfo> {
        self.rows.iter().find(|row| row.id == id)
    }

    /// The task of a name; the first, if several have it.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&TaskInfo> {
        self.rows
            .iter()
            .find(|row| row.name.as_deref() == Some(name))
    }

    /// How long a task has waited.
    #[must_use]
    pub fn waited(&self, row: &TaskInfo) -> Duration {
        Duration::from_millis(u64::from(self.now_ms.saturating_sub(row.waits_since_ms)))
    }

    /// What a task is doing, in words: `waits 3.2 s to read fd 7 (127.0.0.1:4242) at
    /// src/main.rs:10:9`.
    #[must_use]
    pub fn doing(&self, row: &TaskInfo) -> String {
        if row.state != State::Waiting {
            return row.state.name().into();
        }
        let mut text = match self.waited(row) {
            Duration::ZERO => "waits 0ms ".to_owned(), // it is kept in milliseconds
            waited => format!("waits {waited:.1?} "),
        };
        text.push_str(&self.wait_in_words(row.waits_for));
        if let Some(holder) = row.held_by {
            let _ = write!(text, ", {} {}", role(row.waits_for), self.introduce(holder));
        }
        if let Some(at) = row.waits_at {
            let _ = write!(text, " at {at}");
        }
        if row.waits_for_others {
            text.push_str(", among others");
        }
        text
    }

    /// A task by title and where it was spawned.
    fn introduce(&self, id: Id) -> String {
        match self.task(id).map(|row| (title(row), row.spawned_at)) {
            Some((title, Some(at))) => format!("task {title} (spawned at {at})"),
            Some((title, None)) => format!("task {title}"),
            None => format!("task {id}, which has ended,"),
        }
    }

    /// How long until a deadline; none: it is never.
    pub(crate) fn until(&self, deadline: Instant) -> Option<Duration> {
        let ends = deadline != Instant::FAR_FUTURE;
        ends.then(|| deadline.saturating_duration_since(self.now))
    }

    /// The same in whole milliseconds, of which the last has begun.
    pub(crate) fn until_ms(&self, deadline: Instant) -> Option<u128> {
        let rest = self.until(deadline)?;
        Some(rest.as_nanos().div_ceil(1_000_000))
    }

    pub(crate) fn wait_in_words(&self, wait: Wait) -> String {
        match wait {
            Wait::Timer(deadline) => match self.until(deadline) {
                // The deadline is kept to a quarter of a microsecond.
                Some(rest) => format!("in a sleep, {rest:.1?} to go"),
                None => "in a sleep for ever".into(),
            },
            Wait::Readable(fd) => format!("to {}", in_words(fd, false)),
            Wait::Writable(fd) => format!("to {}", in_words(fd, true)),
            Wait::Join(id) => format!("for task {}", self.title_of(id)),
            Wait::Lock(at) => format!("for the lock at {at:#x}"),
            Wait::Semaphore(at) => format!("for the semaphore at {at:#x}"),
            Wait::Channel(at) => format!("for the channel at {at:#x}"),
            Wait::Event(at) => format!("for the event at {at:#x}"),
            Wait::Blocking => "for a job on the blocking pool".into(),
            Wait::Children => "for its children".into(),
            Wait::Custom => "for something of its own".into(),
            Wait::Unknown => "for something that is not myrt's".into(),
        }
    }

    fn title_of(&self, id: Id) -> String {
        self.task(id).map_or_else(|| id.to_string(), title)
    }

    /// The tasks as a JSON array of objects: `id`, `name` (its first 80 characters), `state`,
    /// `spawned_at`, `parent`, `polls`, where polls were timed `busy_us` and `longest_poll_us`, and
    /// for those that wait `waited_ms`, `waits_for`, `waits_at`, and what there is of `fd`, `peer`,
    /// `local`, `join`, `object`, `due_in_ms` (of a sleep: how long until its deadline, `null` if
    /// that is never); who has the object: `holder` (of a lock), `last_holder` (of a semaphore's
    /// permits) or `receiver` (of a full channel), `holder_name`, `holder_spawned_at`,
    /// `holder_ended`; `among_others`, for one that waits for something else too.
    #[must_use]
    pub fn to_json(&self) -> String {
        json::array(self.rows.iter().map(|row| self.row_to_json(row).end()))
    }

    pub(crate) fn row_to_json(&self, row: &TaskInfo) -> Object {
        let object = Object::new()
            .text("id", row.id)
            .maybe("name", row.name.as_deref().map(foreign::bounded))
            .text("state", row.state.name())
            .maybe("spawned_at", row.spawned_at)
            .maybe("parent", row.parent)
            .number("polls", row.polls);
        let object = match row.times {
            Some(times) => object
                .number("busy_us", times.busy.as_micros())
                .number("longest_poll_us", times.longest.as_micros()),
            None => object,
        };
        if row.state != State::Waiting {
            return object;
        }
        let object = object.number("waited_ms", self.now_ms.saturating_sub(row.waits_since_ms));
        let object = wait_to_json(object, row.waits_for, self).maybe("waits_at", row.waits_at);
        let object = match row.held_by {
            Some(holder) => self.holder_to_json(object, row.waits_for, holder),
            None => object,
        };
        if row.waits_for_others {
            object.flag("among_others")
        } else {
            object
        }
    }

    fn holder_to_json(&self, object: Object, wait: Wait, id: Id) -> Object {
        let key = match wait {
            Wait::Semaphore(_) => "last_holder",
            Wait::Channel(_) => "receiver",
            _ => "holder",
        };
        let holder = self.task(id);
        let object = object
            .text(key, id)
            .maybe(
                "holder_name",
                holder
                    .and_then(|row| row.name.as_deref())
                    .map(foreign::bounded),
            )
            .maybe("holder_spawned_at", holder.and_then(|row| row.spawned_at));
        if holder.is_none() {
            object.flag("holder_ended")
        } else {
            object
        }
    }

    fn write_tree(
        &self,
        f: &mut fmt::Formatter<'_>,
        children: &BTreeMap<Option<Id>, Vec<&TaskInfo>>,
        seen: &mut HashSet<Id>,
        parent: Option<Id>,
        indent: &str,
    ) -> fmt::Result {
        let Some(rows) = children.get(&parent) else {
            return Ok(());
        };
        for (place, row) in rows.iter().enumerate() {
            if !seen.insert(row.id) {
                continue;
            }
            let last = place + 1 == rows.len();
            let (branch, below) = match (parent.is_none(), last) {
                (true, _) => ("", ""),
                (false, true) => ("└─ ", "   "),
                (false, false) => ("├─ ", "│  "),
            };
            let polls = if row.polls == 1 { "poll" } else { "polls" };
            writeln!(
                f,
                "{indent}{branch}{}: {}, {} {polls}",
                title(row),
                self.doing(row),
                row.polls
            )?;
            self.write_tree(f, children, seen, Some(row.id), &format!("{indent}{below}"))?;
        }
        Ok(())
    }
}

/// `7 "worker"`, or `7` without a name.
pub(crate) fn title(row: &TaskInfo) -> String {
    match &row.name {
        Some(name) => format!("{} {}", row.id, foreign::quoted(name)),
        None => row.id.to_string(),
    }
}

/// What waiting for a descriptor means: accept, read, write or connect, and with whom.
pub(crate) fn in_words(fd: i32, write: bool) -> String {
    let described = describe::fd(fd);
    let verb = match (&described.kind, write) {
        (Kind::Listener, _) => "accept on",
        (_, true) => "write",
        (_, false) => "read",
    };
    let with = described.peer.as_ref().or(described.local.as_ref());
    match with {
        Some(address) => format!("{verb} fd {fd} ({address})"),
        None => format!("{verb} fd {fd}"),
    }
}

/// How the one who has what is waited for stands to it.
fn role(wait: Wait) -> &'static str {
    match wait {
        Wait::Semaphore(_) => "whose last permit went to",
        Wait::Channel(_) => "which is full and received by",
        _ => "held by",
    }
}

pub(crate) fn wait_to_json(object: Object, wait: Wait, graph: &Graph) -> Object {
    match wait {
        Wait::Timer(at) => object
            .text("waits_for", "sleep")
            .maybe_number("due_in_ms", graph.until_ms(at)),
        Wait::Readable(fd) | Wait::Writable(fd) => {
            let described = describe::fd(fd);
            let word = match (&described.kind, wait) {
                (Kind::Listener, _) => "accept",
                (_, Wait::Writable(_)) => "write",
                _ => "read",
            };
            object
                .text("waits_for", word)
                .number("fd", fd)
                .maybe("peer", described.peer)
                .maybe("local", described.local)
        }
        Wait::Join(id) => object.text("waits_for", "join").text("join", id),
        Wait::Lock(at) => object
            .text("waits_for", "lock")
            .text("object", format_args!("{at:#x}")),
        Wait::Semaphore(at) => object
            .text("waits_for", "semaphore")
            .text("object", format_args!("{at:#x}")),
        Wait::Channel(at) => object
            .text("waits_for", "channel")
            .text("object", format_args!("{at:#x}")),
        Wait::Event(at) => object
            .text("waits_for", "event")
            .text("object", format_args!("{at:#x}")),
        Wait::Blocking => object.text("waits_for", "blocking"),
        Wait::Children => object.text("waits_for", "children"),
        Wait::Custom => object.text("waits_for", "custom"),
        Wait::Unknown => object.text("waits_for", "unknown"),
    }
}

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut children: BTreeMap<Option<Id>, Vec<&TaskInfo>> = BTreeMap::new();
        for row in &self.rows {
            children.entry(row.parent).or_default().push(row);
        }
        let mut seen = HashSet::new();
        self.write_tree(f, &children, &mut seen, None, "")?;
        // Whoever was not reached from a root (a slot changed hands while it was read) is still
        // shown.
        for row in self.rows.iter().filter(|row| !seen.contains(&row.id)) {
            writeln!(f, "{}: {}", title(row), self.doing(row))?;
        }
        Ok(())
    }
}

impl Runtime {
    /// The tasks and what they wait for, from outside of the loop: for steppers. Inside,
    /// [`task::graph`](crate::task::graph).
    #[must_use]
    pub fn graph(&self) -> Graph {
        let core = self.core();
        let now = core.timers.clock.now();
        Graph::new(&core.home, core.timers.millis(now), now)
    }
}
