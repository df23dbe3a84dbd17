//! The selectors: how a runtime learns from the kernel which file descriptors are ready.
//!
//! Why: five system interfaces agree on little; the rest of the crate is written against one small
//! contract.
//! Must not depend on: executor, reactor, time, sync.
//!
//! # The contract
//!
//! Every backend offers these, and the tests in `tests.rs` run one table over all of them.
//!
//! - `add(fd, token, interest)` begins to watch. If the descriptor is ready already, the next
//!   `wait` says so. `Added::AlwaysReady` means that the system does not watch such a thing (a
//!   regular file, a directory, a disk): it never blocks, nothing was registered, treat it as
//!   ready. Adding a number that is still registered replaces the old registration.
//! - `modify(fd, token, interest)` sets the directions that are armed. Empty disarms both. Ready
//!   now means reported by the next `wait`. Edge selectors never need it.
//! - `delete(fd)` ends the watch at once: nothing that a later `wait` returns speaks of it. It may
//!   be called twice, or for a descriptor that is closed or was never added. **It is called before
//!   `close`**, always: epoll ties a registration to the open file and kqueue to the descriptor,
//!   and this order is where both agree.
//! - `wait(events, max, timeout)` clears `events` and fills in at most `max` of them. `None` waits
//!   for ever. A time is rounded *up* to what the system call can express, so that a wait never
//!   ends just before its deadline and spins; one too long for the call is cut short, so an early
//!   return without events is ordinary. So is one after a signal (`EINTR`) and one after `notify`.
//! - `notifier()` gives a handle for other threads. `notify` makes a `wait` that is running, or the
//!   next one, return. It never shows as an event.
//!
//! **Edge** (`is_edge()`: epoll and kqueue): add once with both directions, each change is reported
//! once, and nothing needs re-arming. **The others** are one-shot *per direction*: `add` and
//! `modify` arm, delivery of a direction disarms that direction and leaves the other one armed.
//! That is what keeps a hung-up descriptor from being reported without end.
//!
//! What an [`Event`] promises: `readable` and `writable` mean "try now, you may get an answer",
//! never more. Failure and hang-up set the directions too, since the answer is then the error or
//! the end. The other flags only say more where the system does: select knows none of them, so code
//! that must work everywhere may use them for saving calls, not for deciding what happened. One
//! descriptor may have two events in a batch (kqueue has a filter a direction). Tokens are the
//! caller's, all but `u64::MAX`. An event whose descriptor was deleted after the batch was fetched
//! is the caller's to ignore: put a generation into the token.
//!
//! # Files
//!
//! `selector.rs` the public names · `event.rs` the words of the contract · `epoll.rs`, `kqueue.rs`,
//! `poll.rs`, `select.rs` one backend each, each beginning with what bites about that interface ·
//! `notify.rs` waking a wait · `fd_table.rs` what is known by descriptor · `absent.rs` replaces
//! what a system lacks, so that conditions stay on the `mod` lines below · `clock.rs`, `fork.rs`,
//! `limits.rs`, `cvt.rs` the few other calls that std lacks.

#[cfg(not(all(unix, target_pointer_width = "64")))]
compile_error!(
    "myrt needs a 64-bit Unix: a waker is a 64-bit key in a pointer-sized word, and the selectors are Unix calls"
);
#[cfg(all(myrt_kqueue_model, not(target_os = "linux")))]
compile_error!("the kqueue model uses epoll as its oracle, so it runs on Linux only");

#[cfg(any(
    not(any(target_os = "linux", target_os = "android")),
    not(any(
        target_vendor = "apple",
        target_os = "freebsd",
        target_os = "netbsd",
        target_os = "openbsd",
        target_os = "dragonfly",
        myrt_kqueue_model,
        myrt_kqueue_shim
    ))
))]
mod absent;
pub(crate) mod clock;
mod cvt;
#[cfg(feature = "inspect")]
pub(crate) mod describe;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod epoll;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod epoll {
    pub(super) use super::absent::{Absent as Armed, Absent as Edge, IS_HERE};
}
mod event;
mod fd_table;
pub(crate) mod fork;
// Every system that has kqueue, and Linux when a stand-in for it is asked for.
#[cfg(any(
    target_vendor = "apple",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly",
    myrt_kqueue_model,
    myrt_kqueue_shim
))]
mod kqueue;
#[cfg(not(any(
    target_vendor = "apple",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly",
    myrt_kqueue_model,
    myrt_kqueue_shim
)))]
mod kqueue {
    pub(super) use super::absent::{Absent as Kqueue, Absent as System, IS_HERE, trigger};
}
pub(crate) mod affinity;
pub(crate) mod bytes;
pub(crate) mod child;
#[cfg(feature = "inspect")]
pub(crate) mod console;
pub(crate) mod limits;
pub(crate) mod listen_fds;
mod notify;
pub(crate) mod os;
pub(crate) mod per_process;
mod poll;
mod select;
mod selector;
pub(crate) mod signals;
#[cfg(feature = "sim")]
pub(crate) mod simulated;
pub(crate) mod splice;
pub(crate) mod stderr;
#[cfg(test)]
mod tests;

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

pub use self::cvt::{Ends, ends};
pub(crate) use self::cvt::{has_error, readable_now, set_nonblocking};
pub(crate) use self::event::{Added, Event, Interest, Ready, SyscallCounts};
pub(crate) use self::fork::current_thread;
pub use self::limits::raise_fd_limit;
pub(crate) use self::notify::Notifier;
pub use self::select::FdTooLarge;
pub use self::selector::{ParseSelectorError, Selector};

/// One selector of the chosen kind. See the head of this module for what each method promises.
pub(crate) struct Poller {
    kind: Selector,
    backend: Backend,
    /// Descriptors of which only changes are reported, see [`Poller::watch_changes`].
    changes: Option<epoll::Edge>,
    changing: Vec<RawFd>,
}

/// Chosen once, matched in each call: a predictable branch, and no pointer to follow.
enum Backend {
    EpollEdge(epoll::Edge),
    EpollArmed(epoll::Armed),
    Kqueue(kqueue::Kqueue),
    Poll(poll::PollSet),
    /// Its sets are large, and no other selector shall carry their size.
    Select(Box<select::SelectSet>),
    #[cfg(feature = "sim")]
    Sim(simulated::Simulated),
}

/// Runs `$call` with `$it` bound to whatever backend is in use.
macro_rules! each_backend {
    ($backend:expr, $it:ident => $call:expr) => {
        match $backend {
            Backend::EpollEdge($it) => $call,
            Backend::EpollArmed($it) => $call,
            Backend::Kqueue($it) => $call,
            Backend::Poll($it) => $call,
            Backend::Select($it) => $call,
            #[cfg(feature = "sim")]
            Backend::Sim($it) => $call,
        }
    };
}

impl Poller {
    /// Opens a selector.
    ///
    /// # Errors
    ///
    /// `ErrorKind::Unsupported` where this system has no such selector; else what the system says,
    /// such as `EMFILE`.
    pub(crate) fn new(kind: Selector) -> io::Result<Self> {
        if !kind.is_supported() {
            return Err(kind.unsupported());
        }
        let backend = match kind {
            Selector::Epoll => Backend::EpollEdge(epoll::Edge::new()?),
            Selector::EpollLevel => Backend::EpollArmed(epoll::Armed::level()?),
            Selector::EpollOneshot => Backend::EpollArmed(epoll::Armed::oneshot()?),
            Selector::Kqueue => Backend::Kqueue(kqueue::Kqueue::new()?),
            Selector::Poll => Backend::Poll(poll::PollSet::new()?),
            Selector::Select => Backend::Select(Box::new(select::SelectSet::new()?)),
            #[cfg(feature = "sim")]
            Selector::Sim => Backend::Sim(simulated::Simulated::new()?),
        };
        Ok(Self {
            kind,
            backend,
            changes: None,
            changing: Vec::new(),
        })
    }

    /// Begins to watch `fd`.
    pub(crate) fn add(&mut self, fd: RawFd, token: u64, interest: Interest) -> io::Result<Added> {
        debug_assert_ne!(token, event::NOTIFY_TOKEN, "this token is the notifier's");
        each_backend!(&mut self.backend, it => it.add(fd, token, interest))
    }

    /// Sets the armed directions of a watched `fd`.
    pub(crate) fn modify(&mut self, fd: RawFd, token: u64, interest: Interest) -> io::Result<()> {
        debug_assert_ne!(token, event::NOTIFY_TOKEN, "this token is the notifier's");
        each_backend!(&mut self.backend, it => it.modify(fd, token, interest))
    }

    /// Ends the watch of `fd`, before it is closed.
    pub(crate) fn delete(&mut self, fd: RawFd) -> io::Result<()> {
        if let Some(place) = self.changing.iter().position(|it| *it == fd) {
            self.changing.swap_remove(place);
            self.unwatch_changes(fd)?;
        }
        each_backend!(&mut self.backend, it => it.delete(fd))
    }

    /// From now on reports each change of `fd` once, in both directions, as an edge selector does:
    /// for a descriptor whose error stays, which a selector that reports states would report in
    /// every wait. It must not be an edge selector. False: this system has no such thing (nor error
    /// queues), or no descriptor left for it.
    #[cold]
    pub(crate) fn watch_changes(&mut self, fd: RawFd, token: u64) -> bool {
        let changes = match self.changes.take() {
            Some(changes) => Ok(changes),
            None => self.begin_with_changes(),
        };
        let Ok(mut changes) = changes else {
            return false;
        };
        let interest = Interest::BOTH | Interest::PRIORITY;
        let watched = each_backend!(&mut self.backend, it => it.delete(fd)).is_ok()
            && matches!(changes.add(fd, token, interest), Ok(Added::Registered));
        self.changes = Some(changes);
        if watched {
            self.changing.push(fd);
        }
        watched
    }

    /// Takes one off the second selector, which goes with its last one: it costs descriptors.
    #[cold]
    fn unwatch_changes(&mut self, fd: RawFd) -> io::Result<()> {
        let Some(changes) = &mut self.changes else {
            return Ok(());
        };
        changes.delete(fd)?;
        if self.changing.is_empty() {
            let inner = changes.as_fd().map_or(-1, |fd| fd.as_raw_fd());
            each_backend!(&mut self.backend, it => it.delete(inner))?;
            self.changes = None;
        }
        Ok(())
    }

    /// A second selector, which the first one watches.
    fn begin_with_changes(&mut self) -> io::Result<epoll::Edge> {
        let changes = epoll::Edge::new()?;
        let fd = changes.as_fd().ok_or(io::ErrorKind::Unsupported)?;
        let fd = fd.as_raw_fd();
        each_backend!(&mut self.backend, it => it.add(fd, event::CHANGES_TOKEN, Interest::READABLE))?;
        Ok(changes)
    }

    /// Waits until something is ready, `timeout` is over, somebody notifies or a signal comes.
    #[inline(always)] // into the loop, which calls it once a turn
    pub(crate) fn wait(
        &mut self,
        events: &mut Vec<Event>,
        max: usize,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        events.clear();
        let max = max.max(1);
        match &mut self.backend {
            Backend::EpollEdge(it) => it.wait(events, max, timeout),
            Backend::Kqueue(it) => it.wait(events, max, timeout),
            _ => self.wait_for_states(events, max, timeout),
        }
    }

    /// As [`Poller::wait`], for the selectors that are armed.
    fn wait_for_states(
        &mut self,
        events: &mut Vec<Event>,
        max: usize,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        each_backend!(&mut self.backend, it => it.wait(events, max, timeout))?;
        let Some(changes) = &mut self.changes else {
            return Ok(());
        };
        let of_changes = |event: &Event| event.token == event::CHANGES_TOKEN;
        if let Some(place) = events.iter().position(of_changes) {
            events.remove(place);
            let fd = changes.as_fd().map_or(-1, |fd| fd.as_raw_fd());
            each_backend!(&mut self.backend, it => it.modify(fd, event::CHANGES_TOKEN, Interest::READABLE))?;
            let room = max - events.len().min(max - 1);
            changes.wait(events, room, Some(Duration::ZERO))?;
        }
        Ok(())
    }

    /// Whether readiness is reported as changes (true) or armed for one delivery at a time (false).
    #[inline]
    pub(crate) fn is_edge(&self) -> bool {
        #[cfg(feature = "sim")]
        if matches!(self.kind, Selector::Sim) {
            return true;
        }
        matches!(self.kind, Selector::Epoll | Selector::Kqueue)
    }

    /// A handle that makes `wait` return, from any thread. It may outlive the selector.
    pub(crate) fn notifier(&self) -> Notifier {
        each_backend!(&self.backend, it => it.notifier())
    }

    /// The kernel's own object, readable when `wait` would return something: for a foreign loop.
    /// Poll and select have none.
    pub(crate) fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        each_backend!(&self.backend, it => it.as_fd())
    }

    /// How many system calls were made since the selector was opened.
    pub(crate) fn syscalls(&self) -> SyscallCounts {
        each_backend!(&self.backend, it => it.syscalls())
    }

    /// Which kind this is.
    #[cfg(test)]
    pub(crate) fn kind(&self) -> Selector {
        self.kind
    }
}
