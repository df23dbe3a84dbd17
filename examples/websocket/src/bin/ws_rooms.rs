//! A chat with rooms: who is in one never hears the other.
//!
//! Course: the visual guide's rooms and channels (E19), with its disconnections (E22).
//!
//! ```text
//! cargo run --release --bin ws_rooms                             on 127.0.0.1:9004
//! python3 -m websockets ws://127.0.0.1:9004/kitchen              an interactive client in room "kitchen"
//! ```
//!
//! The path names the room. `/join NAME` moves to another one, `/who` says how many are here;
//! everything else goes to all others of the room. A room exists as long as somebody is in it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::error::Error;
use std::rc::Rc;

use async_tungstenite::tungstenite::Message;
use myrt_example_websocket::{Hub, Mailbox, Membership, Options, mailbox, serve};

const QUEUE: usize = 64;

#[myrt::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_arguments("127.0.0.1:9004")?;
    let house = Rc::new(House::default());
    serve(options, async move |socket, asked, server| {
        let (mailbox, outbox) = mailbox(QUEUE);
        let mut guest = Guest::enter(house.clone(), mailbox, asked.path().trim_matches('/'));
        server
            .converse(socket, outbox, async |message| guest.hear(message))
            .await
    })
    .await?;
    Ok(())
}

/// The rooms with somebody in them.
#[derive(Default)]
struct House {
    rooms: RefCell<HashMap<String, Rc<Hub>>>,
}

/// One client, in one room at a time. However its connection ends, it leaves the room by being
/// dropped.
struct Guest {
    house: Rc<House>,
    mailbox: Mailbox,
    name: String,
    room: Option<Membership>,
}

impl Guest {
    fn enter(house: Rc<House>, mailbox: Mailbox, room: &str) -> Self {
        let mut guest = Self {
            house,
            mailbox,
            name: String::new(),
            room: None,
        };
        guest.join(room);
        guest
    }

    fn join(&mut self, room: &str) {
        self.leave();
        let hub = {
            let mut rooms = self.house.rooms.borrow_mut();
            rooms.entry(room.to_owned()).or_default().clone()
        };
        room.clone_into(&mut self.name);
        self.room = Some(hub.join(&self.mailbox));
    }

    fn leave(&mut self) {
        if let Some(room) = self.room.take() {
            let hub = room.hub().clone();
            drop(room);
            if hub.is_empty() {
                self.house.rooms.borrow_mut().remove(&self.name);
            }
        }
    }

    fn hear(&mut self, message: Message) {
        let words = message.to_text().unwrap_or_default();
        if let Some(room) = words.strip_prefix("/join ") {
            self.join(room.trim());
            self.mailbox
                .post(Message::text(format!("* you are in {}", self.name)));
        } else if let Some(room) = &self.room {
            if words == "/who" {
                let count = room.hub().len();
                self.mailbox
                    .post(Message::text(format!("* {count} in {}", self.name)));
            } else {
                room.hub().broadcast(&message, Some(&self.mailbox));
            }
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.leave();
    }
}
