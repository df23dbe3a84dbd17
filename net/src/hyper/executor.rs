//! hyper's executor: `spawn`, without `Send`.
//!
//! Why: hyper asks for an object where myrt has a function.

use ::hyper::rt;
use myrt_runtime::task;

/// Spawns hyper's tasks on the runtime of the current thread. HTTP/2 needs one.
///
/// The futures need not be `Send`: a service may hold `Rc`s, as everything here. A task that hyper
/// spawns is detached; if it panics the runtime's unhandled hook hears of it.
///
/// # Panics
/// [`execute`](rt::Executor::execute) outside of a runtime.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Executor;

impl Executor {
    /// An executor.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl<F> rt::Executor<F> for Executor
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        drop(task::spawn(future));
    }
}
