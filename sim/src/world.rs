//! [`World`]: hosts, a network between them, one clock, one thread.
//!
//! The world turns one host at a time, always one that has something to do; who comes first is a
//! choice of the tape. When none has, time moves to the next message, timer or fault.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use myrt_net::world::Network;
use myrt_runtime::simulated as door;

use crate::chaos::Chaos;
use crate::failure::{Failure, FailureKind, Summary};
use crate::host::Host;
use crate::kernel::Kernel;
use crate::link::HostId;
use crate::machine::{Factory, Machine, Skew, outcome};
use crate::net::Net;
use crate::panics;
use crate::shell;
use crate::tape::{Purpose, Tape, Tapes, split_mix};

/// The monotonic clock when a world begins, in nanoseconds; and the wall clock (2026-01-01).
pub(crate) const START: u64 = 1_000_000_000_000;
pub(crate) const WALL: u64 = 1_767_225_600_000_000_000;
pub(crate) const SECOND: u64 = 1_000_000_000;
/// A host that is turned so often in one instant never waits.
const MOST_STEPS: u64 = 200_000;
const DAY: u64 = 86_400 * SECOND;

/// Something that is done between two steps.
pub(crate) enum Command {
    Crash(HostId),
    Stop(HostId),
    Restart(HostId),
    Pause(HostId, Duration),
    Release,
}

/// Something that happens by itself, later.
pub(crate) enum Timed {
    Chaos,
    Heal(HostId, HostId),
    Restart(HostId),
}

/// What a world and the handles to it share.
pub(crate) struct Shared {
    pub(crate) kernel: Rc<Kernel>,
    pub(crate) machines: RefCell<Vec<Machine>>,
    commands: RefCell<VecDeque<Command>>,
    timed: RefCell<BTreeMap<(u64, u64), Timed>>,
    last_timed: Cell<u64>,
    pub(crate) chaos: RefCell<Chaos>,
    broken: RefCell<Option<Failure>>,
    expected: RefCell<BTreeMap<(&'static str, u32), Expected>>,
    pub(crate) steps: Cell<u64>,
    entropy: Cell<u64>,
    /// Whose step it is.
    pub(crate) turned: Cell<Option<HostId>>,
}

/// Of an `eventually!` that did not hold: until when it may, and what it says.
type Expected = (u64, String);

thread_local! {
    /// The world that runs on this thread.
    static CURRENT: RefCell<Option<Rc<Shared>>> = const { RefCell::new(None) };
}

/// A simulated world: see the [module](crate).
///
/// It belongs to the thread that made it. When it is dropped, its hosts lose their power.
pub struct World {
    shared: Rc<Shared>,
}

impl World {
    /// A world without hosts, in which everything that is random comes from `seed`.
    ///
    /// # Panics
    /// Inside of a world.
    #[must_use]
    #[track_caller]
    pub fn new(seed: u64) -> Self {
        Self::with_tapes(Tapes::new(seed, None))
    }

    /// A world that repeats a run: whatever is beyond the tape's end is the ordinary thing.
    ///
    /// # Panics
    /// Inside of a world.
    #[must_use]
    #[track_caller]
    pub fn replay(tape: Tape) -> Self {
        Self::with_tapes(Tapes::new(tape.seed(), Some(tape)))
    }

    #[track_caller]
    pub(crate) fn with_tapes(tapes: Tapes) -> Self {
        assert!(
            !is_simulated(),
            "a world was made inside of a world: make it in the test, outside of its hosts"
        );
        panics::install();
        let mut entropy = tapes.seed() ^ 0x5bd1_e995;
        split_mix(&mut entropy);
        Self {
            shared: Rc::new(Shared {
                kernel: Kernel::new(START, tapes),
                machines: RefCell::default(),
                commands: RefCell::default(),
                timed: RefCell::default(),
                last_timed: Cell::new(0),
                chaos: RefCell::default(),
                broken: RefCell::default(),
                expected: RefCell::default(),
                steps: Cell::new(0),
                entropy: Cell::new(entropy),
                turned: Cell::new(None),
            }),
        }
    }

    /// Adds a host that runs what `main` gives, and again what it gives at a restart. Others reach
    /// it under its name. A `main` that returns an error fails the run, as one that panics.
    ///
    /// # Panics
    /// If a host has that name already.
    #[track_caller]
    pub fn host<F>(&mut self, name: &str, mut main: impl FnMut() -> F + 'static) -> Host
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let factory: Factory = Box::new(move || Box::pin(outcome(main())));
        self.add(name, factory, false)
    }

    /// Adds a host that runs `future` once: what the run is about. [`World::run`] ends when all
    /// clients have.
    ///
    /// # Panics
    /// If a host has that name already.
    #[track_caller]
    pub fn client<F>(&mut self, name: &str, future: F) -> Host
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let mut future = Some(outcome(future));
        let factory: Factory = Box::new(move || match future.take() {
            Some(future) => Box::pin(future),
            None => Box::pin(std::future::ready(None)),
        });
        self.add(name, factory, true)
    }

    #[track_caller]
    fn add(&mut self, name: &str, factory: Factory, is_client: bool) -> Host {
        let kernel = &self.shared.kernel;
        let taken = kernel
            .state
            .borrow()
            .machines
            .iter()
            .any(|it| it.name == name);
        assert!(
            !taken,
            "this world has a host {name:?} already: give each a name of its own"
        );
        let id = kernel.add_machine(name);
        self.shared.machines.borrow_mut().push(Machine {
            runtime: None,
            factory: Some(factory),
            is_client,
            ended: false,
            paused_until: 0,
            stopping: None,
            turns: 0,
            skew: Skew::default(),
        });
        self.shared.command(Command::Restart(id));
        Host {
            shared: Rc::clone(&self.shared),
            id,
        }
    }

    /// The network.
    #[must_use]
    pub fn net(&self) -> Net {
        Net {
            shared: Rc::clone(&self.shared),
        }
    }

    /// Sets which faults happen from now on.
    pub fn chaos(&mut self, chaos: Chaos) {
        self.shared.kernel.state.borrow_mut().faults = chaos.faults;
        let draws = chaos.draws_each_second();
        let before = self.shared.chaos.replace(chaos);
        if draws && !before.draws_each_second() {
            self.shared.later(SECOND, Timed::Chaos);
        }
    }

    /// Simulated time since the world began.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.shared.since_start()
    }

    /// The world's seed.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.shared.kernel.tapes.seed()
    }

    /// A copy of the choices made so far.
    #[must_use]
    pub fn fork_tape(&self) -> Tape {
        self.shared.kernel.tapes.made()
    }

    pub(crate) fn broken(&self) -> Option<Failure> {
        self.shared.broken.borrow().clone()
    }

    /// The test's own panic, as a failure.
    pub(crate) fn panicked(&self, message: String) -> Failure {
        self.shared.turned.set(None);
        self.shared.failure(FailureKind::Panic, message)
    }

    pub(crate) fn hash(&self) -> u64 {
        self.shared.kernel.state.borrow().hash
    }

    pub(crate) fn choice(&self, row: usize, place: usize) -> Option<(&'static str, Duration)> {
        let choice = self.shared.kernel.tapes.unusual(row, place)?;
        Some((choice.what, Duration::from_nanos(choice.at - START)))
    }

    /// Runs until every client has ended.
    ///
    /// # Errors
    /// When a client, a host or a task of one panicked or a main future returned an error; when an
    /// `always!` broke; when clients wait and nothing can happen any more, or have not ended after
    /// a simulated day.
    pub fn run(&mut self) -> Result<Summary, Failure> {
        let limit = self.shared.kernel.now.get() + DAY;
        self.go(limit, |world| world.shared.clients_ended(), true)
    }

    /// Runs for a while of simulated time, whether or not the clients have ended by then.
    ///
    /// # Errors
    /// As [`World::run`], but for the day.
    pub fn run_for(&mut self, time: Duration) -> Result<Summary, Failure> {
        let limit = self.shared.kernel.now.get() + nanos(time);
        self.go(limit, |_| false, false)
    }

    /// Runs until `done` says so; it is asked between steps.
    ///
    /// # Errors
    /// As [`World::run`].
    pub fn run_until(&mut self, done: impl FnMut(&Self) -> bool) -> Result<Summary, Failure> {
        let limit = self.shared.kernel.now.get() + DAY;
        self.go(limit, done, true)
    }

    fn go(
        &mut self,
        limit: u64,
        mut done: impl FnMut(&Self) -> bool,
        must_end: bool,
    ) -> Result<Summary, Failure> {
        let shared = Rc::clone(&self.shared);
        let _running = Running::begin(&shared);
        let kernel = &shared.kernel;
        let mut here = 0;
        loop {
            shared.obey();
            if let Some(failure) = shared.broken.borrow().clone() {
                return Err(failure);
            }
            if done(self) {
                return Ok(shared.summary());
            }
            if shared.step() {
                here += 1;
                if here > MOST_STEPS {
                    let told =
                        "turned 200,000 times in one instant: something wakes itself for ever";
                    return Err(shared.failure(FailureKind::Busy, told.into()));
                }
                continue;
            }
            here = 0;
            let waits = !shared.clients_ended();
            let next = shared.next_moment();
            if next.is_none_or(|next| next > limit) {
                if next.is_none() && waits {
                    let told = shared.who_waits();
                    return Err(shared.failure(FailureKind::Stuck, told));
                }
                if must_end && next.is_some() {
                    let told = shared.who_waits();
                    return Err(shared.failure(FailureKind::Endless, told));
                }
                if must_end {
                    let told = "the condition of run_until does not hold".into();
                    return Err(shared.failure(FailureKind::Stuck, told));
                }
                kernel.now.set(limit);
                return Ok(shared.summary());
            }
            kernel.now.set(next.unwrap_or(limit).max(kernel.now.get()));
            shared.time_has_come();
            kernel.deliver();
        }
    }
}

pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX >> 2)
}

/// Whether this thread is inside of a world.
#[must_use]
pub fn is_simulated() -> bool {
    CURRENT
        .try_with(|it| it.borrow().is_some())
        .unwrap_or(false)
}

/// A random number: a choice of the tape inside of a world, else the system's.
#[must_use]
pub fn random() -> u64 {
    match CURRENT.with_borrow(Clone::clone) {
        Some(it) => {
            let now = it.kernel.now.get();
            it.kernel
                .tapes
                .draw(Purpose::User, "sim::random", u64::MAX, now)
        }
        None => {
            use std::hash::{BuildHasher, RandomState};
            RandomState::new().hash_one(0)
        }
    }
}

/// Ends the run of this thread's world.
pub(crate) fn fail(kind: FailureKind, message: String) {
    if let Some(shared) = CURRENT.with_borrow(Clone::clone) {
        shared.fail(kind, message);
    }
}

/// What [`eventually!`](crate::eventually) says.
pub(crate) fn expect(
    holds: bool,
    within: Duration,
    text: &'static str,
    at: &'static Location<'static>,
) {
    let Some(shared) = CURRENT.with_borrow(Clone::clone) else {
        return;
    };
    let mut expected = shared.expected.borrow_mut();
    let key = (at.file(), at.line());
    if holds {
        expected.remove(&key);
        return;
    }
    let until = shared.kernel.now.get() + nanos(within);
    expected
        .entry(key)
        .or_insert_with(|| (until, format!("{text}, within {within:?} ({at})")));
}

/// While this lives, the thread is inside of the world.
struct Running {
    before: Option<Rc<dyn Network>>,
}

impl Running {
    fn begin(shared: &Rc<Shared>) -> Self {
        CURRENT.set(Some(Rc::clone(shared)));
        let network: Rc<dyn Network> = Rc::<Kernel>::clone(&shared.kernel);
        shell::set_entropy(shared.entropy.get());
        door::enter(true);
        Self {
            before: myrt_net::world::enter(Some(network)),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        myrt_net::world::enter(self.before.take());
        door::enter(false);
        shell::set_clocks(0, 0);
        if let Some(shared) = CURRENT.take() {
            shared.entropy.set(shell::entropy());
            shared.kernel.state.borrow_mut().current = None;
        }
    }
}

impl Shared {
    fn since_start(&self) -> Duration {
        Duration::from_nanos(self.kernel.now.get() - START)
    }

    pub(crate) fn command(&self, command: Command) {
        self.commands.borrow_mut().push_back(command);
    }

    pub(crate) fn release_later(&self) {
        self.command(Command::Release);
    }

    pub(crate) fn later(&self, delay: u64, what: Timed) {
        let number = self.last_timed.get() + 1;
        self.last_timed.set(number);
        let at = self.kernel.now.get() + delay;
        self.timed.borrow_mut().insert((at, number), what);
    }

    #[track_caller]
    pub(crate) fn pair(&self, a: &str, b: &str) -> (HostId, HostId) {
        assert!(a != b, "a link joins two hosts, and {a:?} was given twice");
        let state = self.kernel.state.borrow();
        let find = |name: &str| {
            let found = state.machines.iter().position(|it| it.name == name);
            found.ok_or_else(|| {
                let names: Vec<_> = state.machines.iter().map(|it| it.name.as_str()).collect();
                format!(
                    "this world has no host {name:?}; its hosts: {}",
                    names.join(", ")
                )
            })
        };
        match (find(a), find(b)) {
            (Ok(a), Ok(b)) => (a, b),
            (Err(error), _) | (_, Err(error)) => panic!("{error}"),
        }
    }

    pub(crate) fn partition(&self, a: HostId, b: HostId) {
        let mut state = self.kernel.state.borrow_mut();
        state.links.cut.extend([(a, b), (b, a)]);
    }

    pub(crate) fn heal(&self, a: HostId, b: HostId) {
        let mut state = self.kernel.state.borrow_mut();
        for way in [(a, b), (b, a)] {
            state.links.cut.remove(&way);
            state.links.held.remove(&way);
        }
        self.release_later();
    }

    pub(crate) fn skew(&self, id: HostId, ppm: i32, offset: Duration) {
        let now = self.kernel.now.get();
        self.machines.borrow_mut()[id].skew = Skew {
            ppm,
            offset: nanos(offset),
            since: now,
        };
    }

    pub(crate) fn can_restart(&self, id: HostId) -> bool {
        !self.machines.borrow()[id].is_client
    }

    pub(crate) fn is_running(&self, id: HostId) -> bool {
        self.machines.borrow()[id].runtime.is_some()
    }

    fn clients_ended(&self) -> bool {
        let machines = self.machines.borrow();
        let mut clients = machines.iter().filter(|it| it.is_client).peekable();
        clients.peek().is_some() && clients.all(|it| it.ended)
            || machines.iter().all(|it| !it.is_client)
    }

    fn summary(&self) -> Summary {
        let state = self.kernel.state.borrow();
        Summary {
            seed: self.kernel.tapes.seed(),
            simulated: self.since_start(),
            steps: self.steps.get(),
            messages: state.events,
            choices: self.kernel.tapes.unusual_count(),
            hash: state.hash,
        }
    }

    fn failure(&self, kind: FailureKind, message: String) -> Failure {
        let state = self.kernel.state.borrow();
        let host = self.turned.get().filter(|_| kind != FailureKind::Stuck);
        Failure {
            kind,
            seed: self.kernel.tapes.seed(),
            at: self.since_start(),
            host: host.map_or_else(String::new, |id| state.machines[id].name.clone()),
            message,
            tape: Box::new(self.kernel.tapes.made()),
        }
    }

    pub(crate) fn fail(&self, kind: FailureKind, message: String) {
        if self.broken.borrow().is_none() {
            let failure = self.failure(kind, message);
            *self.broken.borrow_mut() = Some(failure);
        }
    }

    /// Does what was asked for since the last step.
    fn obey(self: &Rc<Self>) {
        loop {
            let Some(command) = self.commands.borrow_mut().pop_front() else {
                return;
            };
            match command {
                Command::Crash(id) => self.crash(id),
                Command::Stop(id) => self.stop(id),
                Command::Restart(id) => {
                    self.crash(id);
                    self.start(id);
                }
                Command::Pause(id, time) => {
                    let until = self.kernel.now.get() + nanos(time);
                    self.machines.borrow_mut()[id].paused_until = until;
                }
                Command::Release => self.kernel.release(),
            }
        }
    }

    /// The next moment at which something happens.
    fn next_moment(&self) -> Option<u64> {
        let machines = self.machines.borrow();
        let due = |(id, machine): (usize, &Machine)| {
            let at = self.due(id, machine)?;
            Some(at.max(machine.paused_until))
        };
        let hosts = machines.iter().enumerate().filter_map(due);
        let timed = self.timed.borrow().keys().next().map(|key| key.0);
        let expected = self.expected.borrow().values().map(|it| it.0).min();
        let arrival = self.kernel.next_arrival();
        hosts.chain(arrival).chain(timed).chain(expected).min()
    }

    fn time_has_come(&self) {
        let now = self.kernel.now.get();
        let late = self
            .expected
            .borrow()
            .values()
            .find(|it| it.0 <= now)
            .cloned();
        if let Some((_, text)) = late {
            self.turned.set(None);
            self.fail(FailureKind::Eventually, text);
        }
        loop {
            let what = {
                let mut timed = self.timed.borrow_mut();
                let first = timed.first_entry().filter(|it| it.key().0 <= now);
                first.map(|it| it.remove())
            };
            match what {
                None => return,
                Some(Timed::Chaos) => self.cause_chaos(),
                Some(Timed::Heal(a, b)) => self.heal(a, b),
                Some(Timed::Restart(id)) => self.command(Command::Restart(id)),
            }
        }
    }

    fn who_waits(&self) -> String {
        let machines = self.machines.borrow();
        let state = self.kernel.state.borrow();
        let waiting = machines.iter().zip(&state.machines);
        let waiting = waiting.filter(|(it, _)| it.is_client && !it.ended);
        let names: Vec<&str> = waiting.map(|(_, it)| it.name.as_str()).collect();
        format!("still waiting: {}", names.join(", "))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let hosts = self.shared.machines.borrow().len();
        let running = (!is_simulated()).then(|| Running::begin(&self.shared));
        for id in 0..hosts {
            self.shared.crash(id);
        }
        // The functions may hold handles to this world.
        let machines = std::mem::take(&mut *self.shared.machines.borrow_mut());
        drop(machines);
        drop(running);
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("seed", &self.seed())
            .field("now", &self.now())
            .finish_non_exhaustive()
    }
}
