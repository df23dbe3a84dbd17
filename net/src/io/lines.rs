//! The lines of a [`Reader`] as a stream.
//!
//! A type of its own because a `Stream` needs a place to stand between two lines: the position up
//! to which a half-received line was searched. It knows nothing of how bytes come.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_io::AsyncRead;

use super::error::ReadError;
use super::read_ops::poll_line;
use super::reader::Reader;
use crate::caller::Caller;

/// Stream of [`Reader::lines`]. After an error it ends; the reader, with every byte not yet given
/// out, is got back by [`into_reader`](Self::into_reader).
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct Lines<R> {
    reader: Reader<R>,
    scanned: usize,
    failed: bool,
    at: Caller,
}

impl<R> Lines<R> {
    #[track_caller]
    pub(super) const fn new(reader: Reader<R>) -> Self {
        Self {
            reader,
            scanned: 0,
            failed: false,
            at: std::panic::Location::caller(),
        }
    }

    /// The reader, positioned behind the last line that was given out.
    pub fn into_reader(self) -> Reader<R> {
        self.reader
    }
}

impl<R: AsyncRead + Unpin> Stream for Lines<R> {
    type Item = Result<String, ReadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.failed {
            return Poll::Ready(None);
        }
        poll_line(&mut this.reader, &mut this.scanned, this.at, cx).map(|result| match result {
            Ok(line) if line.is_empty() => None,
            Ok(mut line) => {
                if line.ends_with('\n') {
                    line.pop();
                    if line.ends_with('\r') {
                        line.pop();
                    }
                }
                Some(Ok(line))
            }
            Err(error) => {
                this.failed = true;
                Some(Err(error))
            }
        })
    }
}
