//! An HTTP server on every core: each worker has a thread, a runtime and a listener of its own, all
//! on one port.
//!
//! Shows `myrt::workers`: the system spreads connections over the listeners (`SO_REUSEPORT`), a
//! worker that panics is started again while the others go on, and a signal stops all of them.
//!
//! ```text
//! cargo run --release --bin workers                              four workers on 127.0.0.1:8080
//! cargo run --release --bin workers -- 127.0.0.1:9000 2          two
//!
//! curl http://127.0.0.1:8080/                                    says which worker answers
//! curl http://127.0.0.1:8080/panic                               is its death; it comes back
//! wrk -t1 -c50 -d2 http://127.0.0.1:8080/                        when stopped, each worker says how many it answered
//! ```

use std::cell::Cell;
use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use myrt::hyper::{Io, Timer};
use myrt::select;
use myrt::sync::Event;
use myrt::workers::{self, Worker};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:8080".to_owned());
    let address: SocketAddr = address.parse()?;
    let count = arguments.next().map_or(Ok(4), |count| count.parse())?;
    workers::Builder::new(count)
        .stop_on_signals()
        .run(async |worker| serve(worker, address).await)?
        .into_iter()
        .flatten()
        .collect::<io::Result<()>>()?;
    Ok(())
}

/// What the connections of one worker share. No other worker sees it.
struct Shared {
    worker: Worker,
    answered: Cell<u64>,
    die: Event,
}

async fn serve(worker: Worker, address: SocketAddr) -> io::Result<()> {
    let listener = worker.listener(address).await?;
    if worker.id() == 0 && worker.restarts() == 0 {
        println!("listening on http://{}", listener.local_addr()?);
    }
    let shared = Rc::new(Shared {
        worker: worker.clone(),
        answered: Cell::new(0),
        die: Event::new(),
    });
    loop {
        let accepted = select! {
            accepted = worker.until_stopped(listener.accept()) => accepted,
            () = shared.die.wait() => panic!("a client asked for it"),
        };
        let Some(accepted) = accepted else { break };
        match accepted {
            Ok((stream, _)) => {
                let shared = shared.clone();
                drop(myrt::spawn(async move {
                    let service = service_fn(|request| answer(request, &shared));
                    let mut builder = http1::Builder::new();
                    builder.timer(Timer::new());
                    // That a client went away is its own affair.
                    let _ = builder.serve_connection(Io::new(stream), service).await;
                }));
            }
            Err(error) => eprintln!("accept: {error}"), // the listener pauses before the next try
        }
    }
    println!("worker {}: {} answered", worker.id(), shared.answered.get());
    Ok(())
}

async fn answer(
    request: Request<Incoming>,
    shared: &Shared,
) -> Result<Response<Full<bytes::Bytes>>, Infallible> {
    if request.uri().path() == "/panic" {
        shared.die.set();
    }
    shared.answered.set(shared.answered.get() + 1);
    let (id, restarts) = (shared.worker.id(), shared.worker.restarts());
    let body = format!("worker {id}, restarted {restarts} times\n");
    Ok(Response::new(Full::new(body.into())))
}
