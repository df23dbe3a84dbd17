//! `Connector`: connections for hyper-util's client.
//!
//! Why: its own connector is tokio's. It asks for a tower service from an address of the web to a
//! stream with hyper's traits. It knows no TLS, which hyper-rustls puts over it.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::thread::{self, ThreadId};
use std::time::Duration;

use ::hyper::Uri;
use hyper_util::client::legacy::connect::{self, Connected};
use myrt_runtime::runtime::{Remote, RemoteHandle};
use myrt_runtime::task::Local;
use myrt_runtime::time::timeout;

use super::Io;
use crate::portable::Portable;
use crate::tcp::TcpStream;

/// Connects hyper-util's client, and what is built on it (tonic's channel, hyper-rustls).
///
/// A name is looked up on the blocking pool; of several addresses the first that answers is taken
/// (RFC 8305: the families take turns, a quarter of a second apart). TCP_NODELAY is set.
///
/// The client may have its tasks anywhere ([`Executor`](crate::hyper::Executor) has them here,
/// which is cheapest): the connector may be called on any thread and connects at home, and what it
/// makes may be polled on any thread, as a [`Portable`](crate::hyper::Portable).
///
/// | scheme | port, if the URI names none |
/// |---|---|
/// | `http`, `ws` | 80 |
/// | `https`, `wss` | 443: the plain connection, for who puts TLS over it |
///
/// Others are refused with [`InvalidInput`](io::ErrorKind::InvalidInput).
///
/// ```
/// use hyper_util::client::legacy::Client;
/// use myrt::hyper::{Connector, Executor};
///
/// # fn example<B: hyper::body::Body<Data: Send> + Send>() -> Client<Connector, B> {
/// let client = Client::builder(Executor::new()).build(Connector::new());
/// # client }
/// ```
///
/// With TLS: `HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_all_versions().wrap_connector(Connector::new())`
/// of hyper-rustls.
#[derive(Debug, Clone)]
pub struct Connector {
    home: Home,
    connect_timeout: Option<Duration>,
    nodelay: bool,
}

/// The runtime that connects.
#[derive(Debug, Clone)]
struct Home {
    remote: Remote,
    thread: ThreadId,
}

impl Connector {
    /// One that gives up after 10 seconds. Its home is this thread's runtime.
    ///
    /// # Panics
    /// Outside of a runtime.
    #[must_use]
    #[track_caller]
    pub fn new() -> Self {
        Self {
            home: Home {
                remote: Remote::current(),
                thread: thread::current().id(),
            },
            connect_timeout: Some(Duration::from_secs(10)),
            nodelay: true,
        }
    }

    /// The limit for the lookup and all attempts together. `None`: the system's, some two minutes.
    #[must_use]
    pub fn connect_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.connect_timeout = limit.into();
        self
    }

    /// Whether TCP_NODELAY is set, which it is by default.
    #[must_use]
    pub const fn nodelay(mut self, nodelay: bool) -> Self {
        self.nodelay = nodelay;
        self
    }

    async fn connect(self, uri: Uri) -> io::Result<Connection> {
        let (host, port) = place_of(&uri)?;
        let connect = TcpStream::connect((host, port));
        let stream = match self.connect_timeout {
            None => connect.await?,
            Some(limit) => timeout(limit, connect).await.map_err(|_| {
                let text = format!("no connection to {host}:{port} within {limit:?}");
                io::Error::new(io::ErrorKind::TimedOut, text)
            })??,
        };
        stream.set_nodelay(self.nodelay)?;
        Ok(Io::new(Portable::new(stream)))
    }
}

impl Default for Connector {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

/// Host and port.
fn place_of(uri: &Uri) -> io::Result<(&str, u16)> {
    let wrong = |text: &str| {
        let text = format!("{text}: {uri}");
        io::Error::new(io::ErrorKind::InvalidInput, text)
    };
    let host = uri.host().ok_or_else(|| wrong("the URI names no host"))?;
    let port = match uri.scheme_str() {
        Some("http" | "ws") | None => 80,
        Some("https" | "wss") => 443,
        Some(_) => return Err(wrong("the connector knows http and https only")),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Ok((host, uri.port_u16().unwrap_or(port)))
}

impl tower_service::Service<Uri> for Connector {
    type Response = Io<Portable<TcpStream>>;
    type Error = io::Error;
    type Future = Connecting;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Connecting {
        let connector = self.clone();
        Connecting(if self.home.thread == thread::current().id() {
            let connect: Pin<Box<Connect>> = Box::pin(connector.connect(uri));
            Way::Here(Local::new(connect))
        } else {
            let remote = &self.home.remote;
            Way::Remote(remote.spawn(move || connector.connect(uri)))
        })
    }
}

/// Future of [`Connector`]. Dropped on the thread that connects it gives the attempts up; elsewhere
/// they go on until they are through, and the connection is closed.
pub struct Connecting(Way);

enum Way {
    Here(Local<Pin<Box<Connect>>>),
    Remote(RemoteHandle<io::Result<Connection>>),
}

/// What the connector makes.
type Connection = Io<Portable<TcpStream>>;
type Connect = dyn Future<Output = io::Result<Connection>>;

impl Future for Connecting {
    type Output = io::Result<Io<Portable<TcpStream>>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Way::Here(connect) => Pin::new(connect).poll(cx),
            Way::Remote(connect) => {
                let ended = ready!(Pin::new(connect).poll(cx));
                Poll::Ready(ended.unwrap_or_else(|error| Err(io::Error::other(error))))
            }
        }
    }
}

impl fmt::Debug for Connecting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connecting").finish_non_exhaustive()
    }
}

impl connect::Connection for Io<Portable<TcpStream>> {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}
