//! What can go wrong on a queue: asyncio's exceptions as types, with the item given back.

use std::error::Error;
use std::fmt;

/// The queue was shut down. From `put` it gives the item back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct QueueShutDown<T = ()>(pub T);

impl<T> fmt::Debug for QueueShutDown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QueueShutDown")
    }
}

impl<T> fmt::Display for QueueShutDown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue was shut down")
    }
}

impl<T> Error for QueueShutDown<T> {}

/// Why `put_nowait` did not put; here is the item.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PutNowaitError<T> {
    /// There is no room, or others were waiting for it first.
    QueueFull(T),
    /// The queue was shut down.
    QueueShutDown(T),
}

impl<T> PutNowaitError<T> {
    /// The item.
    pub fn into_inner(self) -> T {
        match self {
            Self::QueueFull(item) | Self::QueueShutDown(item) => item,
        }
    }
}

impl<T> fmt::Debug for PutNowaitError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::QueueFull(_) => "QueueFull",
            Self::QueueShutDown(_) => "QueueShutDown",
        })
    }
}

impl<T> fmt::Display for PutNowaitError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::QueueFull(_) => "the queue is full",
            Self::QueueShutDown(_) => "the queue was shut down",
        })
    }
}

impl<T> Error for PutNowaitError<T> {}

/// Why `get_nowait` got nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GetNowaitError {
    /// There is no item that is not promised to somebody who waited for it.
    QueueEmpty,
    /// There is no item, and the queue was shut down.
    QueueShutDown,
}

impl fmt::Display for GetNowaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::QueueEmpty => "the queue is empty",
            Self::QueueShutDown => "the queue was shut down",
        })
    }
}

impl Error for GetNowaitError {}
