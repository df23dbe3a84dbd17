//! A selector whose kernel is simulated: it asks an object instead of the system.
//!
//! Why: a simulated world decides which of its sockets are ready, and the reactor need not know.
//! It never blocks: the world turns a runtime when there is something to do.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::event::{Added, Event, Interest, Ready, SyscallCounts};
use super::notify::{Notifier, WakeSource};

/// What a simulated kernel says of one socket: try again in these directions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Change {
    /// What [`Readiness::add`] was given.
    pub token: u64,
    /// Data, a connection, or an end.
    pub readable: bool,
    /// Room, or a connect that is decided.
    pub writable: bool,
    /// The peer sends no more.
    pub read_closed: bool,
    /// An error waits to be taken.
    pub error: bool,
}

/// The simulated kernel, as one runtime's selector sees it. Changes are reported once each, as an
/// edge-triggered selector does.
pub trait Readiness {
    /// Begins to watch; what is ready now is a change.
    ///
    /// # Errors
    /// Where `fd` is no socket of this kernel.
    fn add(&self, fd: RawFd, token: u64) -> io::Result<()>;
    /// Ends the watch.
    fn delete(&self, fd: RawFd);
    /// Takes the next change.
    fn next(&self) -> Option<Change>;
}

thread_local! {
    static NEXT: RefCell<Option<Rc<dyn Readiness>>> = const { RefCell::new(None) };
    /// Of the selectors of this thread, by their numbers: a selector can be sent to another thread,
    /// where it knows of none.
    static KERNELS: RefCell<BTreeMap<u64, Rc<dyn Readiness>>> =
        const { RefCell::new(BTreeMap::new()) };
    static ENTERED: Cell<bool> = const { Cell::new(false) };
}

/// Says whether a world turns one of its hosts on this thread: blocking work runs on it then.
pub fn enter(entered: bool) {
    ENTERED.set(entered);
}

/// What [`enter`] said last.
#[must_use]
pub fn is_entered() -> bool {
    ENTERED.get()
}

/// The runtime that this thread builds next with [`Selector::Sim`](super::Selector::Sim) asks
/// `kernel`.
pub fn provide(kernel: Rc<dyn Readiness>) {
    NEXT.set(Some(kernel));
}

/// See the module's head.
pub(super) struct Simulated {
    kernel: u64,
    wake: WakeSource,
    calls: SyscallCounts,
}

impl Simulated {
    pub(super) fn new() -> io::Result<Self> {
        let Some(kernel) = NEXT.take() else {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "the selector `sim` works inside of a simulated world: add a host to a sim::World",
            ));
        };
        static LAST: AtomicU64 = AtomicU64::new(0);
        let wake = WakeSource::new()?;
        let number = LAST.fetch_add(1, Relaxed);
        KERNELS.with_borrow_mut(|all| all.insert(number, kernel));
        Ok(Self {
            kernel: number,
            wake,
            calls: SyscallCounts::default(),
        })
    }

    fn kernel(&self) -> Option<Rc<dyn Readiness>> {
        KERNELS.with_borrow(|all| all.get(&self.kernel).cloned())
    }

    pub(super) fn add(&mut self, fd: RawFd, token: u64, _: Interest) -> io::Result<Added> {
        self.calls.controls += 1;
        let kernel = self.kernel().ok_or(io::ErrorKind::Unsupported)?;
        kernel.add(fd, token).map(|()| Added::Registered)
    }

    /// An edge selector reports both directions from the beginning.
    #[expect(clippy::unnecessary_wraps, reason = "as the other selectors")]
    pub(super) fn modify(&mut self, _: RawFd, _: u64, _: Interest) -> io::Result<()> {
        Ok(())
    }

    #[expect(clippy::unnecessary_wraps, reason = "as the other selectors")]
    pub(super) fn delete(&mut self, fd: RawFd) -> io::Result<()> {
        if let Some(kernel) = self.kernel() {
            kernel.delete(fd);
        }
        Ok(())
    }

    #[expect(clippy::unnecessary_wraps, reason = "as the other selectors")]
    pub(super) fn wait(
        &mut self,
        events: &mut Vec<Event>,
        max: usize,
        _: Option<Duration>,
    ) -> io::Result<()> {
        self.calls.waits += 1;
        let kernel = self.kernel();
        while events.len() < max {
            let Some(change) = kernel.as_ref().and_then(|kernel| kernel.next()) else {
                break;
            };
            let ready = Ready::READABLE.when(change.readable)
                | Ready::WRITABLE.when(change.writable)
                | Ready::READ_CLOSED.when(change.read_closed)
                | Ready::ERROR.when(change.error);
            events.push(Event::new(change.token, ready));
        }
        Ok(())
    }

    pub(super) fn notifier(&self) -> Notifier {
        self.wake.notifier()
    }

    /// There is no kernel object to lend.
    #[expect(clippy::unused_self, reason = "as the other selectors")]
    pub(super) fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    pub(super) fn syscalls(&self) -> SyscallCounts {
        self.calls
    }
}

impl Drop for Simulated {
    fn drop(&mut self) {
        let forget = |all: &RefCell<BTreeMap<_, _>>| all.borrow_mut().remove(&self.kernel);
        drop(KERNELS.try_with(forget));
    }
}

impl fmt::Debug for dyn Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Readiness")
    }
}
