//! What is kept of a run: small fixed events in a ring, and the tasks that they speak of.
//!
//! It exists so that recording costs a clock reading and 32 bytes an event, and never grows beyond its ring. It must not
//! know how recordings are shown.

use std::collections::{HashMap, VecDeque};
use std::panic::Location;
use std::time::Duration;

use crate::observe::{By, NewTask, Rest};
use crate::task::error::Outcome;
use crate::task::id::Id;
use crate::task::wait::Wait;
use crate::time::Instant;

/// Events that are kept.
const MOST: usize = 1 << 17;

/// What happened.
#[derive(Debug, Clone, Copy)]
pub(super) enum What {
    Spawned(Id),
    Woken(Id, By),
    Polled(Id),
    Rested(Id, Option<Rest>),
    Ended(Id, Outcome),
    Fired(usize),
    Parked(Option<Duration>),
    Unparked(usize),
}

/// An event in 32 bytes: kinds are in the upper byte of the words, identities have 56 bits.
#[derive(Clone, Copy)]
struct Event {
    at: Instant,
    task: u64,
    word: u64,
    place: Option<&'static Location<'static>>,
}

const _: () = assert!(size_of::<Event>() == 32);

const KIND_SHIFT: u32 = 56;
const PAYLOAD: u64 = (1 << KIND_SHIFT) - 1;
/// In place of a wait: the task is ready again or done.
const NO_REST: u64 = u64::MAX;

impl Event {
    fn pack(at: Instant, what: What) -> Self {
        let mut place = None;
        let (kind, identity, word) = match what {
            What::Spawned(id) => (0, id.identity(), 0),
            What::Woken(id, by) => (1, id.identity(), pack_by(by)),
            What::Polled(id) => (2, id.identity(), 0),
            What::Rested(id, rest) => {
                place = rest.and_then(|rest| rest.at);
                (
                    3,
                    id.identity(),
                    rest.map_or(NO_REST, |rest| rest.wait.pack()),
                )
            }
            What::Ended(id, outcome) => (4, id.identity(), outcome as u64),
            What::Fired(timers) => (5, 0, timers as u64),
            What::Parked(timeout) => {
                let nanos = timeout.map(|it| u64::try_from(it.as_nanos()).unwrap_or(u64::MAX - 1));
                (6, 0, nanos.unwrap_or(u64::MAX))
            }
            What::Unparked(events) => (7, 0, events as u64),
        };
        let task = kind << KIND_SHIFT | identity;
        Self {
            at,
            task,
            word,
            place,
        }
    }

    fn what(&self) -> What {
        let id = Id::from_identity(self.task & PAYLOAD);
        match self.task >> KIND_SHIFT {
            0 => What::Spawned(id),
            1 => What::Woken(id, unpack_by(self.word)),
            2 => What::Polled(id),
            3 => {
                let rest = Rest {
                    wait: Wait::unpack(self.word),
                    at: self.place,
                };
                What::Rested(id, (self.word != NO_REST).then_some(rest))
            }
            4 => What::Ended(id, outcome_of(self.word)),
            5 => What::Fired(self.word as usize),
            6 => What::Parked((self.word != u64::MAX).then(|| Duration::from_nanos(self.word))),
            _ => What::Unparked(self.word as usize),
        }
    }
}

fn outcome_of(word: u64) -> Outcome {
    [Outcome::Completed, Outcome::Cancelled, Outcome::Panicked][word as usize % 3]
}

fn pack_by(by: By) -> u64 {
    let (kind, identity) = match by {
        By::Program => (0, 0),
        By::Task(id) => (1, id.identity()),
        By::Timer => (2, 0),
        By::Io => (3, 0),
        By::Outside => (4, 0),
    };
    kind << KIND_SHIFT | identity
}

fn unpack_by(word: u64) -> By {
    match word >> KIND_SHIFT {
        0 => By::Program,
        1 => By::Task(Id::from_identity(word & PAYLOAD)),
        2 => By::Timer,
        3 => By::Io,
        _ => By::Outside,
    }
}

/// A task that events speak of.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) id: Id,
    pub(super) name: Option<String>,
    pub(super) spawned_at: Option<&'static Location<'static>>,
    pub(super) parent: Option<Id>,
    pub(super) is_child: bool,
    /// Which one it was to be spawned.
    order: u64,
}

impl Task {
    /// Its name, or which one it is.
    pub(super) fn title(&self) -> String {
        match &self.name {
            Some(name) => name.clone(),
            None if self.id.to_string().starts_with("main") => self.id.to_string(),
            None => format!("task {}", self.id),
        }
    }
}

/// The events while they are recorded.
pub(super) struct Log {
    events: VecDeque<Event>,
    tasks: HashMap<Id, Task>,
    start: Option<Instant>,
    latest: Instant,
    spawned: u64,
    lost: u64,
}

impl Log {
    pub(super) fn new() -> Self {
        Self {
            events: VecDeque::new(),
            tasks: HashMap::new(),
            start: None,
            latest: Instant::from_nanos(0),
            spawned: 0,
            lost: 0,
        }
    }

    pub(super) fn note(&mut self, what: What) {
        // A clock that is resumed may step back; a recording does not.
        let now = Instant::now().max(self.latest);
        self.latest = now;
        self.start.get_or_insert(now);
        if self.events.len() == MOST {
            self.lost += 1;
            // Nothing that is kept speaks of a task whose end is forgotten.
            if let Some(What::Ended(id, _)) = self.events.pop_front().map(|it| it.what()) {
                self.tasks.remove(&id);
            }
        }
        self.events.push_back(Event::pack(now, what));
    }

    pub(super) fn spawned(&mut self, task: &NewTask<'_>) {
        let row = Task {
            id: task.id,
            name: task.name.map(str::to_owned),
            spawned_at: task.spawned_at,
            parent: task.parent,
            is_child: task.is_child,
            order: self.spawned,
        };
        self.spawned += 1;
        self.tasks.insert(task.id, row);
        self.note(What::Spawned(task.id));
    }

    pub(super) fn recording(&self) -> Recording {
        let start = self.start.unwrap_or(Instant::from_nanos(0));
        let mut tasks: Vec<Task> = self.tasks.values().cloned().collect();
        tasks.sort_by_key(|task| task.order);
        let events = self.events.iter().map(|event| {
            let at = event.at.saturating_duration_since(start);
            (at.as_nanos() as u64, event.what())
        });
        Recording {
            places: tasks
                .iter()
                .zip(0..)
                .map(|(task, place)| (task.id, place))
                .collect(),
            tasks,
            events: events.collect(),
            start,
            lost: self.lost,
        }
    }
}

/// A run, ready to be shown: times are nanoseconds since its first event.
pub(super) struct Recording {
    /// In the order in which they were spawned.
    pub(super) tasks: Vec<Task>,
    pub(super) events: Vec<(u64, What)>,
    /// Events that were forgotten, since there were too many.
    pub(super) lost: u64,
    places: HashMap<Id, usize>,
    start: Instant,
}

impl Recording {
    /// Which of `tasks` it is.
    pub(super) fn place(&self, id: Id) -> Option<usize> {
        self.places.get(&id).copied()
    }

    /// The time of the last event.
    pub(super) fn end(&self) -> u64 {
        self.events.last().map_or(0, |(at, _)| *at)
    }

    /// When a sleep ends, in nanoseconds; none for "never". Deadlines are kept to a quarter of a microsecond only.
    pub(super) fn deadline(&self, at: Instant) -> Option<u64> {
        let nanos = at.saturating_duration_since(self.start).as_nanos() as u64;
        let far = Instant::FAR_FUTURE.as_nanos() >> 8 << 8;
        (at.as_nanos() < far).then_some((nanos + 500) / 1000 * 1000)
    }
}

/// Gives the primitives that tasks wait for numbers, in the order in which they are met: addresses differ from run to
/// run.
#[derive(Default)]
pub(super) struct Objects {
    met: HashMap<(&'static str, usize), usize>,
    counts: HashMap<&'static str, usize>,
}

impl Objects {
    /// What kind of primitive a wait is for, and which one of that kind; none if it is for none.
    pub(super) fn of(&mut self, wait: Wait) -> Option<(&'static str, usize)> {
        let (kind, address) = match wait {
            Wait::Lock(at) => ("lock", at),
            Wait::Semaphore(at) => ("semaphore", at),
            Wait::Channel(at) => ("channel", at),
            Wait::Event(at) => ("event", at),
            _ => return None,
        };
        let counts = &mut self.counts;
        let number = *self.met.entry((kind, address)).or_insert_with(|| {
            let count = counts.entry(kind).or_default();
            *count += 1;
            *count
        });
        Some((kind, number))
    }
}
