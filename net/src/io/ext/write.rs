//! [`AsyncWriteExt`] and its futures.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::AsyncWrite;
use myrt_runtime::task::poll_within_budget;

use super::{checked, is_interrupted};

/// What every [`AsyncWrite`] can do; std's [`Write`](std::io::Write), awaited.
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
            rest: buf,
        }
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

/// Future of [`AsyncWriteExt::write_all`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct WriteAllOf<'a, W: ?Sized> {
    writer: &'a mut W,
    rest: &'a [u8],
}

impl<W: AsyncWrite + Unpin + ?Sized> Future for WriteAllOf<'_, W> {
    type Output = io::Result<()>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { writer, rest } = self.get_mut();
        poll_within_budget(cx, |cx| {
            while !rest.is_empty() {
                let wrote =
                    poll_within_budget(cx, |cx| Pin::new(&mut **writer).poll_write(cx, rest));
                let wrote = ready!(wrote);
                if is_interrupted(&wrote) {
                    continue;
                }
                let count = checked(wrote?, rest.len())?;
                if count == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                *rest = &rest[count..];
            }
            Poll::Ready(Ok(()))
        })
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
