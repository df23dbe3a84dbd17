//! `Remote`: what other threads may ask of a runtime.
//!
//! Why: everything else belongs to one thread. A remote knows the runtime's queue and nothing of
//! its tables; what it sends runs on the loop's thread.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use crate::core::Core;
use crate::executor::current;
use crate::executor::error::{JoinError, Reason};
use crate::executor::id::Id;
use crate::executor::info::is_cancelling;
use crate::executor::probe::LARGE;
use crate::executor::registry::{self, Home, Message};
use crate::executor::spawn::{spawn_in, tell_large};
use crate::executor::wait::poll_budget;

/// A handle to a runtime for any thread: `Clone + Send + Sync`.
///
/// asyncio's `run_coroutine_threadsafe` and `call_soon_threadsafe`, tokio's `Handle`.
///
/// ```
/// let runtime = myrt::runtime::Runtime::new().unwrap();
/// let remote = runtime.remote();
/// let thread = std::thread::spawn(move || remote.spawn(|| async { 6 * 7 }).join().unwrap());
/// runtime.block_on(async {
///     while !thread.is_finished() {
///         myrt::time::sleep(std::time::Duration::from_millis(1)).await;
///     }
/// });
/// assert_eq!(thread.join().unwrap(), 42);
/// ```
#[derive(Clone)]
pub struct Remote {
    home: Arc<Home>,
}

impl Remote {
    pub(crate) fn new(home: &Arc<Home>) -> Self {
        Self {
            home: Arc::clone(home),
        }
    }

    /// The remote of the runtime that this thread is inside of.
    ///
    /// # Panics
    /// Outside of a runtime.
    #[must_use]
    #[track_caller]
    pub fn current() -> Self {
        match Self::try_current() {
            Some(remote) => remote,
            None => registry::refuse("Remote::current (else use Runtime::remote) was called", 0),
        }
    }

    /// The remote of the runtime that this thread is inside of; none outside. For libraries and
    /// tasks that start threads: inside of a runtime it is what
    /// [`Runtime::remote`](crate::runtime::Runtime::remote) gives.
    ///
    /// ```
    /// use myrt::runtime::Remote;
    ///
    /// assert!(Remote::try_current().is_none());
    /// myrt::run(async {
    ///     let remote = Remote::try_current().unwrap();
    ///     let thread = std::thread::spawn(move || remote.spawn(|| async { 6 * 7 }));
    ///     assert_eq!(thread.join().unwrap().await.unwrap(), 42);
    /// });
    /// ```
    #[doc(alias = "Handle")]
    #[doc(alias = "get_running_loop")]
    #[must_use]
    pub fn try_current() -> Option<Self> {
        current::with_core(|core| Some(Self::new(&core?.home)))
    }

    /// Calls `make` on the loop's thread and runs the future that it returns there. The closure is
    /// `Send`, the future need not be. When the runtime has ended, or ends before the future does,
    /// the handle gives a [`JoinError`] that is cancelled.
    #[doc(alias = "run_coroutine_threadsafe")]
    #[track_caller]
    pub fn spawn<M, F>(&self, make: M) -> RemoteHandle<F::Output>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        let at = Location::caller();
        let shared = Arc::new(Shared {
            state: Mutex::new(State::default()),
            ended: Condvar::new(),
        });
        // Dropped with the message when the runtime is gone: then it says "cancelled".
        let promise = Promise {
            shared: Arc::clone(&shared),
            kept: false,
        };
        let call = move |core: &Core| {
            if size_of::<F>() > LARGE {
                tell_large(core, size_of::<F>(), at);
                return promise.start(core, move || Box::pin(make()), at);
            }
            promise.start(core, make, at);
        };
        let _ = self.home.send(Message::call(call));
        RemoteHandle { shared }
    }

    /// Calls `call` on the loop's thread, soon. False: the runtime has ended, and `call` was
    /// dropped.
    #[doc(alias = "call_soon_threadsafe")]
    pub fn defer(&self, call: impl FnOnce() + Send + 'static) -> bool {
        self.home
            .send(Message::call(move |core| {
                defer_caught(core, call);
            }))
            .is_ok()
    }

    /// Whether the runtime has not ended.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        registry::by_serial(self.home.serial).is_some()
    }
}

fn defer_caught(core: &Core, call: impl FnOnce()) {
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(call));
    if let Err(panic) = result {
        core.unhandled("a call deferred from another thread", 0, panic);
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("runtime", &self.home.serial)
            .finish_non_exhaustive()
    }
}

struct Shared<T> {
    state: Mutex<State<T>>,
    ended: Condvar,
}

struct State<T> {
    result: Option<Result<T, JoinError>>,
    /// There is a result, or there was one that was taken.
    ended: bool,
    waker: Option<Waker>,
}

impl<T> Default for State<T> {
    fn default() -> Self {
        Self {
            result: None,
            ended: false,
            waker: None,
        }
    }
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle(&self, result: Result<T, JoinError>) {
        let waker = {
            let mut state = self.lock();
            state.result = Some(result);
            state.ended = true;
            state.waker.take()
        };
        self.ended.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Settles the handle, whatever becomes of the task.
struct Promise<T> {
    shared: Arc<Shared<T>>,
    kept: bool,
}

impl<T: 'static> Promise<T> {
    fn start<F>(
        self,
        core: &Core,
        make: impl FnOnce() -> F + 'static,
        at: &'static Location<'static>,
    ) where
        F: Future<Output = T> + 'static,
    {
        drop(spawn_in(core, async move { self.run(make).await }, at));
    }

    async fn run<F: Future<Output = T>>(mut self, make: impl FnOnce() -> F) {
        use std::panic::{AssertUnwindSafe, catch_unwind};
        let result = match catch_unwind(AssertUnwindSafe(make)) {
            Ok(future) => Caught { future }.await,
            Err(panic) => Err(panic),
        };
        if is_cancelling() && result.is_ok() {
            return; // it was cancelled in the poll in which it ended, and this promise says so
        }
        self.kept = true;
        self.shared.settle(
            result.map_err(|panic| JoinError::new(Id::from_identity(0), Reason::Panic(panic))),
        );
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        if !self.kept {
            let error = JoinError::new(Id::from_identity(0), Reason::Cancelled(None));
            self.shared.settle(Err(error));
        }
    }
}

pin_project_lite::pin_project! {
    /// A future whose panic is its output.
    struct Caught<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Caught<F> {
    type Output = Result<F::Output, Box<dyn std::any::Any + Send>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let future = self.project().future;
        match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| future.poll(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }
}

/// The right to the output of a task on another thread: a future for any executor, or
/// [`RemoteHandle::join`] for threads. Dropping it detaches.
#[must_use = "await it, join it, or drop it to detach the task"]
pub struct RemoteHandle<T> {
    shared: Arc<Shared<T>>,
}

impl<T> RemoteHandle<T> {
    /// Blocks this thread until the task has ended. Not on the runtime's own thread: that would
    /// wait for itself.
    ///
    /// # Errors
    /// When the task panicked, or was cancelled because the runtime ended.
    ///
    /// # Panics
    /// Inside of a runtime: await the handle there. When it has given its output before.
    #[track_caller]
    pub fn join(self) -> Result<T, JoinError> {
        let inside = current::with_core(|core| core.is_some());
        assert!(
            !inside,
            "RemoteHandle::join blocks the thread, and this one runs a loop: await the handle instead"
        );
        let mut state = self.shared.lock();
        loop {
            if let Some(result) = state.result.take() {
                return result;
            }
            assert!(!state.ended, "{GIVEN}");
            state = self
                .shared
                .ended
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether the task has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.shared.lock().ended
    }
}

impl<T> Future for RemoteHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Cloned before the lock is taken: a waker's clone is foreign code.
        let waker = cx.waker().clone();
        // Not under the lock either: it may wake.
        if self.is_finished() {
            ready!(poll_budget(cx));
        }
        let mut state = self.shared.lock();
        if let Some(result) = state.result.take() {
            return Poll::Ready(result);
        }
        assert!(!state.ended, "{GIVEN}");
        let old = state.waker.replace(waker);
        drop(state);
        drop(old);
        Poll::Pending
    }
}

const GIVEN: &str = "a RemoteHandle was polled or joined again after it gave its output";

impl<T> fmt::Debug for RemoteHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteHandle")
            .field("finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}
