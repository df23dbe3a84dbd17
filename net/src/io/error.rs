//! What can go wrong in a [`Reader`](super::Reader), each with the bytes that would otherwise be
//! lost.
//!
//! asyncio's `IncompleteReadError` and `LimitOverrunError`, as one enum. Converts into
//! [`std::io::Error`] with itself as the source, so `?` works in functions that return `io::Result`
//! and the details stay reachable by `downcast_ref`.

use std::error::Error;
use std::fmt;
use std::io;

/// Why a [`Reader`](super::Reader) could not give what was asked for.
#[derive(Debug)]
#[non_exhaustive]
#[doc(alias = "IncompleteReadError")]
#[doc(alias = "LimitOverrunError")]
pub enum ReadError {
    /// The stream ended in the middle. The bytes before its end are `partial`; the reader holds
    /// them no longer.
    IncompleteRead {
        /// What had come.
        partial: Vec<u8>,
        /// How many bytes were asked for in all; `None` where a separator was looked for.
        expected: Option<usize>,
    },
    /// More than the reader's limit came without the separator. Nothing is lost: the bytes are
    /// still in the reader.
    LimitOverrun {
        /// The reader's limit.
        limit: usize,
        /// How many buffered bytes have no separator: read or skip them to go on behind.
        consumed: usize,
    },
    /// A line is not UTF-8. It was taken out of the reader and is here whole, so that the next one
    /// can be read.
    InvalidUtf8 {
        /// The line, with its newline.
        line: Vec<u8>,
    },
    /// The stream below failed. What had come before stays in the reader.
    Io(io::Error),
}

impl ReadError {
    /// The bytes that the error carries, if any.
    pub fn partial(&self) -> &[u8] {
        match self {
            Self::IncompleteRead { partial, .. } => partial,
            Self::InvalidUtf8 { line } => line,
            Self::LimitOverrun { .. } | Self::Io(_) => &[],
        }
    }

    /// The kind that the error has as an [`io::Error`].
    pub fn kind(&self) -> io::ErrorKind {
        match self {
            Self::IncompleteRead { .. } => io::ErrorKind::UnexpectedEof,
            Self::LimitOverrun { .. } | Self::InvalidUtf8 { .. } => io::ErrorKind::InvalidData,
            Self::Io(error) => error.kind(),
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IncompleteRead {
                partial,
                expected: Some(expected),
            } => {
                write!(
                    f,
                    "the stream ended after {} of {expected} expected bytes",
                    partial.len()
                )
            }
            Self::IncompleteRead {
                partial,
                expected: None,
            } => {
                write!(
                    f,
                    "the stream ended after {} bytes without the separator",
                    partial.len()
                )
            }
            Self::LimitOverrun { limit, consumed } => {
                write!(f, "no separator in {consumed} bytes, the limit is {limit}")
            }
            Self::InvalidUtf8 { line } => write!(f, "a line of {} bytes is not UTF-8", line.len()),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl Error for ReadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(error) => error.source(),
            _ => None,
        }
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Io(error) => error,
            other => Self::new(other.kind(), other),
        }
    }
}
