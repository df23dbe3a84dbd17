//! A WebSocket client that keeps its connection alive: a ping at a steady interval, and an end when
//! no answer comes.
//!
//! Course: 8.7, "Heartbeat" (C11), every 30 seconds there; the visual guide's silent peer (E22).
//!
//! ```text
//! cargo run --release --bin ws_heartbeat -- ws://127.0.0.1:9001/                               every 30 s
//! cargo run --release --bin ws_heartbeat -- ws://127.0.0.1:9001/ --ping-every 1 --answer-within 0.5
//! ```
//!
//! Against any WebSocket server: `ws_echo`, or Python's `websockets`, which shows the pings with
//! `logging.DEBUG`. It prints what the server says, and ends when the server closes (exit code 0),
//! when an answer does not come or the connection is lost (1), or with Ctrl-C.

use std::error::Error;
use std::process::ExitCode;

use async_tungstenite::tungstenite::{Bytes, Message};
use async_tungstenite::{WebSocketReceiver, WebSocketSender, client_async};
use myrt::net::TcpStream;
use myrt::select;
use myrt::stream::StreamExt;
use myrt::sync::{Event, mpsc};
use myrt::time::{Duration, Instant, interval_at, timeout};
use myrt_example_websocket::Options;

#[myrt::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut options = Options::from_arguments("ws://127.0.0.1:9001/")?;
    if !std::env::args().any(|argument| argument == "--ping-every") {
        options.limits.ping_every = Duration::from_secs(30);
    }
    let host = options.address.split('/').nth(2);
    let stream = TcpStream::connect(host.ok_or("not a ws:// URL")?).await?;
    stream.set_nodelay(true)?;
    let (socket, _) = client_async(options.address.as_str(), stream).await?;
    println!("connected");
    let (sender, receiver) = socket.split();
    let (pongs, answers) = mpsc::channel(1);

    // The heart is a task of its own, so that it beats while a message is being worked on; it ends
    // with the connection.
    let stopped = std::rc::Rc::new(Event::new());
    let heart = {
        let (limits, stopped) = (options.limits, stopped.clone());
        myrt::spawn(async move {
            beat(sender, answers, limits.ping_every, limits.answer_within).await;
            stopped.set();
        })
        .abort_on_drop()
    };
    let code = select! {
        closed = listen(receiver, pongs) => {
            println!("{}", if closed { "the server closed" } else { "the connection was lost" });
            if closed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        () = stopped.wait() => {
            println!("no answer to a ping: the server is gone");
            ExitCode::FAILURE
        }
    };
    drop(heart);
    println!("{} tasks are left", myrt::task::all().len() - 1); // but for this one
    Ok(code)
}

/// Pings until one is not answered in time. Each carries its number, and so does its answer.
async fn beat(
    mut sender: WebSocketSender<TcpStream>,
    mut answers: mpsc::Receiver<Bytes>,
    every: Duration,
    within: Duration,
) {
    let mut ticks = interval_at(Instant::now() + every, every);
    for number in 0u64.. {
        ticks.tick().await;
        let start = Instant::now();
        let payload = Bytes::copy_from_slice(&number.to_be_bytes());
        let answered = timeout(within, async {
            if sender.send(Message::Ping(payload.clone())).await.is_err() {
                return false;
            }
            // An answer to an earlier one does not count.
            while let Some(answer) = answers.recv().await {
                if answer == payload {
                    return true;
                }
            }
            false
        });
        match answered.await {
            Ok(true) => println!("ping {number}: {:.1?}", start.elapsed()),
            Ok(false) | Err(_) => return,
        }
    }
}

/// Prints what is said; hands the answers to pings on. `true` if the server said goodbye.
async fn listen(mut receiver: WebSocketReceiver<TcpStream>, pongs: mpsc::Sender<Bytes>) -> bool {
    let mut goodbye = false;
    while let Some(Ok(message)) = receiver.next().await {
        match message {
            Message::Pong(payload) => {
                let _ = pongs.try_send(payload);
            }
            Message::Close(_) => goodbye = true,
            Message::Text(text) => println!("< {text}"),
            _ => {}
        }
    }
    goodbye
}
