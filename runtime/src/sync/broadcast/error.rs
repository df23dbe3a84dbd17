//! What can go wrong on a broadcast channel: tokio's types.

use std::error::Error;
use std::fmt;

/// There is no receiver; here is the message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SendError<T>(pub T);

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendError").finish_non_exhaustive()
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the channel has no receivers")
    }
}

impl<T> Error for SendError<T> {}

/// Why a `recv` gave no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecvError {
    /// All senders are gone and everything was read.
    Closed,
    /// This many messages were dropped before this receiver could read them.
    Lagged(u64),
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the channel is closed"),
            Self::Lagged(lost) => Lagged(*lost).fmt(f),
        }
    }
}

impl Error for RecvError {}

/// Why a `try_recv` gave no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryRecvError {
    /// Everything was read, more may come.
    Empty,
    /// All senders are gone and everything was read.
    Closed,
    /// This many messages were dropped before this receiver could read them.
    Lagged(u64),
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the channel is empty"),
            Self::Closed => f.write_str("the channel is closed"),
            Self::Lagged(lost) => Lagged(*lost).fmt(f),
        }
    }
}

impl Error for TryRecvError {}

/// What the stream of a receiver says where messages were lost: how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lagged(pub u64);

impl fmt::Display for Lagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the receiver was too slow and lost {} messages", self.0)
    }
}

impl Error for Lagged {}
