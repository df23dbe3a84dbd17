//! The reactor: turns events of descriptors into wakes.
//!
//! Why: a selector knows numbers and bits, an `Async` knows one descriptor; the reactor keeps what
//! is known of all of them.
//! Must not depend on: time, sync. Its only system call is the selector's.
//!
//! # Readiness
//!
//! What is known of a direction is in two places. The `Async` remembers that the system said
//! `WouldBlock`, or that a transfer was short; while it does not, it tries at once and never looks
//! here. The table keeps the events that were not used yet. A waiter looks here first: an unused
//! event is used up and the call is tried again; else the waiter registers, and the first one makes
//! the descriptor known to the selector. Edge-triggered selectors are armed once, with both
//! directions. All others are one-shot per direction: a wait arms, a delivery disarms, so an idle
//! descriptor never fires.
//!
//! An event and a wait cannot race: both happen on this thread, an event only in [`Reactor::wait`].
//! Thread-safe runtimes need a tick beside the bit; this one does not.

pub(crate) mod async_fd;
pub(crate) mod ready;
mod remote_drop;
pub(crate) mod source;
pub(crate) mod waiter;

use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::task::Waker;
use std::time::Duration;

use crate::executor::probe::TELLS;
use crate::executor::stored::{StoredWaker, wake_all};
use crate::sys::{self, fork};
use crate::sys::{Added, Event, Interest, Notifier, Poller, Ready, Selector};
use source::{Direction, Source, Sources, WaiterId};

/// See the module's head.
pub(crate) struct Reactor {
    poller: RefCell<Poller>,
    pub(crate) sources: RefCell<Sources>,
    events: RefCell<Vec<Event>>,
    edge: bool,
    embedded: OnceCell<OwnedFd>,
    pub(crate) kind: Selector,
    max_events: usize,
    /// Whose selector this is: a fork's child shares it, and what the child removed would be
    /// removed for its parent.
    process: u32,
    pub(crate) delivered: Cell<u64>,
    /// A descriptor whose waiter is no part of the program: the one that hears Ctrl-C. -1: none.
    pub(crate) background: Cell<RawFd>,
}

impl Reactor {
    pub(crate) fn new(kind: Selector, max_events: usize) -> io::Result<Self> {
        let poller = Poller::new(kind)?;
        let edge = poller.is_edge();
        Ok(Self {
            poller: RefCell::new(poller),
            sources: RefCell::new(Sources::new()),
            events: RefCell::new(Vec::with_capacity(max_events)),
            edge,
            embedded: OnceCell::new(),
            kind,
            max_events,
            process: fork::current_pid(),
            delivered: Cell::new(0),
            background: Cell::new(-1),
        })
    }

    pub(crate) fn notifier(&self) -> Notifier {
        self.poller.borrow().notifier()
    }

    /// Whether any descriptor is in the table.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.sources.borrow().len() == 0
    }

    /// The descriptor to wait on in a foreign loop: a duplicate of the selector's, made when first
    /// asked for.
    pub(crate) fn embed(&self) -> Option<BorrowedFd<'_>> {
        if self.embedded.get().is_none() {
            let duplicate = self.poller.borrow().as_fd()?.try_clone_to_owned().ok()?;
            let _ = self.embedded.set(duplicate);
        }
        self.embedded.get().map(AsFd::as_fd)
    }

    /// Whether a foreign loop has asked for that descriptor.
    #[inline]
    pub(crate) fn is_embedded(&self) -> bool {
        self.embedded.get().is_some()
    }

    /// The system said `WouldBlock`: an event from before that says nothing any more.
    #[inline]
    pub(crate) fn would_block(&self, token: u64, direction: Direction) {
        if let Some(source) = self.sources.borrow_mut().get(token) {
            source.would_block(direction);
        }
    }

    /// Uses up an unused event of a direction. True also if there is nothing to wait for. `short`:
    /// the caller waits only because of a short transfer.
    #[inline(always)]
    pub(crate) fn use_event(&self, token: u64, direction: Direction, short: bool) -> bool {
        match self.sources.borrow_mut().get(token) {
            Some(source) => source.use_event(direction, short),
            None => true,
        }
    }

    /// Makes a waiter wait behind the others, unless there is an unused event, or the
    /// descriptor is always ready. `short`: see [`Reactor::use_event`].
    #[inline(always)]
    pub(crate) fn register(
        &self,
        token: u64,
        direction: Direction,
        short: bool,
        id: WaiterId,
        waker: &Waker,
    ) -> Registered {
        // Made before anything is borrowed: the clone of a foreign waker is foreign code.
        let waker = StoredWaker::new(waker);
        let mut sources = self.sources.borrow_mut();
        let Some(source) = sources.get(token) else {
            return Registered::NoNeed;
        };
        if source.use_event(direction, short) {
            return Registered::NoNeed;
        }
        let fd = source.fd;
        if source.is_free(direction) && id != WaiterId::POLLER {
            let id = source.add_first(direction, waker);
            return Registered::Waits { id, fd };
        }
        let (id, old) = source.add_waiter(direction, id, waker);
        let armed = source.armed;
        drop(sources);
        drop(old);
        if armed {
            return Registered::Waits { id, fd };
        }
        self.arm_for(token, direction, id, fd)
    }

    /// Arms the selector for a waiter that was just registered.
    #[cold]
    fn arm_for(&self, token: u64, direction: Direction, id: WaiterId, fd: RawFd) -> Registered {
        let refused = match self.arm(token, direction) {
            Ok(true) => return Registered::Waits { id, fd },
            Ok(false) => Registered::NoNeed,
            Err(error) => Registered::Refused(error),
        };
        self.unregister(token, direction, id);
        refused
    }

    /// A waiter gave up.
    pub(crate) fn unregister(&self, token: u64, direction: Direction, id: WaiterId) {
        let waker = match self.sources.borrow_mut().get(token) {
            Some(source) => source.remove_waiter(direction, id),
            None => StoredWaker::EMPTY,
        };
        drop(waker);
    }

    /// Tells the selector what is waited for. False: the descriptor is always ready.
    #[cold]
    fn arm(&self, token: u64, direction: Direction) -> io::Result<bool> {
        let mut sources = self.sources.borrow_mut();
        let Some(source) = sources.get(token) else {
            return Ok(false);
        };
        let wanted = if self.edge {
            Interest::BOTH | Interest::PRIORITY
        } else {
            source.wanted() | direction.interest()
        };
        let mut poller = self.poller.borrow_mut();
        if !self.edge && self.has_error_that_stays(source) && poller.watch_changes(source.fd, token)
        {
            source.registered = true;
            source.armed = true;
            return Ok(true);
        }
        if source.registered {
            return poller.modify(source.fd, token, wanted).map(|()| true);
        }
        match poller.add(source.fd, token, wanted)? {
            Added::Registered => source.registered = true,
            Added::AlwaysReady => {
                source.note_for_good(Ready::ALWAYS);
                return Ok(false);
            }
        }
        source.armed = self.edge;
        if self.kind == Selector::Kqueue {
            // A short read cannot be taken for "drained": it stops at urgent data too, and no
            // further edge comes.
            source.note_for_good(Ready::PRIORITY);
        }
        Ok(true)
    }

    /// Whether the kernel would report an error of this descriptor at once and again, although no
    /// operation gets it. select(2) does not tell errors from readiness, so poll(2) is asked.
    fn has_error_that_stays(&self, source: &Source) -> bool {
        source.error_stays || self.kind == Selector::Select && sys::has_error(source.fd)
    }

    /// Forgets a descriptor, before it is closed. Its waiters are woken. `close_tells`:
    /// closing it is enough for an edge-triggered epoll, since no one else can hold it.
    pub(crate) fn remove(&self, token: u64, close_tells: bool) {
        let removed = self.sources.borrow_mut().remove(token);
        let Some((fd, registered, waiters)) = removed else {
            return;
        };
        let told_by_close = close_tells && self.edge && self.kind == Selector::Epoll;
        if registered && !told_by_close && self.process == fork::current_pid() {
            // A descriptor that was closed behind our back is gone already: nothing to do about an
            // error here.
            let _ = self.poller.borrow_mut().delete(fd);
        }
        wake_all(waiters);
    }

    /// As [`Reactor::remove`], when the descriptor may have been closed and its number reused
    /// since: then the registration under the number is another's.
    pub(crate) fn remove_late(&self, token: u64) {
        let reused = {
            let mut sources = self.sources.borrow_mut();
            let fd = sources.get(token).map(|source| source.fd);
            fd.is_some_and(|fd| sources.registered(fd) > 1)
        };
        if reused {
            if let Some(source) = self.sources.borrow_mut().get(token) {
                source.registered = false;
            }
        }
        self.remove(token, false);
    }

    /// Asks the selector, sleeping at most `timeout`, and wakes the tasks that its answer is for.
    /// Returns the number of events.
    ///
    /// # Errors
    /// What the selector's system call says, except for an interruption, which is an answer without
    /// events.
    pub(crate) fn wait(&self, timeout: Option<Duration>) -> io::Result<usize> {
        let mut events = self.events.take();
        events.clear();
        let asked = self
            .poller
            .borrow_mut()
            .wait(&mut events, self.max_events, timeout);
        let mut batch = Delivery {
            reactor: self,
            events: events.iter(),
        };
        for event in batch.events.by_ref() {
            self.deliver(event);
        }
        drop(batch);
        let count = events.len();
        if TELLS {
            self.delivered.set(self.delivered.get() + count as u64);
        }
        self.events.replace(events);
        asked.map(|()| count)
    }

    /// Notes one event and wakes the tasks that wait for it, with nothing borrowed.
    #[inline(always)]
    fn deliver(&self, event: &Event) {
        let (reader, writer, more) = match self.sources.borrow_mut().get(event.token) {
            Some(source) => source.note(event.ready),
            None => return, // an event of a descriptor that was closed in this batch
        };
        reader.wake();
        writer.wake();
        if more {
            self.wake_others(event.token);
        }
    }

    /// Wakes the waiters behind the first, in order.
    #[cold]
    fn wake_others(&self, token: u64) {
        let others = match self.sources.borrow_mut().get(token) {
            Some(source) => source.take_ready(),
            None => return, // the first one's waker closed it
        };
        wake_all(others);
    }

    /// Whether any task of the program waits for a descriptor.
    pub(crate) fn is_anyone_waiting(&self) -> bool {
        let background = self.background.get();
        self.sources
            .borrow_mut()
            .fds()
            .iter()
            .any(|(fd, wanted)| !wanted.is_empty() && *fd != background)
    }

    /// Wakes everyone, when the runtime ends.
    pub(crate) fn wake_all(&self) {
        let waiters = self.sources.borrow_mut().take_all_waiters();
        wake_all(waiters);
    }

    /// Makes an entry for a descriptor.
    #[inline]
    pub(crate) fn insert(&self, fd: RawFd) -> u64 {
        self.sources.borrow_mut().insert(fd)
    }

    /// Waits and control calls made so far.
    pub(crate) fn syscalls(&self) -> (u64, u64) {
        let counts = self.poller.borrow().syscalls();
        (counts.waits, counts.controls)
    }
}

/// What became of a registration.
pub(crate) enum Registered {
    /// The waiter waits, under this id, for this descriptor.
    Waits { id: WaiterId, fd: RawFd },
    /// There is nothing to wait for: try.
    NoNeed,
    /// The selector cannot watch the descriptor.
    Refused(io::Error),
}

/// The events of one wait. Should a foreign waker panic, the others are delivered all the same: an
/// edge comes once.
struct Delivery<'a> {
    reactor: &'a Reactor,
    events: std::slice::Iter<'a, Event>,
}

impl Drop for Delivery<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.events.as_slice().is_empty() {
            self.deliver_the_rest();
        }
    }
}

impl Delivery<'_> {
    #[cold]
    fn deliver_the_rest(&mut self) {
        for event in self.events.by_ref() {
            self.reactor.deliver(event);
        }
    }
}

/// The raw descriptor of something that has one.
#[inline]
pub(crate) fn raw(io: &impl AsFd) -> RawFd {
    std::os::fd::AsRawFd::as_raw_fd(&io.as_fd())
}
