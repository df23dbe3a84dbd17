//! What a worker has: its number, its listeners, the way to the others, and word of the end.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};

use myrt_runtime::runtime::Remote;
use myrt_runtime::task::Wait;

use super::control::{Control, Until, Waiting};
use crate::addr::{LookupHost, ToSocketAddrs};
use crate::caller::{self, Caller};
use crate::tcp::TcpListener;

/// One worker, as its own work sees it; see [`run`](super::run). It may be cloned and sent
/// anywhere.
///
/// # Talking to the others
///
/// Any channel that is `Send` and does not ask for a runtime will do (async-channel, flume,
/// futures-channel; std's for a thread that blocks): make it before `run`, and let the closure pick
/// its end by [`id`](Self::id). Without a channel, [`remote`](Self::remote) calls or spawns
/// something on another worker's loop:
///
/// ```
/// use std::cell::Cell;
///
/// thread_local! { static HITS: Cell<u32> = const { Cell::new(0) }; }
///
/// let hits = myrt::workers::run(2, async |worker| {
///     // Every worker asks worker 0 to count.
///     let zero = worker.remote(0).expect("it lives as long as this worker waits");
///     let seen = zero.spawn(|| async { HITS.set(HITS.get() + 1); HITS.get() }).await.unwrap();
///     if worker.id() == 0 {
///         while HITS.get() < 2 {
///             myrt::time::sleep(std::time::Duration::from_millis(1)).await;
///         }
///     }
///     seen
/// })?;
/// let mut hits: Vec<_> = hits.into_iter().flatten().collect();
/// hits.sort();
/// assert_eq!(hits, [1, 2]);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Worker {
    id: usize,
    control: Arc<Control>,
    restarts: Arc<AtomicU64>,
}

impl Worker {
    pub(super) fn new(id: usize, control: Arc<Control>) -> Self {
        Self {
            id,
            control,
            restarts: Arc::default(),
        }
    }

    pub(super) fn control(&self) -> &Arc<Control> {
        &self.control
    }

    pub(super) fn count_restart(&self) {
        self.restarts.fetch_add(1, Relaxed);
    }

    /// Its number, from 0. A worker that is started again keeps it.
    #[must_use]
    pub fn id(&self) -> usize {
        self.id
    }

    /// How many workers there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.control.count
    }

    /// How often it was started again after a panic.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.restarts.load(Relaxed)
    }

    /// Listens on the first address of the host that allows it, beside the other workers: each has
    /// a socket of its own for the same address (`SO_REUSEPORT`), and the kernel spreads
    /// connections over them by a hash of the peers' addresses. Where only the last such socket
    /// would get any (everywhere but on Linux), the workers share one. With port 0 the system
    /// chooses one for all of them.
    ///
    /// The socket stays open until the worker has ended or all are stopped, even if the listener is
    /// dropped: so the connections that wait in its queue survive a worker that dies, and are
    /// served by its successor, which gets the same socket here.
    ///
    /// # Errors
    /// Those of the lookup, and the last address's, such as [`AddrInUse`](io::ErrorKind::AddrInUse)
    /// when a program without `SO_REUSEPORT`, or another user's, has it.
    pub async fn listener(&self, address: impl ToSocketAddrs) -> io::Result<TcpListener> {
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in LookupHost::new(&address).await? {
            match self.control.listener(self.id, address) {
                Ok(listener) => return TcpListener::from_std(listener),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Stops all workers: see [`Builder`](super::Builder).
    pub fn stop(&self) {
        self.control.stop();
    }

    /// Whether all are to stop.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.control.is_stopping()
    }

    /// Ready when all are to stop. **Cancel safe.**
    #[track_caller]
    pub fn stopped(&self) -> Stopped {
        Stopped {
            waiting: self.control.wait(Until::Stopping),
            at: Location::caller(),
        }
    }

    /// Runs a future until it is ready or all are to stop, which drops it: none then.
    #[track_caller]
    pub fn until_stopped<F: Future>(&self, future: F) -> impl Future<Output = Option<F::Output>> {
        UntilStopped {
            stopped: self.stopped(),
            future,
        }
    }

    /// The way to the loop of a worker, from any thread: none while it is started again and after
    /// it has ended, and for numbers that there are not.
    #[must_use]
    pub fn remote(&self, id: usize) -> Option<Remote> {
        self.control.remote(id)
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("id", &self.id)
            .field("count", &self.count())
            .finish_non_exhaustive()
    }
}

/// Future of [`Worker::stopped`].
#[must_use = "futures do nothing unless awaited"]
pub struct Stopped {
    waiting: Waiting,
    at: Caller,
}

impl Future for Stopped {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let stopped = Pin::new(&mut self.waiting).poll(cx);
        if stopped.is_pending() {
            caller::note(Wait::Custom, self.at);
        }
        stopped
    }
}

pin_project_lite::pin_project! {
    /// Future of [`Worker::until_stopped`]: not an `async fn`, whose state would hold `future`
    /// twice.
    struct UntilStopped<F> {
        stopped: Stopped,
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for UntilStopped<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if Pin::new(this.stopped).poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        this.future.poll(cx).map(Some)
    }
}

impl fmt::Debug for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stopped")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
