//! The simulated world of [myrt](https://docs.rs/myrt): use it as `myrt::sim`, feature `sim`.
//!
//! Read `tape.rs` (chance), `socket.rs`, `kernel.rs`, `traffic.rs` and `calls.rs` (the kernel),
//! then `world.rs` and `machine.rs` (hosts and time), `runner.rs` (seeds). `shell.rs` is the one
//! file with unsafe code.

#![cfg(target_os = "linux")]
#![deny(clippy::disallowed_macros)]
#![deny(unsafe_code)]

mod calls;
mod chaos;
#[doc(hidden)]
pub mod check;
mod failure;
mod host;
mod kernel;
mod link;
mod machine;
mod net;
mod panics;
#[doc(hidden)]
pub mod runner;
mod shell;
mod socket;
mod tape;
mod traffic;
mod world;

pub use chaos::Chaos;
pub use failure::{Failure, FailureKind, Summary};
pub use host::Host;
pub use net::{Link, Net};
pub use tape::{ParseTapeError, Tape};
pub use world::{World, is_simulated, random};
