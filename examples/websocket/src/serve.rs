//! Accepting connections, and stopping: the same for every server of this package.
//!
//! It exists so that each program is about its own idea. It knows nothing of what is said.

use std::cell::Cell;
use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::rc::Rc;

use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::Message;
use async_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use async_tungstenite::tungstenite::http::Uri;
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

/// What can be said on the command line: `[ADDRESS] [--ping-every SECONDS] [--answer-within SECONDS]`.
#[derive(Debug)]
pub struct Options {
    /// Where to listen, or whom to call.
    pub address: String,
    /// How long a client may be silent.
    pub limits: Limits,
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
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
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
    connections: Cell<usize>,
}

impl Server {
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

/// Serves WebSocket connections until Ctrl-C or SIGTERM. The handler is given the socket and what the client asked for.
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
                asked = request.uri().clone();
                Ok(response)
            };
            let handshake =
                async_tungstenite::accept_hdr_async_with_config(stream, note, Some(config()));
            let socket = timeout(HANDSHAKE, handshake).await??;
            let end = handler(socket, asked, server).await;
            eprintln!("{peer} {end}");
            Ok(())
        },
    )
    .await
}

/// Serves TCP connections until Ctrl-C or SIGTERM; what the handler then still does has three seconds.
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
        connections: Cell::new(0),
    });
    let handler = Rc::new(handler);
    // Nothing is ever sent: when the last connection has dropped its sender, the receiver hears the end.
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

/// Small buffers: most connections are idle, and tungstenite's 128 KiB each would be most of the server's memory.
pub fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .write_buffer_size(4 * 1024)
}
