//! Threads, or tasks, that only exist: what they cost in memory.
//!
//! Prints how many there were, address space and resident bytes that they added, and why there were
//! no more.

use std::future::pending;
use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use myrt::task::yield_now;

use super::echo::STACK;
use super::say;
use crate::machine::memory::{Memory, memory};

/// Threads with the stack that C programs get.
pub(super) fn threads(wanted: usize) -> io::Result<()> {
    let before = memory("self").unwrap_or_default();
    let started = Arc::new((Mutex::new(0), Condvar::new()));
    let mut count = 0;
    let mut why = String::new();
    while count < wanted && why.is_empty() {
        let started = Arc::clone(&started);
        let run = move || {
            *started
                .0
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner()) += 1;
            started.1.notify_all();
            loop {
                thread::park();
            }
        };
        match thread::Builder::new().stack_size(STACK).spawn(run) {
            Ok(_) => count += 1,
            Err(error) => why = error.to_string(),
        }
    }
    let mut running = started
        .0
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    while *running < count {
        running = started
            .1
            .wait(running)
            .unwrap_or_else(|poisoned| poisoned.into_inner());
    }
    report(count, before, &why)?;
    // The threads end with the process.
    std::process::exit(0)
}

/// Tasks that wait for ever.
pub(super) fn tasks(wanted: usize) -> io::Result<()> {
    super::run(async {
        let before = memory("self").unwrap_or_default();
        for _ in 0..wanted {
            drop(myrt::spawn(pending::<()>()));
        }
        yield_now().await;
        report(wanted, before, "")
    })
}

fn report(count: usize, before: Memory, why: &str) -> io::Result<()> {
    let after = memory("self").unwrap_or_default();
    let virt = after.virt.saturating_sub(before.virt);
    let resident = after.resident.saturating_sub(before.resident);
    say(&format!("{count} {virt} {resident}"))?;
    say(why)
}
