//! `hyper::serve`, against hyper's client and against bytes that no client of hyper's would send.
#![cfg(all(feature = "hyper-server", feature = "hyper-client"))]

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Version, upgrade};
use hyper_util::client::legacy::Client;
use myrt::hyper::{Connector, Executor, Io, Listener, serve};
use myrt::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use myrt::net::TcpListener;
use myrt::sync::{Event, Queue};
use myrt::task::JoinHandle;
use myrt::time::{Instant, sleep};
use myrt::{join, spawn};

type Body = Full<Bytes>;
type Answer = Result<Response<Body>, Infallible>;

fn text(text: impl Into<String>) -> Answer {
    Ok(Response::new(Full::new(Bytes::from(text.into()))))
}

/// Connections through memory, for virtual time.
struct Pipes {
    queue: Queue<DuplexStream>,
    failure: Cell<Option<io::Error>>,
}

impl Listener for Pipes {
    type Stream = DuplexStream;

    async fn accept(&self) -> io::Result<DuplexStream> {
        match self.failure.take() {
            Some(error) => Err(error),
            None => Ok(self.queue.get().await.expect("it is not shut down")),
        }
    }

    fn retries(&self, error: &io::Error) -> bool {
        error.kind() == io::ErrorKind::QuotaExceeded
    }
}

impl Pipes {
    fn new() -> Rc<Self> {
        Rc::new(Self {
            queue: Queue::new(100),
            failure: Cell::new(None),
        })
    }

    /// A client whose pipe holds `capacity` bytes.
    fn connect(&self, capacity: usize) -> DuplexStream {
        let (near, far) = duplex(capacity);
        self.queue.put_nowait(far).expect("a queue without limit");
        near
    }
}

/// What a connection says until it ends.
async fn rest(stream: &mut DuplexStream) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n";

async fn body(response: Response<Incoming>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[myrt::test]
async fn http_1_and_http_2_on_one_port_with_state_that_is_not_send() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (stop, count) = (Rc::new(Event::new()), Rc::new(Cell::new(0)));
    let counter = Rc::clone(&count);
    let answer = service_fn(move |request: Request<Incoming>| {
        let counter = Rc::clone(&counter);
        async move {
            counter.set(counter.get() + 1);
            sleep(Duration::from_millis(1)).await;
            text(format!("{:?} {}", request.version(), request.uri().path()))
        }
    });
    let stopped = Rc::clone(&stop);
    let server =
        serve(listener, answer).with_graceful_shutdown(async move { stopped.wait().await });
    let server = spawn(server.into_future());
    for (only_http2, version) in [(false, Version::HTTP_11), (true, Version::HTTP_2)] {
        let client = Client::builder(Executor::new())
            .http2_only(only_http2)
            .build::<_, Empty<Bytes>>(Connector::new());
        // A name of several addresses, of which one answers.
        let get =
            |path: &str| client.get(format!("http://localhost:{port}{path}").parse().unwrap());
        let (one, two) = join!(get("/one"), get("/two"));
        for (response, path) in [(one, "/one"), (two, "/two")] {
            assert_eq!(body(response.unwrap()).await, format!("{version:?} {path}"));
        }
    }
    stop.set();
    server.await.unwrap().unwrap();
    assert_eq!(count.get(), 4);
}

/// A tower service that must be asked whether it is ready, each clone for itself.
#[derive(Debug, Default)]
struct Towering {
    ready: bool,
}

impl Clone for Towering {
    fn clone(&self) -> Self {
        Self { ready: false }
    }
}

impl tower_service::Service<Request<Incoming>> for Towering {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Answer>;

    fn poll_ready(
        &mut self,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        if !std::mem::replace(&mut self.ready, true) {
            cx.waker().wake_by_ref();
            return std::task::Poll::Pending;
        }
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Incoming>) -> Self::Future {
        assert!(self.ready, "called before it was ready");
        std::future::ready(text("from a tower"))
    }
}

#[myrt::test(start_paused)]
async fn a_tower_service_is_asked_whether_it_is_ready() {
    let pipes = Pipes::new();
    let server = spawn(serve(Rc::clone(&pipes), Towering::default()).into_future());
    let mut client = pipes.connect(1000);
    client.write_all(REQUEST).await.unwrap();
    client.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    let said = rest(&mut client).await;
    assert_eq!(said.matches("from a tower").count(), 2, "{said}");
    server.cancel().await;
}

/// A server that answers after ten seconds, and how long it has run when it ends.
fn slow(pipes: &Rc<Pipes>, stop: &Rc<Event>) -> JoinHandle<Duration> {
    let (pipes, stop) = (Rc::clone(pipes), Rc::clone(stop));
    spawn(async move {
        let begin = Instant::now();
        let answer = service_fn(async |_: Request<Incoming>| {
            sleep(Duration::from_secs(10)).await;
            text("at last")
        });
        let server = serve(pipes, answer).grace(Duration::from_secs(60));
        let stopped = async move { stop.wait().await };
        server.with_graceful_shutdown(stopped).await.unwrap();
        begin.elapsed()
    })
}

#[myrt::test(start_paused)]
async fn a_graceful_stop_finishes_what_was_begun_and_cuts_what_takes_too_long() {
    let (pipes, stop) = (Pipes::new(), Rc::new(Event::new()));
    let server = slow(&pipes, &stop);
    let [mut busy, mut silent] = [pipes.connect(1000), pipes.connect(1000)];
    busy.write_all(REQUEST).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    stop.set();
    let late = pipes.connect(1000);
    let said = rest(&mut busy).await;
    assert!(
        said.contains("connection: close") && said.ends_with("at last"),
        "{said}"
    );
    assert_eq!(rest(&mut silent).await, "");
    assert_eq!(server.await.unwrap(), Duration::from_secs(10));
    drop(late);

    let stop = Rc::new(Event::new());
    let pipes = Pipes::new();
    let server = slow(&pipes, &stop);
    // A body that never ends keeps its request.
    let mut stuck = pipes.connect(1000);
    stuck
        .write_all(b"POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 9\r\n\r\n")
        .await
        .unwrap();
    stuck.write_all(REQUEST).await.unwrap();
    stop.set();
    assert!(server.await.unwrap() <= Duration::from_secs(60));
}

#[myrt::test(start_paused)]
async fn clients_have_time_limits() {
    let pipes = Pipes::new();
    let errors = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&errors);
    let large = service_fn(async |_: Request<Incoming>| text("x".repeat(100_000)));
    let server = serve(Rc::clone(&pipes), large)
        .header_timeout(Duration::from_secs(3))
        .write_timeout(Duration::from_secs(5))
        .on_error(move |error| {
            let cause = error
                .source()
                .map_or(String::new(), |cause| format!(": {cause}"));
            log.borrow_mut().push(format!("{error}{cause}"));
        });
    let server = spawn(server.into_future());
    let cases: [(&[u8], u64, &str); 4] = [
        (b"", 3, "no request within the header timeout"),
        (
            b"PRI * HTTP/2.0\r\n",
            3,
            "no request within the header timeout",
        ),
        (b"GET / HTTP/1.1\r\nhost", 3, "header"),
        (REQUEST, 5, "longer than the write timeout"),
    ];
    for (sent, seconds, told) in cases {
        let (mut client, begin) = (pipes.connect(1000), Instant::now());
        client.write_all(sent).await.unwrap();
        while errors.borrow().is_empty() {
            sleep(Duration::from_millis(100)).await;
        }
        let error = errors.borrow_mut().remove(0);
        assert!(error.contains(told), "{told}: {error}");
        assert_eq!(begin.elapsed().as_secs(), seconds, "{told}");
    }
    server.cancel().await;
}

#[myrt::test(start_paused)]
async fn no_more_connections_than_allowed_are_open_at_a_time() {
    let pipes = Pipes::new();
    let answer = service_fn(async |_: Request<Incoming>| text("your turn"));
    let server = spawn(
        serve(Rc::clone(&pipes), answer)
            .max_connections(2)
            .into_future(),
    );
    let [one, _two, mut three] = [1, 2, 3].map(|_| pipes.connect(1000));
    three.write_all(REQUEST).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(pipes.queue.qsize(), 1, "the third waits");
    drop(one);
    let mut head = [0; 15];
    three.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    server.cancel().await;
}

#[myrt::test(start_paused)]
async fn a_service_that_fails_or_panics_ends_its_connection_and_a_listener_may_fail_in_passing() {
    let pipes = Pipes::new();
    let answer = service_fn(
        async |request: Request<Incoming>| match request.uri().path() {
            "/error" => Err(io::Error::other("no answer")),
            "/panic" => panic!("as the test wants it"),
            _ => Ok(text("well").unwrap()),
        },
    );
    let server = spawn(serve(Rc::clone(&pipes), answer).into_future());
    for (path, told) in [("/error", ""), ("/panic", ""), ("/", "200 OK")] {
        let mut client = pipes.connect(1000);
        client
            .write_all(
                format!("GET {path} HTTP/1.1\r\nconnection: close\r\nhost: h\r\n\r\n").as_bytes(),
            )
            .await
            .unwrap();
        assert!(rest(&mut client).await.contains(told), "{path}");
    }
    pipes.failure.set(Some(io::ErrorKind::QuotaExceeded.into()));
    let mut client = pipes.connect(1000);
    client.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    assert!(rest(&mut client).await.contains("well"));
    pipes.failure.set(Some(io::ErrorKind::NotConnected.into()));
    drop(pipes.connect(1000));
    let ended = server.await.unwrap();
    assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::NotConnected);
}

#[myrt::test(start_paused)]
async fn a_connection_that_was_upgraded_is_the_handlers_and_a_handshake_comes_first() {
    let (pipes, stop) = (Pipes::new(), Rc::new(Event::new()));
    let answer = service_fn(async |mut request: Request<Incoming>| {
        let upgrade = upgrade::on(&mut request);
        drop(spawn(async move {
            let mut stream = Io::new(upgrade.await.unwrap());
            let mut word = [0; 4];
            stream.read_exact(&mut word).await.unwrap();
            stream.write_all(&word).await.unwrap();
            stream.close().await.unwrap();
        }));
        let response = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
        response
            .header("upgrade", "echo")
            .header("connection", "upgrade")
            .body(Body::default())
    });
    let stopped = Rc::clone(&stop);
    let server = serve(Rc::clone(&pipes), answer)
        .handshake(async |mut stream: DuplexStream| {
            let mut password = [0; 6];
            stream.read_exact(&mut password).await?;
            match &password {
                b"sesame" => Ok(stream),
                _ => Err(io::ErrorKind::PermissionDenied.into()),
            }
        })
        .with_graceful_shutdown(async move { stopped.wait().await });
    let server = spawn(server.into_future());
    let mut stranger = pipes.connect(1000);
    stranger.write_all(b"please").await.unwrap();
    assert_eq!(rest(&mut stranger).await, "");
    let mut client = pipes.connect(1000);
    client
        .write_all(
            b"sesameGET / HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n",
        )
        .await
        .unwrap();
    let mut said = Vec::new();
    while !said.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).await.unwrap();
        said.extend(byte);
    }
    assert!(
        said.starts_with(b"HTTP/1.1 101"),
        "{}",
        String::from_utf8_lossy(&said)
    );
    // The server goes, and has no connection left to wait for.
    stop.set();
    server.await.unwrap().unwrap();
    client.write_all(b"ping").await.unwrap();
    assert_eq!(rest(&mut client).await, "ping");
}
