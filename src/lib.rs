//! A single-threaded async runtime written from scratch.
#![forbid(unsafe_code)]

pub use myrt_macros::{main, test};
pub use myrt_runtime::task::{spawn, spawn_blocking, spawn_eager, yield_now};
pub use myrt_runtime::{io, run, runtime, task, task_local, time};

#[doc(hidden)]
pub mod __private {
    use myrt_runtime::runtime::Builder;

    /// What `#[myrt::main]` expands to.
    pub fn main<F: Future>(builder: Builder, future: F) -> F::Output {
        test(builder, future)
    }

    /// What `#[myrt::test]` expands to.
    pub fn test<F: Future>(builder: Builder, future: F) -> F::Output {
        match builder.build() {
            Ok(runtime) => runtime.block_on(future),
            Err(error) => panic!("the runtime could not be made: {error}"),
        }
    }
}
