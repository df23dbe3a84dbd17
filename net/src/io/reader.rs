//! asyncio's `StreamReader`: buffered reading that survives cancellation.
//!
//! Why not `BufReader` with the extension traits: their `read_exact` and `read_line` keep what they
//! have read in the *future*, so dropping one half-way (a `timeout`, a lost `select!` branch) loses
//! bytes. Here bytes stay in the [`Reader`] until an operation is complete, in one step; a dropped
//! operation may be started again, or another one in its place. The futures are in `read_ops.rs`.
//! It knows no socket.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncBufRead, AsyncRead};

use super::buffer::{Buffer, CHUNK};
use super::count;
use super::lines::Lines;
use super::read_ops::{Read, ReadExact, ReadLine, ReadToEnd, ReadUntil, Separator};
use myrt_runtime::task::{poll_within_budget, take_share};

use crate::caller::{self, Caller};

/// Reads bytes, exact counts, records and lines from any [`AsyncRead`], restartably.
///
/// Every operation is **cancel safe**: a dropped one has consumed nothing. A line or record may not
/// exceed the limit (64 KiB unless [`with_limit`](Self::with_limit) says otherwise), so a peer that
/// never sends a newline cannot fill the memory; [`read_exact`](Self::read_exact) and
/// [`read_to_end`](Self::read_to_end) are not subject to it. The rules are those of asyncio's
/// [`StreamReader`](https://docs.python.org/3/library/asyncio-stream.html#asyncio.StreamReader),
/// the shapes std's.
///
/// # Examples
///
/// ```
/// # use futures_lite::future::block_on;
/// use myrt::io::{ReadError, Reader};
///
/// # block_on(async {
/// let mut reader = Reader::new(&b"GET /\r\nHost: a\r\n\r\nbo"[..]);
/// let mut line = String::new();
/// reader.read_line(&mut line).await?;
/// assert_eq!(line, "GET /\r\n");
///
/// let mut head = Vec::new();
/// reader.read_until(b"\r\n\r\n", &mut head).await?;
/// assert_eq!(head, b"Host: a\r\n\r\n");
///
/// match reader.read_exact(&mut [0; 4]).await {
///     Err(ReadError::IncompleteRead { partial, expected }) => {
///         assert_eq!((&partial[..], expected), (&b"bo"[..], Some(4)));
///     }
///     other => panic!("{other:?}"),
/// }
/// # Ok::<(), ReadError>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
#[doc(alias = "StreamReader")]
pub struct Reader<R> {
    inner: R,
    pub(super) buffer: Buffer,
    pub(super) limit: usize,
    ended: bool,
}

impl<R> Reader<R> {
    /// A reader with asyncio's limit of 64 KiB.
    pub const fn new(inner: R) -> Self {
        Self::with_limit(DEFAULT_LIMIT, inner)
    }

    /// A reader whose records and lines, separator not counted, have at most `limit` bytes.
    pub const fn with_limit(limit: usize, inner: R) -> Self {
        Self {
            inner,
            buffer: Buffer::new(),
            limit,
            ended: false,
        }
    }

    /// The bytes that were read from below and that no operation has taken yet.
    pub fn buffer(&self) -> &[u8] {
        self.buffer.bytes()
    }

    /// The limit of a record or line in bytes.
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// Changes the limit, for the operations that start from now on.
    pub const fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Whether the stream has ended and everything was taken.
    pub fn at_eof(&self) -> bool {
        self.ended && self.buffer.is_empty()
    }

    /// The stream below. Reading from it directly passes over the buffered bytes.
    pub const fn get_ref(&self) -> &R {
        &self.inner
    }

    /// The stream below. Reading from it directly passes over the buffered bytes.
    pub const fn get_mut(&mut self) -> &mut R {
        &mut self.inner
    }

    /// Gives the stream back, and the bytes that were read ahead of it.
    pub fn into_parts(self) -> (R, Vec<u8>) {
        (self.inner, self.buffer.bytes().to_vec())
    }
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// Reads what there is, at least one byte, into `buf`; `Ok(0)` is the end of the stream (or an
    /// empty `buf`).
    ///
    /// # Errors
    /// Those of the stream below.
    #[track_caller]
    pub const fn read<'a>(&'a mut self, buf: &'a mut [u8]) -> Read<'a, R> {
        Read::new(self, buf)
    }

    /// Fills `buf` whole.
    ///
    /// # Errors
    /// [`ReadError::IncompleteRead`](super::ReadError::IncompleteRead) with what had come if the
    /// stream ends before, and those of the stream below.
    #[track_caller]
    #[doc(alias = "readexactly")]
    pub const fn read_exact<'a>(&'a mut self, buf: &'a mut [u8]) -> ReadExact<'a, R> {
        ReadExact::new(self, buf)
    }

    /// Appends everything up to and including `separator` (a byte or a sequence of bytes) to `out`
    /// and returns how much that was.
    ///
    /// `Ok(0)` is a clean end of the stream: nothing came after the last record.
    ///
    /// # Errors
    /// [`ReadError::IncompleteRead`](super::ReadError::IncompleteRead) with the rest if the stream
    /// ends within a record, [`ReadError::LimitOverrun`](super::ReadError::LimitOverrun) if the
    /// record is longer than the limit (its bytes stay in the reader), and those of the stream
    /// below. `out` is untouched then.
    ///
    /// # Panics
    /// If the separator is empty.
    #[track_caller]
    #[doc(alias = "readuntil")]
    pub fn read_until<'a, S: Separator>(
        &'a mut self,
        separator: S,
        out: &'a mut Vec<u8>,
    ) -> ReadUntil<'a, R, S> {
        ReadUntil::new(self, separator, out)
    }

    /// Appends a line with its `\n` to `out` and returns its length in bytes. The last line may
    /// lack the newline; `Ok(0)` is the end.
    ///
    /// # Errors
    /// [`ReadError::LimitOverrun`](super::ReadError::LimitOverrun) (the bytes stay in the reader),
    /// [`ReadError::InvalidUtf8`](super::ReadError::InvalidUtf8) with the line, and those of the
    /// stream below. `out` is untouched then.
    #[track_caller]
    #[doc(alias = "readline")]
    pub fn read_line<'a>(&'a mut self, out: &'a mut String) -> ReadLine<'a, R> {
        ReadLine::new(self, out)
    }

    /// Appends everything until the end of the stream to `out` and returns how much that was. Takes
    /// as much memory as comes.
    ///
    /// # Errors
    /// Those of the stream below; what had come stays in the reader then.
    #[track_caller]
    pub const fn read_to_end<'a>(&'a mut self, out: &'a mut Vec<u8>) -> ReadToEnd<'a, R> {
        ReadToEnd::new(self, out)
    }

    /// The lines as a [`Stream`](futures_core::Stream) of `Result<String, ReadError>`, without
    /// their `\n` or `\r\n`.
    ///
    /// It takes the reader, as std's does; [`Lines::into_reader`] gives it back with nothing lost.
    #[track_caller]
    pub fn lines(self) -> Lines<R> {
        Lines::new(self)
    }

    /// Reads once from below, behind what is buffered; 0 is the end. `wanted` is how much is
    /// missing, if known.
    pub(super) fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        wanted: usize,
        at: Caller,
    ) -> Poll<io::Result<usize>> {
        let room = self.buffer.room(wanted.max(1));
        let most = room.len();
        let inner = Pin::new(&mut self.inner);
        let count =
            ready!(poll_within_budget(cx, |cx| caller::within(at, || inner.poll_read(cx, room))))?;
        self.buffer.commit(count::read(count, most)?);
        self.ended = count == 0;
        Poll::Ready(Ok(count))
    }

    /// Reads past the buffer, which must be empty, when the caller's own is large enough to make
    /// that worthwhile.
    pub(super) fn poll_read_at(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
        at: Caller,
    ) -> Poll<io::Result<usize>> {
        poll_within_budget(cx, |cx| {
            if buf.is_empty() {
                return Poll::Ready(Ok(0));
            }
            if self.buffer.is_empty() {
                if buf.len() >= CHUNK {
                    let inner = Pin::new(&mut self.inner);
                    let count = ready!(caller::within(at, || inner.poll_read(cx, buf)))?;
                    let count = count::read(count, buf.len())?;
                    self.ended = count == 0;
                    return Poll::Ready(Ok(count));
                }
                ready!(self.poll_fill(cx, 0, at))?;
            }
            Poll::Ready(Ok(self.buffer.copy_out(buf)))
        })
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Reader<R> {
    #[track_caller]
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut()
            .poll_read_at(cx, buf, std::panic::Location::caller())
    }
}

impl<R: AsyncRead + Unpin> AsyncBufRead for Reader<R> {
    #[track_caller]
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        let at = std::panic::Location::caller();
        if this.buffer.is_empty() {
            ready!(this.poll_fill(cx, 0, at))?;
        } else {
            // Without a wait: the caller that has seen the bytes sees them again, as the trait has
            // it.
            take_share();
        }
        Poll::Ready(Ok(this.buffer.bytes()))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        self.get_mut().buffer.consume(amount);
    }
}

/// asyncio's `_DEFAULT_LIMIT`, 64 KiB.
const DEFAULT_LIMIT: usize = 64 * 1024;
