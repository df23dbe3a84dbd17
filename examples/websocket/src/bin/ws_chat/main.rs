//! A chat in the browser: everybody hears what the others say.
//!
//! Course: 8.5, the WebSocket chat of case 4 (A23), the visual guide's broadcast (E18), connection
//! manager (E14), timeline of three clients (E15) and disconnections (E22). What is sent goes to
//! everybody but the sender, and a client that stops reading is shown out and holds up nobody.
//!
//! ```text
//! cargo run --release --bin ws_chat                                    on 127.0.0.1:9002
//! REDIS_URL=redis://127.0.0.1/ cargo run --release --bin ws_chat -- 127.0.0.1:9003      one room with other processes
//! cargo run --release --bin ws_chat -- --timeline ws://127.0.0.1:9002/ws                three clients of a running server
//! ```
//!
//! Clients: a browser at `http://127.0.0.1:9002/`, in two tabs; `python3 -m websockets
//! 'ws://127.0.0.1:9002/ws?name=ada'`.
//!
//! hyper serves the page and hands the connection over when the browser asks for a WebSocket;
//! `myrt::hyper::Io`, which made our stream one of hyper's, makes hyper's upgraded one a stream for
//! tungstenite. With `REDIS_URL` the room is as large as its Redis: `relay.rs` passes on what is
//! said, by publish and subscribe.

mod relay;
mod timeline;

use std::cell::RefCell;
use std::error::Error;
use std::rc::Rc;

use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::Message;
use async_tungstenite::tungstenite::handshake::server::create_response_with_body;
use async_tungstenite::tungstenite::protocol::Role;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, UPGRADE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper::{Request, Response, StatusCode, Uri};
use myrt::hyper::{Io, Timer};
use myrt::net::TcpStream;
use myrt::select;
use myrt::time::Duration;
use myrt_example_websocket::serve::is_same_origin;
use myrt_example_websocket::{Hub, Options, Server, mailbox, serve_tcp};

use relay::Relay;

const PAGE: &str = include_str!("page.html");
/// Messages that may wait for a client. One that has more waiting does not read.
const QUEUE: usize = 64;

#[myrt::main]
async fn main() -> Result<(), Box<dyn Error>> {
    if let Some(at) = std::env::args().position(|argument| argument == "--timeline") {
        let url = std::env::args().nth(at + 1);
        return timeline::run(url.as_deref().unwrap_or("ws://127.0.0.1:9002/ws")).await;
    }
    let options = Options::from_arguments("127.0.0.1:9002")?;
    let room = Room::open()?;
    serve_tcp(options, async move |stream, server| {
        room.serve(stream, &server).await
    })
    .await?;
    Ok(())
}

/// What an HTTP request may turn its connection into: a WebSocket for this name.
type Promise = Rc<RefCell<Option<(OnUpgrade, String)>>>;

struct Room {
    hub: Rc<Hub>,
    relay: Option<Relay>,
}

impl Room {
    fn open() -> Result<Self, Box<dyn Error>> {
        let hub = Hub::new();
        let relay = match std::env::var("REDIS_URL") {
            Ok(url) => Some(Relay::start(&url, hub.clone())?),
            Err(_) => None,
        };
        Ok(Self { hub, relay })
    }

    /// One connection: HTTP at first, a WebSocket once a request asks for it.
    async fn serve(&self, stream: TcpStream, server: &Server) -> Result<(), Box<dyn Error>> {
        let promise = Promise::default();
        let mut builder = http1::Builder::new();
        builder
            .timer(Timer::new())
            .header_read_timeout(Duration::from_secs(10));
        let service = service_fn(|request| {
            let answer = answer(request, &promise);
            async move { answer }
        });
        let http = builder
            .serve_connection(Io::new(stream), service)
            .with_upgrades();
        select! {
            ended = http => ended?,
            () = server.stop.wait() => return Ok(()),
        }
        let promised = promise.take();
        if let Some((upgrade, name)) = promised {
            self.converse(upgrade.await?, &name, server).await;
        }
        Ok(())
    }

    /// One client of the chat, from its coming to its leaving.
    async fn converse(&self, upgraded: Upgraded, name: &str, server: &Server) {
        let io = Io::new(upgraded);
        let socket =
            WebSocketStream::from_raw_socket(io, Role::Server, Some(server.config())).await;
        let (mailbox, outbox) = mailbox(QUEUE);
        let membership = self.hub.join(&mailbox);
        println!("+ {name} ({})", self.hub.len());
        self.say(format!("* {name} came"), Some(&mailbox));
        let heard = async |message: Message| {
            if let Message::Text(text) = message {
                self.say(format!("{name}: {text}"), Some(&mailbox));
            }
        };
        let end = server.converse(socket, outbox, heard).await;
        drop(membership);
        println!("- {name} ({}): {end}", self.hub.len());
        self.say(format!("* {name} left"), None);
    }

    /// To everybody here but `except`, and through Redis to everybody elsewhere.
    fn say(&self, text: String, except: Option<&myrt_example_websocket::Mailbox>) {
        if let Some(relay) = &self.relay {
            relay.send(&text);
        }
        self.hub.broadcast(&Message::text(text), except);
    }
}

/// The page at `/`, the WebSocket at `/ws?name=...`.
fn answer(
    mut request: Request<Incoming>,
    promise: &Promise,
) -> Result<Response<Full<Bytes>>, Box<dyn Error + Send + Sync>> {
    let mut response = match request.uri().path() {
        "/" => {
            let mut page = Response::new(Full::from(PAGE));
            let kind = "text/html; charset=utf-8".parse()?;
            page.headers_mut().insert(CONTENT_TYPE, kind);
            page
        }
        "/ws" if !is_same_origin(request.headers()) => {
            refuse(StatusCode::FORBIDDEN, "from another origin\n".to_owned())
        }
        "/ws" if request.headers().contains_key(UPGRADE) => {
            let name = name_of(request.uri());
            let upgrade = hyper::upgrade::on(&mut request);
            match create_response_with_body(&request.map(drop), Full::default) {
                Ok(response) => {
                    promise.replace(Some((upgrade, name)));
                    response
                }
                Err(error) => refuse(StatusCode::BAD_REQUEST, error.to_string()),
            }
        }
        _ => refuse(StatusCode::NOT_FOUND, "There is nothing here\n".to_owned()),
    };
    response
        .headers_mut()
        .insert("cache-control", "no-store".parse()?);
    Ok(response)
}

fn refuse(status: StatusCode, why: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(why));
    *response.status_mut() = status;
    response
}

/// `?name=ada`, as far as it can be shown: letters, digits and a few signs.
fn name_of(uri: &Uri) -> String {
    let mut pairs = uri.query().unwrap_or_default().split('&');
    let name = pairs.find_map(|pair| pair.strip_prefix("name="));
    let name: String = decode(name.unwrap_or_default())
        .chars()
        .filter(|c| c.is_alphanumeric() || "-_.".contains(*c))
        .take(24)
        .collect();
    if name.is_empty() {
        "somebody".to_owned()
    } else {
        name
    }
}

/// `%C3%AB` is "ë".
fn decode(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.get(..2).map(|hex| u8::from_str_radix(hex, 16)) {
            Some(Ok(byte)) => bytes.push(byte),
            _ => continue, // not a code: left out, with what follows it
        }
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
