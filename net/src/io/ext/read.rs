//! [`AsyncReadExt`] and its futures.

use std::io::{self, IoSliceMut};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_io::AsyncRead;
use futures_lite::io as theirs;
use myrt_runtime::task::{poll_share, poll_within_budget};

use super::number::{ReadNumber, read_numbers};
use super::{append_text, checked, is_interrupted};

/// What a read to the end asks for at a time.
const PIECE: usize = 8 * 1024;

/// What every [`AsyncRead`] can do; std's [`Read`](std::io::Read), awaited, and tokio's numbers.
/// [`Reader`](super::super::Reader) is for reads that are dropped half-way.
///
/// ```
/// use myrt::io::{AsyncReadExt, AsyncWriteExt};
///
/// myrt::run(async {
///     let (mut a, mut b) = myrt::io::duplex(64);
///     a.write_u16(513).await.unwrap();
///     a.write_f64_le(0.5).await.unwrap();
///     assert_eq!(b.read_u8().await.unwrap(), 2);
///     assert_eq!(b.read_u8().await.unwrap(), 1);
///     assert_eq!(b.read_f64_le().await.unwrap(), 0.5);
/// });
/// ```
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
        ReadExactInto {
            reader: self,
            buf,
            filled: 0,
        }
    }

    read_numbers! {
        read_u8: u8, "", from_be_bytes;
        read_i8: i8, "", from_be_bytes;
        read_u16: u16, " in big-endian order", from_be_bytes;
        read_u16_le: u16, " in little-endian order", from_le_bytes;
        read_i16: i16, " in big-endian order", from_be_bytes;
        read_i16_le: i16, " in little-endian order", from_le_bytes;
        read_u32: u32, " in big-endian order", from_be_bytes;
        read_u32_le: u32, " in little-endian order", from_le_bytes;
        read_i32: i32, " in big-endian order", from_be_bytes;
        read_i32_le: i32, " in little-endian order", from_le_bytes;
        read_u64: u64, " in big-endian order", from_be_bytes;
        read_u64_le: u64, " in little-endian order", from_le_bytes;
        read_i64: i64, " in big-endian order", from_be_bytes;
        read_i64_le: i64, " in little-endian order", from_le_bytes;
        read_u128: u128, " in big-endian order", from_be_bytes;
        read_u128_le: u128, " in little-endian order", from_le_bytes;
        read_i128: i128, " in big-endian order", from_be_bytes;
        read_i128_le: i128, " in little-endian order", from_le_bytes;
        read_f32: f32, " in big-endian order", from_be_bytes;
        read_f32_le: f32, " in little-endian order", from_le_bytes;
        read_f64: f64, " in big-endian order", from_be_bytes;
        read_f64_le: f64, " in little-endian order", from_le_bytes;
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

/// Fills what is left of `buf`. Interrupted calls are made again.
#[track_caller]
pub(super) fn poll_fill<R: AsyncRead + Unpin + ?Sized>(
    reader: &mut R,
    cx: &mut Context<'_>,
    buf: &mut [u8],
    filled: &mut usize,
) -> Poll<io::Result<()>> {
    poll_within_budget(cx, |cx| {
        while *filled < buf.len() {
            let rest = &mut buf[*filled..];
            let read = poll_within_budget(cx, |cx| Pin::new(&mut *reader).poll_read(cx, rest));
            let read = ready!(read);
            if is_interrupted(&read) {
                continue;
            }
            let count = checked(read?, rest.len())?;
            if count == 0 {
                let message = "the stream ended before the buffer was full";
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, message)));
            }
            *filled += count;
        }
        Poll::Ready(Ok(()))
    })
}

/// Future of [`AsyncReadExt::read_exact`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct ReadExactInto<'a, R: ?Sized> {
    reader: &'a mut R,
    buf: &'a mut [u8],
    filled: usize,
}

impl<R: AsyncRead + Unpin + ?Sized> Future for ReadExactInto<'_, R> {
    type Output = io::Result<()>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        poll_fill(&mut *this.reader, cx, this.buf, &mut this.filled)
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
