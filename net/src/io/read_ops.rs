//! The futures of [`Reader`]: each looks at what is buffered, takes it whole or asks for more, and
//! keeps nothing of its own.
//!
//! That is the whole trick of restartability: the only thing that changes while one waits is the
//! reader's buffer, and bytes leave it in the same poll that returns `Ready`. Search positions are
//! kept in the future; a restarted one searches again.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::AsyncRead;

use super::error::ReadError;
use super::reader::Reader;
use myrt_runtime::task::{poll_budget, poll_share, take_share};

use crate::caller::Caller;

/// Future of [`Reader::read`].
#[must_use = "futures do nothing unless awaited"]
pub struct Read<'a, R> {
    reader: &'a mut Reader<R>,
    buf: &'a mut [u8],
    at: Caller,
}

impl<'a, R> Read<'a, R> {
    #[track_caller]
    pub(super) const fn new(reader: &'a mut Reader<R>, buf: &'a mut [u8]) -> Self {
        Self {
            reader,
            buf,
            at: Location::caller(),
        }
    }
}

impl<R: AsyncRead + Unpin> Future for Read<'_, R> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.reader.poll_read_at(cx, this.buf, this.at)
    }
}

/// Future of [`Reader::read_exact`].
#[must_use = "futures do nothing unless awaited"]
pub struct ReadExact<'a, R> {
    reader: &'a mut Reader<R>,
    buf: &'a mut [u8],
    at: Caller,
}

impl<'a, R> ReadExact<'a, R> {
    #[track_caller]
    pub(super) const fn new(reader: &'a mut Reader<R>, buf: &'a mut [u8]) -> Self {
        Self {
            reader,
            buf,
            at: Location::caller(),
        }
    }
}

impl<R: AsyncRead + Unpin> Future for ReadExact<'_, R> {
    type Output = Result<(), ReadError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let expected = this.buf.len();
        if expected <= this.reader.buffer.len() {
            ready!(poll_budget(cx));
        }
        while this.reader.buffer.len() < expected {
            let missing = expected - this.reader.buffer.len();
            if ready!(this.reader.poll_fill(cx, missing, this.at))? == 0 {
                let partial = this.reader.buffer.take(this.reader.buffer.len());
                return Poll::Ready(Err(ReadError::IncompleteRead {
                    partial,
                    expected: Some(expected),
                }));
            }
        }
        this.reader.buffer.copy_out(this.buf);
        Poll::Ready(Ok(()))
    }
}

/// What ends a record: a byte, or a sequence of bytes.
pub trait Separator: sealed::Bytes {}
impl<T: sealed::Bytes> Separator for T {}

mod sealed {
    /// The bytes of a separator.
    pub trait Bytes: Unpin {
        /// Them.
        fn bytes(&self) -> &[u8];
    }
    impl Bytes for u8 {
        fn bytes(&self) -> &[u8] {
            std::slice::from_ref(self)
        }
    }
    impl Bytes for &[u8] {
        fn bytes(&self) -> &[u8] {
            self
        }
    }
    impl<const N: usize> Bytes for &[u8; N] {
        fn bytes(&self) -> &[u8] {
            &self[..]
        }
    }
    impl Bytes for &str {
        fn bytes(&self) -> &[u8] {
            self.as_bytes()
        }
    }
}

/// What was found of a record so far.
enum Found {
    /// A whole one, and its length with the separator.
    Record(usize),
    /// The stream ended; this many bytes are left.
    End(usize),
}

/// Looks for `separator` in the reader's buffer and fills it until it is there, the stream ends, or
/// the limit is passed. `scanned` bytes are known not to begin a separator.
fn poll_record<R: AsyncRead + Unpin>(
    reader: &mut Reader<R>,
    separator: &[u8],
    scanned: &mut usize,
    at: Caller,
    cx: &mut Context<'_>,
) -> Poll<Result<Found, ReadError>> {
    ready!(poll_share(cx));
    let mut filled = false;
    loop {
        let bytes = reader.buffer.bytes();
        if let Some(found) = find(&bytes[*scanned..], separator) {
            let before = *scanned + found;
            count_unless(filled);
            if before > reader.limit {
                return Poll::Ready(Err(ReadError::LimitOverrun {
                    limit: reader.limit,
                    consumed: before,
                }));
            }
            return Poll::Ready(Ok(Found::Record(before + separator.len())));
        }
        *scanned = (bytes.len() + 1).saturating_sub(separator.len());
        if *scanned > reader.limit {
            count_unless(filled);
            return Poll::Ready(Err(ReadError::LimitOverrun {
                limit: reader.limit,
                consumed: *scanned,
            }));
        }
        if ready!(reader.poll_fill(cx, 0, at))? == 0 {
            return Poll::Ready(Ok(Found::End(reader.buffer.len())));
        }
        filled = true;
    }
}

/// A record that was in the buffer counts as an operation that was ready; to fill the buffer has
/// counted.
fn count_unless(filled: bool) {
    if !filled {
        take_share();
    }
}

/// Where `needle` first begins in `hay`.
fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    match needle {
        [byte] => hay.iter().position(|b| b == byte),
        _ => hay
            .windows(needle.len())
            .position(|window| window == needle),
    }
}

/// Future of [`Reader::read_until`].
#[must_use = "futures do nothing unless awaited"]
pub struct ReadUntil<'a, R, S> {
    reader: &'a mut Reader<R>,
    separator: S,
    out: &'a mut Vec<u8>,
    scanned: usize,
    at: Caller,
}

impl<'a, R, S: Separator> ReadUntil<'a, R, S> {
    #[track_caller]
    pub(super) fn new(reader: &'a mut Reader<R>, separator: S, out: &'a mut Vec<u8>) -> Self {
        assert!(
            !separator.bytes().is_empty(),
            "read_until: the separator is empty"
        );
        Self {
            reader,
            separator,
            out,
            scanned: 0,
            at: Location::caller(),
        }
    }
}

impl<R: AsyncRead + Unpin, S: Separator> Future for ReadUntil<'_, R, S> {
    type Output = Result<usize, ReadError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let found = ready!(poll_record(
            this.reader,
            this.separator.bytes(),
            &mut this.scanned,
            this.at,
            cx
        ))?;
        Poll::Ready(match found {
            Found::Record(count) => {
                this.out
                    .extend_from_slice(&this.reader.buffer.bytes()[..count]);
                this.reader.buffer.consume(count);
                this.scanned = 0;
                Ok(count)
            }
            Found::End(0) => Ok(0),
            Found::End(rest) => {
                let partial = this.reader.buffer.take(rest);
                this.scanned = 0;
                Err(ReadError::IncompleteRead {
                    partial,
                    expected: None,
                })
            }
        })
    }
}

/// Future of [`Reader::read_line`].
#[must_use = "futures do nothing unless awaited"]
pub struct ReadLine<'a, R> {
    reader: &'a mut Reader<R>,
    out: &'a mut String,
    scanned: usize,
    at: Caller,
}

impl<'a, R> ReadLine<'a, R> {
    #[track_caller]
    pub(super) const fn new(reader: &'a mut Reader<R>, out: &'a mut String) -> Self {
        Self {
            reader,
            out,
            scanned: 0,
            at: Location::caller(),
        }
    }
}

impl<R: AsyncRead + Unpin> Future for ReadLine<'_, R> {
    type Output = Result<usize, ReadError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let line = ready!(poll_line(this.reader, &mut this.scanned, this.at, cx))?;
        this.out.push_str(&line);
        Poll::Ready(Ok(line.len()))
    }
}

/// Takes the next line with its newline, or what the stream ends with; empty at the end.
pub(super) fn poll_line<R: AsyncRead + Unpin>(
    reader: &mut Reader<R>,
    scanned: &mut usize,
    at: Caller,
    cx: &mut Context<'_>,
) -> Poll<Result<String, ReadError>> {
    let (Found::Record(count) | Found::End(count)) =
        ready!(poll_record(reader, b"\n", scanned, at, cx))?;
    *scanned = 0;
    let line = reader.buffer.take(count);
    Poll::Ready(
        String::from_utf8(line).map_err(|error| ReadError::InvalidUtf8 {
            line: error.into_bytes(),
        }),
    )
}

/// Future of [`Reader::read_to_end`].
#[must_use = "futures do nothing unless awaited"]
pub struct ReadToEnd<'a, R> {
    reader: &'a mut Reader<R>,
    out: &'a mut Vec<u8>,
    at: Caller,
}

impl<'a, R> ReadToEnd<'a, R> {
    #[track_caller]
    pub(super) const fn new(reader: &'a mut Reader<R>, out: &'a mut Vec<u8>) -> Self {
        Self {
            reader,
            out,
            at: Location::caller(),
        }
    }
}

impl<R: AsyncRead + Unpin> Future for ReadToEnd<'_, R> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        while ready!(this.reader.poll_fill(cx, 0, this.at))? != 0 {}
        let count = this.reader.buffer.len();
        this.out.extend_from_slice(this.reader.buffer.bytes());
        this.reader.buffer.consume(count);
        Poll::Ready(Ok(count))
    }
}

/// Debug output names the operation and its place; the stream below need not be `Debug`.
macro_rules! debug_op {
    ($($name:ident<$($arg:ident),*>),*) => {$(
        impl<$($arg),*> fmt::Debug for $name<'_, $($arg),*> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("at", &self.at).finish_non_exhaustive()
            }
        }
    )*};
}
debug_op!(Read<R>, ReadExact<R>, ReadUntil<R, S>, ReadLine<R>, ReadToEnd<R>);
