//! What the WebSocket servers of this package share: accepting, the life of one connection, and
//! which connections hear a message.
//!
//! The protocol is async-tungstenite's; it needs futures-io's traits, which myrt's `TcpStream` has,
//! so nothing stands between the two. Three small files: [`serve`](mod@serve) accepts and stops,
//! [`session`] keeps one connection alive and notices each way in which it can end (E22), and
//! [`hub`] is the course's connection manager (E14).

pub mod hub;
pub mod serve;
pub mod session;

pub use hub::{Hub, Mailbox, Membership, Outbox, mailbox};
pub use serve::{Options, Server, serve, serve_tcp};
pub use session::{End, Limits};
