//! `tokio_context`: a tokio runtime on a thread of its own, entered on this thread.
//!
//! Why: most crates that name tokio ask the thread for its context when they open a socket, start a
//! timer or spawn, and nothing else of theirs cares who polls them. The context's runtime does
//! their I/O over there and wakes the tasks here. It knows nothing of our loop.

use std::cell::RefCell;
use std::fmt;
use std::future::pending;
use std::io;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::mpsc::{Receiver, channel};
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// How long jobs of its blocking pool may go on at the end.
const GRACE: Duration = Duration::from_secs(1);
/// How long the end waits for a task of tokio's that does not yield.
const PATIENCE: Duration = Duration::from_secs(5);

thread_local! {
    /// This thread's, as long as somebody holds it.
    static ENTERED: RefCell<Weak<Entered>> = const { RefCell::new(Weak::new()) };
}

/// Enters tokio's context on this thread until the [`TokioContext`] is dropped, for crates that
/// want it: reqwest, sqlx, quinn, redis' `Client`, zbus, tower-http's `Timeout` and `ServeDir`.
///
/// It starts a current-thread runtime of tokio's on a thread of its own, which drives their sockets
/// and timers. What they hand out is awaited here, in any task of this thread: hold the context
/// around the whole program, as `#[myrt::main(tokio_context)]` does. Each event costs a wake from
/// that thread to this one, some microseconds.
///
/// What such a crate starts with `tokio::spawn` runs over there. It must be `Send`, so it holds
/// nothing of ours but what any thread may have: channels of tokio's or std's, a
/// [`Portable`](super::Portable) stream, a [`Remote`](myrt_runtime::runtime::Remote). A virtual
/// clock does not move tokio's timers.
///
/// On a thread that has one already it gives that one again; the last to be dropped ends it. The
/// end drops tokio's tasks. It waits a second for jobs of tokio's blocking pool, and in all no
/// longer than five.
///
/// # Errors
/// When the runtime or its thread cannot be made: no descriptors, no threads left.
///
/// ```
/// use myrt::compat::tokio_context;
///
/// fn main() -> std::io::Result<()> {
///     let _context = tokio_context()?;
///     myrt::run(async {
///         // For what is inside of many crates.
///         tokio::time::sleep(std::time::Duration::from_millis(1)).await;
///         let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
///         assert_eq!(tokio::spawn(async { 6 * 7 }).await?, 42);
///         drop(listener);
///         Ok(())
///     })
/// }
/// ```
pub fn tokio_context() -> io::Result<TokioContext> {
    if let Some(entered) = ENTERED.with_borrow(Weak::upgrade) {
        return Ok(TokioContext { entered });
    }
    let entered = Rc::new(Entered::new()?);
    ENTERED.set(Rc::downgrade(&entered));
    Ok(TokioContext { entered })
}

/// Holds tokio's context on this thread: see [`tokio_context`].
#[must_use = "the context is left when it is dropped"]
#[derive(Clone)]
pub struct TokioContext {
    entered: Rc<Entered>,
}

impl TokioContext {
    /// The runtime's handle.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.entered.handle
    }
}

impl fmt::Debug for TokioContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokioContext").finish_non_exhaustive()
    }
}

struct Entered {
    handle: Handle,
    /// Holds the guard, which borrows a handle: a future can do that. Polled once; dropping it
    /// leaves the context.
    guard: Option<Pin<Box<dyn Future<Output = ()>>>>,
    /// Dropped, it ends the runtime.
    stop: Option<oneshot::Sender<()>>,
    /// Hears that the thread is through.
    ended: Receiver<()>,
}

impl Entered {
    fn new() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let (end, ended) = channel();
        thread::Builder::new()
            .name("myrt-tokio".to_owned())
            .spawn(move || {
                // Ready with an error, when the sender is dropped.
                let _ = runtime.block_on(stopped);
                runtime.shutdown_timeout(GRACE);
                drop(end);
            })?;
        let entered = handle.clone();
        let mut guard: Pin<Box<dyn Future<Output = ()>>> = Box::pin(async move {
            let _guard = entered.enter();
            pending::<()>().await;
        });
        let first = guard.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        debug_assert!(first.is_pending(), "it holds the guard until it is dropped");
        Ok(Self {
            handle,
            guard: Some(guard),
            stop: Some(stop),
            ended,
        })
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.guard = None;
        self.stop = None;
        let _ = self.ended.recv_timeout(PATIENCE);
    }
}
