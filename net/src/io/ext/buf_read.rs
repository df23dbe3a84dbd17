//! [`AsyncBufReadExt`], its futures and streams.

use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_io::AsyncBufRead;
use myrt_runtime::task::poll_within_budget;

use super::{append_text, is_interrupted};

/// What every [`AsyncBufRead`] can do; std's [`BufRead`](std::io::BufRead), awaited.
/// [`Reader`](super::super::Reader) is for reads that are dropped half-way, and has a limit.
pub trait AsyncBufReadExt: AsyncBufRead {
    /// What is in the buffer, which is filled if it is empty; no bytes at the end. Cancel safe.
    ///
    /// # Errors
    /// Those of the stream, an interrupted call among them, as in std.
    fn fill_buf(&mut self) -> FillBuf<'_, Self>
    where
        Self: Unpin,
    {
        FillBuf { reader: Some(self) }
    }

    /// Takes bytes that [`fill_buf`](Self::fill_buf) has shown.
    fn consume(&mut self, amount: usize)
    where
        Self: Unpin,
    {
        AsyncBufRead::consume(Pin::new(self), amount);
    }

    /// Appends everything up to and including `byte`, or to the end, to `buf`, and says how much
    /// that was. Interrupted calls are made again. What came before an error, or before the future
    /// was dropped, is in `buf`.
    ///
    /// # Errors
    /// Those of the stream.
    fn read_until<'a>(&'a mut self, byte: u8, buf: &'a mut Vec<u8>) -> ReadUntilByte<'a, Self>
    where
        Self: Unpin,
    {
        let before = buf.len();
        ReadUntilByte {
            reader: self,
            byte,
            buf,
            before,
        }
    }

    /// Appends a line with its `\n`, or what is left before the end, to `buf`, and says how many
    /// bytes that was. Interrupted calls are made again. What came before an error is in `buf`, if
    /// it is UTF-8. Not cancel safe.
    ///
    /// # Errors
    /// Those of the stream, and [`InvalidData`](io::ErrorKind::InvalidData) if the bytes are no
    /// UTF-8: the error holds a [`FromUtf8Error`](std::string::FromUtf8Error) with them, `buf` is
    /// as it was, and the next line follows.
    fn read_line<'a>(&'a mut self, buf: &'a mut String) -> ReadLineInto<'a, Self>
    where
        Self: Unpin,
    {
        ReadLineInto {
            reader: self,
            buf,
            bytes: Vec::new(),
        }
    }

    /// The lines as a stream, without their `\n` or `\r\n`. Errors do not end it: what had come of
    /// a line stays for the next one asked for, and behind a line that is no UTF-8 the next one
    /// follows.
    fn lines(self) -> BufLines<Self>
    where
        Self: Sized,
    {
        BufLines {
            reader: self,
            bytes: Vec::new(),
        }
    }

    /// What is between the `byte`s as a stream, without them. Errors do not end it: what had come
    /// stays for the next one asked for.
    fn split(self, byte: u8) -> SplitBytes<Self>
    where
        Self: Sized,
    {
        SplitBytes {
            reader: self,
            byte,
            bytes: Vec::new(),
        }
    }
}

impl<R: AsyncBufRead + ?Sized> AsyncBufReadExt for R {}

/// Future of [`AsyncBufReadExt::fill_buf`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct FillBuf<'a, R: ?Sized> {
    /// `None` once the bytes were lent.
    reader: Option<&'a mut R>,
}

impl<'a, R: AsyncBufRead + Unpin + ?Sized> Future for FillBuf<'a, R> {
    type Output = io::Result<&'a [u8]>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let place = &mut self.get_mut().reader;
        let reader = place.as_deref_mut().expect("polled after it was ready");
        let filled = poll_within_budget(cx, |cx| Pin::new(reader).poll_fill_buf(cx).map_ok(|_| ()));
        ready!(filled)?;
        let reader = place.take().expect("it was there a moment ago");
        // Filled: a buffer shows what it has as often as it is asked.
        match Pin::new(reader).poll_fill_buf(cx) {
            Poll::Ready(bytes) => Poll::Ready(bytes),
            Poll::Pending => panic!("a filled buffer was not ready when it was asked again"),
        }
    }
}

/// Appends everything up to and including `byte`, or to the end. False: nothing was left.
/// Interrupted calls are made again.
#[track_caller]
fn poll_until<R: AsyncBufRead + Unpin + ?Sized>(
    reader: &mut R,
    cx: &mut Context<'_>,
    byte: u8,
    bytes: &mut Vec<u8>,
) -> Poll<io::Result<()>> {
    loop {
        let (over, used) = {
            let filled = poll_within_budget(cx, |cx| {
                let filled = match ready!(Pin::new(&mut *reader).poll_fill_buf(cx)) {
                    Ok(filled) => filled,
                    Err(error) => return Poll::Ready(Err(error)),
                };
                let found = filled.iter().position(|other| *other == byte);
                let used = found.map_or(filled.len(), |at| at + 1);
                bytes.extend_from_slice(&filled[..used]);
                Poll::Ready(Ok((found.is_some() || used == 0, used)))
            });
            let filled = ready!(filled);
            if is_interrupted(&filled) {
                continue;
            }
            filled?
        };
        Pin::new(&mut *reader).consume(used);
        if over {
            return Poll::Ready(Ok(()));
        }
    }
}

/// Future of [`AsyncBufReadExt::read_until`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct ReadUntilByte<'a, R: ?Sized> {
    reader: &'a mut R,
    byte: u8,
    buf: &'a mut Vec<u8>,
    before: usize,
}

impl<R: AsyncBufRead + Unpin + ?Sized> Future for ReadUntilByte<'_, R> {
    type Output = io::Result<usize>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        ready!(poll_until(this.reader, cx, this.byte, this.buf))?;
        Poll::Ready(Ok(this.buf.len() - this.before))
    }
}

/// Future of [`AsyncBufReadExt::read_line`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct ReadLineInto<'a, R: ?Sized> {
    reader: &'a mut R,
    buf: &'a mut String,
    bytes: Vec<u8>,
}

impl<R: AsyncBufRead + Unpin + ?Sized> Future for ReadLineInto<'_, R> {
    type Output = io::Result<usize>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let read = ready!(poll_until(this.reader, cx, b'\n', &mut this.bytes));
        let appended = append_text(this.buf, mem::take(&mut this.bytes));
        // As in std: the stream's error is the one that is told.
        Poll::Ready(read.and(appended))
    }
}

/// The stream of [`AsyncBufReadExt::lines`].
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct BufLines<R> {
    reader: R,
    /// What has come of the next line.
    bytes: Vec<u8>,
}

impl<R: AsyncBufRead + Unpin> Stream for BufLines<R> {
    type Item = io::Result<String>;

    #[track_caller]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { reader, bytes } = self.get_mut();
        if let Err(error) = ready!(poll_until(reader, cx, b'\n', bytes)) {
            return Poll::Ready(Some(Err(error)));
        }
        if bytes.is_empty() {
            return Poll::Ready(None);
        }
        let mut line = String::new();
        if let Err(error) = append_text(&mut line, mem::take(bytes)) {
            return Poll::Ready(Some(Err(error)));
        }
        if line.ends_with('\n') {
            line.pop();
            if line.ends_with('\r') {
                line.pop();
            }
        }
        Poll::Ready(Some(Ok(line)))
    }
}

/// The stream of [`AsyncBufReadExt::split`].
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct SplitBytes<R> {
    reader: R,
    byte: u8,
    /// What has come of the next piece.
    bytes: Vec<u8>,
}

impl<R: AsyncBufRead + Unpin> Stream for SplitBytes<R> {
    type Item = io::Result<Vec<u8>>;

    #[track_caller]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self {
            reader,
            byte,
            bytes,
        } = self.get_mut();
        if let Err(error) = ready!(poll_until(reader, cx, *byte, bytes)) {
            return Poll::Ready(Some(Err(error)));
        }
        if bytes.is_empty() {
            return Poll::Ready(None);
        }
        let mut piece = mem::take(bytes);
        if piece.last() == Some(byte) {
            piece.pop();
        }
        Poll::Ready(Some(Ok(piece)))
    }
}
