//! Publish and subscribe, over TCP: who asked for a topic gets what anybody says on it.
//!
//! Shows `broadcast` (each subscriber gets every message; one who is too slow loses the oldest and
//! is told how many), `select!` between a socket and a channel, and a `Reader` that loses nothing
//! when the other branch wins.
//!
//! Course: visual guide, "pub/sub" (E20), and 8.6, "SelectChatServer" (B6), whose port this is.
//!
//! ```text
//! cargo run --example 11_pubsub                       on port 9999
//! cargo run --example 11_pubsub -- 127.0.0.1:9000     elsewhere
//! ```
//!
//! Clients: `nc localhost 9999` in several terminals. `+weather` subscribes, `-weather` ends it,
//! `weather: sunny` tells everybody who subscribed. Ctrl-C ends the server.

use std::collections::HashSet;
use std::io;
use std::process::ExitCode;

use myrt::io::Reader;
use myrt::net::{TcpListener, TcpStream, is_out_of_resources};
use myrt::sync::broadcast::{self, Sender, error::RecvError};

#[derive(Clone)]
struct Message {
    topic: String,
    text: String,
}

#[myrt::main]
async fn main() -> ExitCode {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "localhost:9999".to_owned());
    if let Err(error) = serve(&address).await {
        eprintln!("{address}: {error}");
    }
    ExitCode::FAILURE // a server that works does not come here
}

async fn serve(address: &str) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    let (bus, _) = broadcast::channel(1024);
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            // No descriptor left, say: the client waits in the queue, and the next accept a little
            // before it tries.
            Err(error) if is_out_of_resources(&error) => {
                eprintln!("accept: {error}");
                continue;
            }
            Err(error) => return Err(error),
        };
        let bus = bus.clone();
        drop(myrt::spawn(async move {
            println!("{peer} came");
            match client(stream, bus).await {
                Ok(()) => println!("{peer} left"),
                Err(error) => println!("{peer} broke off: {error}"),
            }
        }));
    }
}

async fn client(stream: TcpStream, bus: Sender<Message>) -> io::Result<()> {
    let (read, write) = stream.into_split();
    let mut reader = Reader::with_limit(1024, read);
    let mut inbox = bus.subscribe();
    let mut topics = HashSet::new();
    let mut line = String::new();
    loop {
        // Whichever comes first. Half a line that has been read stays in the reader.
        let reply = myrt::select! {
            read = reader.read_line(&mut line) => {
                if read? == 0 {
                    return Ok(());
                }
                let reply = command(line.trim(), &mut topics, &bus);
                line.clear();
                reply
            },
            message = inbox.recv() => match message {
                Ok(Message { topic, text }) if topics.contains(&topic) => Some(format!("{topic}: {text}\n")),
                Ok(_) => None,
                Err(RecvError::Lagged(lost)) => Some(format!("! you were too slow: {lost} messages are lost\n")),
                Err(RecvError::Closed) => return Ok(()),
            },
        };
        if let Some(reply) = reply {
            write.write_all(reply.as_bytes()).await?;
        }
    }
}

/// Does what a line asks for; what it returns goes back to the client.
fn command(line: &str, topics: &mut HashSet<String>, bus: &Sender<Message>) -> Option<String> {
    if let Some(topic) = line.strip_prefix('+') {
        topics.insert(topic.trim().to_owned());
    } else if let Some(topic) = line.strip_prefix('-') {
        topics.remove(topic.trim());
    } else if let Some((topic, text)) = line.split_once(':') {
        let message = Message {
            topic: topic.trim().to_owned(),
            text: text.trim().to_owned(),
        };
        let _ = bus.send(message); // nobody to hear it is not an error here
    } else {
        return Some("! +topic, -topic, or topic: text\n".to_owned());
    }
    None
}
