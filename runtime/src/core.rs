//! Everything that belongs to one runtime, as its thread sees it.
//!
//! It exists so that one pointer in a thread local reaches all of it. Each part has its own file
//! and its own rules; the only thing that is said here is what they share: nothing that runs user
//! code is called while a part is borrowed. It must not know how the loop goes round (`loop.rs`).

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::atomic::AtomicIsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::executor::current::{self, Here};
use crate::executor::error;
use crate::executor::extra::cleanup::Left;
use crate::executor::id::Id;
use crate::executor::probe::{Inspect, Probe, ReadyBy};
use crate::executor::registry::{self, Home, Message};
use crate::executor::remote_queue::RemoteQueue;
use crate::executor::slot::Slot;
use crate::executor::tasks::Tasks;
use crate::executor::unhandled::{Unhandled, UnhandledHook};
use crate::reactor::Reactor;
use crate::sys;
use crate::sys::stderr::complain;
use crate::time::driver::Timers;

/// What the builder decided.
pub(crate) struct Config {
    pub(crate) selector: sys::Selector,
    pub(crate) start_paused: bool,
    pub(crate) seed: Option<u64>,
    pub(crate) grace: Duration,
    pub(crate) event_interval: u32,
    pub(crate) max_events: usize,
    pub(crate) unhandled: Option<UnhandledHook>,
}

/// See the module's head.
pub(crate) struct Core {
    pub(crate) serial: u64,
    pub(crate) tasks: Tasks,
    pub(crate) timers: Timers,
    pub(crate) reactor: Reactor,
    pub(crate) home: Arc<Home>,
    /// The state of the runtime's thread.
    pub(crate) thread: Here,
    /// Jobs that run on the blocking pool or in child processes for this runtime: virtual time
    /// waits for them.
    pub(crate) outside: Cell<usize>,
    pub(crate) random: Cell<u64>,
    pub(crate) config: Config,
    /// How long an async cleanup may take.
    pub(crate) grace: Cell<Duration>,
    pub(crate) turns: Cell<u64>,
    /// Reports made so far.
    pub(crate) reports: Cell<u64>,
    pub(crate) probe: Probe,
    /// The longest that a turn kept to itself, in nanoseconds.
    pub(crate) longest_ns: Cell<u64>,
    /// What all turns together kept to themselves.
    pub(crate) busy_ns: Cell<u64>,
    /// The process that made the runtime: a fork's child shares its epoll and must not use it.
    pub(crate) process: u32,
    /// Messages being handled, kept for its memory.
    pub(crate) inbox: RefCell<Vec<Message>>,
}

impl Core {
    pub(crate) fn new(config: Config, probe: Probe) -> io::Result<Self> {
        let Some((id, serial)) = registry::reserve() else {
            return Err(io::Error::other(
                "65,535 runtimes are alive in this process: drop some first",
            ));
        };
        let built = Reactor::new(config.selector, config.max_events);
        let reactor = built.inspect_err(|_| registry::unreserve(id))?;
        let tasks = Tasks::new(id, probe.counts_wakers);
        let timers = Timers::new(config.start_paused);
        let home = Arc::new(Home {
            id,
            serial,
            queue: RemoteQueue::new(),
            notifier: reactor.notifier(),
            table: Arc::clone(tasks.slots.shared()),
            thread: sys::current_thread(),
            owner: std::thread::current(),
            number: current::thread_number(),
            started: timers.start(),
            clock: Arc::clone(&timers.clock),
            wakers: AtomicIsize::new(0),
            wakers_of: probe.looks.then(Mutex::default),
            at_end: Mutex::default(),
        });
        registry::publish(&home);
        Ok(Self {
            serial,
            tasks,
            timers,
            reactor,
            home,
            thread: Here::new(),
            outside: Cell::new(0),
            random: Cell::new(config.seed.unwrap_or_else(|| seed_of(serial)) | 1),
            grace: Cell::new(config.grace),
            config,
            turns: Cell::new(0),
            reports: Cell::new(0),
            probe,
            longest_ns: Cell::new(0),
            busy_ns: Cell::new(0),
            process: sys::fork::current_pid(),
            inbox: RefCell::new(Vec::new()),
        })
    }

    /// How long an async cleanup may take.
    pub(crate) fn grace(&self) -> Duration {
        self.grace.get()
    }

    /// Takes the cleanups left since `mark`, in the order in which they were left.
    pub(crate) fn take_left(&self, mark: usize) -> Vec<Left> {
        let mut left = self.tasks.left.borrow_mut();
        let mark = mark.min(left.len());
        let taken = left.split_off(mark);
        self.tasks.left_count.set(mark);
        taken
    }

    /// Leaves a cleanup for whoever collects. Gives it back, reported and to be dropped, when the
    /// runtime's own grace is over: nobody will collect.
    pub(crate) fn leave(&self, cleanup: Left) -> Option<Left> {
        if self.tasks.closed.get() {
            self.cut(
                "it was cut, since the runtime ended; see Builder::grace and Runtime::shutdown"
                    .into(),
            );
            return Some(cleanup);
        }
        let mut left = self.tasks.left.borrow_mut();
        left.push(cleanup);
        self.tasks.left_count.set(left.len());
        current::with(|hot| hot.note(current::ATTENTION));
        None
    }

    /// A panic that nobody will hear of otherwise.
    pub(crate) fn unhandled(&self, what: &'static str, identity: u64, panic: Box<dyn Any + Send>) {
        let id = (identity != 0).then(|| Id::from_identity(identity));
        let slot = self.tasks.find(identity);
        let name = slot.and_then(|slot| {
            self.tasks
                .extras
                .peek(slot, |extras| extras.name.clone())
                .flatten()
        });
        let report = Unhandled {
            what,
            id,
            name: name.as_deref(),
            spawned_at: slot.and_then(Slot::spawned_at),
            message: error::message(panic.as_ref()).unwrap_or("(a value that is not a text)"),
        };
        match &self.config.unhandled {
            Some(hook) => Rc::clone(hook)(&report),
            None if what == A_TASK && self.is_told_unjoined(slot, report.message) => {}
            None => complain(format_args!("{report}")),
        }
        error::drop_payload(panic);
    }

    fn is_told_unjoined(&self, slot: Option<&Slot>, message: &str) -> bool {
        let told = |slot| {
            self.probe
                .inspector()?
                .unjoined(self, slot, message, true)
                .then_some(())
        };
        slot.and_then(told).is_some()
    }

    /// Where reports are failures: panics with those that were made since it was asked last.
    #[track_caller]
    pub(crate) fn fail_if_denied(&self) {
        let inspector = self.probe.inspector();
        let denied = inspector.map_or_else(Vec::new, Inspect::take_failures);
        assert!(
            denied.is_empty(),
            "reports are failures here (Lints::Deny):\n{}",
            denied.join("\n")
        );
    }

    /// An async cleanup outlasted its grace and was dropped.
    pub(crate) fn report_cut(&self, grace: Duration) {
        self.cut(format!(
            "it ran longer than its grace of {grace:?} and was cut; see Builder::grace"
        ));
    }

    fn cut(&self, message: String) {
        self.unhandled("an async cleanup", 0, Box::new(message));
    }

    /// Messages from other threads that wait to be handled.
    #[inline]
    pub(crate) fn has_mail(&self) -> bool {
        !self.home.queue.is_empty()
    }

    /// Handles what other threads sent.
    #[inline]
    pub(crate) fn read_mail(&self) {
        if self.has_mail() {
            self.read_all_mail();
        }
    }

    #[cold]
    fn read_all_mail(&self) {
        let mut inbox = self.inbox.take();
        self.home.queue.drain(&mut inbox);
        let mut messages = inbox.drain(..);
        let handled = catch_unwind(AssertUnwindSafe(|| {
            messages.by_ref().for_each(|message| self.handle(message));
        }));
        if let Err(panic) = handled {
            // The hook for panics panicked. What was not handled yet is for the next turn: a lost
            // wake is a lost task.
            messages.for_each(|message| drop(self.home.queue.push(message)));
            resume_unwind(panic);
        }
        drop(messages);
        self.inbox.replace(inbox);
        self.probe
            .tell_polls(|it| it.became_ready(self, ReadyBy::Outside));
    }

    pub(crate) fn handle(&self, message: Message) {
        match message {
            Message::Wake(key) => {
                if let Some(slot) = self.tasks.slots.get(crate::executor::slot::index_of(key)) {
                    // Taken before the poll, so that a wake that comes during it queues again. The
                    // bit is the slot's, not the occupant's: a live key may have relied on the
                    // message of a stale one, so whoever lives there now is woken.
                    slot.remote.take();
                    self.tasks.wake(slot.key());
                }
            }
            Message::Call(call) => {
                if let Err(panic) = catch_unwind(AssertUnwindSafe(call)) {
                    self.unhandled("work that another thread sent", 0, panic);
                }
            }
        }
    }

    /// Jobs of this runtime that run outside of its thread.
    pub(crate) fn outside(&self) -> usize {
        self.outside.get()
    }

    /// A number below `bound` that looks random enough for fairness. It is made of what the last
    /// call left, so that a branch on it need not wait for the arithmetic.
    #[inline]
    pub(crate) fn random_below(&self, bound: u32) -> u32 {
        let x = self.random.get();
        self.random.set(xorshift(x));
        (((x >> 32) * u64::from(bound)) >> 32) as u32
    }
}

/// What [`Core::unhandled`] is told of where a task panicked and nobody joined it.
pub(crate) const A_TASK: &str = "a task";

/// xorshift64.
#[inline]
fn xorshift(mut x: u64) -> u64 {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    x
}

/// A seed for whoever asked for none: the clock and the serial, stirred.
fn seed_of(serial: u64) -> u64 {
    (sys::clock::monotonic_ns() ^ serial.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
