//! [`AsyncWriteExt`] and its futures.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::AsyncWrite;
use myrt_runtime::task::poll_within_budget;

use super::number::{WriteNumber, write_numbers};
use super::{checked, is_interrupted};

/// What every [`AsyncWrite`] can do; std's [`Write`](std::io::Write), awaited, and tokio's
/// numbers (an example is at [`AsyncReadExt`](super::AsyncReadExt)).
/// [`Writer`](super::super::Writer) is for writes that are dropped half-way.
pub trait AsyncWriteExt: AsyncWrite {
    /// Writes as much of `buf` as the stream takes at once, and says how much. Cancel safe.
    ///
    /// # Errors
    /// Those of the stream, an interrupted call among them, as in std.
    fn write<'a>(&'a mut self, buf: &'a [u8]) -> WriteOf<'a, Self>
    where
        Self: Unpin,
    {
        WriteOf { writer: self, buf }
    }

    /// Writes from several buffers, and says how much. Cancel safe.
    ///
    /// # Errors
    /// Those of the stream.
    fn write_vectored<'a>(&'a mut self, bufs: &'a [IoSlice<'a>]) -> WriteVectoredOf<'a, Self>
    where
        Self: Unpin,
    {
        WriteVectoredOf { writer: self, bufs }
    }

    /// Writes `buf` whole. Interrupted calls are made again. Not cancel safe: how much went out is
    /// not told.
    ///
    /// # Errors
    /// [`WriteZero`](io::ErrorKind::WriteZero) if the stream takes nothing more, and those of the
    /// stream.
    fn write_all<'a>(&'a mut self, buf: &'a [u8]) -> WriteAllOf<'a, Self>
    where
        Self: Unpin,
    {
        WriteAllOf {
            writer: self,
            buf,
            written: 0,
        }
    }

    write_numbers! {
        write_u8: u8, "", to_be_bytes;
        write_i8: i8, "", to_be_bytes;
        write_u16: u16, " in big-endian order", to_be_bytes;
        write_u16_le: u16, " in little-endian order", to_le_bytes;
        write_i16: i16, " in big-endian order", to_be_bytes;
        write_i16_le: i16, " in little-endian order", to_le_bytes;
        write_u32: u32, " in big-endian order", to_be_bytes;
        write_u32_le: u32, " in little-endian order", to_le_bytes;
        write_i32: i32, " in big-endian order", to_be_bytes;
        write_i32_le: i32, " in little-endian order", to_le_bytes;
        write_u64: u64, " in big-endian order", to_be_bytes;
        write_u64_le: u64, " in little-endian order", to_le_bytes;
        write_i64: i64, " in big-endian order", to_be_bytes;
        write_i64_le: i64, " in little-endian order", to_le_bytes;
        write_u128: u128, " in big-endian order", to_be_bytes;
        write_u128_le: u128, " in little-endian order", to_le_bytes;
        write_i128: i128, " in big-endian order", to_be_bytes;
        write_i128_le: i128, " in little-endian order", to_le_bytes;
        write_f32: f32, " in big-endian order", to_be_bytes;
        write_f32_le: f32, " in little-endian order", to_le_bytes;
        write_f64: f64, " in big-endian order", to_be_bytes;
        write_f64_le: f64, " in little-endian order", to_le_bytes;
    }

    /// Sends on what the stream holds back.
    ///
    /// # Errors
    /// Those of the stream.
    fn flush(&mut self) -> FlushWriter<'_, Self>
    where
        Self: Unpin,
    {
        FlushWriter { writer: self }
    }

    /// Flushes and ends the direction of writing.
    ///
    /// # Errors
    /// Those of the stream.
    fn close(&mut self) -> CloseWriter<'_, Self>
    where
        Self: Unpin,
    {
        CloseWriter { writer: self }
    }

    /// On the heap, without its type.
    fn boxed_writer<'a>(self) -> Pin<Box<dyn AsyncWrite + Send + 'a>>
    where
        Self: Sized + Send + 'a,
    {
        Box::pin(self)
    }
}

impl<W: AsyncWrite + ?Sized> AsyncWriteExt for W {}

/// Future of [`AsyncWriteExt::write`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct WriteOf<'a, W: ?Sized> {
    writer: &'a mut W,
    buf: &'a [u8],
}

impl<W: AsyncWrite + Unpin + ?Sized> Future for WriteOf<'_, W> {
    type Output = io::Result<usize>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { writer, buf } = self.get_mut();
        poll_within_budget(cx, |cx| Pin::new(&mut **writer).poll_write(cx, buf))
    }
}

/// Future of [`AsyncWriteExt::write_vectored`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct WriteVectoredOf<'a, W: ?Sized> {
    writer: &'a mut W,
    bufs: &'a [IoSlice<'a>],
}

impl<W: AsyncWrite + Unpin + ?Sized> Future for WriteVectoredOf<'_, W> {
    type Output = io::Result<usize>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { writer, bufs } = self.get_mut();
        poll_within_budget(cx, |cx| {
            Pin::new(&mut **writer).poll_write_vectored(cx, bufs)
        })
    }
}

/// Writes what is left of `buf`. Interrupted calls are made again.
#[track_caller]
pub(super) fn poll_write_rest<W: AsyncWrite + Unpin + ?Sized>(
    writer: &mut W,
    cx: &mut Context<'_>,
    buf: &[u8],
    written: &mut usize,
) -> Poll<io::Result<()>> {
    poll_within_budget(cx, |cx| {
        while *written < buf.len() {
            let rest = &buf[*written..];
            let wrote = poll_within_budget(cx, |cx| Pin::new(&mut *writer).poll_write(cx, rest));
            let wrote = ready!(wrote);
            if is_interrupted(&wrote) {
                continue;
            }
            let count = checked(wrote?, rest.len())?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *written += count;
        }
        Poll::Ready(Ok(()))
    })
}

/// Future of [`AsyncWriteExt::write_all`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct WriteAllOf<'a, W: ?Sized> {
    writer: &'a mut W,
    buf: &'a [u8],
    written: usize,
}

impl<W: AsyncWrite + Unpin + ?Sized> Future for WriteAllOf<'_, W> {
    type Output = io::Result<()>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        poll_write_rest(&mut *this.writer, cx, this.buf, &mut this.written)
    }
}

/// Future of [`AsyncWriteExt::flush`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct FlushWriter<'a, W: ?Sized> {
    writer: &'a mut W,
}

impl<W: AsyncWrite + Unpin + ?Sized> Future for FlushWriter<'_, W> {
    type Output = io::Result<()>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let writer = &mut *self.get_mut().writer;
        poll_within_budget(cx, |cx| Pin::new(writer).poll_flush(cx))
    }
}

/// Future of [`AsyncWriteExt::close`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct CloseWriter<'a, W: ?Sized> {
    writer: &'a mut W,
}

impl<W: AsyncWrite + Unpin + ?Sized> Future for CloseWriter<'_, W> {
    type Output = io::Result<()>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let writer = &mut *self.get_mut().writer;
        poll_within_budget(cx, |cx| Pin::new(writer).poll_close(cx))
    }
}
