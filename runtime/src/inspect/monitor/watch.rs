//! The watch: notices from another thread that a poll does not end.
//!
//! Why: a blocked loop cannot report itself. A thread checks every few milliseconds which task runs
//! and how often it was polled; while both stay the same, the loop is in that poll. It does not
//! touch the loop.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use super::system::{self, Doing};
use crate::core::Core;
use crate::executor::id::Id;
use crate::executor::registry::{self, Home, Message};
use crate::executor::slot::index_of;
use crate::executor::waker_table::Table;
use crate::inspect::watchdog;
use crate::sys::clock::monotonic_ns;

/// How often the watch looks.
const EVERY: Duration = Duration::from_millis(10);
/// How long polls are timed after somebody asked who is busy.
const TIMED: Duration = Duration::from_secs(10);

/// See the module's head.
pub(super) struct Watch {
    seen: Mutex<Seen>,
    over: Condvar,
    serial: u64,
    home: Weak<Home>,
    table: Arc<Table>,
    thread: u32,
}

#[derive(Default, Clone, Copy)]
struct Seen {
    key: u64,
    polls: u32,
    /// When this poll was first seen.
    since_ns: u64,
    over: bool,
    /// Until when polls are timed; 0: they are not, for the monitor's sake.
    timed_until_ns: u64,
}

/// A poll that goes on.
#[derive(Debug, Clone)]
pub(super) struct Blocked {
    pub(super) task: Id,
    pub(super) lasts: Duration,
    pub(super) doing: Doing,
}

impl Watch {
    pub(super) fn start(home: &Arc<Home>) -> io::Result<Arc<Self>> {
        let watch = Arc::new(Self {
            seen: Mutex::default(),
            over: Condvar::new(),
            serial: home.serial,
            home: Arc::downgrade(home),
            table: Arc::clone(&home.table),
            thread: home.thread,
        });
        let end = Arc::downgrade(&watch);
        home.at_end(Box::new(move || Self::end(&end)));
        let this = Arc::clone(&watch);
        thread::Builder::new()
            .name("myrt-watch".into())
            .spawn(move || this.look_on())?;
        Ok(watch)
    }

    fn end(this: &Weak<Self>) {
        if let Some(watch) = this.upgrade() {
            watch.lock().over = true;
            watch.over.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look_on(&self) {
        while !self.rest() {
            self.look();
        }
    }

    /// Waits a little. True when the runtime has ended.
    pub(super) fn rest(&self) -> bool {
        let seen = self.lock();
        if seen.over {
            return true;
        }
        let (seen, _) = self
            .over
            .wait_timeout(seen, EVERY)
            .unwrap_or_else(PoisonError::into_inner);
        seen.over
    }

    pub(super) fn is_over(&self) -> bool {
        self.lock().over || registry::by_serial(self.serial).is_none()
    }

    fn look(&self) {
        let key = self.table.runner.key();
        let polls = self.polls_of(key);
        let mut seen = self.lock();
        if (seen.key, seen.polls) != (key, polls) {
            *seen = Seen {
                key,
                polls,
                since_ns: monotonic_ns(),
                ..*seen
            };
        }
        if seen.timed_until_ns != 0 && seen.timed_until_ns < monotonic_ns() {
            seen.timed_until_ns = 0;
            drop(seen);
            let rest = |core: &Core| watchdog::time_all(core, false);
            if let Some(home) = self.home.upgrade() {
                let _ = home.send(Message::call(rest)); // refused: the runtime has ended
            }
        }
    }

    /// Somebody asks who is busy. True: nobody did lately, and the loop has to be told.
    pub(super) fn wants_times(&self) -> bool {
        let until = monotonic_ns() + TIMED.as_nanos() as u64;
        std::mem::replace(&mut self.lock().timed_until_ns, until) == 0
    }

    fn polls_of(&self, key: u64) -> u32 {
        let slot = self
            .table
            .look(index_of(key))
            .filter(|slot| slot.key() == key);
        slot.map_or(0, |slot| slot.polls())
    }

    /// Whether the loop has been in one poll for a while.
    pub(super) fn is_blocked(&self) -> bool {
        self.poll_that_lasts().is_some()
    }

    /// The poll that the loop is in, if it has been in it for a while.
    pub(super) fn blocked(&self) -> Option<Blocked> {
        let (task, lasts) = self.poll_that_lasts()?;
        let doing = system::doing(self.thread);
        Some(Blocked { task, lasts, doing })
    }

    fn poll_that_lasts(&self) -> Option<(Id, Duration)> {
        let seen = *self.lock();
        let key = self.table.runner.key();
        if key == 0 || (seen.key, seen.polls) != (key, self.polls_of(key)) {
            return None;
        }
        let lasts = Duration::from_nanos(monotonic_ns().saturating_sub(seen.since_ns));
        let slot = self.table.look(index_of(key))?;
        (lasts >= 2 * EVERY).then(|| (Id::from_identity(slot.identity()), lasts))
    }
}
