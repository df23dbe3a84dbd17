//! kqueue: the selector of macOS and the BSDs, with `EV_CLEAR`, which makes it edge-triggered.
//!
//! This file is the backend; `kqueue/abi.rs` has the structure and the numbers of each system,
//! `kqueue/real.rs` the two calls, and `kqueue/model.rs` an implementation of kqueue's rules on
//! Linux. The calls go through one small trait, [`Kernel`], so the model tests the same code that
//! runs on a BSD.
//!
//! Tokens are opaque here.
//!
//! # Some facts about kqueue
//!
//! **A filter a direction.** A registration ("knote") is a pair (identifier, filter), so a
//! descriptor has two of them, two events, and two independent lives. Each carries a word of the
//! user's, where the token travels.
//!
//! **A knote belongs to a descriptor, not to an open file**, the other way round than with epoll:
//! closing the number ends it, whatever duplicates live. Deleting before closing is right under
//! both rules.
//!
//! **Deleting what is gone** gives `ENOENT` (macOS, or where the number is open as something else),
//! or `EBADF` (FreeBSD, once the descriptor is closed). Both say that it is not watched, as was
//! wanted.
//!
//! **One call does two things:** it takes changes and gives events. If a change fails and there is
//! room for events, the failure comes as an event with `EV_ERROR`; without room, the call fails and
//! the changes after it are not made. With `EV_RECEIPT` each change answers with such an event,
//! error 0 for success, *and no real event comes in the same call*: without it, a call that is
//! meant to register may take an `EV_CLEAR` event out of the queue that nobody looks at, and a task
//! hangs. NetBSD has the flag only since version 10, so there each change goes alone in a call
//! without room.
//!
//! **`EV_EOF` belongs to its filter.** On `EVFILT_READ` the peer will send no more. On
//! `EVFILT_WRITE` *our sending* is over, while there may be much to read; a program that takes it
//! for the end of reading reads, gets `EAGAIN`, hears `EV_EOF` again, and spins. `fflags` holds the
//! socket's error, if it has one, and looking does not clear it.
//!
//! **A filter can be refused.** A pipe whose other end is closed already refuses `EVFILT_WRITE`
//! with `EPIPE` on some systems; devices refuse what they do not know with `EINVAL` or `ENODEV`. A
//! direction that cannot be watched is reported as ready once, so that the operation itself meets
//! the error; only if nothing can be watched, `add` fails.
//!
//! **Regular files are watched**, though in a way of their own: at the end of the file,
//! `EVFILT_READ` waits for it to grow. The contract says that such files are always ready, so `add`
//! asks what it has before it registers.
//!
//! **Urgent data** is flagged only by some systems, and waking up for it alone is no filter's
//! promise. Use `SO_OOBINLINE`.
//!
//! **fork.** A child does not inherit a kqueue, at all. exec without fork does, hence `FD_CLOEXEC`.
//!
//! **Time** is a timespec; above 10^8 seconds some systems refuse it.
//!
//! **`EVFILT_USER`** is a knote that a call from any thread triggers, so it needs no descriptor.
//! OpenBSD and NetBSD have it only in recent versions; there a pipe does it.
//!
//! # What is proved, and what is not
//!
//! No BSD takes part in this project's checks. The file compiles for five such systems against
//! their own types; the model runs every test on Linux, in three flavours; Linux can link a library
//! that has these calls (`--cfg myrt_kqueue_shim`). Not proved are the order of real events, how
//! `EVFILT_USER` merges under load, and which error an unconnected socket gives.

mod abi;
#[cfg(myrt_kqueue_model)]
mod model;
#[cfg(not(myrt_kqueue_model))]
mod real;
#[cfg(test)]
mod tests;

use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use self::abi::{
    EV_ADD, EV_CLEAR, EV_DELETE, EV_EOF, EV_ERROR, EV_OOBAND, EV_RECEIPT, EVFILT_READ, EVFILT_USER,
    EVFILT_WRITE, Filter, Flags, HAS_USER_EVENTS, Kevent, NOTE_FFNOP, NOTE_TRIGGER,
};
use super::cvt::{is_passing, never_blocks};
use super::event::{Added, Event, Interest, NOTIFY_TOKEN, Ready, SyscallCounts};
use super::notify::{Notifier, WakeSource};

/// What makes the calls.
#[cfg(myrt_kqueue_model)]
pub(super) use self::model::Model as System;
#[cfg(not(myrt_kqueue_model))]
pub(super) use self::real::Real as System;

/// Whether the system has it.
pub(super) const IS_HERE: bool = true;

/// The seam: all that this backend asks of a system.
pub(super) trait Kernel: Send + Sync {
    /// kevent(2). Several threads may be in it at a time.
    fn kevent(
        &self,
        changes: &[Kevent],
        events: &mut [Kevent],
        timeout: Option<Duration>,
    ) -> io::Result<usize>;

    /// Whether `EV_RECEIPT` is known.
    fn gives_receipts(&self) -> bool;

    /// Becomes readable when there are events.
    fn as_fd(&self) -> BorrowedFd<'_>;
}

/// kqueue, with `EV_CLEAR`.
pub(super) struct Kqueue {
    system: Arc<System>,
    /// Where the kernel puts what it found: made once, so that waiting never allocates.
    found: Box<[Kevent]>,
    /// Directions that the system cannot watch, to be reported once.
    refused: Vec<(RawFd, Event)>,
    /// The notifier, where the system has no user events.
    pipe: Option<WakeSource>,
    calls: SyscallCounts,
}

impl Kqueue {
    pub(super) fn new() -> io::Result<Self> {
        Self::on(System::new()?)
    }

    /// On a system that is given: the tests use it for the model's flavours.
    fn on(system: System) -> io::Result<Self> {
        let mut queue = Self {
            system: Arc::new(system),
            found: vec![Kevent::default(); BATCH].into_boxed_slice(),
            refused: Vec::new(),
            pipe: None,
            calls: SyscallCounts::default(),
        };
        if HAS_USER_EVENTS {
            let user = Kevent::new(USER_IDENT, EVFILT_USER, EV_ADD | EV_CLEAR, NOTIFY_TOKEN);
            queue.change(&user.with_fflags(NOTE_FFNOP))?;
        } else {
            let pipe = WakeSource::new()?;
            let read = change(pipe.fd(), EVFILT_READ, EV_ADD | EV_CLEAR, NOTIFY_TOKEN);
            queue.change(&read)?;
            queue.pipe = Some(pipe);
        }
        Ok(queue)
    }

    pub(super) fn add(&mut self, fd: RawFd, token: u64, interest: Interest) -> io::Result<Added> {
        if never_blocks(fd)? {
            return Ok(Added::AlwaysReady);
        }
        self.register(fd, token, interest)?;
        Ok(Added::Registered)
    }

    /// Edge-triggered, so nobody needs it; by the contract it sets the directions all the same.
    pub(super) fn modify(&mut self, fd: RawFd, token: u64, interest: Interest) -> io::Result<()> {
        self.delete(fd)?;
        self.register(fd, token, interest)
    }

    pub(super) fn delete(&mut self, fd: RawFd) -> io::Result<()> {
        self.refused.retain(|(of, _)| *of != fd);
        let changes = [
            change(fd, EVFILT_READ, EV_DELETE, 0),
            change(fd, EVFILT_WRITE, EV_DELETE, 0),
        ];
        let mut result = Ok(());
        for error in self.changes(&changes)?.into_iter().flatten() {
            if !matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EBADF)) {
                result = Err(error);
            }
        }
        result
    }

    pub(super) fn wait(
        &mut self,
        events: &mut Vec<Event>,
        max: usize,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        let told = self.refused.len().min(max);
        events.extend(self.refused.drain(..told).map(|(_, event)| event));
        let timeout = if events.is_empty() {
            timeout
        } else {
            Some(Duration::ZERO)
        };
        self.calls.waits += 1;
        let room = self.found.len().min(max.saturating_sub(events.len()));
        if room == 0 {
            // No call: without room kevent would not look for events.
            return Ok(());
        }
        let found = match self.system.kevent(&[], &mut self.found[..room], timeout) {
            Ok(count) => &self.found[..count],
            Err(error) if is_passing(&error) => return Ok(()),
            Err(error) => return Err(error),
        };
        events.reserve(found.len());
        for ready in found {
            if ready.token() != NOTIFY_TOKEN {
                events.push(translate(ready));
            } else if let Some(pipe) = &self.pipe {
                pipe.drain();
            }
        }
        Ok(())
    }

    pub(super) fn notifier(&self) -> Notifier {
        match &self.pipe {
            Some(pipe) => pipe.notifier(),
            None => Notifier::kqueue(Arc::clone(&self.system)),
        }
    }

    pub(super) fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.system.as_fd())
    }

    pub(super) fn syscalls(&self) -> SyscallCounts {
        self.calls
    }

    /// Adds a filter for each direction asked for.
    fn register(&mut self, fd: RawFd, token: u64, interest: Interest) -> io::Result<()> {
        let read = change(fd, EVFILT_READ, EV_ADD | EV_CLEAR, token);
        let write = change(fd, EVFILT_WRITE, EV_ADD | EV_CLEAR, token);
        let reads = interest.intersects(Interest::READ_SIDE);
        let asked: &[Kevent] = match (reads, interest.contains(Interest::WRITABLE)) {
            (true, true) => &[read, write],
            (true, false) => &[read],
            (false, true) => &[write],
            (false, false) => return Ok(()),
        };
        let errors = self.changes(asked)?;
        let failed = errors.iter().flatten().count();
        for (change, error) in asked.iter().zip(errors) {
            match error {
                None => {}
                Some(error)
                    if failed == asked.len() && error.raw_os_error() != Some(libc::EPIPE) =>
                {
                    return Err(error);
                }
                Some(_) => self.refused.push((fd, translate_refused(change, token))),
            }
        }
        Ok(())
    }

    /// Makes one change.
    fn change(&mut self, change: &Kevent) -> io::Result<()> {
        match self.changes(std::slice::from_ref(change))?[0].take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Makes up to two changes, and says of each whether it failed. The calls take no event out of
    /// the queue.
    fn changes(&mut self, changes: &[Kevent]) -> io::Result<[Option<io::Error>; 2]> {
        let mut errors = [None, None];
        if !self.system.gives_receipts() {
            for (error, change) in errors.iter_mut().zip(changes) {
                self.calls.controls += 1;
                let result = self
                    .system
                    .kevent(&[*change], &mut [], Some(Duration::ZERO));
                // An interruption comes after the change is made.
                *error = result
                    .err()
                    .filter(|error| error.kind() != io::ErrorKind::Interrupted);
            }
            return Ok(errors);
        }
        let mut asked = [Kevent::default(); 2];
        let mut receipts = [Kevent::default(); 2];
        for (asked, change) in asked.iter_mut().zip(changes) {
            *asked = change.with_flags(EV_RECEIPT);
        }
        let count = changes.len();
        self.calls.controls += 1;
        let answered = self.system.kevent(
            &asked[..count],
            &mut receipts[..count],
            Some(Duration::ZERO),
        );
        let answered = match answered {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            answered => answered?,
        };
        for receipt in &receipts[..answered] {
            if receipt.has(EV_ERROR) && receipt.errno() != 0 {
                let place = changes
                    .iter()
                    .position(|change| change.filter() == receipt.filter());
                errors[place.unwrap_or(0)] = Some(io::Error::from_raw_os_error(receipt.errno()));
            }
        }
        Ok(errors)
    }
}

/// Notifies, from any thread.
pub(super) fn trigger(system: &System) {
    let user = Kevent::new(USER_IDENT, EVFILT_USER, 0, NOTIFY_TOKEN).with_fflags(NOTE_TRIGGER);
    // The knote is there as long as the kqueue is, and the reference keeps that open. So what fails
    // is the kernel's memory, for a moment; an interrupted call has triggered it. Bounded, for a
    // filter of system calls that always fails.
    for _ in 0..1000 {
        match system.kevent(&[user], &mut [], Some(Duration::ZERO)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {}
            _ => return,
        }
    }
}

/// A change of one filter of one descriptor.
fn change(fd: RawFd, filter: Filter, flags: Flags, token: u64) -> Kevent {
    // A negative number becomes a huge one, which the system answers with EBADF.
    Kevent::new(fd as usize, filter, flags, token)
}

/// The contract's words for one event.
#[inline]
fn translate(ready: &Kevent) -> Event {
    let token = ready.token();
    if ready.has(EV_ERROR) {
        return Event::broken(token);
    }
    let over = ready.has(EV_EOF);
    let error = over && ready.fflags() != 0;
    // Each filter speaks of its own direction. That our sending is over does not end our reading.
    let said = if ready.filter() == EVFILT_WRITE {
        Ready::WRITABLE | Ready::WRITE_CLOSED.when(over)
    } else {
        let urgent = Ready::PRIORITY.when(ready.has(EV_OOBAND));
        Ready::READABLE | Ready::READ_CLOSED.when(over) | urgent
    };
    Event::new(token, said | Ready::ERROR.when(error))
}

/// What is told, once, about a direction that the system does not watch.
fn translate_refused(change: &Kevent, token: u64) -> Event {
    let refused = match change.filter() == EVFILT_WRITE {
        true => Ready::WRITABLE,
        false => Ready::READABLE,
    };
    Event::new(token, refused | Ready::ERROR)
}

/// The identifier of our one user event.
const USER_IDENT: usize = 0;

/// How many events one call may bring. More are fetched by the next turn.
const BATCH: usize = 1024;
