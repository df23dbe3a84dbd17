//! An HTTP client on hyper: one request, over HTTP/1.1 or HTTP/2, with one time limit for all of
//! it.
//!
//! Shows the other half of `myrt::hyper`: a handshake over an `Io`, and the connection driven by a
//! task of its own that ends with the request, because an [`AbortOnDrop`](myrt::task::AbortOnDrop)
//! holds it.
//!
//! ```text
//! cargo run --release --bin client -- http://127.0.0.1:8080/
//! cargo run --release --bin client -- --http2 http://127.0.0.1:8080/slow?500
//! cargo run --release --bin client -- --timeout 0.1 http://127.0.0.1:8080/slow?500      fails, as it should
//! ```
//!
//! Any HTTP server will do (`--http2`: one that takes HTTP/2 in the clear, without an upgrade). No
//! https: see `examples/tls`.

use std::error::Error;
use std::io::{Write, stdout};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::header::{HOST, USER_AGENT};
use hyper::{Request, Response, Uri};
use myrt::hyper::{Executor, Io, Timer};
use myrt::net::TcpStream;
use myrt::time::{Duration, timeout};

#[myrt::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_arguments()?;
    timeout(options.limit, fetch(&options))
        .await
        .map_err(|_| format!("no answer within {:?}", options.limit))?
}

async fn fetch(options: &Options) -> Result<(), Box<dyn Error>> {
    let uri: Uri = options.url.parse()?;
    let host = uri
        .host()
        .ok_or("the URL names no host")?
        .trim_matches(['[', ']'].as_slice());
    let stream = TcpStream::connect((host, uri.port_u16().unwrap_or(80))).await?;
    if options.http2 {
        let (mut sender, connection) = http2::Builder::new(Executor::new())
            .timer(Timer::new())
            .handshake(Io::new(stream))
            .await?;
        let driver = myrt::spawn(connection).abort_on_drop();
        // HTTP/2 carries the whole URI; the host is part of it.
        let request = Request::get(uri).header(USER_AGENT, "myrt-example");
        show(
            sender
                .send_request(request.body(Empty::<Bytes>::new())?)
                .await?,
        )
        .await?;
        drop(driver);
    } else {
        let (mut sender, connection) = http1::handshake(Io::new(stream)).await?;
        let driver = myrt::spawn(connection).abort_on_drop();
        let authority = uri.authority().ok_or("the URL names no host")?.as_str();
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let request = Request::get(path)
            .header(HOST, authority)
            .header(USER_AGENT, "myrt-example");
        show(
            sender
                .send_request(request.body(Empty::<Bytes>::new())?)
                .await?,
        )
        .await?;
        drop(driver);
    }
    Ok(())
}

/// Prints head and body, the body as it comes.
async fn show(response: Response<Incoming>) -> Result<(), Box<dyn Error>> {
    eprintln!("{:?} {}", response.version(), response.status());
    for (name, value) in response.headers() {
        eprintln!("{name}: {}", value.to_str().unwrap_or("(not text)"));
    }
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        if let Some(bytes) = frame?.data_ref() {
            stdout().write_all(bytes)?;
        }
    }
    Ok(())
}

struct Options {
    url: String,
    http2: bool,
    limit: Duration,
}

impl Options {
    fn from_arguments() -> Result<Self, Box<dyn Error>> {
        let mut options = Self {
            url: "http://127.0.0.1:8080/".to_owned(),
            http2: false,
            limit: Duration::from_secs(30),
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--http2" => options.http2 = true,
                "--timeout" => {
                    let seconds = arguments.next().ok_or("--timeout wants seconds")?;
                    options.limit = Duration::from_secs_f64(seconds.parse()?);
                }
                _ => options.url = argument,
            }
        }
        Ok(options)
    }
}
