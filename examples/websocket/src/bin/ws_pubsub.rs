//! Publish and subscribe: clients name the topics that they want to hear.
//!
//! Course: the visual guide's pub/sub (E20), with its disconnections (E22). No subscriber loses a
//! message or gets it twice: a publisher goes no faster than its slowest subscriber, for at most
//! five seconds; then that one is shown out. (The chat decides otherwise: there nobody waits, and
//! who does not read is shown out at once.)
//!
//! ```text
//! cargo run --release --bin ws_pubsub                            on 127.0.0.1:9005
//! python3 -m websockets ws://127.0.0.1:9005/                     an interactive client
//! ```
//!
//! Each message is JSON: `{"subscribe": "news"}`, `{"unsubscribe": "news"}`, `{"publish": "news",
//! "data": 1}`. The first two are answered with the same and `"ok": true`, a publication with how
//! many it reached: `{"published": "news", "reached": 2}`. Subscribers get `{"topic": "news",
//! "data": 1}`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::error::Error;
use std::rc::Rc;

use async_tungstenite::tungstenite::Message;
use myrt::time::Duration;
use myrt_example_websocket::{Hub, Mailbox, Membership, Options, mailbox, serve};
use serde_json::{Value, json};

const QUEUE: usize = 256;
const PATIENCE: Duration = Duration::from_secs(5);

#[myrt::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_arguments("127.0.0.1:9005")?;
    let topics = Rc::new(Topics::default());
    serve(options, async move |socket, _, server| {
        let (mailbox, outbox) = mailbox(QUEUE);
        let mut client = Client {
            topics: topics.clone(),
            mailbox,
            subscriptions: HashMap::new(),
        };
        server
            .converse(socket, outbox, async |message| client.hear(message).await)
            .await
    })
    .await?;
    Ok(())
}

/// The topics that somebody subscribes to.
#[derive(Default)]
struct Topics {
    hubs: RefCell<HashMap<String, Rc<Hub>>>,
}

struct Client {
    topics: Rc<Topics>,
    mailbox: Mailbox,
    subscriptions: HashMap<String, Membership>,
}

impl Client {
    async fn hear(&mut self, message: Message) {
        let answer = match message.to_text().map(serde_json::from_str::<Value>) {
            Ok(Ok(request)) => self.answer(&request).await,
            _ => json!({"error": "this is not JSON"}),
        };
        // Waiting here is what slows a client down that asks faster than it reads.
        self.mailbox.send(Message::text(answer.to_string())).await;
    }

    async fn answer(&mut self, request: &Value) -> Value {
        if let Some(topic) = request["subscribe"].as_str() {
            // Twice is once.
            if !self.subscriptions.contains_key(topic) {
                let hub = {
                    let mut hubs = self.topics.hubs.borrow_mut();
                    hubs.entry(topic.to_owned()).or_default().clone()
                };
                let subscription = hub.join(&self.mailbox);
                self.subscriptions.insert(topic.to_owned(), subscription);
            }
            json!({"subscribe": topic, "ok": true})
        } else if let Some(topic) = request["unsubscribe"].as_str() {
            self.unsubscribe(topic);
            json!({"unsubscribe": topic, "ok": true})
        } else if let Some(topic) = request["publish"].as_str() {
            let hub = self.topics.hubs.borrow().get(topic).cloned();
            let message = json!({"topic": topic, "data": request["data"]}).to_string();
            let reached = match hub {
                Some(hub) => hub.publish(&Message::text(message), PATIENCE).await,
                None => 0,
            };
            json!({"published": topic, "reached": reached})
        } else {
            json!({"error": "subscribe, unsubscribe or publish?"})
        }
    }

    fn unsubscribe(&mut self, topic: &str) {
        if let Some(subscription) = self.subscriptions.remove(topic) {
            let hub = subscription.hub().clone();
            drop(subscription);
            if hub.is_empty() {
                self.topics.hubs.borrow_mut().remove(topic);
            }
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let topics: Vec<_> = self.subscriptions.keys().cloned().collect();
        for topic in topics {
            self.unsubscribe(&topic);
        }
    }
}
