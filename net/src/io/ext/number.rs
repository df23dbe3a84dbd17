//! Numbers on byte streams: the methods `read_u16` … `write_f64_le`, and their two futures.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

use super::read::poll_fill;
use super::write::poll_write_rest;

/// The methods of [`AsyncReadExt`](super::AsyncReadExt) that read numbers.
macro_rules! read_numbers {
    ($($name:ident: $type:ty, $order:literal, $make:ident;)*) => { $(
        #[doc = concat!("Reads `", stringify!($type), "`", $order, ".")]
        ///
        /// Interrupted calls are made again. Not cancel safe: bytes that came are lost with the
        /// future.
        ///
        /// # Errors
        /// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) if the stream ends before, and those of
        /// the stream.
        fn $name(&mut self) -> ReadNumber<'_, Self, $type, { size_of::<$type>() }>
        where
            Self: Unpin,
        {
            ReadNumber::new(self, <$type>::$make)
        }
    )* };
}
pub(super) use read_numbers;

/// The methods of [`AsyncWriteExt`](super::AsyncWriteExt) that write numbers.
macro_rules! write_numbers {
    ($($name:ident: $type:ty, $order:literal, $bytes:ident;)*) => { $(
        #[doc = concat!("Writes `", stringify!($type), "`", $order, ".")]
        ///
        /// Interrupted calls are made again. Not cancel safe: how much went out is not told.
        ///
        /// # Errors
        /// [`WriteZero`](io::ErrorKind::WriteZero) if the stream takes nothing more, and those of
        /// the stream.
        fn $name(&mut self, number: $type) -> WriteNumber<'_, Self, { size_of::<$type>() }>
        where
            Self: Unpin,
        {
            WriteNumber::new(self, number.$bytes())
        }
    )* };
}
pub(super) use write_numbers;

/// Future of the methods of [`AsyncReadExt`](super::AsyncReadExt) that read a number.
#[must_use = "futures do nothing unless awaited"]
pub struct ReadNumber<'a, R: ?Sized, T, const N: usize> {
    reader: &'a mut R,
    bytes: [u8; N],
    filled: usize,
    make: fn([u8; N]) -> T,
}

impl<'a, R: ?Sized, T, const N: usize> ReadNumber<'a, R, T, N> {
    pub(super) fn new(reader: &'a mut R, make: fn([u8; N]) -> T) -> Self {
        Self {
            reader,
            bytes: [0; N],
            filled: 0,
            make,
        }
    }
}

impl<R: AsyncRead + Unpin + ?Sized, T, const N: usize> Future for ReadNumber<'_, R, T, N> {
    type Output = io::Result<T>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let filled = poll_fill(&mut *this.reader, cx, &mut this.bytes, &mut this.filled);
        filled.map_ok(|()| (this.make)(this.bytes))
    }
}

impl<R: ?Sized, T, const N: usize> fmt::Debug for ReadNumber<'_, R, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadNumber")
            .field("filled", &self.filled)
            .finish_non_exhaustive()
    }
}

/// Future of the methods of [`AsyncWriteExt`](super::AsyncWriteExt) that write a number.
#[must_use = "futures do nothing unless awaited"]
pub struct WriteNumber<'a, W: ?Sized, const N: usize> {
    writer: &'a mut W,
    bytes: [u8; N],
    written: usize,
}

impl<'a, W: ?Sized, const N: usize> WriteNumber<'a, W, N> {
    pub(super) fn new(writer: &'a mut W, bytes: [u8; N]) -> Self {
        Self {
            writer,
            bytes,
            written: 0,
        }
    }
}

impl<W: AsyncWrite + Unpin + ?Sized, const N: usize> Future for WriteNumber<'_, W, N> {
    type Output = io::Result<()>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        poll_write_rest(&mut *this.writer, cx, &this.bytes, &mut this.written)
    }
}

impl<W: ?Sized, const N: usize> fmt::Debug for WriteNumber<'_, W, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteNumber")
            .field("written", &self.written)
            .finish_non_exhaustive()
    }
}
