//! epoll: Linux's selector. [`Edge`] is the default of the whole runtime; [`Armed`] is
//! level-triggered and one-shot epoll.
//!
//! This file has the calls and the edge-triggered backend, whose `wait` is the hottest path of the
//! reactor; `epoll/armed.rs` has the bookkeeping of the other two.
//!
//! Tokens are opaque here.
//!
//! # Some facts about epoll
//!
//! **A registration belongs to an open file, not to a descriptor.** Its key is the pair (open file,
//! number). The manual says that it ends when the *last* descriptor of the open file is closed
//! (epoll(7), question 6). So after `dup(5) = 6; close(5)` the registration made for 5 is alive and
//! reports under 5's data; and nobody can remove it, because `EPOLL_CTL_DEL` looks 5 up first and
//! gets `EBADF`, or finds whatever was opened as 5 since. If 5 is then made from 6 again,
//! `EPOLL_CTL_ADD` says `EEXIST`. Hence: delete before close, and take `EEXIST` as "change it" and
//! `ENOENT` as "add it".
//!
//! **Level-triggered registrations are never silent.** `EPOLLHUP` and `EPOLLERR` are reported even
//! for an empty interest. A hung-up descriptor that nobody wants to hear about wakes the loop
//! without end; the only cure is to remove it. This is why `Armed` removes what has nothing armed
//! instead of setting its interest to zero.
//!
//! **`EPOLLONESHOT` disarms both directions at once.** The kernel keeps one mask and clears all of
//! it on delivery. If a reader and a writer wait and the reader's event comes, the writer must be
//! armed again although nothing was delivered to it.
//!
//! **Edge-triggered does not mean once.** Any wake-up of the file re-queues the registration, and
//! then the *whole* present state is reported: new data tells about room to write as well. An event
//! is a hint to try. What is guaranteed is the converse: after `EAGAIN`, a change comes with an
//! event. Adding and modifying report the present state, so there is no window between trying and
//! registering.
//!
//! **A short read is not `EAGAIN`.** If data and FIN arrive before the loop looks, there is one
//! edge with `EPOLLIN | EPOLLRDHUP`. Reading less than the buffer holds and waiting for another
//! edge then waits for ever: the end of the stream was in the edge that is used up. `read_closed`
//! tells, and code that takes short reads for "drained" must keep it.
//!
//! **`EPOLLRDHUP` is half a hang-up.** The peer will not send; it may well read for hours. Taking
//! it for `EPOLLHUP` makes a writer with a full buffer spin.
//!
//! **Regular files are refused** with `EPERM`, because they are always ready (which is not to say
//! fast).
//!
//! **Time.** `epoll_wait` takes milliseconds as an int: 24.8 days at most, and nothing between 0
//! and 1 ms. `epoll_pwait2` (Linux 5.11) takes nanoseconds. Which one the kernel has, only calling
//! it tells (`ENOSYS`; under the seccomp filters of older container engines `EPERM`).
//!
//! **fork.** A child inherits the descriptor *and shares the instance*: what it deletes is deleted
//! for the parent. `EPOLL_CLOEXEC` covers exec; a child that goes on in the same program is noticed
//! by `sys::fork`.
//!
//! # What that means here
//!
//! `Edge` keeps nothing about descriptors: the token travels through the kernel in the event's
//! data, one `ADD` with both directions does for life, and `wait` is one system call and a loop
//! over what it returned. The notifier's eventfd is registered edge-triggered in all three, so it
//! is never read (see `notify.rs`).

mod armed;
#[cfg(test)]
mod tests;

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::Duration;

use super::cvt::{cvt, cvt_wait, millis, timespec};
use super::event::{Added, Event, Interest, NOTIFY_TOKEN, Ready, SyscallCounts};
use super::notify::{Notifier, WakeSource};

pub(super) use self::armed::Armed;

/// Whether the system has it.
pub(super) const IS_HERE: bool = true;

/// Edge-triggered epoll.
pub(super) struct Edge {
    queue: Queue,
}

impl Edge {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            queue: Queue::new()?,
        })
    }

    pub(super) fn add(&mut self, fd: RawFd, token: u64, interest: Interest) -> io::Result<Added> {
        self.queue.add(fd, EDGE | mask(interest), token)
    }

    pub(super) fn modify(&mut self, fd: RawFd, token: u64, interest: Interest) -> io::Result<()> {
        self.queue.modify(fd, EDGE | mask(interest), token)
    }

    pub(super) fn delete(&mut self, fd: RawFd) -> io::Result<()> {
        self.queue.delete(fd)
    }

    #[inline]
    pub(super) fn wait(
        &mut self,
        events: &mut Vec<Event>,
        max: usize,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        let found = self.queue.wait(max, timeout)?;
        events.reserve(found.len());
        for ready in found {
            // Copied out, because the kernel's structure is packed.
            let (token, bits) = (ready.u64, ready.events);
            if token != NOTIFY_TOKEN {
                events.push(translate(token, bits));
            }
        }
        Ok(())
    }

    pub(super) fn notifier(&self) -> Notifier {
        self.queue.wake.notifier()
    }

    pub(super) fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.queue.epoll.as_fd())
    }

    pub(super) fn syscalls(&self) -> SyscallCounts {
        self.queue.calls
    }
}

/// An epoll instance with its notifier, and the calls on it.
struct Queue {
    epoll: OwnedFd,
    wake: WakeSource,
    /// Where the kernel puts what it found: made once, so that waiting never allocates.
    found: Box<[libc::epoll_event]>,
    /// Whether `epoll_pwait2` may be there. Cleared at the first refusal.
    nanoseconds: bool,
    calls: SyscallCounts,
}

impl Queue {
    fn new() -> io::Result<Self> {
        let mut queue = Self {
            epoll: create()?,
            wake: WakeSource::new()?,
            found: vec![libc::epoll_event { events: 0, u64: 0 }; BATCH].into_boxed_slice(),
            nanoseconds: true,
            calls: SyscallCounts::default(),
        };
        queue.watch_notifier()?;
        Ok(queue)
    }

    /// Edge-triggered whatever the rest is: each notification is an edge, so nobody has to read the
    /// counter.
    fn watch_notifier(&mut self) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, self.wake.fd(), EDGE | IN, NOTIFY_TOKEN)
    }

    fn add(&mut self, fd: RawFd, events: u32, data: u64) -> io::Result<Added> {
        let result = match self.control(libc::EPOLL_CTL_ADD, fd, events, data) {
            // The number was closed while a duplicate lived, and has come back to the same open
            // file.
            Err(error) if error.raw_os_error() == Some(libc::EEXIST) => {
                self.control(libc::EPOLL_CTL_MOD, fd, events, data)
            }
            result => result,
        };
        match result {
            Ok(()) => Ok(Added::Registered),
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => Ok(Added::AlwaysReady),
            Err(error) => Err(error),
        }
    }

    fn modify(&mut self, fd: RawFd, events: u32, data: u64) -> io::Result<()> {
        match self.control(libc::EPOLL_CTL_MOD, fd, events, data) {
            // Closed behind our back, and opened again as something else.
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {
                self.control(libc::EPOLL_CTL_ADD, fd, events, data)
            }
            result => result,
        }
    }

    fn delete(&mut self, fd: RawFd) -> io::Result<()> {
        match self.control(libc::EPOLL_CTL_DEL, fd, 0, 0) {
            // Never added, deleted already, closed, or a regular file: it is not watched, as was
            // wanted.
            Err(error)
                if matches!(
                    error.raw_os_error(),
                    Some(libc::ENOENT | libc::EBADF | libc::EPERM)
                ) =>
            {
                Ok(())
            }
            result => result,
        }
    }

    fn control(&mut self, op: libc::c_int, fd: RawFd, events: u32, data: u64) -> io::Result<()> {
        self.calls.controls += 1;
        let mut event = libc::epoll_event { events, u64: data };
        // SAFETY: `event` lives for the call, which only reads it; a wrong descriptor is an error,
        // no more.
        cvt(unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), op, fd, &raw mut event) })?;
        Ok(())
    }

    /// Waits, and returns what was found, the notifier included.
    #[inline]
    fn wait(&mut self, max: usize, timeout: Option<Duration>) -> io::Result<&[libc::epoll_event]> {
        self.calls.waits += 1;
        let count = match timeout {
            Some(Duration::ZERO) => self.wait_millis(max, 0)?,
            None => self.wait_millis(max, -1)?,
            Some(timeout) if self.nanoseconds => self.wait_exactly(max, timeout)?,
            timeout => self.wait_millis(max, millis(timeout))?,
        };
        Ok(&self.found[..count])
    }

    #[inline]
    fn wait_millis(&mut self, max: usize, timeout: libc::c_int) -> io::Result<usize> {
        let room = self.found.len().min(max) as libc::c_int;
        let found = self.found.as_mut_ptr();
        // SAFETY: `found` has room for `room` events and is borrowed for the call.
        cvt_wait(unsafe { libc::epoll_wait(self.epoll.as_raw_fd(), found, room, timeout) })
    }

    fn wait_exactly(&mut self, max: usize, timeout: Duration) -> io::Result<usize> {
        let room = self.found.len().min(max) as libc::c_int;
        let found = self.found.as_mut_ptr();
        let time = timespec(timeout);
        let no_mask = ptr::null::<libc::sigset_t>();
        // By number, because an older C library has no such function although the kernel has the
        // call.
        // SAFETY: `found` has room for `room` events and is borrowed for the call, `time` lives for
        // it, and the mask may be null.
        let result = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                self.epoll.as_raw_fd(),
                found,
                room,
                &raw const time,
                no_mask,
                0_usize,
            )
        };
        // At most `room`, which came from an int.
        match cvt_wait(result as libc::c_int) {
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => {
                self.nanoseconds = false;
                self.wait_millis(max, millis(Some(timeout)))
            }
            result => result,
        }
    }
}

fn create() -> io::Result<OwnedFd> {
    // SAFETY: the call takes a number and touches no memory of ours.
    let fd = cvt(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
    // SAFETY: the kernel has just made this descriptor, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// epoll's bits for an interest. `EPOLLERR` and `EPOLLHUP` need no asking.
fn mask(interest: Interest) -> u32 {
    let mut bits = 0;
    if interest.contains(Interest::READABLE) {
        bits |= IN | RDHUP;
    }
    if interest.contains(Interest::WRITABLE) {
        bits |= OUT;
    }
    if interest.contains(Interest::PRIORITY) {
        bits |= PRI;
    }
    bits
}

/// The contract's words for epoll's bits.
#[inline]
fn translate(token: u64, bits: u32) -> Event {
    // The low five bits, and RDHUP beside them: six bits say all, and 64 answers are made
    // beforehand.
    let place =
        (bits & (IN | PRI | OUT | ERR | HUP)) | (bits & RDHUP) >> (RDHUP_BIT - PLACE_OF_RDHUP);
    Event::new(token, ANSWERS[place as usize & 63])
}

static ANSWERS: [Ready; 64] = {
    let mut answers = [Ready::NONE; 64];
    let mut place = 0;
    while place < 64 {
        let low = place & (IN | PRI | OUT | ERR | HUP);
        let rdhup = (place >> PLACE_OF_RDHUP & 1) << RDHUP_BIT;
        answers[place as usize] = meaning(low | rdhup);
        place += 1;
    }
    answers
};

const PLACE_OF_RDHUP: u32 = 5;
const RDHUP_BIT: u32 = RDHUP.trailing_zeros();
const _: () = assert!((IN | PRI | OUT | ERR | HUP) == 31, "the low five bits");

/// What the kernel's bits mean.
const fn meaning(bits: u32) -> Ready {
    let readable = Ready::READABLE.when(bits & (IN | PRI | RDHUP | HUP | ERR) != 0);
    let writable = Ready::WRITABLE.when(bits & (OUT | HUP | ERR) != 0);
    // RDHUP, but not ERR: a writer's broken pipe is no end of reading.
    let read_closed = Ready::READ_CLOSED.when(bits & (RDHUP | HUP) != 0);
    // HUP and ERR, but not RDHUP: a peer that has shut down its side still reads.
    let write_closed = Ready::WRITE_CLOSED.when(bits & (HUP | ERR) != 0);
    let error = Ready::ERROR.when(bits & ERR != 0);
    let priority = Ready::PRIORITY.when(bits & PRI != 0);
    let tried = readable.union(writable).union(priority);
    tried.union(read_closed).union(write_closed).union(error)
}

/// How many events one call may bring: 12 KiB of them. More are fetched by the next turn.
const BATCH: usize = 1024;

// The C library declares these as ints, and the kernel's field is unsigned.
const EDGE: u32 = libc::EPOLLET as u32;
const ONESHOT: u32 = libc::EPOLLONESHOT as u32;
const IN: u32 = libc::EPOLLIN as u32;
const OUT: u32 = libc::EPOLLOUT as u32;
const PRI: u32 = libc::EPOLLPRI as u32;
const ERR: u32 = libc::EPOLLERR as u32;
const HUP: u32 = libc::EPOLLHUP as u32;
const RDHUP: u32 = libc::EPOLLRDHUP as u32;
