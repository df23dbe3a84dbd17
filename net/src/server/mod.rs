//! asyncio's `start_server` and `open_connection`: a handler for each connection, and every way to
//! stop.
//!
//! One task accepts for each listening address, one task serves each connection. Stopping comes in
//! degrees: `close` takes no more connections, `drain` also gives those there are a time to end,
//! `abort` cancels them. A handler that fails or panics ends its own connection only. It knows no
//! protocol.

mod futures;
mod linger;
mod shared;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use crate::addr::{LookupHost, ToSocketAddrs};
use crate::io::{Reader, Writer};
use crate::tcp::{OwnedReadHalf, OwnedWriteHalf, TcpListener, TcpStream};

pub use futures::{DrainServer, OpenConnection, ServeForever, StartServer, WaitClosed};
use shared::Shared;

/// Serves TCP connections: calls `handler` with a [`Reader`] and a [`Writer`] for each, in a task
/// of its own.
///
/// It listens on every address of the host and accepts from the moment this is ready. The handler
/// returns `()` or a `Result`; an `Err` ends its connection, is counted, and told to
/// [`Server::on_error`]. With port 0 the system chooses one, the same on every address.
///
/// **The end of a connection.** A handler may answer without having read everything. Closing a
/// socket with unread bytes resets the connection, and the client loses the answer. So when the
/// handler has returned and both halves are dropped or closed, the direction of writing is shut
/// down, and what still comes is read and dropped: until the client closes, half a second passes
/// without a byte, or at the most for five seconds and 64 MiB. The connection counts as active so
/// long, and a handler that has dropped its halves keeps the descriptor until it returns. What is
/// cancelled ([`Server::abort`]) is closed at once, and so is what is left of this kind when the
/// [`Server`] is dropped; [`Server::drain`] and [`Server::wait_closed`] wait for it.
///
/// # Errors
/// Those of the lookup and of listening, such as [`AddrInUse`](io::ErrorKind::AddrInUse).
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// use myrt::start_server;
///
/// let server = start_server("127.0.0.1:8888", async |mut reader, mut writer| {
///     let mut line = String::new();
///     while reader.read_line(&mut line).await? > 0 {
///         writer.write_all(line.as_bytes()).await?;
///         line.clear();
///     }
///     writer.close().await
/// })
/// .await?;
/// println!("echoing lines on {}", server.local_addr());
/// server.serve_forever().await;
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn start_server<A, H, T>(address: A, handler: H) -> StartServer<H>
where
    A: ToSocketAddrs,
    H: AsyncFn(Reader<OwnedReadHalf>, Writer<OwnedWriteHalf>) -> T + 'static,
    T: Served + 'static,
{
    StartServer::new(LookupHost::new(&address), handler)
}

/// Connects, and gives the two directions as a [`Reader`] and a [`Writer`]. Connecting is
/// [`TcpStream::connect`]'s.
///
/// # Errors
/// Those of [`TcpStream::connect`].
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let (mut reader, mut writer) = myrt::open_connection("127.0.0.1:8888").await?;
/// writer.write_all(b"hello\n").await?;
/// let mut line = String::new();
/// reader.read_line(&mut line).await?;
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn open_connection(address: impl ToSocketAddrs) -> OpenConnection {
    OpenConnection::new(TcpStream::connect(address))
}

/// What a handler may return: nothing, or a `Result` whose error can be shown.
pub trait Served: sealed::Failure {}
impl<T: sealed::Failure> Served for T {}

mod sealed {
    /// What went wrong, in words.
    pub trait Failure {
        /// `None` if nothing did.
        fn failure(self) -> Option<String>;
    }
    impl Failure for () {
        fn failure(self) -> Option<String> {
            None
        }
    }
    impl<T, E: std::fmt::Display> Failure for Result<T, E> {
        fn failure(self) -> Option<String> {
            self.err().map(|error| error.to_string())
        }
    }
}

/// A running server; see [`start_server`]. Dropping it is [`close`](Self::close): no more
/// connections, those there are go on.
#[must_use = "dropping the server closes it: await `serve_forever`, or keep it"]
pub struct Server {
    shared: Rc<Shared>,
}

/// How a server is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerStatistics {
    /// Connections that were accepted so far.
    pub accepted: u64,
    /// Connections that are served now.
    pub active: usize,
    /// Handlers that returned an error or panicked, and failed accepts.
    pub failed: u64,
}

impl Server {
    fn start<H, T>(listeners: Vec<TcpListener>, handler: H) -> io::Result<Self>
    where
        H: AsyncFn(Reader<OwnedReadHalf>, Writer<OwnedWriteHalf>) -> T + 'static,
        T: Served + 'static,
    {
        Ok(Self {
            shared: Shared::start(listeners, handler)?,
        })
    }

    /// The first address that it listens on.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.shared.addresses[0]
    }

    /// Every address that it listens on.
    #[must_use]
    pub fn sockets(&self) -> &[SocketAddr] {
        &self.shared.addresses
    }

    /// Numbers.
    #[must_use]
    pub fn statistics(&self) -> ServerStatistics {
        self.shared.statistics()
    }

    /// Calls `hook` with each error from now on: what a handler returned, with its connection's
    /// address, or a failed accept. (A handler's panic goes to the runtime's unhandled hook, as any
    /// task's does.)
    pub fn on_error(&self, hook: impl Fn(Option<SocketAddr>, &str) + 'static) {
        self.shared.set_hook(Rc::new(hook));
    }

    /// Whether it has stopped listening.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// Stops listening, at once; connections go on. Closing again does nothing. Clients that wait
    /// in the system's queue and were not accepted are reset; [`drain`](Self::drain) takes them in
    /// first.
    pub fn close(&self) {
        self.shared.close();
    }

    /// Ready when the server is closed and every connection has ended, its cleanup included. It
    /// does not close.
    #[track_caller]
    pub fn wait_closed(&self) -> WaitClosed<'_> {
        WaitClosed::new(self)
    }

    /// Serves until [`close`](Self::close) is called by someone and every connection has ended.
    /// Dropping this future closes.
    #[track_caller]
    pub fn serve_forever(&self) -> ServeForever<'_> {
        ServeForever::new(self)
    }

    /// Takes in the clients that wait in the system's queue, closes, gives the connections `grace`
    /// to end by themselves, cancels those left and waits for their cleanup. Gives the number of
    /// those that were cancelled. Dropped half-way, the server is closed and the connections go on.
    #[track_caller]
    pub fn drain(&self, grace: Duration) -> DrainServer<'_> {
        self.shared.take_in();
        self.close();
        DrainServer::new(self, grace)
    }

    /// Closes and cancels every connection, and says how many. Their futures are dropped before
    /// this returns; [`wait_closed`](Self::wait_closed) waits for their asynchronous cleanup.
    pub fn abort(&self) -> usize {
        self.close();
        self.shared.cancel_all()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.close();
        self.shared.cancel_lingering();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("sockets", &self.shared.addresses)
            .field("closed", &self.shared.is_closed())
            .field("statistics", &self.statistics())
            .finish()
    }
}
