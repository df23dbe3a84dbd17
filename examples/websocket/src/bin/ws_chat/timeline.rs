//! The course's timeline of three clients (E15), drawn from what really happens against a running
//! server.
//!
//! Ada and Bob talk, Eve comes late and leaves early; each line is an event with its time and its
//! client's column. It is a client and knows the server's address only.

use std::error::Error;
use std::rc::Rc;

use async_tungstenite::tungstenite::Message;
use async_tungstenite::{WebSocketReceiver, WebSocketSender, client_async};
use myrt::net::TcpStream;
use myrt::stream::StreamExt;
use myrt::task::AbortOnDrop;
use myrt::time::{Duration, Instant, sleep};

const NAMES: [&str; 3] = ["ada", "bob", "eve"];
const WIDTH: usize = 24;

pub async fn run(url: &str) -> Result<(), Box<dyn Error>> {
    let sheet = Rc::new(Sheet::new());
    let pause = || sleep(Duration::from_millis(100));
    let mut ada = Client::join(url, 0, &sheet).await?;
    pause().await;
    let mut bob = Client::join(url, 1, &sheet).await?;
    pause().await;
    ada.say("hello").await?;
    pause().await;
    let mut eve = Client::join(url, 2, &sheet).await?;
    pause().await;
    bob.say("hi both").await?;
    pause().await;
    eve.say("must go").await?;
    pause().await;
    eve.leave().await?;
    pause().await;
    ada.say("bye").await?;
    pause().await;
    ada.leave().await?;
    bob.leave().await?;
    Ok(())
}

/// Where the events are written, one column for each client.
struct Sheet {
    start: Instant,
}

impl Sheet {
    fn new() -> Self {
        print!("{:>8}  ", "ms");
        for name in NAMES {
            print!("{name:<WIDTH$}");
        }
        println!();
        Self {
            start: Instant::now(),
        }
    }

    fn note(&self, column: usize, what: &str) {
        let time = self.start.elapsed().as_secs_f64() * 1000.0;
        println!("{time:>8.1}  {:indent$}{what}", "", indent = column * WIDTH);
    }
}

struct Client {
    column: usize,
    sheet: Rc<Sheet>,
    sender: WebSocketSender<TcpStream>,
    _listening: AbortOnDrop<()>,
}

impl Client {
    async fn join(url: &str, column: usize, sheet: &Rc<Sheet>) -> Result<Self, Box<dyn Error>> {
        let url = format!("{url}?name={}", NAMES[column]);
        let host = url.split('/').nth(2).ok_or("not a ws:// URL")?.to_owned();
        let stream = TcpStream::connect(host).await?;
        let (socket, _) = client_async(url, stream).await?;
        let (sender, receiver) = socket.split();
        sheet.note(column, "connected");
        let listening = myrt::spawn(listen(receiver, column, sheet.clone())).abort_on_drop();
        Ok(Self {
            column,
            sheet: sheet.clone(),
            sender,
            _listening: listening,
        })
    }

    async fn say(&mut self, text: &str) -> Result<(), Box<dyn Error>> {
        self.sheet.note(self.column, &format!("-> {text}"));
        Ok(self.sender.send(Message::text(text)).await?)
    }

    async fn leave(&mut self) -> Result<(), Box<dyn Error>> {
        self.sheet.note(self.column, "closes");
        Ok(self.sender.close(None).await?)
    }
}

async fn listen(mut receiver: WebSocketReceiver<TcpStream>, column: usize, sheet: Rc<Sheet>) {
    while let Some(Ok(message)) = receiver.next().await {
        if let Message::Text(text) = message {
            sheet.note(column, &format!("<- {text}"));
        }
    }
}
