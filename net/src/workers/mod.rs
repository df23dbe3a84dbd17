//! Workers: one runtime a core, on threads of their own, with nothing shared between them.
//!
//! A single-threaded runtime uses one core. To use all of them one runs the same program once a
//! core, and lets the kernel spread connections over their listeners (`SO_REUSEPORT`): no lock, no
//! queue, no task ever changes threads. This is nginx's design with threads for processes. What is
//! here is the little that such programs need: start them, start one again that died by a panic,
//! stop them together.
//!
//! Reading order: `worker.rs` (what a worker has) · `control.rs` (what they share) ·
//! `worker_thread.rs` (the life of one thread).

mod control;
mod worker;
mod worker_thread;

use std::fmt;
use std::io;
use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use myrt_runtime::os::complain;
use myrt_runtime::{runtime, task};

use control::Control;
use worker_thread::WorkerThread;

pub use worker::{Stopped, Worker};

/// Runs `work` on `count` threads, each with a runtime of its own; 0 means the number of cores that
/// this process may use. It blocks until all have ended and gives their outputs, by worker.
///
/// A worker whose future panics is started again, with a fresh runtime; tasks that it had spawned
/// are cancelled. One that returns is not. [`Builder`] has the details and the choices.
///
/// # Errors
/// If a thread or a runtime cannot be made; the others are stopped then.
///
/// # Panics
/// Inside of a runtime: it would stand still.
///
/// # Examples
///
/// An echo server on two cores, which stops when somebody says "stop".
///
/// ```
/// use myrt::workers;
///
/// # let (port, known) = std::sync::mpsc::channel();
/// # let client = std::thread::spawn(move || {
/// #     use std::io::Write;
/// #     let address: std::net::SocketAddr = known.recv().unwrap();
/// #     std::net::TcpStream::connect(address).unwrap().write_all(b"stop").unwrap();
/// # });
/// workers::run(2, async |worker| {
///     let listener = worker.listener("127.0.0.1:0").await?;
///     # port.send(listener.local_addr()?).ok();
///     while let Some(accepted) = worker.until_stopped(listener.accept()).await {
///         let (stream, _) = accepted?;
///         let worker = worker.clone();
///         let connection = async move {
///             let mut buf = [0; 1024];
///             while let Ok(count @ 1..) = stream.read(&mut buf).await {
///                 if &buf[..count] == b"stop" {
///                     worker.stop();
///                 }
///                 if stream.write_all(&buf[..count]).await.is_err() {
///                     break;
///                 }
///             }
///         };
///         drop(myrt::spawn(connection)); // it goes on by itself
///     }
///     Ok::<(), std::io::Error>(())
/// })?;
/// # client.join().unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn run<F, T>(count: usize, work: F) -> io::Result<Vec<Option<T>>>
where
    F: AsyncFn(Worker) -> T + Sync,
    T: Send,
{
    Builder::new(count).run(work)
}

/// What is told of a worker's panic.
type Hook<'a> = Box<dyn Fn(usize, &str) + Sync + 'a>;

/// Chooses how workers run.
///
/// # Stopping
///
/// [`Worker::stop`], called by anyone, or a signal ([`stop_on_signals`](Self::stop_on_signals))
/// stops all: each worker's [`stopped`](Worker::stopped) is ready, and it ends when it likes,
/// within the [`grace`](Self::grace); then its future is dropped. When a worker's future has ended,
/// the tasks that it had spawned are cancelled, with their async cleanups. To let them end by
/// themselves, wait for them before returning.
///
/// # Dying
///
/// A panic of the worker's own future (not of a task that it spawned) starts it again: at once if
/// it had lived for a second, else after a pause that doubles from 10 ms to one second. Its
/// listeners stay open meanwhile: connections wait in their queues.
///
/// # Examples
///
/// ```
/// let cores = myrt::workers::Builder::new(0)
///     .pin(true)
///     .runtime(|| myrt::runtime::Builder::new().slow_poll(std::time::Duration::from_millis(20)))
///     .run(async |worker| worker.id())?;
/// assert!(cores.iter().enumerate().all(|(n, id)| *id == Some(n)));
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "call run() to run the workers"]
pub struct Builder<'a> {
    count: usize,
    pin: bool,
    grace: Duration,
    runtime: Box<dyn Fn() -> runtime::Builder + Sync + 'a>,
    on_panic: Hook<'a>,
    signals: bool,
}

impl<'a> Builder<'a> {
    /// The number of workers; 0 means the number of cores that this process may use.
    pub fn new(count: usize) -> Self {
        let cores = || thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            count: if count == 0 { cores() } else { count },
            pin: false,
            grace: Duration::from_secs(30),
            runtime: Box::new(runtime::Builder::new),
            on_panic: Box::new(|id, message| {
                complain(format_args!(
                    "myrt: worker {id} panicked and is started again: {message}"
                ));
            }),
            signals: false,
        }
    }

    /// Whether each worker is bound to a core of its own, the first worker to the first core that
    /// this process may use, and so on around. Default: no. Where the system cannot (only Linux
    /// can), nothing is bound. Children that a pinned worker starts inherit its core; threads of
    /// the blocking pool do not.
    pub fn pin(mut self, pin: bool) -> Self {
        self.pin = pin;
        self
    }

    /// How long workers may take to end when they are stopped. Default 30 s.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How each worker's runtime is made, also after it died. Called on the worker's thread.
    pub fn runtime(mut self, make: impl Fn() -> runtime::Builder + Sync + 'a) -> Self {
        self.runtime = Box::new(make);
        self
    }

    /// Called with a worker's number and the panic's message before it is started again, on its
    /// thread. The default prints both.
    pub fn on_panic(mut self, hook: impl Fn(usize, &str) + Sync + 'a) -> Self {
        self.on_panic = Box::new(hook);
        self
    }

    /// Stops all at the first SIGINT (Ctrl-C) or SIGTERM; the second one ends the program as if
    /// nobody listened.
    #[cfg(feature = "signal")]
    #[cfg_attr(docsrs, doc(cfg(feature = "signal")))]
    pub fn stop_on_signals(mut self) -> Self {
        self.signals = true;
        self
    }

    /// Runs them until all have ended, and gives their outputs, by worker: none for one that was
    /// cut by the grace's end or that panicked when all were to stop.
    ///
    /// # Errors
    /// If a thread or a runtime cannot be made, or signals cannot be listened to; the others are
    /// stopped then.
    ///
    /// # Panics
    /// Inside of a runtime: it would stand still.
    pub fn run<F, T>(self, work: F) -> io::Result<Vec<Option<T>>>
    where
        F: AsyncFn(Worker) -> T + Sync,
        T: Send,
    {
        assert!(
            task::runtime_serial().is_none(),
            "workers::run blocks the thread, and this one runs a loop: call it from main, or from a thread of its own"
        );
        // Before the first worker: from its first moment a signal stops all.
        let signals = self.signals.then(signals::Watch::new).transpose()?;
        let control = Arc::new(Control::new(self.count));
        let (builder, work) = (&self, &work);
        thread::scope(|scope| {
            let mut threads = Vec::new();
            let mut failed = None;
            for id in 0..self.count {
                let worker = Worker::new(id, Arc::clone(&control));
                let named = thread::Builder::new().name(format!("myrt-worker-{id}"));
                match named
                    .spawn_scoped(scope, move || WorkerThread::new(worker, builder).live(work))
                {
                    Ok(thread) => threads.push(thread),
                    Err(error) => {
                        failed = Some(error);
                        control.give_up(self.count - id);
                        break;
                    }
                }
            }
            if let Some(signals) = signals {
                signals.watch(&control);
            }
            let ended = threads.into_iter().map(|thread| match thread.join() {
                Ok(output) => output,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            // All are joined before the first failure is told.
            let ended: Vec<_> = ended.collect();
            let outputs = ended.into_iter().collect::<io::Result<Vec<_>>>();
            failed.map_or(outputs, Err)
        })
    }
}

/// Stopping at a signal.
#[cfg(feature = "signal")]
mod signals {
    use std::future::Future;
    use std::io;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::Poll;

    use myrt_runtime::runtime::Runtime;

    use super::control::Control;
    use crate::signal::unix::{Signal, SignalKind, signal};

    /// A loop of the caller's thread that listens.
    pub(super) struct Watch {
        runtime: Runtime,
        signals: [Signal; 2],
    }

    impl Watch {
        pub(super) fn new() -> io::Result<Self> {
            let signals = [
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
            ];
            Ok(Self {
                runtime: Runtime::new()?,
                signals,
            })
        }

        /// Stops all when a signal comes; returns then, or when all have ended. Nobody listens any
        /// more afterwards.
        pub(super) fn watch(self, control: &Arc<Control>) {
            let Self {
                runtime,
                mut signals,
            } = self;
            let mut ended = control.all_ended();
            runtime.block_on(std::future::poll_fn(|cx| {
                if signals
                    .iter_mut()
                    .any(|signal| signal.poll_recv(cx).is_ready())
                {
                    control.stop();
                    return Poll::Ready(());
                }
                Pin::new(&mut ended).poll(cx)
            }));
        }
    }
}

#[cfg(not(feature = "signal"))]
mod signals {
    use std::io;
    use std::sync::Arc;

    use super::control::Control;

    /// Nothing is listened to without the feature, and nothing can ask for it.
    pub(super) struct Watch;

    impl Watch {
        #[expect(clippy::unnecessary_wraps, reason = "its twin listens to signals")]
        pub(super) fn new() -> io::Result<Self> {
            Ok(Self)
        }

        #[expect(clippy::unused_self, reason = "its twin listens to signals")]
        pub(super) fn watch(self, _: &Arc<Control>) {}
    }
}

impl fmt::Debug for Builder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("count", &self.count)
            .field("pin", &self.pin)
            .field("grace", &self.grace)
            .field("stop_on_signals", &self.signals)
            .finish_non_exhaustive()
    }
}
