//! A WebSocket server that sends back what it hears.
//!
//! Course: the visual guide's WebSocket handshake and echo (E13, E17), and its disconnections
//! (E22).
//!
//! ```text
//! cargo run --release --bin ws_echo                              on 127.0.0.1:9001
//! cargo run --release --bin ws_echo -- 127.0.0.1:9001 --ping-every 20 --answer-within 10
//!
//! python3 -m websockets ws://127.0.0.1:9001/                     an interactive client (pip install websockets)
//! curl -i -N --http1.1 -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' \
//!      -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' http://127.0.0.1:9001/        shows the handshake: 101
//! ```
//!
//! It passes the Autobahn test suite (`tests/clients/ecosystem autobahn`).

use std::error::Error;

use myrt_example_websocket::{Options, mailbox, serve};

/// Echoes that may wait to be sent, before the client's next message is read.
const QUEUE: usize = 4;

#[myrt::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_arguments("127.0.0.1:9001")?;
    serve(options, async |socket, _, server| {
        let (mailbox, outbox) = mailbox(QUEUE);
        let echo = async |message| {
            mailbox.send(message).await; // when the connection has ended, so does this session
        };
        server.converse(socket, outbox, echo).await
    })
    .await?;
    Ok(())
}
