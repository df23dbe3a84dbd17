//! The executor, reactor, clock and everything between tasks of [myrt](https://docs.rs/myrt): use the `myrt` crate,
//! which shows all of this under one name.
//!
//! Read `runtime.rs` first: the loop is one function there. Then `task/`, `reactor/`, `sys/`, `time/`.

mod blocking;
mod builder;
mod core;
mod metrics;
mod observe;
mod reactor;
mod remote;
mod report;
#[path = "runtime.rs"]
mod runtime_loop;
mod sys;
mod trace;
mod watchdog;

pub mod future;
pub mod monitor;
pub mod sync;
pub mod task;
pub mod time;

/// The runtime itself, and what can be chosen and asked about it.
pub mod runtime {
    pub use crate::builder::{Builder, Lints};
    pub use crate::metrics::Metrics;
    pub use crate::observe::{Observer, Unhandled};
    pub use crate::remote::{Remote, RemoteHandle};
    pub use crate::report::Report;
    pub use crate::runtime_loop::Runtime;
    pub use crate::sys::{FdTooLarge, ParseSelectorError, Selector, raise_fd_limit};
}

/// Descriptors that tasks can wait for.
pub mod io {
    pub use crate::reactor::async_fd::{Async, Operation, Readiness, Turn};
    pub use crate::reactor::ready::{Ready, readable, writable};
    pub use crate::reactor::source::Direction;
}

/// System calls that the network crate needs and that want unsafe.
#[doc(hidden)]
pub mod os {
    pub use crate::sys::affinity::{allowed, pin};
    pub use crate::sys::bytes::{read, set_blocking, write};
    pub use crate::sys::child::{SIGTERM, pidfd_open, send_signal};
    pub use crate::sys::handed::take_handed_over;
    pub use crate::sys::os::{Credentials, peer_credentials, pipe};
    pub use crate::sys::splice::{send_file, splice};
}
pub use runtime_loop::run;
