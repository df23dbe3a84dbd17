//! Child processes: started as std does, awaited without a thread, never left as zombies.
//!
//! A child that ends stays in the system's table as a zombie until somebody asks how it ended.
//! [`Child::wait`] asks; a child that is dropped is asked for in the background (`orphan.rs`). What
//! wakes the one who asks is a descriptor of the process where the system has that (a pidfd: Linux
//! since 5.3), else SIGCHLD (`sigchld.rs`). It knows nothing of what a child does.
//!
//! # Reading order
//!
//! `command.rs` (what to start) · `child.rs` (a running one) · `wait.rs` (its end) · `collect.rs`
//! (all of its output) · `stdio.rs` (its pipes) · `orphan.rs` and `sigchld.rs` (what nobody should
//! need to know).

mod child;
mod collect;
mod command;
mod orphan;
mod sigchld;
mod stdio;
mod wait;

pub use std::process::{ExitStatus, Output, Stdio};

pub use child::Child;
pub use collect::{Collect, Communicate};
pub use command::{Command, StatusFuture};
pub use stdio::{ChildStderr, ChildStdin, ChildStdout};
pub use wait::{Kill, Wait};

#[doc(hidden)]
pub use wait::refuse_pidfd;
