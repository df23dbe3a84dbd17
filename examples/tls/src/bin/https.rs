//! An HTTPS server: hyper over futures-rustls over myrt, HTTP/2 or HTTP/1.1 as the client likes
//! (ALPN).
//!
//! The three fit without glue but `myrt::hyper::Io`, which is told that a TLS stream takes one
//! piece at a time.
//!
//! ```text
//! cargo run --release --bin https                                on 127.0.0.1:8444, certificate in target/https.pem
//!
//! curl -k https://localhost:8444/                                HTTP/2
//! curl --http1.1 --cacert target/https.pem https://localhost:8444/
//! ```

use std::convert::Infallible;
use std::error::Error;
use std::path::Path;

use futures_rustls::TlsAcceptor;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use myrt::hyper::{Executor, Io, Timer};
use myrt::net::{TcpListener, TcpStream};
use myrt::time::{Duration, timeout};

const HANDSHAKE: Duration = Duration::from_secs(10);

#[myrt::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:8444".to_owned());
    let file = arguments.next().unwrap_or("target/https.pem".to_owned());
    if let Some(folder) = Path::new(&file).parent() {
        std::fs::create_dir_all(folder)?;
    }
    let acceptor = myrt_example_tls::acceptor(Some(Path::new(&file)), &["h2", "http/1.1"])?;
    let listener = TcpListener::bind(&address).await?;
    println!(
        "listening on https://{}, certificate in {file}",
        listener.local_addr()?
    );
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let acceptor = acceptor.clone();
                drop(myrt::spawn(async move {
                    if let Err(error) = serve(stream, &acceptor).await {
                        println!("{peer}: {error}");
                    }
                }));
            }
            Err(error) => eprintln!("accept: {error}"), // the listener pauses before the next try
        }
    }
}

async fn serve(stream: TcpStream, acceptor: &TlsAcceptor) -> Result<(), Box<dyn Error>> {
    stream.set_nodelay(true)?;
    let tls = timeout(HANDSHAKE, acceptor.accept(stream)).await??;
    let is_http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
    let io = Io::new(tls).vectored(false);
    if is_http2 {
        http2::Builder::new(Executor::new())
            .timer(Timer::new())
            .serve_connection(io, service_fn(hello))
            .await?;
    } else {
        http1::Builder::new()
            .timer(Timer::new())
            .serve_connection(io, service_fn(hello))
            .await?;
    }
    Ok(())
}

async fn hello(request: Request<Incoming>) -> Result<Response<Full<&'static [u8]>>, Infallible> {
    let greeting: &[u8] = match request.version() {
        hyper::Version::HTTP_2 => b"Hello over HTTP/2 and TLS\n",
        _ => b"Hello over HTTP/1.1 and TLS\n",
    };
    Ok(Response::new(Full::new(greeting)))
}
