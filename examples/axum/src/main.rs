//! A small JSON service on axum: notes that can be written, listed, read and deleted.
//!
//! axum is a tower service above hyper; only its `serve` function wants tokio, and twelve lines
//! here take its place. axum asks its handlers to be `Send`, which on one thread is a formality:
//! myrt's sockets, timers and join handles are `Send`, so they may be held across an `.await`; its
//! `sync` types are not, so a handler takes a std `Mutex` for its state (never contended here) and
//! does not hold it across one.
//!
//! ```text
//! cargo run --release                                            on 127.0.0.1:8081
//!
//! curl -s localhost:8081/notes -H 'content-type: application/json' -d '{"text": "buy milk"}'
//! curl -s localhost:8081/notes
//! curl -s 'localhost:8081/notes?contains=milk'
//! curl -s localhost:8081/notes/1
//! curl -s -X DELETE localhost:8081/notes/1 -i
//! curl -s localhost:8081/slow                                    one second, and a timer inside a handler
//! ```

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Json, Path, Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::service::TowerToHyperService;
use myrt::hyper::{Io, Timer};
use myrt::net::{TcpListener, is_out_of_resources};
use myrt::time::{Duration, Instant, sleep};
use serde::{Deserialize, Serialize};

#[myrt::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1);
    let address = address.unwrap_or("127.0.0.1:8081".to_owned());
    let router = Router::new()
        .route("/notes", get(list).post(write))
        .route("/notes/{id}", get(read).delete(delete))
        .route("/slow", get(slow))
        .with_state(Shared::default());
    let listener = TcpListener::bind(&address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    serve(listener, router).await
}

/// What `axum::serve` is on tokio.
async fn serve(listener: TcpListener, router: Router) -> Result<(), Box<dyn Error>> {
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            // No descriptor left, say: the client waits in the queue, and the next accept a little
            // before it tries.
            Err(error) if is_out_of_resources(&error) => {
                eprintln!("accept: {error}");
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let _ = stream.set_nodelay(true); // a client that is gone already is no reason to end
        let service = TowerToHyperService::new(router.clone());
        drop(myrt::spawn(async move {
            let connection = http1::Builder::new()
                .timer(Timer::new())
                .serve_connection(Io::new(stream), service);
            if let Err(error) = connection.await {
                eprintln!("{peer}: {error}");
            }
        }));
    }
}

#[derive(Debug, Clone, Serialize)]
struct Note {
    id: u64,
    text: String,
}

#[derive(Debug, Deserialize)]
struct NewNote {
    text: String,
}

#[derive(Debug, Deserialize)]
struct Filter {
    contains: Option<String>,
}

#[derive(Debug, Default)]
struct Notes {
    last: u64,
    notes: BTreeMap<u64, Note>,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Notes>>);

impl Shared {
    fn with<T>(&self, work: impl FnOnce(&mut Notes) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn list(State(shared): State<Shared>, Query(filter): Query<Filter>) -> Json<Vec<Note>> {
    let wanted = filter.contains.unwrap_or_default();
    let found = |notes: &mut Notes| {
        let notes = notes.notes.values();
        notes
            .filter(|note| note.text.contains(&wanted))
            .cloned()
            .collect()
    };
    Json(shared.with(found))
}

async fn write(State(shared): State<Shared>, Json(new): Json<NewNote>) -> (StatusCode, Json<Note>) {
    let note = shared.with(|notes| {
        notes.last += 1;
        let note = Note {
            id: notes.last,
            text: new.text,
        };
        notes.notes.insert(note.id, note.clone());
        note
    });
    (StatusCode::CREATED, Json(note))
}

async fn read(
    State(shared): State<Shared>,
    Path(id): Path<u64>,
) -> Result<Json<Note>, (StatusCode, &'static str)> {
    let note = shared.with(|notes| notes.notes.get(&id).cloned());
    note.map(Json)
        .ok_or((StatusCode::NOT_FOUND, "there is no such note\n"))
}

async fn delete(State(shared): State<Shared>, Path(id): Path<u64>) -> StatusCode {
    match shared.with(|notes| notes.notes.remove(&id)) {
        Some(_) => StatusCode::NO_CONTENT,
        None => StatusCode::NOT_FOUND,
    }
}

/// A timer across an await, in a handler that axum wants to be `Send`: it is.
async fn slow() -> String {
    let start = Instant::now();
    sleep(Duration::from_secs(1)).await;
    format!("{:.1?}\n", start.elapsed())
}
