//! What connections come from: TCP's and Unix' listeners, and those that a program makes.
//!
//! It knows nothing of HTTP.

use std::io;
use std::pin::Pin;
use std::rc::Rc;

use futures_io::{AsyncRead, AsyncWrite};

use crate::tcp::{TcpListener, TcpStream};
use crate::unix::{UnixListener, UnixStream};

/// A source of connections for [`serve`](super::serve).
///
/// Connections of a kind of its own (a test's pipes, say) come by implementing it; TLS rather by
/// [`Serve::handshake`](super::Serve::handshake), which lets slow clients not hold up others.
pub trait Listener: 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + 'static;

    /// Waits for the next one. It must be cancel safe: the server gives it up and calls again.
    ///
    /// # Errors
    /// An error ends the server, unless it is one that [`retries`](Self::retries).
    fn accept(&self) -> impl Future<Output = io::Result<Self::Stream>>;

    /// Whether the server goes on after this error of `accept`, which should have waited a little.
    fn retries(&self, error: &io::Error) -> bool {
        let _ = error;
        false
    }
}

/// Sets TCP_NODELAY on what it accepts. Out of descriptors it goes on: the listener itself pauses.
impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<TcpStream> {
        let (stream, _) = Self::accept(self).await?;
        // Fails on a connection that is gone already, as the first read will say.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }

    fn retries(&self, error: &io::Error) -> bool {
        crate::is_out_of_resources(error)
    }
}

impl Listener for UnixListener {
    type Stream = UnixStream;

    async fn accept(&self) -> io::Result<UnixStream> {
        let (stream, _) = Self::accept(self).await?;
        Ok(stream)
    }

    fn retries(&self, error: &io::Error) -> bool {
        crate::is_out_of_resources(error)
    }
}

impl<L: Listener> Listener for Rc<L> {
    type Stream = L::Stream;

    fn accept(&self) -> impl Future<Output = io::Result<L::Stream>> {
        L::accept(self)
    }

    fn retries(&self, error: &io::Error) -> bool {
        L::retries(self, error)
    }
}

/// The handshake of a server without one.
pub(super) fn none<S>(stream: S) -> std::future::Ready<io::Result<S>> {
    std::future::ready(Ok(stream))
}

/// A boxed future, of the handshake or of the end.
pub(super) type Boxed<T> = Pin<Box<dyn Future<Output = T>>>;
