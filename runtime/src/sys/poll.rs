//! poll(2): the selector that every Unix has.
//!
//! Why: for systems without a better one, and for comparison.
//! Tokens are opaque here.
//!
//! # Some facts about poll
//!
//! **The kernel keeps nothing.** The whole list is handed over in every call and looked through
//! twice, by the kernel and by us: the cost of a wait grows with the number of descriptors watched,
//! not with the number that are ready. In return there is nothing that could be stale: a change of
//! the list is a plain store, without a system call.
//!
//! **An entry with a negative number is skipped.** That is how an entry is put to rest; an entry
//! with an *empty interest* is not at rest: `POLLHUP` and `POLLERR` are reported unasked, in every
//! call, and a hung-up descriptor that nobody wants to hear about turns the loop into a busy one.
//!
//! **A descriptor that is not open is no error of the call** but `POLLNVAL` in its entry. A number
//! that was closed and opened again as something else is simply watched as what it is now: the
//! entry must go before the close.
//!
//! **Files that never block are always ready**, instead of being refused as by epoll.
//! `add` asks what kind of file it has and gives the same answer as epoll would.
//!
//! **Half a hang-up** (`POLLRDHUP`) is told only by Linux. Elsewhere the end is found by reading.
//!
//! **Time** is in milliseconds, up to 24.8 days. ppoll(2) takes nanoseconds; macOS lacks it.

use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::time::Duration;

use super::cvt::{POLLRDHUP, cvt_wait, never_blocks, poll_bits};
use super::event::{Added, Event, Interest, Ready, SyscallCounts};
use super::fd_table::FdTable;
use super::notify::{Notifier, WakeSource};

/// The descriptors to ask about, in the form in which they are asked about.
pub(super) struct PollSet {
    /// What the kernel reads. The first entry is the notifier's.
    entries: Vec<libc::pollfd>,
    /// What belongs to each entry, at the same place.
    watched: Vec<Watched>,
    /// Where a descriptor's entry is.
    places: FdTable<usize>,
    /// Where to begin looking for results, so that no place is always last when `max` cuts them
    /// off.
    start: usize,
    wake: WakeSource,
    calls: SyscallCounts,
}

struct Watched {
    fd: RawFd,
    token: u64,
    armed: Interest,
}

impl PollSet {
    pub(super) fn new() -> io::Result<Self> {
        let wake = WakeSource::new()?;
        let fd = wake.fd();
        Ok(Self {
            entries: vec![libc::pollfd {
                fd,
                events: libc::POLLIN,
                revents: 0,
            }],
            watched: vec![Watched {
                fd,
                token: 0,
                armed: Interest::READABLE,
            }],
            places: FdTable::new(),
            start: 1,
            wake,
            calls: SyscallCounts::default(),
        })
    }

    pub(super) fn add(&mut self, fd: RawFd, token: u64, interest: Interest) -> io::Result<Added> {
        self.calls.controls += 1;
        if never_blocks(fd)? {
            self.delete(fd)?;
            return Ok(Added::AlwaysReady);
        }
        if self.places.get(fd).is_none() {
            self.places.insert(fd, self.entries.len())?;
            self.entries.push(libc::pollfd {
                fd,
                events: 0,
                revents: 0,
            });
            self.watched.push(Watched {
                fd,
                token,
                armed: Interest::NONE,
            });
        }
        self.modify(fd, token, interest)?;
        Ok(Added::Registered)
    }

    pub(super) fn modify(&mut self, fd: RawFd, token: u64, interest: Interest) -> io::Result<()> {
        let place = *self.places.registered(fd)?;
        self.watched[place].token = token;
        self.arm(place, interest);
        Ok(())
    }

    pub(super) fn delete(&mut self, fd: RawFd) -> io::Result<()> {
        if let Some(place) = self.places.remove(fd) {
            self.entries.swap_remove(place);
            self.watched.swap_remove(place);
            if let Some(moved) = self.watched.get(place) {
                self.places.insert(moved.fd, place)?;
            }
        }
        Ok(())
    }

    pub(super) fn wait(
        &mut self,
        events: &mut Vec<Event>,
        max: usize,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        self.calls.waits += 1;
        let mut left = cvt_wait(poll(&mut self.entries, timeout))?;
        if left > 0 && self.entries[0].revents != 0 {
            self.wake.drain();
            left -= 1;
        }
        let all = self.entries.len();
        let mut place = if self.start < all { self.start } else { 1 };
        for _ in 1..all {
            if left == 0 || events.len() == max {
                break;
            }
            if self.collect(place, events) {
                left -= 1;
            }
            place = if place + 1 < all { place + 1 } else { 1 };
        }
        self.start = place;
        Ok(())
    }

    pub(super) fn notifier(&self) -> Notifier {
        self.wake.notifier()
    }

    /// There is no kernel object to lend.
    pub(super) fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    pub(super) fn syscalls(&self) -> SyscallCounts {
        self.calls
    }

    /// Turns the result at `place` into an event, if there is one, and disarms what it delivers.
    fn collect(&mut self, place: usize, events: &mut Vec<Event>) -> bool {
        let seen = std::mem::take(&mut self.entries[place].revents);
        if seen == 0 {
            return false;
        }
        let watched = &self.watched[place];
        let armed = watched.armed;
        let event = translate(watched.token, seen).only(armed);
        self.arm(place, armed - event.delivers());
        events.push(event);
        true
    }

    /// Sets what is asked about an entry; nothing puts it to rest.
    fn arm(&mut self, place: usize, interest: Interest) {
        let watched = &mut self.watched[place];
        watched.armed = interest;
        let entry = &mut self.entries[place];
        entry.fd = if interest.is_empty() { -1 } else { watched.fd };
        entry.events = poll_bits(interest);
    }
}

/// The contract's words for poll's bits.
fn translate(token: u64, seen: libc::c_short) -> Event {
    const FAILED: libc::c_short = libc::POLLERR | libc::POLLNVAL;
    const ENDED: libc::c_short = libc::POLLHUP | FAILED;
    let is = |ready: Ready, bits| ready.when(seen & bits != 0);
    let ready = is(
        Ready::READABLE,
        libc::POLLIN | libc::POLLPRI | POLLRDHUP | ENDED,
    ) | is(Ready::WRITABLE, libc::POLLOUT | ENDED)
        | is(Ready::READ_CLOSED, POLLRDHUP | libc::POLLHUP)
        | is(Ready::WRITE_CLOSED, ENDED)
        | is(Ready::ERROR, FAILED)
        | is(Ready::PRIORITY, libc::POLLPRI);
    Event::new(token, ready)
}

/// The call, to the nanosecond.
#[cfg(not(target_vendor = "apple"))]
fn poll(entries: &mut [libc::pollfd], timeout: Option<Duration>) -> libc::c_int {
    let time = timeout.map(super::cvt::timespec);
    let time = time.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // A count of entries in memory fits.
    let count = entries.len() as libc::nfds_t;
    // SAFETY: `entries` are `count` entries, borrowed for the call; the time lives for it or is
    // null, and no mask is set.
    unsafe { libc::ppoll(entries.as_mut_ptr(), count, time, std::ptr::null()) }
}

/// The call, rounded up to milliseconds.
#[cfg(target_vendor = "apple")]
fn poll(entries: &mut [libc::pollfd], timeout: Option<Duration>) -> libc::c_int {
    let count = entries.len() as libc::nfds_t;
    // SAFETY: `entries` are `count` entries, borrowed for the call.
    unsafe { libc::poll(entries.as_mut_ptr(), count, super::cvt::millis(timeout)) }
}
