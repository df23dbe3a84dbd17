//! An HTTP server on hyper: HTTP/1.1 and HTTP/2 on one port, time limits, and a shutdown that
//! finishes what it began.
//!
//! Shows `myrt::hyper`: `Io` around each stream, `Timer` for the header timeout, `Executor` for
//! HTTP/2. The state is an `Rc` with `Cell`s: nothing here is `Send`, and hyper does not mind.
//!
//! ```text
//! cargo run --release --bin server                                on 127.0.0.1:8080
//! cargo run --release --bin server -- 127.0.0.1:9000 --header-timeout 2
//!
//! curl -i http://127.0.0.1:8080/                                  HTTP/1.1
//! curl -i --http2-prior-knowledge http://127.0.0.1:8080/          HTTP/2
//! curl --data-binary @file http://127.0.0.1:8080/echo             the body comes back, as a stream
//! curl http://127.0.0.1:8080/slow?500                             takes 500 ms
//! curl http://127.0.0.1:8080/count                                requests so far, open connections
//! ```
//!
//! Where a parent hands its socket over (systemd's socket activation, or `systemd-socket-activate -l
//! 9000 target/release/server`), the server takes that one. Ctrl-C or SIGTERM ends it: it takes no
//! more connections, finishes the requests it has read, and goes within ten seconds. A client that
//! sends its request's head slower than the header timeout is cut off.

use std::cell::Cell;
use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use myrt::hyper::{Executor, Io, Timer};
use myrt::net::{TcpListener, TcpStream, listen_fds};
use myrt::select;
use myrt::signal::unix::{SignalKind, signal};
use myrt::sync::{Event, mpsc};
use myrt::time::{Duration, sleep, timeout};

/// How long the requests under way have, once the server is told to stop.
const GRACE: Duration = Duration::from_secs(10);
/// How an HTTP/2 connection begins (RFC 9113, 3.4); no request of HTTP/1 begins like this.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[myrt::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_arguments()?;
    let listener = match listen_fds()?.into_iter().next() {
        Some(handed) => handed.into_tcp_listener()?,
        None => TcpListener::bind(&options.address).await?,
    };
    let server = Rc::new(Server {
        header_timeout: options.header_timeout,
        requests: Cell::new(0),
        finished: Cell::new(0),
        connections: Cell::new(0),
        stop: Event::new(),
    });
    serve(listener, &server).await?;
    println!(
        "stopped: {} requests begun, {} finished",
        server.requests.get(),
        server.finished.get()
    );
    Ok(())
}

/// What all connections share.
struct Server {
    header_timeout: Duration,
    requests: Cell<u64>,
    finished: Cell<u64>,
    connections: Cell<usize>,
    stop: Event,
}

/// Accepts until it is told to stop, then waits for the connections.
async fn serve(listener: TcpListener, server: &Rc<Server>) -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    println!("listening on http://{}", listener.local_addr()?);
    // Nothing is ever sent: each connection holds a sender, and when the last is gone the receiver
    // hears the end.
    let (alive, mut all_gone) = mpsc::channel::<Infallible>(1);
    loop {
        let stream = select! {
            accepted = listener.accept() => accepted,
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
        };
        match stream {
            Ok((stream, _)) => {
                let (server, alive) = (server.clone(), alive.clone());
                drop(myrt::spawn(async move {
                    connection(stream, &server).await;
                    drop(alive);
                }));
            }
            Err(error) => eprintln!("accept: {error}"), // the listener pauses before the next try
        }
    }
    drop((listener, alive));
    server.stop.set();
    if timeout(GRACE, all_gone.recv()).await.is_err() {
        eprintln!("{} connections were cut", server.connections.get());
    }
    Ok(())
}

async fn connection(stream: TcpStream, server: &Rc<Server>) {
    server.connections.set(server.connections.get() + 1);
    if let Err(error) = converse(stream, server).await {
        // Mostly clients that went away; hyper says of the slow ones that reading the header timed
        // out.
        eprintln!("connection: {}", with_cause(&*error));
    }
    server.connections.set(server.connections.get() - 1);
}

/// One connection, from its first byte to its last.
async fn converse(stream: TcpStream, server: &Rc<Server>) -> Result<(), Box<dyn Error>> {
    stream.set_nodelay(true)?;
    // hyper's own limit is for the head of a request; this one is for the client that does not come
    // that far.
    let is_http2 = select! {
        decided = timeout(server.header_timeout, speaks_http2(&stream)) => decided??,
        () = server.stop.wait() => return Ok(()),
    };
    let io = Io::new(stream);
    let service = service_fn(|request| answer(request, server.clone()));
    if is_http2 {
        let mut builder = http2::Builder::new(Executor::new());
        builder
            .timer(Timer::new())
            .keep_alive_interval(Duration::from_secs(20));
        finish(builder.serve_connection(io, service), &server.stop).await?;
    } else {
        let mut builder = http1::Builder::new();
        builder
            .timer(Timer::new())
            .header_read_timeout(server.header_timeout);
        finish(builder.serve_connection(io, service), &server.stop).await?;
    }
    Ok(())
}

/// Looks at the first bytes without taking them. Few clients of HTTP/2 send less than the whole
/// preface at once; for those it looks again.
async fn speaks_http2(stream: &TcpStream) -> io::Result<bool> {
    let mut head = [0; PREFACE.len()];
    loop {
        let count = stream.peek(&mut head).await?;
        if count == PREFACE.len() || !PREFACE.starts_with(&head[..count]) || count == 0 {
            return Ok(head == PREFACE);
        }
        sleep(Duration::from_millis(10)).await;
    }
}

/// Drives a connection to its end; once `stop` is set, to the end of the requests it has.
async fn finish<C>(connection: C, stop: &Event) -> Result<(), hyper::Error>
where
    C: Future<Output = Result<(), hyper::Error>> + Graceful,
{
    let mut connection = pin!(connection);
    select! {
        biased;
        ended = connection.as_mut() => return ended,
        () = stop.wait() => {}
    }
    connection.as_mut().graceful_shutdown();
    connection.await
}

/// hyper's two connections have this method alike, but not in common.
trait Graceful {
    fn graceful_shutdown(self: Pin<&mut Self>);
}

impl<S> Graceful for http1::Connection<Io<TcpStream>, S>
where
    S: hyper::service::HttpService<Incoming, ResBody = BoxBody<Bytes, hyper::Error>>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
{
    fn graceful_shutdown(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<S> Graceful for http2::Connection<Io<TcpStream>, S, Executor>
where
    S: hyper::service::HttpService<Incoming, ResBody = BoxBody<Bytes, hyper::Error>>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    S::Future: 'static,
{
    fn graceful_shutdown(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

type Answer = Response<BoxBody<Bytes, hyper::Error>>;

async fn answer(request: Request<Incoming>, server: Rc<Server>) -> Result<Answer, Infallible> {
    server.requests.set(server.requests.get() + 1);
    let answer = match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => text(StatusCode::OK, "Hello from myrt\n"),
        (&Method::GET, "/slow") => {
            let millis = request.uri().query().and_then(|query| query.parse().ok());
            sleep(Duration::from_millis(millis.unwrap_or(1000))).await;
            text(StatusCode::OK, "That took a while\n")
        }
        (&Method::GET, "/count") => text(
            StatusCode::OK,
            format!(
                "{} requests, {} connections\n",
                server.requests.get(),
                server.connections.get()
            ),
        ),
        (&Method::POST, "/echo") => Response::new(request.into_body().boxed()),
        _ => text(StatusCode::NOT_FOUND, "There is nothing here\n"),
    };
    server.finished.set(server.finished.get() + 1);
    Ok(answer)
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let body = Full::new(body.into()).map_err(|never| match never {});
    let mut response = Response::new(body.boxed());
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

fn with_cause(error: &dyn Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

struct Options {
    address: String,
    header_timeout: Duration,
}

impl Options {
    fn from_arguments() -> Result<Self, Box<dyn Error>> {
        let mut options = Self {
            address: "127.0.0.1:8080".to_owned(),
            header_timeout: Duration::from_secs(30), // hyper's default
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            if argument == "--header-timeout" {
                let seconds = arguments.next().ok_or("--header-timeout wants seconds")?;
                options.header_timeout = Duration::from_secs_f64(seconds.parse()?);
            } else {
                options.address = argument;
            }
        }
        Ok(options)
    }
}
