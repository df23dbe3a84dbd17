//! What a runtime must offer so that the same program text runs on it.
//!
//! Every program of the comparison is one function generic over [`Peer`]; after monomorphisation
//! nothing of the trait is left, so a program costs what it would cost written by hand for that
//! runtime. Where a runtime has a function of its own for something, its implementation of the
//! trait calls exactly that.

use std::fmt;
use std::future::Future;
use std::ops::DerefMut;
use std::time::Duration;

/// A runtime, as the programs see it. The value is a copyable handle, since some runtimes spawn
/// through a thread-local and others through an object.
pub trait Peer: Copy + 'static {
    /// Whether the rows about locks and channels make sense for it (not for the yardstick).
    const HAS_SYNC: bool = true;

    /// What spawning returns. Its output differs from runtime to runtime (`T`, `Option<T>`,
    /// `Result<T, _>`); the programs only wait for it, so none pays for a conversion.
    type Join<T: 'static>: Future + 'static;

    /// The locks and channels that a user of this runtime would reach for.
    type Sync: Primitives;

    /// Builds the runtime and runs `main` to its end.
    ///
    /// # Errors
    /// When this machine cannot run it (io_uring may be forbidden).
    fn block_on<F: Future>(main: impl FnOnce(Self) -> F) -> Result<F::Output, Unavailable>;

    fn spawn<F>(self, future: F) -> Self::Join<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static;

    /// Lets a task run on its own. For many runtimes this is dropping the handle.
    fn detach<T: 'static>(self, join: Self::Join<T>);

    fn yield_now(self) -> impl Future<Output = ()>;

    fn sleep(self, duration: Duration) -> impl Future;

    fn timeout<F: Future>(self, limit: Duration, future: F) -> impl Future;

    /// Waits for all of them and returns the results in order.
    fn gather<F: Future + 'static>(self, futures: Vec<F>) -> impl Future<Output = Vec<F::Output>>
    where
        F::Output: 'static;

    /// The runtime's `select!` over two branches.
    fn select<A, B>(self, first: A, second: B) -> impl Future<Output = u64>
    where
        A: Future<Output = u64>,
        B: Future<Output = u64>;
}

/// A runtime that can serve TCP.
pub trait Serve: Peer {
    /// Listens on a free port of the loopback, reports it by [`crate::tally::listening`], and
    /// echoes with a 64-byte buffer a connection until the tally ends the process.
    fn serve(self) -> impl Future<Output = std::io::Result<()>>;
}

/// A runtime that serves the HTTP hello of [`crate::programs::hello`].
pub trait ServeHello: Peer {
    /// As [`Serve::serve`], with one buffer of `Requests` a connection.
    fn serve_hello(self) -> impl Future<Output = std::io::Result<()>>;
}

/// A runtime that hyper runs on, with the adapters that its users take.
#[cfg(feature = "hyper")]
pub trait ServeHttp: Peer {
    type Listener;
    type Stream: hyper::rt::Read + hyper::rt::Write + Unpin + 'static;
    type Timer: hyper::rt::Timer + Send + Sync + 'static;

    /// Listens on a free port of the loopback, and says on which.
    fn listen(self) -> impl Future<Output = std::io::Result<(Self::Listener, u16)>>;
    fn accept(
        self,
        listener: &Self::Listener,
    ) -> impl Future<Output = std::io::Result<Self::Stream>>;
    fn timer(self) -> Self::Timer;
}

/// Locks and channels behind one face.
pub trait Primitives: 'static {
    type Mutex: 'static;
    type Semaphore: 'static;
    type Sender<T: 'static>: 'static;
    type Receiver<T: 'static>: 'static;
    type OnceSender<T: 'static>: 'static;
    type OnceReceiver<T: 'static>: Future + 'static;

    fn mutex(value: u64) -> Self::Mutex;
    fn lock(mutex: &Self::Mutex) -> impl Future<Output = impl DerefMut<Target = u64>>;
    fn semaphore(permits: usize) -> Self::Semaphore;
    /// Dropping the output gives the permit back.
    fn acquire(semaphore: &Self::Semaphore) -> impl Future;
    fn channel<T: 'static>(capacity: usize) -> (Self::Sender<T>, Self::Receiver<T>);
    fn send<T: 'static>(sender: &Self::Sender<T>, value: T) -> impl Future;
    fn receive<T: 'static>(receiver: &mut Self::Receiver<T>) -> impl Future<Output = Option<T>>;
    fn oneshot<T: 'static>() -> (Self::OnceSender<T>, Self::OnceReceiver<T>);
    fn send_once<T: 'static>(sender: Self::OnceSender<T>, value: T);
}

/// Why a runtime cannot run here.
#[derive(Debug)]
pub struct Unavailable(pub String);

impl fmt::Display for Unavailable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "not available here: {}", self.0)
    }
}

impl std::error::Error for Unavailable {}

impl Unavailable {
    pub fn because(reason: impl fmt::Display) -> Self {
        Self(reason.to_string())
    }
}
