//! The connection manager: who is there, and what is waiting to be sent to each.
//!
//! A connection has a mailbox of limited size. A sender posts its message there and goes on; the
//! connection's own task sends it. So nobody ever waits for a stranger's socket: a client that
//! stops reading fills its mailbox, and is shown out (A23).

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use async_tungstenite::tungstenite::Message;
use myrt::sync::{Event, mpsc};
use myrt::time::{Duration, timeout};

/// A mailbox of `capacity` messages: the end where others post, and the end of the connection's
/// task.
pub fn mailbox(capacity: usize) -> (Mailbox, Outbox) {
    let (sender, receiver) = mpsc::channel(capacity);
    let mailbox = Mailbox(Rc::new(Inner {
        sender,
        shown_out: Event::new(),
    }));
    let outbox = Outbox {
        receiver,
        mailbox: mailbox.clone(),
    };
    (mailbox, outbox)
}

/// Where messages for one connection are left.
#[derive(Clone)]
pub struct Mailbox(Rc<Inner>);

struct Inner {
    sender: mpsc::Sender<Message>,
    shown_out: Event,
}

impl Mailbox {
    /// Leaves a message, at once. A mailbox that is full means that its client does not read: it is
    /// shown out.
    pub fn post(&self, message: Message) {
        // A mailbox whose connection has ended is full or closed, and nobody minds.
        if self.0.sender.try_send(message).is_err() {
            self.0.shown_out.set();
        }
    }

    /// Leaves a message, waiting for room. `false` when the connection has ended.
    pub async fn send(&self, message: Message) -> bool {
        self.0.sender.send(message).await.is_ok()
    }

    fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

/// The connection's end of its mailbox.
pub struct Outbox {
    pub(crate) receiver: mpsc::Receiver<Message>,
    mailbox: Mailbox,
}

impl Outbox {
    /// What tells the connection that it was shown out. It can be waited for while the messages are
    /// being sent.
    pub(crate) fn mailbox(&self) -> Mailbox {
        self.mailbox.clone()
    }
}

impl Mailbox {
    pub(crate) async fn shown_out(&self) {
        self.0.shown_out.wait().await;
    }
}

/// Mailboxes that hear the same: everybody, a room, or a topic.
#[derive(Default)]
pub struct Hub {
    members: RefCell<BTreeMap<u64, Mailbox>>,
    joined: Cell<u64>,
}

impl Hub {
    /// A hub without members.
    pub fn new() -> Rc<Self> {
        Rc::default()
    }

    /// Adds a mailbox, for as long as what is returned lives. However a connection ends, that value
    /// is dropped once.
    #[must_use = "dropping the membership ends it"]
    pub fn join(self: &Rc<Self>, mailbox: &Mailbox) -> Membership {
        let id = self.joined.get();
        self.joined.set(id + 1);
        self.members.borrow_mut().insert(id, mailbox.clone());
        Membership {
            id,
            hub: self.clone(),
        }
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.borrow().len()
    }

    /// Whether nobody is there.
    pub fn is_empty(&self) -> bool {
        self.members.borrow().is_empty()
    }

    /// Posts to every member but `except`. It waits for nobody; who does not read is shown out.
    /// What a chat wants.
    pub fn broadcast(&self, message: &Message, except: Option<&Mailbox>) {
        for mailbox in self.members.borrow().values() {
            if !except.is_some_and(|except| except.is(mailbox)) {
                mailbox.post(message.clone());
            }
        }
    }

    /// Sends to every member, waiting for those whose mailbox is full: the publisher is slowed down
    /// to its slowest subscriber, so none loses anything. One that makes it wait longer than
    /// `patience` is shown out. Says how many got it.
    pub async fn publish(&self, message: &Message, patience: Duration) -> usize {
        let members: Vec<_> = self.members.borrow().values().cloned().collect();
        let mut reached = 0;
        for mailbox in members {
            match timeout(patience, mailbox.send(message.clone())).await {
                Ok(true) => reached += 1,
                Ok(false) => {}
                Err(_) => mailbox.0.shown_out.set(),
            }
        }
        reached
    }
}

/// A mailbox's place in a hub. Dropping it ends it.
pub struct Membership {
    id: u64,
    hub: Rc<Hub>,
}

impl Membership {
    /// The hub.
    pub fn hub(&self) -> &Rc<Hub> {
        &self.hub
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        let mailbox = self.hub.members.borrow_mut().remove(&self.id);
        debug_assert!(mailbox.is_some(), "a member leaves once");
    }
}
