//! [`Armed`]: level-triggered and one-shot epoll, which behave as the contract says: one-shot per
//! direction.
//!
//! The kernel offers neither: level-triggered epoll repeats itself, and `EPOLLONESHOT` disarms both
//! directions. So this file remembers what its user has armed and what the kernel has, and changes
//! the kernel's part *just before the next wait*: a task that is woken, reads until `EAGAIN` and
//! arms again has changed nothing by then, and level-triggered epoll needs no call for it.
//!
//! Delivery disarms here at once, so no direction is reported twice; what the kernel would still
//! say is dropped or removed at the next wait. `delete` alone is not put off: see the contract.
//!
//! **A level-triggered registration that cannot be removed** (its number was closed, a duplicate
//! lives, see `epoll.rs`) would be reported in every wait. It is recognised by the generation in
//! its data. Only a new instance is free of it, so one is made and takes the old one's place under
//! the same number.
//!
//! Why: for comparison with the edge-triggered backend, and because a course on selectors shows
//! both.
//! Tokens are opaque here.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use super::{ONESHOT, Queue, create, mask, translate};
use crate::sys::cvt::cvt;
use crate::sys::event::{Added, Event, Interest, NOTIFY_TOKEN, SyscallCounts};
use crate::sys::fd_table::FdTable;
use crate::sys::notify::Notifier;

/// epoll with one-shot behaviour per direction.
pub(crate) struct Armed {
    queue: Queue,
    watched: FdTable<Watched>,
    /// What may differ between us and the kernel. A descriptor is here at most once, see
    /// `Watched::listed`.
    changed: Vec<RawFd>,
    /// Given to each registration in turn, so that a left-over one is told from the present one.
    generation: u32,
    oneshot: bool,
    /// A registration was heard that cannot be removed.
    has_stale_registration: bool,
}

/// One descriptor.
struct Watched {
    token: u64,
    generation: u32,
    /// What the user waits for.
    armed: Interest,
    /// What the kernel would report now.
    kernel: Interest,
    /// Whether the kernel has a registration, though maybe a disabled one.
    registered: bool,
    /// Whether it stands in `changed`.
    listed: bool,
}

impl Armed {
    pub(in crate::sys) fn level() -> io::Result<Self> {
        Self::new(false)
    }

    pub(in crate::sys) fn oneshot() -> io::Result<Self> {
        Self::new(true)
    }

    fn new(oneshot: bool) -> io::Result<Self> {
        Ok(Self {
            queue: Queue::new()?,
            watched: FdTable::new(),
            changed: Vec::new(),
            generation: 0,
            oneshot,
            has_stale_registration: false,
        })
    }

    pub(in crate::sys) fn add(
        &mut self,
        fd: RawFd,
        token: u64,
        interest: Interest,
    ) -> io::Result<Added> {
        self.generation = self.generation.wrapping_add(1);
        let generation = self.generation;
        // Also with an empty interest, so that a file that is never watched is found out now.
        let added = self
            .queue
            .add(fd, self.bits(interest), data(fd, generation))?;
        if added == Added::AlwaysReady {
            self.watched.remove(fd);
            return Ok(added);
        }
        // A predecessor's place in `changed` is taken over with the number.
        let listed = self.watched.get(fd).is_some_and(|old| old.listed);
        let watched = Watched {
            token,
            generation,
            armed: interest,
            kernel: interest,
            registered: true,
            listed,
        };
        self.watched.insert(fd, watched)?;
        if interest.is_empty() {
            self.list(fd);
        }
        Ok(added)
    }

    pub(in crate::sys) fn modify(
        &mut self,
        fd: RawFd,
        token: u64,
        interest: Interest,
    ) -> io::Result<()> {
        let watched = self.watched.registered(fd)?;
        watched.token = token;
        watched.armed = interest;
        self.list(fd);
        Ok(())
    }

    pub(in crate::sys) fn delete(&mut self, fd: RawFd) -> io::Result<()> {
        match self.watched.remove(fd) {
            Some(watched) if watched.registered => self.queue.delete(fd),
            _ => Ok(()),
        }
    }

    pub(in crate::sys) fn wait(
        &mut self,
        events: &mut Vec<Event>,
        max: usize,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        if self.has_stale_registration {
            self.rebuild()?;
        }
        self.tell_kernel(events);
        if !events.is_empty() {
            return Ok(());
        }
        let found = self.queue.wait(max, timeout)?;
        for ready in found {
            let (data, bits) = (ready.u64, ready.events);
            if data == NOTIFY_TOKEN {
                continue;
            }
            let fd = fd_of(data);
            let Some(watched) = self
                .watched
                .get_mut(fd)
                .filter(|watched| watched.registered && watched.generation == generation_of(data))
            else {
                // One-shot registrations fall silent by themselves.
                self.has_stale_registration = !self.oneshot;
                continue;
            };
            if self.oneshot {
                watched.kernel = Interest::NONE;
            }
            let event = translate(watched.token, bits).only(watched.armed);
            watched.armed -= event.delivers();
            if !event.delivers().is_empty() {
                events.push(event);
            }
            if !watched.listed {
                watched.listed = true;
                self.changed.push(fd);
            }
        }
        Ok(())
    }

    pub(in crate::sys) fn notifier(&self) -> Notifier {
        self.queue.wake.notifier()
    }

    pub(in crate::sys) fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.queue.epoll.as_fd())
    }

    pub(in crate::sys) fn syscalls(&self) -> SyscallCounts {
        self.queue.calls
    }

    /// Notes that the kernel may have to be told about `fd`.
    fn list(&mut self, fd: RawFd) {
        if let Some(watched) = self.watched.get_mut(fd).filter(|watched| !watched.listed) {
            watched.listed = true;
            self.changed.push(fd);
        }
    }

    /// Makes the kernel report what is armed. A descriptor that it refuses is broken: its user
    /// hears so and tries.
    fn tell_kernel(&mut self, events: &mut Vec<Event>) {
        while let Some(fd) = self.changed.pop() {
            let Some(watched) = self.watched.get_mut(fd) else {
                continue;
            };
            watched.listed = false;
            let (armed, data) = (watched.armed, data(fd, watched.generation));
            if armed == watched.kernel && (self.oneshot || !armed.is_empty()) {
                continue;
            }
            let registered = watched.registered;
            let bits = self.bits(armed);
            let told = if armed.is_empty() {
                if registered {
                    self.queue.delete(fd)
                } else {
                    Ok(())
                }
            } else if registered {
                self.queue.modify(fd, bits, data)
            } else {
                // A regular file cannot come here unless the number was reused behind our back; it
                // is ready, so say so.
                match self.queue.add(fd, bits, data) {
                    Ok(Added::AlwaysReady) => Err(io::Error::from_raw_os_error(libc::EPERM)),
                    added => added.map(drop),
                }
            };
            let Some(watched) = self.watched.get_mut(fd) else {
                continue;
            };
            watched.registered = told.is_ok() && !armed.is_empty();
            watched.kernel = armed;
            if told.is_err() {
                watched.kernel = Interest::NONE;
                watched.armed = Interest::NONE;
                events.push(Event::broken(watched.token).only(armed));
            }
        }
    }

    /// Replaces the instance by a fresh one under the same number, and registers again what is
    /// still there.
    #[cold]
    fn rebuild(&mut self) -> io::Result<()> {
        let fresh = create()?;
        // SAFETY: both descriptors are open and ours; the old instance ends and its number stands
        // for the new one.
        cvt(unsafe {
            libc::dup3(
                fresh.as_raw_fd(),
                self.queue.epoll.as_raw_fd(),
                libc::O_CLOEXEC,
            )
        })?;
        self.has_stale_registration = false;
        self.queue.watch_notifier()?;
        self.changed.clear();
        for (fd, watched) in self.watched.iter_mut() {
            watched.registered = false;
            watched.kernel = Interest::NONE;
            watched.listed = true;
            self.changed.push(fd);
        }
        Ok(())
    }

    /// epoll's bits for what is armed.
    fn bits(&self, interest: Interest) -> u32 {
        mask(interest) | if self.oneshot { ONESHOT } else { 0 }
    }
}

/// What travels through the kernel: which descriptor, and which registration of it. Never the
/// notifier's, since no descriptor has the number -1.
fn data(fd: RawFd, generation: u32) -> u64 {
    (u64::from(generation) << 32) | u64::from(fd as u32)
}

fn fd_of(data: u64) -> RawFd {
    data as u32 as RawFd
}

fn generation_of(data: u64) -> u32 {
    (data >> 32) as u32
}
