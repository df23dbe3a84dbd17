//! select(2): the oldest selector, for descriptors below 1024.
//!
//! Why: courses begin with it, and it shows what the others improve.
//! Tokens are opaque here.
//!
//! # Some facts about select
//!
//! **A descriptor is a bit.** The sets are arrays of 1,024 bits by the C library's type, and
//! `FD_SET` on a larger number writes past the end of it: silent damage of the stack, found in
//! programs to this day. Here the sets are our own, each access is checked, and `add` refuses a
//! larger number with [`FdTooLarge`]. It is the number that counts, not how many there are: the
//! process's thousandth file may be this socket.
//!
//! **The sets are both question and answer.** The kernel overwrites them, so the question is copied
//! for each call. It looks at each bit below the highest one asked for, whether set or not.
//!
//! **One closed descriptor spoils the whole call** (`EBADF`), without a word about which. This code
//! then asks about each one alone, and reports and disarms those that are not open, so that the
//! others live on.
//!
//! **It tells little.** Failure and hang-up appear as "readable" or "writable", and what really
//! happened, only the read or write finds out. The third set, called exceptions, is urgent data
//! (and nothing like an exception). Unlike poll it reports nothing that was not asked for, so what
//! is not armed is truly silent.
//!
//! **Time.** pselect takes nanoseconds, where select takes microseconds (and, on Linux, changes the
//! caller's variable to what is left). Some systems refuse more than 10^8 seconds.

use std::error::Error;
use std::fmt;
use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::ptr;
use std::time::Duration;

use super::cvt::{cvt_wait, never_blocks, readable_now, timespec};
use super::event::{Added, Event, Interest, Ready, SyscallCounts};
use super::fd_table::FdTable;
use super::notify::{Notifier, WakeSource};

/// The descriptors to ask about.
pub(super) struct SelectSet {
    /// What is asked.
    wanted: Sets,
    watched: FdTable<Watched>,
    /// One more than the highest descriptor that was ever watched and may still be.
    end: RawFd,
    /// Where to begin looking for results, so that no descriptor is always last when `max` cuts
    /// them off.
    start: RawFd,
    wake: WakeSource,
    calls: SyscallCounts,
}

struct Watched {
    token: u64,
    armed: Interest,
}

impl SelectSet {
    pub(super) fn new() -> io::Result<Self> {
        let wake = WakeSource::new()?;
        // The notifier itself may come out too large, in a process that has many files open
        // already.
        check(wake.fd())?;
        let mut wanted = Sets::default();
        wanted.read.set(wake.fd(), true);
        Ok(Self {
            wanted,
            watched: FdTable::new(),
            end: wake.fd() + 1,
            start: 0,
            wake,
            calls: SyscallCounts::default(),
        })
    }

    pub(super) fn add(&mut self, fd: RawFd, token: u64, interest: Interest) -> io::Result<Added> {
        check(fd)?;
        self.calls.controls += 1;
        if never_blocks(fd)? {
            self.delete(fd)?;
            return Ok(Added::AlwaysReady);
        }
        self.watched.insert(
            fd,
            Watched {
                token,
                armed: interest,
            },
        )?;
        self.end = self.end.max(fd + 1);
        self.wanted.arm(fd, interest);
        Ok(Added::Registered)
    }

    pub(super) fn modify(&mut self, fd: RawFd, token: u64, interest: Interest) -> io::Result<()> {
        let watched = self.watched.registered(fd)?;
        *watched = Watched {
            token,
            armed: interest,
        };
        self.wanted.arm(fd, interest);
        Ok(())
    }

    pub(super) fn delete(&mut self, fd: RawFd) -> io::Result<()> {
        if self.watched.remove(fd).is_some() {
            self.wanted.arm(fd, Interest::NONE);
            while self.end - 1 > self.wake.fd() && self.watched.get(self.end - 1).is_none() {
                self.end -= 1;
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
        let mut found = self.wanted;
        match cvt_wait(pselect(self.end, &mut found, timeout)) {
            // Nothing, or a signal, after which the sets hold what was asked and not what was
            // found.
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.raw_os_error() == Some(libc::EBADF) => {
                return self.find_closed(events);
            }
            Err(error) => return Err(error),
        }
        if found.read.has(self.wake.fd()) {
            self.wake.drain();
            found.read.set(self.wake.fd(), false);
        }
        let (start, end) = (self.start.min(self.end), self.end);
        self.start = 0;
        for fd in found.between(start, end).chain(found.between(0, start)) {
            if events.len() == max {
                self.start = fd;
                break;
            }
            let Some(watched) = self.watched.get_mut(fd) else {
                continue;
            };
            let event = found.translate(watched.token, fd).only(watched.armed);
            watched.armed -= event.delivers();
            self.wanted.arm(fd, watched.armed);
            events.push(event);
        }
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

    /// Somebody closed a descriptor without telling: finds out which, and reports and disarms it.
    #[cold]
    fn find_closed(&mut self, events: &mut Vec<Event>) -> io::Result<()> {
        for (fd, watched) in self.watched.iter_mut() {
            if watched.armed.is_empty() {
                continue;
            }
            self.calls.controls += 1;
            if readable_now(fd, watched.armed).is_err() {
                events.push(Event::broken(watched.token).only(watched.armed));
                watched.armed = Interest::NONE;
                self.wanted.arm(fd, Interest::NONE);
            }
        }
        Ok(())
    }
}

/// The three sets.
#[derive(Clone, Copy, Default)]
struct Sets {
    read: BitSet,
    write: BitSet,
    except: BitSet,
}

impl Sets {
    fn arm(&mut self, fd: RawFd, interest: Interest) {
        self.read.set(fd, interest.contains(Interest::READABLE));
        self.write.set(fd, interest.contains(Interest::WRITABLE));
        self.except.set(fd, interest.contains(Interest::PRIORITY));
    }

    /// The descriptors from `start` to before `end` that are in any of the sets.
    fn between(&self, start: RawFd, end: RawFd) -> impl Iterator<Item = RawFd> + use<> {
        let mut words = self.read.words;
        for (place, word) in words.iter_mut().enumerate() {
            *word |= self.write.words[place] | self.except.words[place];
        }
        (start..end).filter(move |fd| {
            let (place, bit) = split(*fd);
            words[place] & bit != 0
        })
    }

    fn translate(&self, token: u64, fd: RawFd) -> Event {
        let urgent = self.except.has(fd);
        let readable = Ready::READABLE.when(self.read.has(fd) || urgent);
        let writable = Ready::WRITABLE.when(self.write.has(fd));
        Event::new(token, readable | writable | Ready::PRIORITY.when(urgent))
    }
}

/// 1,024 bits, laid out as this system's `fd_set`.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct BitSet {
    words: [Word; WORDS],
}

impl BitSet {
    fn has(&self, fd: RawFd) -> bool {
        let (place, bit) = split(fd);
        self.words[place] & bit != 0
    }

    fn set(&mut self, fd: RawFd, on: bool) {
        let (place, bit) = split(fd);
        if on {
            self.words[place] |= bit;
        } else {
            self.words[place] &= !bit;
        }
    }

    fn as_fd_set(&mut self) -> *mut libc::fd_set {
        ptr::from_mut(self).cast()
    }
}

/// Where the bit of `fd` is. A number out of range was refused by `check`; if one came here,
/// indexing would panic.
fn split(fd: RawFd) -> (usize, Word) {
    let bits = Word::BITS as usize;
    let fd = usize::try_from(fd).unwrap_or(usize::MAX);
    (fd / bits, 1 << (fd % bits))
}

/// The call. Descriptors from `end` on are not looked at.
fn pselect(end: RawFd, sets: &mut Sets, timeout: Option<Duration>) -> libc::c_int {
    let time = timeout.map(timespec);
    let time = time.as_ref().map_or(ptr::null(), ptr::from_ref);
    let (read, write) = (sets.read.as_fd_set(), sets.write.as_fd_set());
    let except = sets.except.as_fd_set();
    // SAFETY: the three sets are borrowed for the call and have room for 1,024 bits, laid out as
    // the system's own, and `end` is no larger than that (`check`). The time lives for the call or
    // is null; no mask is set.
    unsafe { libc::pselect(end, read, write, except, time, ptr::null()) }
}

fn check(fd: RawFd) -> io::Result<()> {
    if fd < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    if fd > MAX_FD {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            FdTooLarge { fd },
        ));
    }
    Ok(())
}

/// A file descriptor whose number is beyond what select(2) can watch.
///
/// It comes inside an [`io::Error`] of kind [`io::ErrorKind::InvalidInput`]; `error.get_ref()` and
/// a downcast find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FdTooLarge {
    fd: RawFd,
}

impl FdTooLarge {
    /// The descriptor that was refused.
    #[must_use]
    pub const fn fd(&self) -> RawFd {
        self.fd
    }

    /// The largest that can be watched.
    #[must_use]
    pub const fn max(&self) -> RawFd {
        MAX_FD
    }
}

impl fmt::Display for FdTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fd } = self;
        write!(
            f,
            "select(2) watches file descriptors up to {MAX_FD}, and this one is {fd}; choose another selector"
        )
    }
}

impl Error for FdTooLarge {}

/// The largest descriptor with a bit.
pub(super) const MAX_FD: RawFd = 1023;

/// The C library's unit. On little-endian machines only the sum of the bits matters, on others the
/// unit does.
#[cfg(any(
    target_os = "linux",
    target_os = "android",
    target_os = "freebsd",
    target_os = "dragonfly"
))]
type Word = libc::c_ulong;
#[cfg(not(any(
    target_os = "linux",
    target_os = "android",
    target_os = "freebsd",
    target_os = "dragonfly"
)))]
type Word = u32;

const WORDS: usize = 1024 / Word::BITS as usize;
