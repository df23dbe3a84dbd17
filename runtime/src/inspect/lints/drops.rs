//! What ended badly, or never began: tasks and futures that were never polled, failures that nobody
//! read, descriptors that were not given back; and futures that begin too large.
//!
//! **Never polled** is a task that is dropped because its runtime ends, before its first poll. One
//! that somebody cancels is none, nor is a job on the pool, which runs all the same. **Unjoined**
//! is a task whose panic, or whose `Err`, was dropped with its result. An error is seen where the
//! task returns `Result<(), E>` with one of the errors of [`error_of`], and is none where the peer
//! of a connection went away; a hook for unhandled panics is told of panics instead.

use std::any::Any;
use std::error::Error;
use std::fmt::Display;
use std::io;
use std::os::fd::RawFd;
use std::panic::Location;

use super::{culprit, is_whole, line, spawner, tell};
use crate::core::Core;
use crate::executor::error::JoinError;
use crate::executor::slot::{DONE, FINISHING, MAIN, Slot};
use crate::inspect::misuse::Misuse;
use crate::inspect::of;
use crate::sys;
use crate::time::Elapsed;

/// How the names of tasks begin that the runtime spawns for itself.
const OWN: &str = "myrt: ";

/// A task with a large future was spawned.
#[cold]
pub(crate) fn spawned_large(core: &Core, bytes: usize, spawned_at: &'static Location<'static>) {
    if let Some(lookout) = of(core).lints.as_deref() {
        let misuse = Misuse::LargeFuture { spawned_at, bytes };
        tell(core, lookout, misuse, line(spawned_at));
    }
}

/// The runtime begins to end: who has not even begun?
pub(crate) fn never_polled(core: &Core) {
    let Some(lookout) = of(core).lints.as_deref() else {
        return;
    };
    for index in 1..core.tasks.slots.high() {
        let Some(slot) = core.tasks.slots.get(index) else {
            continue;
        };
        let there = !slot.block().is_null() && !slot.has(DONE | FINISHING | MAIN);
        let never = slot.polls() == 0;
        if there && is_whole(slot) && never {
            let task = culprit(core, slot);
            if task
                .name
                .as_deref()
                .is_some_and(|name| name.starts_with(OWN))
            {
                continue;
            }
            let misuse = Misuse::TaskNeverPolled { task };
            tell(core, lookout, misuse, spawner(slot));
        }
    }
}

/// A task failed, and its result is dropped unread. False: nobody was told.
pub(crate) fn unjoined(core: &Core, slot: &Slot, error: &str, panicked: bool) -> bool {
    let Some(lookout) = of(core).lints.as_deref() else {
        return false;
    };
    if !is_whole(slot) {
        return false;
    }
    let misuse = Misuse::UnjoinedFailure {
        task: culprit(core, slot),
        error: error.to_owned(),
        panicked,
    };
    tell(core, lookout, misuse, spawner(slot));
    true
}

/// The error that an output is, where its type is one that can be read.
pub(crate) fn error_of(output: &dyn Any) -> Option<String> {
    fn read<E: Display + 'static>(output: &dyn Any) -> Option<String> {
        let result = output.downcast_ref::<Result<(), E>>()?;
        result.as_ref().err().map(ToString::to_string)
    }
    if let Some(Err(error)) = output.downcast_ref::<io::Result<()>>() {
        return (!is_the_peers(error)).then(|| error.to_string());
    }
    read::<Box<dyn Error>>(output)
        .or_else(|| read::<Box<dyn Error + Send>>(output))
        .or_else(|| read::<Box<dyn Error + Send + Sync>>(output))
        .or_else(|| read::<String>(output))
        .or_else(|| read::<&'static str>(output))
        .or_else(|| read::<JoinError>(output))
        .or_else(|| read::<Elapsed>(output))
}

fn is_open(fd: RawFd) -> bool {
    sys::readable_now(fd, sys::Interest::NONE).is_ok()
}

/// Whether the other side did it: it went away, which is how connections end.
fn is_the_peers(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::NotConnected
            | io::ErrorKind::UnexpectedEof
    )
}

/// The runtime has ended its tasks: who left a descriptor?
pub(crate) fn leaked_descriptors(core: &Core) {
    let Some(lookout) = of(core).lints.as_deref() else {
        return;
    };
    let known = core.reactor.sources.borrow_mut().known();
    // The three standard ones are the process's, and `io::stdin` keeps its wait for the next
    // runtime.
    for fd in known.into_iter().filter(|fd| *fd > 2) {
        let closed = !is_open(fd);
        let misuse = Misuse::LeakedRegistration { fd, closed };
        tell(core, lookout, misuse, u64::from(fd.unsigned_abs()));
    }
}

/// A descriptor is taken off the table.
#[cold]
pub(crate) fn deregistered(core: &Core, token: u64) {
    let Some(lookout) = of(core).lints.as_deref() else {
        return;
    };
    let known = match core.reactor.sources.borrow_mut().get(token) {
        Some(source) if source.registered => source.fd,
        _ => return,
    };
    if !is_open(known) {
        let misuse = Misuse::LeakedRegistration {
            fd: known,
            closed: true,
        };
        tell(core, lookout, misuse, u64::from(known.unsigned_abs()));
    }
}
