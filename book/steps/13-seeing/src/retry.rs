//! Operations that may block, as futures that do not: each is tried first, and waits only where it
//! must.

use std::cell::Cell;
use std::io;
use std::os::fd::AsFd;

use crate::reactor::{Direction, Registered};
use crate::yield_now;

// ANCHOR: budget
/// Operations that a task may do in one poll. Then it yields, though it could go on.
const BUDGET: u32 = 32;

thread_local! {
    static LEFT: Cell<u32> = const { Cell::new(BUDGET) };
}

/// Before each poll of a task.
pub(crate) fn refill() {
    LEFT.set(BUDGET);
}

/// Tries, waits, tries again.
pub(crate) async fn retry<T>(
    socket: &Registered<impl AsFd>,
    direction: Direction,
    mut operation: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    if LEFT.get() == 0 {
        yield_now().await; // the next poll has a full budget
    }
    LEFT.set(LEFT.get().saturating_sub(1));
    loop {
        match operation() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                socket.would_block(direction).await;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
// ANCHOR_END: budget
