//! Counts the connections of a server process and ends it when the last one has closed.
//!
//! Every server, whatever its runtime (the C one included), reports to this file: that it listens,
//! each accepted connection and each closed one. So the CPU time is taken over the same span for
//! all, from the first accept to the last close, and no server needs a shutdown path of its own.

use std::cell::Cell;
use std::io::Write;

use crate::system::{self, Cpu};

thread_local! {
    static EXPECTED: Cell<u64> = const { Cell::new(u64::MAX) };
    static ACCEPTED: Cell<u64> = const { Cell::new(0) };
    static CLOSED: Cell<u64> = const { Cell::new(0) };
    static START: Cell<Cpu> = const { Cell::new(Cpu { user: std::time::Duration::ZERO, system: std::time::Duration::ZERO }) };
}

/// The process ends after this many connections have closed.
pub fn expect(connections: u64) {
    EXPECTED.set(connections);
}

/// Tells the parent where to connect.
pub fn listening(port: u16) {
    println!("listening {port}");
    let _ = std::io::stdout().flush();
}

pub fn accepted() {
    let count = ACCEPTED.get() + 1;
    ACCEPTED.set(count);
    if count == 1 {
        START.set(system::own_cpu());
    }
}

/// Called when a connection's socket has been closed.
pub fn closed() {
    let count = CLOSED.get() + 1;
    CLOSED.set(count);
    if count == EXPECTED.get() {
        let spent = system::own_cpu().since(START.get());
        println!("cpu {} {}", spent.user.as_nanos(), spent.system.as_nanos());
        let _ = std::io::stdout().flush();
        std::process::exit(0);
    }
}
