//! [`Absent`]: the selector that this system does not have.
//!
//! It has no values, so none of its methods can run and the compiler leaves them out.
//!
//! Why: `mod.rs` names every backend on every system without a condition at each place.

use std::convert::Infallible;
use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::time::Duration;

use super::event::{Added, Event, Interest, SyscallCounts};
use super::notify::Notifier;

/// Whether the system has it.
pub(super) const IS_HERE: bool = false;

/// No selector.
pub(super) struct Absent(Infallible);

#[allow(
    dead_code,
    reason = "which of these are named depends on what is absent"
)]
impl Absent {
    pub(super) fn new() -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn level() -> io::Result<Self> {
        Self::new()
    }

    pub(super) fn oneshot() -> io::Result<Self> {
        Self::new()
    }

    pub(super) fn add(&mut self, _: RawFd, _: u64, _: Interest) -> io::Result<Added> {
        match self.0 {}
    }

    pub(super) fn modify(&mut self, _: RawFd, _: u64, _: Interest) -> io::Result<()> {
        match self.0 {}
    }

    pub(super) fn delete(&mut self, _: RawFd) -> io::Result<()> {
        match self.0 {}
    }

    pub(super) fn wait(
        &mut self,
        _: &mut Vec<Event>,
        _: usize,
        _: Option<Duration>,
    ) -> io::Result<()> {
        match self.0 {}
    }

    pub(super) fn notifier(&self) -> Notifier {
        match self.0 {}
    }

    pub(super) fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        match self.0 {}
    }

    pub(super) fn syscalls(&self) -> SyscallCounts {
        match self.0 {}
    }
}

/// As `kqueue::trigger`.
#[allow(dead_code, reason = "only for an absent kqueue")]
pub(super) fn trigger(absent: &Absent) {
    match absent.0 {}
}
