//! Channels from many senders to one receiver, bounded and unbounded; tokio's `mpsc`.
//!
//! Messages arrive in the order in which they were sent. The receiver is woken once, when something
//! comes while it sleeps, however many messages follow before it runs. All files of this folder
//! stand on `chan.rs`; none of them must know tasks beyond their wakers.

mod bounded;
mod chan;
pub mod error;
mod permit;
mod receiver;
mod reserve_many;
mod send_timeout;
mod sender;
mod unbounded;

pub use bounded::{SendFuture, channel};
pub use permit::{OwnedPermit, Permit, ReserveFuture, ReserveOwnedFuture};
pub use receiver::{Receiver, RecvFuture, RecvManyFuture};
pub use reserve_many::{PermitIterator, ReserveManyFuture};
pub use send_timeout::SendTimeoutFuture;
pub use sender::{Bounded, ClosedFuture, Sender, Unbounded, WeakSender};
pub use unbounded::{
    UnboundedReceiver, UnboundedSender, WeakUnboundedSender, unbounded, unbounded_channel,
};

/// How an `mpsc` channel stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MpscStatistics {
    /// Messages that were sent and not received yet.
    pub len: usize,
    /// How many places there are; `None` if unbounded.
    pub capacity: Option<usize>,
    /// How many senders there are.
    pub senders: usize,
    /// How many senders wait for a place.
    pub waiting_senders: usize,
    /// Whether the receiver sleeps until something comes.
    pub receiver_waiting: bool,
    /// Whether the receiver is gone or has closed the channel.
    pub closed: bool,
}
