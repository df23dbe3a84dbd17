//! [`AsyncReadExt`] and its futures.

use std::io::{self, IoSliceMut};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_io::AsyncRead;
use futures_lite::io as theirs;
use myrt_runtime::task::{poll_share, poll_within_budget};

use super::{append_text, checked, is_interrupted};

/// What a read to the end asks for at a time.
const PIECE: usize = 8 * 1024;

/// What every [`AsyncRead`] can do; std's [`Read`](std::io::Read), awaited.
/// [`Reader`](super::super::Reader) is for reads that are dropped half-way.
pub trait AsyncReadExt: AsyncRead {
    /// Reads what there is, at least one byte; `Ok(0)` is the end (or an empty `buf`). Cancel safe.
    ///
    /// # Errors
    /// Those of the stream, an interrupted call among them, as in std.
    fn read<'a>(&'a mut self, buf: &'a mut [u8]) -> ReadInto<'a, Self>
    where
        Self: Unpin,
    {
        ReadInto { reader: self, buf }
    }

    /// Reads into several buffers, one after the other. Cancel safe.
    ///
    /// # Errors
    /// Those of the stream.
    fn read_vectored<'a>(&'a mut self, bufs: &'a mut [IoSliceMut<'a>]) -> ReadVectoredInto<'a, Self>
    where
        Self: Unpin,
    {
        ReadVectoredInto { reader: self, bufs }
    }

    /// Appends everything until the end to `buf`, and returns how much that was. Interrupted calls
    /// are made again. What came before an error, or before the future was dropped, is in `buf`.
    ///
    /// # Errors
    /// Those of the stream.
    fn read_to_end<'a>(&'a mut self, buf: &'a mut Vec<u8>) -> ReadAllInto<'a, Self>
    where
        Self: Unpin,
    {
        let before = buf.len();
        ReadAllInto {
            reader: self,
            buf,
            before,
        }
    }

    /// Appends everything until the end to `buf`, and returns how many bytes that was. Interrupted
    /// calls are made again. What came before an error is in `buf`, if it is UTF-8.
    ///
    /// # Errors
    /// Those of the stream, and [`InvalidData`](io::ErrorKind::InvalidData) if the bytes are no
    /// UTF-8: the error holds a [`FromUtf8Error`](std::string::FromUtf8Error) with them, and `buf`
    /// is as it was.
    fn read_to_string<'a>(&'a mut self, buf: &'a mut String) -> ReadStringInto<'a, Self>
    where
        Self: Unpin,
    {
        ReadStringInto {
            reader: self,
            buf,
            bytes: Vec::new(),
        }
    }

    /// Fills `buf` whole. Interrupted calls are made again. Not cancel safe: how much came is not
    /// told.
    ///
    /// # Errors
    /// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) if the stream ends before, and those of the
    /// stream.
    fn read_exact<'a>(&'a mut self, buf: &'a mut [u8]) -> ReadExactInto<'a, Self>
    where
        Self: Unpin,
    {
        ReadExactInto { reader: self, buf }
    }

    /// At most the first `limit` bytes.
    fn take(self, limit: u64) -> theirs::Take<Self>
    where
        Self: Sized,
    {
        theirs::AsyncReadExt::take(self, limit)
    }

    /// The bytes as a stream. Interrupted calls are made again.
    fn bytes(self) -> Bytes<Self>
    where
        Self: Sized,
    {
        Bytes { reader: self }
    }

    /// This one to its end, then `next`.
    fn chain<R: AsyncRead>(self, next: R) -> theirs::Chain<Self, R>
    where
        Self: Sized,
    {
        theirs::AsyncReadExt::chain(self, next)
    }

    /// On the heap, without its type.
    fn boxed_reader<'a>(self) -> Pin<Box<dyn AsyncRead + Send + 'a>>
    where
        Self: Sized + Send + 'a,
    {
        Box::pin(self)
    }
}

impl<R: AsyncRead + ?Sized> AsyncReadExt for R {}

/// Future of [`AsyncReadExt::read`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct ReadInto<'a, R: ?Sized> {
    reader: &'a mut R,
    buf: &'a mut [u8],
}

impl<R: AsyncRead + Unpin + ?Sized> Future for ReadInto<'_, R> {
    type Output = io::Result<usize>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { reader, buf } = self.get_mut();
        poll_within_budget(cx, |cx| Pin::new(&mut **reader).poll_read(cx, buf))
    }
}

/// Future of [`AsyncReadExt::read_vectored`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct ReadVectoredInto<'a, R: ?Sized> {
    reader: &'a mut R,
    bufs: &'a mut [IoSliceMut<'a>],
}

impl<R: AsyncRead + Unpin + ?Sized> Future for ReadVectoredInto<'_, R> {
    type Output = io::Result<usize>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { reader, bufs } = self.get_mut();
        poll_within_budget(cx, |cx| {
            Pin::new(&mut **reader).poll_read_vectored(cx, bufs)
        })
    }
}

/// Reads once behind what `bytes` holds; how much came. Interrupted calls are made again.
#[track_caller]
fn poll_append<R: AsyncRead + Unpin + ?Sized>(
    reader: &mut R,
    cx: &mut Context<'_>,
    bytes: &mut Vec<u8>,
) -> Poll<io::Result<usize>> {
    let before = bytes.len();
    // As large again as what came already: a long stream takes few calls.
    bytes.resize(before + before.clamp(PIECE, 16 * PIECE), 0);
    let mut room = Filling {
        bytes,
        filled: before,
    };
    loop {
        ready!(poll_share(cx));
        let (read, most) = {
            let free = &mut room.bytes[before..];
            let most = free.len();
            let read = poll_within_budget(cx, |cx| Pin::new(&mut *reader).poll_read(cx, free));
            (ready!(read), most)
        };
        if is_interrupted(&read) {
            continue;
        }
        let count = checked(read?, most)?;
        room.filled += count;
        return Poll::Ready(Ok(count));
    }
}

/// Cuts what was not filled off again, however a read ends.
struct Filling<'a> {
    bytes: &'a mut Vec<u8>,
    filled: usize,
}

impl Drop for Filling<'_> {
    fn drop(&mut self) {
        self.bytes.truncate(self.filled);
    }
}

/// Future of [`AsyncReadExt::read_to_end`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct ReadAllInto<'a, R: ?Sized> {
    reader: &'a mut R,
    buf: &'a mut Vec<u8>,
    before: usize,
}

impl<R: AsyncRead + Unpin + ?Sized> Future for ReadAllInto<'_, R> {
    type Output = io::Result<usize>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        while ready!(poll_append(this.reader, cx, this.buf))? != 0 {}
        Poll::Ready(Ok(this.buf.len() - this.before))
    }
}

/// Future of [`AsyncReadExt::read_to_string`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct ReadStringInto<'a, R: ?Sized> {
    reader: &'a mut R,
    buf: &'a mut String,
    bytes: Vec<u8>,
}

impl<R: AsyncRead + Unpin + ?Sized> Future for ReadStringInto<'_, R> {
    type Output = io::Result<usize>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        loop {
            match ready!(poll_append(this.reader, cx, &mut this.bytes)) {
                Ok(0) => return Poll::Ready(append_text(this.buf, mem::take(&mut this.bytes))),
                Ok(_) => {}
                Err(error) => {
                    // As in std: what came is there if it is a text; the stream's error is the one
                    // that is told.
                    let _ = append_text(this.buf, mem::take(&mut this.bytes));
                    return Poll::Ready(Err(error));
                }
            }
        }
    }
}

/// Future of [`AsyncReadExt::read_exact`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct ReadExactInto<'a, R: ?Sized> {
    reader: &'a mut R,
    /// What is still to be filled.
    buf: &'a mut [u8],
}

impl<R: AsyncRead + Unpin + ?Sized> Future for ReadExactInto<'_, R> {
    type Output = io::Result<()>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { reader, buf } = self.get_mut();
        poll_within_budget(cx, |cx| {
            while !buf.is_empty() {
                let read = poll_within_budget(cx, |cx| Pin::new(&mut **reader).poll_read(cx, buf));
                let read = ready!(read);
                if is_interrupted(&read) {
                    continue;
                }
                let count = checked(read?, buf.len())?;
                if count == 0 {
                    let message = "the stream ended before the buffer was full";
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, message)));
                }
                *buf = &mut mem::take(buf)[count..];
            }
            Poll::Ready(Ok(()))
        })
    }
}

/// The stream of [`AsyncReadExt::bytes`].
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct Bytes<R> {
    reader: R,
}

impl<R: AsyncRead + Unpin> Stream for Bytes<R> {
    type Item = io::Result<u8>;

    #[track_caller]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let reader = &mut self.get_mut().reader;
        loop {
            let mut byte = [0];
            let read = poll_within_budget(cx, |cx| Pin::new(&mut *reader).poll_read(cx, &mut byte));
            let read = ready!(read);
            if is_interrupted(&read) {
                continue;
            }
            return Poll::Ready(match read.and_then(|count| checked(count, 1)) {
                Ok(0) => None,
                Ok(_) => Some(Ok(byte[0])),
                Err(error) => Some(Err(error)),
            });
        }
    }
}
