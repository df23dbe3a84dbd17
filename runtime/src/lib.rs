//! The executor, reactor, clock and everything between tasks of [myrt](https://docs.rs/myrt): use
//! the `myrt` crate, which shows all of this under one name.
//!
//! Read `loop.rs` first: the loop is one function there. Then `executor/`, `reactor/`, `sys/`,
//! `time/`.

#![deny(clippy::disallowed_macros)]
#![cfg_attr(
    not(feature = "inspect"),
    allow(dead_code, reason = "the core keeps what only those who watch it read")
)]

mod blocking;
mod builder;
mod core;
#[path = "loop.rs"]
mod event_loop;
mod executor;
mod foreign;
#[cfg(feature = "inspect")]
mod inspect;
mod metrics;
mod reactor;
mod remote;
#[path = "runtime.rs"]
mod runtime_loop;
mod shutdown;
mod stepping;
mod sys;

pub mod cancel;
pub mod future;
pub mod scope;
pub mod sync;
pub mod time;

/// The runtime itself, and what can be chosen and asked about it.
pub mod runtime {
    pub use crate::builder::Builder;
    pub use crate::executor::unhandled::Unhandled;
    #[cfg(feature = "inspect")]
    pub use crate::inspect::cycle::Cycle;
    #[cfg(feature = "inspect")]
    pub use crate::inspect::misuse::{Culprit, Misuse};
    #[cfg(feature = "inspect")]
    pub use crate::inspect::observe::{By, NewTask, Observer, Rest};
    #[cfg(feature = "inspect")]
    pub use crate::inspect::record::Recorder;
    #[cfg(feature = "inspect")]
    pub use crate::inspect::report::{Lints, ParseLintsError, Report};
    #[cfg(feature = "tracing")]
    pub use crate::inspect::tracing_events::Tracing;
    pub use crate::metrics::Metrics;
    pub use crate::remote::{Remote, RemoteHandle};
    pub use crate::runtime_loop::Runtime;
    pub use crate::sys::{FdTooLarge, ParseSelectorError, Selector, raise_fd_limit};
}

/// Tasks: what spawns them, waits for them, names them and keeps values beside them.
pub mod task {
    pub use crate::blocking::limiter::{Limiter, LimiterStatistics};
    pub use crate::blocking::{ExternalWork, PoolStatistics, blocking_pool, spawn_blocking};
    pub use crate::executor::{
        AbortOnDrop, AccessError, Cancel, Id, JoinError, JoinHandle, Local, LocalKey, Outcome,
        ParseIdError, PollTimes, Scoped, StoredWaker, TaskRef, Unconstrained, Wait, YieldNow,
        current, note_wait, poll_budget, poll_within_budget, runtime_serial, try_current,
        try_current_id, unconstrained, yield_now,
    };
    #[doc(hidden)]
    pub use crate::executor::{Builder, spawn, spawn_eager};
    #[doc(hidden)]
    pub use crate::executor::{has_share, poll_share, take_share};
    pub use crate::future::JoinSet;
    #[cfg(feature = "inspect")]
    pub use crate::inspect::trace::{Graph, State, TaskInfo, all, graph};
    pub use crate::task_local;
}

/// Descriptors that tasks can wait for.
pub mod io {
    pub use crate::reactor::async_fd::Async;
    pub use crate::reactor::ready::{Ready, readable, writable};
    pub use crate::reactor::source::Direction;
    pub use crate::reactor::waiter::{IoWaiter, Operation, Readiness};
}

/// What a simulated world puts in the kernel's place.
#[cfg(feature = "sim")]
#[doc(hidden)]
pub mod simulated {
    pub use crate::sys::simulated::{Change, Readiness, enter, is_entered, provide};
}

/// System calls that the network crate needs and that want unsafe.
#[doc(hidden)]
pub mod os {
    pub use crate::executor::probe::LARGE as LARGE_FUTURE;
    pub use crate::runtime_loop::refuse_nesting;
    pub use crate::sys::affinity::{allowed, pin};
    pub use crate::sys::bytes::{read, set_blocking, write};
    pub use crate::sys::child::{SIGTERM, pidfd_open, send_signal};
    pub use crate::sys::listen_fds::take_handed_over;
    pub use crate::sys::os::{
        Credentials, OF_CONNECTION, OUT_OF_RESOURCES, peer_credentials, pipe,
    };
    pub use crate::sys::per_process::PerProcess;
    pub use crate::sys::signals::{Listening, has_default_action, listen};
    pub use crate::sys::splice::{send_file, splice};
    pub use crate::sys::stderr::complain;
    pub use crate::sys::{Ends, ends};
    pub use libc::{
        SIGALRM, SIGCHLD, SIGHUP, SIGINT, SIGIO, SIGPIPE, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH,
    };

    /// Spawns a task that is no part of the program: no list shows it, and that it waits for `fd`
    /// does not count where the runtime asks whether anyone can still be woken.
    pub fn spawn_in_background<F>(fd: std::os::fd::RawFd, future: F)
    where
        F: Future<Output = ()> + 'static,
    {
        crate::executor::current::with_core(|core| {
            if let Some(core) = core {
                core.reactor.background.set(fd);
            }
        });
        let handle = crate::executor::spawn(future);
        crate::executor::spawn::hide(&handle);
    }
}
pub use builder::run;
pub use cancel::{CancelToken, bracket, finally, shield, shield_for};
#[cfg(feature = "inspect")]
pub use inspect::monitor;
pub use scope::{scope, try_scope};
