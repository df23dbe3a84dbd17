//! `serve`: an HTTP server in one call, what `axum::serve` is on tokio.
//!
//! Why: hyper serves one connection; accepting, telling the protocols apart, limits and a stop that
//! finishes what it began are what each program would write again. This file is the accept loop and
//! its options; `connection.rs` is one connection.

mod connection;
mod incoming;
mod listener;
mod service;

use std::error::Error;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use ::hyper::server::conn::{http1, http2};
use futures_io::{AsyncRead, AsyncWrite};
use myrt_runtime::select;
use myrt_runtime::task::JoinSet;
use myrt_runtime::time::timeout;

use super::Executor;
use crate::caller::Caller;
use connection::Settings;
pub use listener::Listener;
use listener::{Boxed, none};
pub use service::{Answer, Hyper, IntoService, Tower, Towered};

/// How a stream becomes one that HTTP goes over, where that is none: by itself.
pub type NoHandshake<L> =
    fn(<L as Listener>::Stream) -> std::future::Ready<io::Result<<L as Listener>::Stream>>;

/// What is done with an error of a connection.
type OnError = Rc<dyn Fn(&(dyn Error + Send + Sync + 'static))>;

/// Serves HTTP/1 and HTTP/2 on one listener, told apart by the client's first bytes, with upgrades
/// (websockets).
///
/// `service` is one of hyper's, such as [`service_fn`](::hyper::service::service_fn), or one of
/// tower's, such as axum's `Router` (without axum's feature `tokio`) and tonic's services. It need
/// not be `Send`: all connections are tasks of this runtime. Await what is returned; it ends with
/// an error of the listener, or once it was [told to stop](Serve::with_graceful_shutdown). Dropped,
/// it drops its connections, but for those that were upgraded, which are the handler's.
///
/// # Limits
///
/// | | default | see |
/// |---|---|---|
/// | connections at a time; more wait in the listener's queue | 16,384 | [`max_connections`](Serve::max_connections) |
/// | handshake, a request's head, idle between two requests (HTTP/1) | 30 s | [`header_timeout`](Serve::header_timeout) |
/// | a client that reads nothing of what is written | 60 s | [`write_timeout`](Serve::write_timeout) |
/// | an idle HTTP/2 client that does not answer a ping: after 30 s it has | 20 s | [`http2`](Serve::http2) |
/// | buffered for a connection of HTTP/1, and so a request's head | 64 KiB | [`http1`](Serve::http1) |
/// | requests at a time on a connection of HTTP/2 | hyper's 200 | [`http2`](Serve::http2) |
/// | once told to stop, until what is left is cut | 30 s | [`grace`](Serve::grace) |
///
/// How long a body or an answer takes is the service's to limit, with [`timeout`].
///
/// # Panics
/// Outside of a runtime, when it is awaited. A service that panics ends its connection only.
///
/// ```no_run
/// # use std::convert::Infallible;
/// # use hyper::{Request, Response, body::Incoming, service::service_fn};
/// use myrt::net::TcpListener;
///
/// #[myrt::main]
/// async fn main() -> std::io::Result<()> {
///     let listener = TcpListener::bind("127.0.0.1:8080").await?;
///     let hello = service_fn(async |_: Request<Incoming>| {
///         Ok::<_, Infallible>(Response::new("hello\n".to_owned()))
///     });
///     // With axum: myrt::hyper::serve(listener, router)
///     myrt::hyper::serve(listener, hello)
///         .with_graceful_shutdown(async { drop(myrt::signal::ctrl_c().await) })
///         .await
/// }
/// ```
#[track_caller]
pub fn serve<L, S, K>(listener: L, service: S) -> Serve<L, S, K, NoHandshake<L>>
where
    L: Listener,
    S: IntoService<K>,
{
    Serve {
        listener,
        service,
        handshake: none::<L::Stream>,
        settings: Settings::new(),
        max_connections: 16 * 1024,
        grace: Duration::from_secs(30),
        on_error: None,
        shutdown: None,
        at: Location::caller(),
        kind: PhantomData,
    }
}

/// A server: what [`serve`] returns, to be set up and awaited.
#[must_use = "a server runs when it is awaited"]
pub struct Serve<L, S, K, H> {
    listener: L,
    service: S,
    handshake: H,
    settings: Settings,
    max_connections: usize,
    grace: Duration,
    on_error: Option<OnError>,
    shutdown: Option<Boxed<()>>,
    at: Caller,
    kind: PhantomData<fn() -> K>,
}

impl<L, S, K, H> Serve<L, S, K, H> {
    /// Stops when `signal` is ready: no more connections are accepted, each one finishes the
    /// requests that it has, and what is left after the [grace](Self::grace) is cut.
    pub fn with_graceful_shutdown(mut self, signal: impl Future<Output = ()> + 'static) -> Self {
        self.shutdown = Some(Box::pin(signal));
        self
    }

    /// How long connections have to finish once the server is told to stop.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// The most connections at a time, at least one. More wait in the listener's queue.
    pub fn max_connections(mut self, most: usize) -> Self {
        self.max_connections = most.max(1);
        self
    }

    /// The limit for the handshake and a client's first bytes, and on HTTP/1 for a request's head,
    /// which counts from the end of the former request: it is the idle limit too. `None`: none.
    pub fn header_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        let limit = limit.into();
        self.settings.header_timeout = limit;
        self.settings.http1.header_read_timeout(limit);
        self
    }

    /// The limit for a write that waits because the client does not read. It holds after an
    /// upgrade too. `None`: none.
    pub fn write_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.settings.write_timeout = limit.into();
        self
    }

    /// Sets what hyper can of HTTP/1.
    pub fn http1(mut self, set: impl FnOnce(&mut http1::Builder)) -> Self {
        set(&mut self.settings.http1);
        self
    }

    /// Sets what hyper can of HTTP/2.
    pub fn http2(mut self, set: impl FnOnce(&mut http2::Builder<Executor>)) -> Self {
        set(&mut self.settings.http2);
        self
    }

    /// Is told of the errors of connections: clients that went away, that were too slow, that do
    /// not speak HTTP. Without it they go unheard.
    pub fn on_error(
        mut self,
        told: impl Fn(&(dyn Error + Send + Sync + 'static)) + 'static,
    ) -> Self {
        self.on_error = Some(Rc::new(told));
        self
    }

    /// Puts a handshake before HTTP: TLS, say. It runs in the connection's task, within the
    /// header timeout.
    ///
    /// ```
    /// # use std::io;
    /// # use myrt::net::{TcpListener, TcpStream};
    /// # struct Acceptor;
    /// # impl Acceptor {
    /// #     async fn accept(&self, stream: TcpStream) -> io::Result<TcpStream> { Ok(stream) }
    /// # }
    /// # fn example<S: myrt::hyper::IntoService<K>, K>(
    /// #     listener: TcpListener, service: S, acceptor: std::rc::Rc<Acceptor>,
    /// # ) {
    /// // With a `TlsAcceptor` of futures-rustls:
    /// let server = myrt::hyper::serve(listener, service).handshake(move |stream| {
    ///     let acceptor = acceptor.clone();
    ///     async move { acceptor.accept(stream).await }
    /// });
    /// # drop(server);
    /// # }
    /// ```
    pub fn handshake<H2, F, T>(self, handshake: H2) -> Serve<L, S, K, H2>
    where
        L: Listener,
        H2: Fn(L::Stream) -> F,
        F: Future<Output = io::Result<T>> + 'static,
        T: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        Serve {
            listener: self.listener,
            service: self.service,
            handshake,
            settings: self.settings,
            max_connections: self.max_connections,
            grace: self.grace,
            on_error: self.on_error,
            shutdown: self.shutdown,
            at: self.at,
            kind: PhantomData,
        }
    }
}

impl<L, S, K, H, F, T> IntoFuture for Serve<L, S, K, H>
where
    L: Listener,
    S: IntoService<K> + 'static,
    K: 'static,
    H: Fn(L::Stream) -> F + 'static,
    F: Future<Output = io::Result<T>> + 'static,
    T: AsyncRead + AsyncWrite + Unpin + 'static,
{
    type Output = io::Result<()>;
    type IntoFuture = Boxed<io::Result<()>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(run(self))
    }
}

/// Accepts until it is told to stop, then waits for the connections.
async fn run<L, S, K, H, F, T>(server: Serve<L, S, K, H>) -> io::Result<()>
where
    L: Listener,
    S: IntoService<K>,
    H: Fn(L::Stream) -> F,
    F: Future<Output = io::Result<T>> + 'static,
    T: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let settings = Rc::new(server.settings);
    let service = Rc::new(server.service.into_service());
    let mut connections = JoinSet::new();
    let mut stop = pin!(async {
        match server.shutdown {
            Some(signal) => signal.await,
            None => std::future::pending().await,
        }
    });
    loop {
        let full = connections.len() >= server.max_connections;
        let accepted = select! {
            biased;
            () = &mut stop => break,
            // A connection that panicked has said so itself.
            Some(_) = connections.join_next() => continue,
            accepted = server.listener.accept(), if !full => accepted,
        };
        let stream = match accepted {
            Ok(stream) => stream,
            Err(error) if server.listener.retries(&error) => continue,
            Err(error) => return Err(error),
        };
        let handshake = (server.handshake)(stream);
        let one = connection::serve(handshake, Rc::clone(&service), Rc::clone(&settings));
        let told = server.on_error.clone();
        connections.spawn(async move {
            if let (Err(error), Some(told)) = (one.await, told) {
                told(&*error);
            }
        });
    }
    drop(server.listener);
    settings.stop.set();
    let rest = async { while connections.join_next().await.is_some() {} };
    let _ = timeout(server.grace, rest).await;
    Ok(())
}

impl<L, S, K, H> fmt::Debug for Serve<L, S, K, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve")
            .field("max_connections", &self.max_connections)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
