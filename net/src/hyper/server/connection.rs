//! One connection, from its first byte to its last.
//!
//! Why: hyper has a type for each protocol, and a server wants one future with one way to stop.

use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use ::hyper::body::{Body, Incoming};
use ::hyper::server::conn::{http1, http2};
use ::hyper::service::{HttpService, Service};
use ::hyper::{Request, Response};
use futures_io::{AsyncRead, AsyncWrite};
use myrt_runtime::sync::Event;
use myrt_runtime::time::timeout;

use super::incoming::IncomingStream;
use crate::hyper::{Executor, Io, Timer};
use crate::portable::Portable;

/// What a connection may ask of its server.
pub(super) struct Settings {
    pub(super) http1: http1::Builder,
    pub(super) http2: http2::Builder<Executor>,
    pub(super) header_timeout: Option<Duration>,
    pub(super) write_timeout: Option<Duration>,
    /// The server takes no more requests.
    pub(super) stop: Event,
}

impl Settings {
    pub(super) fn new() -> Self {
        let mut http1 = http1::Builder::new();
        http1.timer(Timer::new()).max_buf_size(64 * 1024);
        let mut http2 = http2::Builder::new(Executor::new());
        http2
            .timer(Timer::new())
            .keep_alive_interval(Duration::from_secs(30))
            .keep_alive_timeout(Duration::from_secs(20));
        Self {
            http1,
            http2,
            header_timeout: Some(Duration::from_secs(30)),
            write_timeout: Some(Duration::from_secs(60)),
            stop: Event::new(),
        }
    }
}

/// Serves a stream that was accepted: the handshake, the protocol, then requests until the end.
///
/// # Errors
/// Of the stream, of the client, or of a service that fails.
pub(super) async fn serve<T, V, B>(
    handshake: impl Future<Output = io::Result<T>>,
    service: V,
    settings: Rc<Settings>,
) -> Result<(), Box<dyn Error + Send + Sync>>
where
    T: AsyncRead + AsyncWrite + Unpin + 'static,
    V: Service<Request<Incoming>, Response = Response<B>> + 'static,
    V::Error: Into<Box<dyn Error + Send + Sync>>,
    V::Future: 'static,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + 'static,
{
    let begin = async {
        let mut stream = IncomingStream::new(handshake.await?, settings.write_timeout);
        let is_http2 = stream.speaks_http2().await?;
        io::Result::Ok((stream, is_http2))
    };
    let Some(begun) = unless_stopped(&settings, begin).await else {
        return Ok(()); // stopped before the client had asked for anything
    };
    let (stream, is_http2) = begun?;
    let io = Io::new(Portable::new(stream));
    if is_http2 {
        let connection = settings.http2.serve_connection(io, service);
        drive(connection, &settings.stop).await?;
    } else {
        let connection = settings.http1.serve_connection(io, service);
        drive(connection.with_upgrades(), &settings.stop).await?;
    }
    Ok(())
}

/// Drives what must be over within the header timeout; none if the server stops before.
async fn unless_stopped<T>(
    settings: &Settings,
    begin: impl Future<Output = io::Result<T>>,
) -> Option<io::Result<T>> {
    let limited = async {
        match settings.header_timeout {
            None => begin.await,
            Some(limit) => timeout(limit, begin).await.unwrap_or_else(|_| {
                let text = "the client has sent no request within the header timeout";
                Err(io::Error::new(io::ErrorKind::TimedOut, text))
            }),
        }
    };
    let (mut limited, mut stop) = (pin!(limited), pin!(settings.stop.wait()));
    poll_fn(|cx| match limited.as_mut().poll(cx) {
        Poll::Ready(begun) => Poll::Ready(Some(begun)),
        Poll::Pending => stop.as_mut().poll(cx).map(|()| None),
    })
    .await
}

/// Drives a connection to its end; once `stop` is set, to the end of the requests that it has.
async fn drive(connection: impl Graceful, stop: &Event) -> Result<(), ::hyper::Error> {
    let (mut connection, mut stop) = (pin!(connection), pin!(stop.wait()));
    let mut stopping = false;
    poll_fn(|cx| {
        if !stopping && stop.as_mut().poll(cx).is_ready() {
            stopping = true;
            connection.as_mut().stop();
        }
        connection.as_mut().poll(cx)
    })
    .await
}

/// hyper's connections have this method alike, but not in common.
trait Graceful: Future<Output = Result<(), ::hyper::Error>> {
    fn stop(self: Pin<&mut Self>);
}

impl<T, S> Graceful for http1::UpgradeableConnection<Io<Portable<T>>, S>
where
    T: AsyncRead + AsyncWrite + Unpin + 'static,
    S: HttpService<Incoming>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    S::ResBody: Body<Error: Into<Box<dyn Error + Send + Sync>>> + 'static,
{
    fn stop(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<T, S> Graceful for http2::Connection<Io<Portable<T>>, S, Executor>
where
    T: AsyncRead + AsyncWrite + Unpin + 'static,
    S: HttpService<Incoming>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    S::Future: 'static,
    S::ResBody: Body<Error: Into<Box<dyn Error + Send + Sync>>> + 'static,
{
    fn stop(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}
