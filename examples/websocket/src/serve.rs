//! Accepting connections, and stopping: the same for every server of this package.
//!
//! Why: each program is then about its own idea only. This file does not look at messages.

use std::cell::Cell;
use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::rc::Rc;

use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::Message;
use async_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use async_tungstenite::tungstenite::http::{HeaderMap, StatusCode, Uri};
use async_tungstenite::tungstenite::protocol::WebSocketConfig;
use myrt::io::{AsyncRead, AsyncWrite};
use myrt::net::{TcpListener, TcpStream};
use myrt::select;
use myrt::signal::unix::{SignalKind, signal};
use myrt::sync::{Event, mpsc};
use myrt::time::{Duration, timeout};

use crate::hub::Outbox;
use crate::session::{self, End, Limits};

/// How long a client may take to say what it wants.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long clients have to answer the goodbye of a server that stops.
const GRACE: Duration = Duration::from_secs(3);

/// The longest message that a client may send, unless `--max-message` says otherwise. tungstenite's
/// own limit is 64 MiB, and each connection may have it.
const MAX_MESSAGE: usize = 1 << 20;

/// What can be said on the command line: `[ADDRESS] [--ping-every SECONDS] [--answer-within
/// SECONDS] [--max-message BYTES]`.
#[derive(Debug)]
pub struct Options {
    /// Where to listen, or which address to call.
    pub address: String,
    /// How long a client may be silent.
    pub limits: Limits,
    /// The longest message that a client may send, in bytes.
    pub max_message: usize,
}

impl Options {
    /// Reads the arguments.
    ///
    /// # Errors
    /// If a number is none.
    pub fn from_arguments(address: &str) -> Result<Self, Box<dyn Error>> {
        let mut options = Self {
            address: address.to_owned(),
            limits: Limits {
                ping_every: Duration::from_secs(20),
                answer_within: Duration::from_secs(10),
            },
            max_message: MAX_MESSAGE,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            if argument == "--max-message" {
                let bytes = arguments.next().ok_or("--max-message wants bytes")?;
                options.max_message = bytes.parse()?;
                continue;
            }
            let mut seconds = || -> Result<Duration, Box<dyn Error>> {
                let number = arguments
                    .next()
                    .ok_or(format!("{argument} wants seconds"))?;
                Ok(Duration::try_from_secs_f64(number.parse()?)?)
            };
            match argument.as_str() {
                "--ping-every" => options.limits.ping_every = seconds()?,
                "--answer-within" => options.limits.answer_within = seconds()?,
                _ => options.address = argument,
            }
        }
        Ok(options)
    }
}

/// What all connections of a server share.
pub struct Server {
    /// How long a client may be silent.
    pub limits: Limits,
    /// Set when the server is to stop.
    pub stop: Event,
    max_message: usize,
    connections: Cell<usize>,
}

impl Server {
    /// Small buffers: most connections are idle, and tungstenite's 128 KiB each would be most of
    /// the server's memory. And a limit, since a message is gathered in memory before the handler
    /// sees it.
    pub fn config(&self) -> WebSocketConfig {
        WebSocketConfig::default()
            .read_buffer_size(4 * 1024)
            .write_buffer_size(4 * 1024)
            .max_message_size(Some(self.max_message))
            .max_frame_size(Some(self.max_message))
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.connections.get()
    }

    /// [`session::converse`] with this server's limits.
    pub async fn converse<S>(
        &self,
        socket: WebSocketStream<S>,
        outbox: Outbox,
        heard: impl AsyncFnMut(Message),
    ) -> End
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        session::converse(socket, outbox, &self.limits, &self.stop, heard).await
    }
}

/// Serves WebSocket connections until Ctrl-C or SIGTERM. The handler is given the socket and what
/// the client asked for.
///
/// # Errors
/// If it cannot listen.
pub async fn serve<H>(options: Options, handler: H) -> io::Result<()>
where
    H: AsyncFn(WebSocketStream<TcpStream>, Uri, Rc<Server>) -> End + 'static,
{
    serve_tcp(
        options,
        async move |stream: TcpStream, server: Rc<Server>| {
            let peer = stream.peer_addr()?;
            let mut asked = Uri::default();
            #[expect(
                clippy::result_large_err,
                reason = "tungstenite wants the refusal as it is"
            )]
            let note = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
                if !is_same_origin(request.headers()) {
                    let mut refusal = ErrorResponse::new(Some("from another origin\n".into()));
                    *refusal.status_mut() = StatusCode::FORBIDDEN;
                    return Err(refusal);
                }
                asked = request.uri().clone();
                Ok(response)
            };
            let handshake = async_tungstenite::accept_hdr_async_with_config(
                stream,
                note,
                Some(server.config()),
            );
            let socket = timeout(HANDSHAKE, handshake).await??;
            let end = handler(socket, asked, server).await;
            eprintln!("{peer} {end}");
            Ok(())
        },
    )
    .await
}

/// Serves TCP connections until Ctrl-C or SIGTERM; what the handler then still does has three
/// seconds.
///
/// # Errors
/// If it cannot listen.
pub async fn serve_tcp<H>(options: Options, handler: H) -> io::Result<()>
where
    H: AsyncFn(TcpStream, Rc<Server>) -> Result<(), Box<dyn Error>> + 'static,
{
    let listener = TcpListener::bind(&options.address).await?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    println!("listening on {}", listener.local_addr()?);
    let server = Rc::new(Server {
        limits: options.limits,
        stop: Event::new(),
        max_message: options.max_message,
        connections: Cell::new(0),
    });
    let handler = Rc::new(handler);
    // Nothing is ever sent: when the last connection has dropped its sender, the receiver hears the
    // end.
    let (alive, mut all_gone) = mpsc::channel::<Infallible>(1);
    loop {
        let accepted = select! {
            accepted = listener.accept() => accepted,
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                eprintln!("accept: {error}"); // the listener pauses before the next try
                continue;
            }
        };
        let (server, handler, alive) = (server.clone(), handler.clone(), alive.clone());
        drop(myrt::spawn(async move {
            server.connections.set(server.connections.get() + 1);
            let served = async {
                stream.set_nodelay(true)?;
                handler(stream, server.clone()).await
            };
            if let Err(error) = served.await {
                eprintln!("{peer} {error}");
            }
            server.connections.set(server.connections.get() - 1);
            drop(alive);
        }));
    }
    drop((listener, alive));
    server.stop.set();
    let _ = timeout(GRACE, all_gone.recv()).await;
    println!("stopped, {} connections left", server.connections());
    Ok(())
}

/// Whether a request comes from a page of this server, or from no page at all.
///
/// A browser lets every page open a WebSocket to every server, with the cookies that the user has
/// there; it only says whose page it is (`Origin`). So the server has to look. Clients that are no
/// browsers send no `Origin`, and could send any.
pub fn is_same_origin(headers: &HeaderMap) -> bool {
    let mut origins = headers.get_all("origin").iter();
    let Some(origin) = origins.next() else {
        return true;
    };
    let origin = origin
        .to_str()
        .ok()
        .and_then(|text| text.parse::<Uri>().ok());
    let host = headers.get("host").and_then(|host| host.to_str().ok());
    let authority = origin.as_ref().and_then(|uri| uri.authority());
    // "null", as sandboxed pages and files say, has no host and is nobody's.
    let is_same = matches!((authority, host), (Some(from), Some(to)) if from.as_str().eq_ignore_ascii_case(to));
    let is_page = origin
        .as_ref()
        .is_some_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")));
    is_same && is_page && origins.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comes_from(origin: Option<&'static str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert("host", "chat.example:8000".parse().unwrap());
        if let Some(origin) = origin {
            headers.insert("origin", origin.parse().unwrap());
        }
        is_same_origin(&headers)
    }

    #[test]
    fn a_page_of_another_origin_is_refused() {
        assert!(comes_from(None));
        assert!(comes_from(Some("http://chat.example:8000")));
        assert!(comes_from(Some("https://CHAT.example:8000")));
        for other in [
            "null",
            "",
            "chat.example:8000",
            "http://chat.example",
            "http://chat.example:8001",
            "http://evil.example",
            "http://chat.example:8000.evil.example",
            "http://chat.example:8000@evil.example",
            "file://chat.example:8000",
        ] {
            assert!(!comes_from(Some(other)), "{other}");
        }
        let mut two = HeaderMap::new();
        two.insert("host", "chat.example".parse().unwrap());
        two.append("origin", "http://chat.example".parse().unwrap());
        two.append("origin", "http://evil.example".parse().unwrap());
        assert!(!is_same_origin(&two));
    }
}
