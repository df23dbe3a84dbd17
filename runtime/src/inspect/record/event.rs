//! What a recording keeps: small fixed events in a ring, and their tasks.
//!
//! Why: an event costs a clock reading and 32 bytes, and the ring never grows. Printed texts have a
//! store of their own, which is bounded too.

use std::collections::{HashMap, VecDeque};
use std::panic::Location;
use std::time::Duration;

use super::console::{Listening, To};
use crate::executor::error::Outcome;
use crate::executor::id::Id;
use crate::executor::wait::Wait;
use crate::foreign;
use crate::inspect::observe::{By, NewTask, Rest};
use crate::time::Instant;

/// Events that are kept.
const MOST: usize = 1 << 17;
/// Bytes that are kept of what was printed.
const MOST_PRINTED: usize = 8 << 20;

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
    /// While this task was polled; none while none was. The number of the text, from the first one
    /// on.
    Printed(Option<Id>, u64),
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
            What::Printed(id, number) => (8, id.map_or(0, Id::identity), number),
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
            7 => What::Unparked(self.word as usize),
            _ => What::Printed((id.identity() != 0).then_some(id), self.word),
        }
    }
}

/// A text that was printed.
#[derive(Debug, Clone)]
pub(super) struct Printed {
    pub(super) to: To,
    pub(super) text: String,
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
            Some(name) => foreign::bare(name),
            None if self.id.to_string().starts_with("main") => self.id.to_string(),
            None => format!("task {}", self.id),
        }
    }
}

/// The events while they are recorded.
pub(super) struct Log {
    events: VecDeque<Event>,
    /// What was printed, but for the first `forgotten` texts.
    printed: VecDeque<Printed>,
    forgotten: u64,
    printed_bytes: usize,
    /// Only while the console is recorded.
    console: Option<Listening>,
    /// It was.
    has_console: bool,
    /// The tasks that are polled now, children inside of their parents.
    polled: Vec<Id>,
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
            printed: VecDeque::new(),
            forgotten: 0,
            printed_bytes: 0,
            console: None,
            has_console: false,
            polled: Vec::new(),
            tasks: HashMap::new(),
            start: None,
            latest: Instant::from_nanos(0),
            spawned: 0,
            lost: 0,
        }
    }

    pub(super) fn note(&mut self, what: What) {
        // A clock that is resumed may step back; a recording does not.
        self.note_at(Instant::now().max(self.latest), what);
    }

    fn note_at(&mut self, now: Instant, what: What) {
        self.latest = now;
        self.start.get_or_insert(now);
        if self.events.len() == MOST {
            self.lost += 1;
            match self.events.pop_front().map(|it| it.what()) {
                // Nothing that is kept speaks of a task whose end is forgotten.
                Some(What::Ended(id, _)) => drop(self.tasks.remove(&id)),
                Some(What::Printed(_, number)) if number == self.forgotten => self.forget_text(),
                _ => {}
            }
        }
        self.events.push_back(Event::pack(now, what));
    }

    /// Listens to the console from now on, if that is possible.
    pub(super) fn listen(&mut self) {
        if self.console.is_none() {
            self.console = Listening::begin();
            self.has_console |= self.console.is_some();
        }
    }

    /// Listens no longer.
    pub(super) fn stop_listening(&mut self) {
        if let Some(console) = self.console.take() {
            let texts = console.end();
            self.polled.clear();
            // The runtime's clock may be gone already.
            let now = self.start.map_or_else(Instant::now, |_| self.latest);
            self.print(texts, now);
        }
    }

    /// What was printed since the last call was printed by whoever is polled now.
    #[inline]
    pub(super) fn hear(&mut self) {
        if let Some(console) = self.console.as_mut().filter(|it| it.rang()) {
            let texts = console.heard();
            self.print(texts, Instant::now().max(self.latest));
        }
    }

    pub(super) fn poll_begins(&mut self, task: Id) {
        if self.console.is_some() {
            self.hear();
            self.polled.push(task);
        }
    }

    pub(super) fn poll_ends(&mut self, task: Id) {
        if self.console.is_some() {
            self.hear();
            // One that panicked may have left children of its on the list.
            let place = self.polled.iter().rposition(|it| *it == task);
            self.polled.truncate(place.unwrap_or(0));
        }
    }

    /// Nobody is polled.
    pub(super) fn between_polls(&mut self) {
        if self.console.is_some() {
            self.polled.clear();
            self.hear();
        }
    }

    #[cold]
    fn print(&mut self, texts: Vec<(To, String)>, now: Instant) {
        for (to, text) in texts {
            self.printed_bytes += text.len();
            self.printed.push_back(Printed { to, text });
            let number = self.forgotten + self.printed.len() as u64 - 1;
            self.note_at(now, What::Printed(self.polled.last().copied(), number));
        }
        while self.printed_bytes > MOST_PRINTED {
            self.forget_text();
        }
    }

    fn forget_text(&mut self) {
        if let Some(printed) = self.printed.pop_front() {
            self.printed_bytes -= printed.text.len();
            self.forgotten += 1;
        }
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
        let is_kept = |what: &What| match what {
            What::Printed(_, number) => *number >= self.forgotten,
            _ => true,
        };
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
            events: events.filter(|(_, what)| is_kept(what)).collect(),
            printed: self.printed.iter().cloned().collect(),
            forgotten: self.forgotten,
            has_console: self.has_console,
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
    /// The console was recorded.
    pub(super) has_console: bool,
    /// Texts that were forgotten, since there was too much.
    pub(super) forgotten: u64,
    printed: Vec<Printed>,
    places: HashMap<Id, usize>,
    start: Instant,
}

impl Recording {
    /// Which of `tasks` it is.
    pub(super) fn place(&self, id: Id) -> Option<usize> {
        self.places.get(&id).copied()
    }

    /// A text, by its number.
    pub(super) fn printed(&self, number: u64) -> Option<&Printed> {
        let place = number.checked_sub(self.forgotten)?;
        self.printed.get(usize::try_from(place).ok()?)
    }

    /// The time of the last event.
    pub(super) fn end(&self) -> u64 {
        self.events.last().map_or(0, |(at, _)| *at)
    }

    /// When a sleep ends, in nanoseconds; none for "never". Deadlines are kept to a quarter of a
    /// microsecond only.
    pub(super) fn deadline(&self, at: Instant) -> Option<u64> {
        let nanos = at.saturating_duration_since(self.start).as_nanos() as u64;
        let far = Instant::FAR_FUTURE.as_nanos() >> 8 << 8;
        (at.as_nanos() < far).then_some((nanos + 500) / 1000 * 1000)
    }
}

/// Gives the primitives that tasks wait for numbers, in the order in which they are met: addresses
/// differ from run to run.
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
