//! The one way in which the library writes to stderr: what cannot be written is lost, and the
//! program goes on.
//!
//! Why: `eprintln!` panics where stderr is full, closed, or a pipe that nobody reads, and a report
//! must not end what it reports on. The lint `clippy::disallowed_macros` keeps the library from
//! using it.

use std::fmt;
use std::io::{self, Write};

/// Writes one line to stderr, in one piece. An error is ignored: there is no other place where it
/// could be told.
#[cold]
pub fn complain(line: fmt::Arguments<'_>) {
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}
