//! One HTTP/1 server on hyper, the same text for each runtime: hyper's defaults, its header timeout
//! included.

use std::convert::Infallible;
use std::io;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};

use crate::load::HELLO;
use crate::peer::ServeHttp;
use crate::tally;

/// Serves until the tally ends the process.
///
/// # Errors
/// Those of the listener.
pub async fn serve<P: ServeHttp>(peer: P) -> io::Result<()> {
    let (listener, port) = peer.listen().await?;
    tally::listening(port);
    loop {
        let stream = peer.accept(&listener).await?;
        tally::accepted();
        let task = peer.spawn(async move {
            // A client that goes away is no failure of the server.
            let _ = http1::Builder::new()
                .timer(peer.timer())
                .serve_connection(stream, service_fn(hello))
                .await;
            tally::closed();
        });
        peer.detach(task);
    }
}

async fn hello(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::new(Bytes::from_static(HELLO))))
}
