//! Model tests of what threads share in myrt: loom runs each of them under every interleaving that
//! the memory model allows.
//!
//! Only a few hundred lines of the runtime are ever run by two threads at once, and an ordinary
//! test sees one schedule of millions. So these lines are written as modules that use nothing of
//! the runtime, and included here by their path, with loom's atomics and mutex in place of std's.
//! This package must not depend on the runtime: the flag it is built with would reach other crates
//! too.
//!
//! A lost wake shows as a loop that waits for ever, which loom reports as a deadlock; lost data as
//! an assertion. Since a model that cannot fail proves nothing, the `broken` ones beside them leave
//! out the very operation that the real code insists on, and are expected to be caught.

#[cfg(not(myrt_loom))]
compile_error!("these are loom models: run `.ci/loom`, which sets RUSTFLAGS=\"--cfg myrt_loom\"");

#[cfg(all(test, myrt_loom))]
mod bell;
#[cfg(all(test, myrt_loom))]
mod broken;
#[cfg(all(test, myrt_loom))]
mod models;
#[cfg(all(test, myrt_loom))]
#[path = "../../runtime/src/executor/remote_queue.rs"]
mod remote_queue;
#[cfg(all(test, myrt_loom))]
#[path = "../../runtime/src/executor/runner.rs"]
#[allow(
    unsafe_code,
    reason = "the runtime's code as it stands: it reads through a pointer"
)]
mod runner;
#[cfg(all(test, myrt_loom))]
mod runners;
