//! FastAPI in small: handlers that are async, and handlers that block and run on threads. And the
//! trap.
//!
//! `route` takes an async handler, `route_blocking` an ordinary function, which goes to the thread
//! pool: `def` and `async def`. `/bad` blocks inside of an async handler: everybody waits for it,
//! and a warning on standard error names the place.
//!
//! Course: visual guide, FastAPI (E10) and "PIÈGE COURANT" (E11); 8.5, blocking work in an executor
//! (A28).
//!
//! ```text
//! cargo run --release -p course --bin mini_fastapi                  on 127.0.0.1:8000
//! ```
//!
//! Clients: `curl localhost:8000/fast` while ten of `curl localhost:8000/blocking` run; then one of
//! `/bad`.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use myrt::io::Reader;
use myrt::net::{TcpListener, TcpStream};
use myrt::time::{Duration, sleep};

type Answer = Pin<Box<dyn Future<Output = String>>>;

#[derive(Default)]
struct Api {
    routes: HashMap<&'static str, Box<dyn Fn() -> Answer>>,
}

impl Api {
    fn route<F: Future<Output = String> + 'static>(
        mut self,
        path: &'static str,
        handler: impl Fn() -> F + 'static,
    ) -> Self {
        self.routes
            .insert(path, Box::new(move || Box::pin(handler())));
        self
    }

    fn route_blocking(
        mut self,
        path: &'static str,
        handler: impl Fn() -> String + Send + Sync + 'static,
    ) -> Self {
        let handler = Arc::new(handler);
        let call = move || -> Answer {
            let handler = Arc::clone(&handler);
            Box::pin(async move {
                myrt::spawn_blocking(move || handler())
                    .await
                    .unwrap_or_else(|error| error.to_string())
            })
        };
        self.routes.insert(path, Box::new(call));
        self
    }

    async fn serve(&self, stream: TcpStream) -> io::Result<()> {
        let mut reader = Reader::new(&stream);
        let mut head = Vec::new();
        while let Ok(1..) = reader.read_until(b"\r\n\r\n", &mut head).await {
            let line = String::from_utf8_lossy(&head);
            let (status, body) = match self.routes.get(line.split(' ').nth(1).unwrap_or("/")) {
                Some(handler) => ("200 OK", handler().await),
                None => ("404 Not Found", "no such route".to_owned()),
            };
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}\n",
                body.len() + 1
            );
            stream.write_all(answer.as_bytes()).await?;
            head.clear();
        }
        Ok(())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a library that knows nothing of loops"
)]
fn slow_library() -> String {
    std::thread::sleep(Duration::from_millis(1000));
    "a second later".to_owned()
}

#[myrt::main]
async fn main() -> io::Result<()> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let api = Rc::new(
        Api::default()
            .route("/fast", || async { "at once".to_owned() })
            .route("/slow", || async {
                sleep(Duration::from_millis(1000)).await;
                "a second later".to_owned()
            })
            .route_blocking("/blocking", slow_library)
            // The trap: it looks like the one above it, and stops every client.
            .route("/bad", || async { slow_library() }),
    );
    let listener = TcpListener::bind(&*address).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let api = Rc::clone(&api);
                drop(myrt::spawn(async move { api.serve(stream).await }));
            }
            Err(error) => eprintln!("accept: {error}"),
        }
    }
}
