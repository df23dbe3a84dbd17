//! [`BufReader`]: a buffer before any reader; std's, awaited.
//!
//! Why not upstream's: one without capacity reads an end that is none, and a seek that is refused
//! loses what was read ahead.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite};
use myrt_runtime::task::{poll_budget, take_share};

use super::buffer::CHUNK;

pin_project_lite::pin_project! {
    /// Reads from below in large pieces; std's [`BufReader`](std::io::BufReader). Writing and
    /// seeking pass through; a seek that succeeds forgets what was read ahead.
    ///
    /// [`Reader`](super::Reader) is for reads that are dropped half-way.
    pub struct BufReader<R> {
        #[pin]
        inner: R,
        buffer: Box<[u8]>,
        start: usize,
        end: usize,
    }
}

impl<R: AsyncRead> BufReader<R> {
    /// With a buffer of 8 KiB.
    pub fn new(inner: R) -> Self {
        Self::with_capacity(CHUNK, inner)
    }

    /// With a buffer of `capacity` bytes, at least one: without room an end could not be told from
    /// a full buffer.
    pub fn with_capacity(capacity: usize, inner: R) -> Self {
        Self {
            inner,
            buffer: vec![0; capacity.max(1)].into_boxed_slice(),
            start: 0,
            end: 0,
        }
    }
}

impl<R> BufReader<R> {
    /// The reader below. Reading from it directly passes over what is buffered.
    pub const fn get_ref(&self) -> &R {
        &self.inner
    }

    /// The reader below. Reading from it directly passes over what is buffered.
    pub const fn get_mut(&mut self) -> &mut R {
        &mut self.inner
    }

    /// The reader below, pinned.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut R> {
        self.project().inner
    }

    /// What was read ahead. It does not fill the buffer.
    pub fn buffer(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// The reader below. What was read ahead is lost.
    pub fn into_inner(self) -> R {
        self.inner
    }
}

impl<R: AsyncRead> AsyncRead for BufReader<R> {
    #[track_caller]
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.start == self.end && buf.len() >= self.buffer.len() {
            return self.project().inner.poll_read(cx, buf);
        }
        if buf.is_empty() {
            return poll_budget(cx).map(|()| Ok(0));
        }
        let filled = ready!(self.as_mut().poll_fill_buf(cx))?;
        let count = filled.len().min(buf.len());
        buf[..count].copy_from_slice(&filled[..count]);
        self.consume(count);
        Poll::Ready(Ok(count))
    }

    #[track_caller]
    fn poll_read_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let most: usize = bufs.iter().map(|buf| buf.len()).sum();
        if self.start == self.end && most >= self.buffer.len() {
            return self.project().inner.poll_read_vectored(cx, bufs);
        }
        if most == 0 {
            return poll_budget(cx).map(|()| Ok(0));
        }
        let filled = ready!(self.as_mut().poll_fill_buf(cx))?;
        let mut used = 0;
        for buf in bufs {
            let count = buf.len().min(filled.len() - used);
            buf[..count].copy_from_slice(&filled[used..][..count]);
            used += count;
        }
        self.consume(used);
        Poll::Ready(Ok(used))
    }
}

impl<R: AsyncRead> AsyncBufRead for BufReader<R> {
    #[track_caller]
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.project();
        if *this.start == *this.end {
            let count = ready!(this.inner.poll_read(cx, this.buffer))?;
            let count = super::ext::checked(count, this.buffer.len())?;
            (*this.start, *this.end) = (0, count);
        } else {
            // Without a wait: the caller that has seen the bytes sees them again, as the trait has
            // it.
            take_share();
        }
        Poll::Ready(Ok(&this.buffer[*this.start..*this.end]))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        let this = self.project();
        assert!(
            amount <= *this.end - *this.start,
            "consumed {amount} bytes of {}",
            *this.end - *this.start
        );
        *this.start += amount;
    }
}

impl<R: AsyncSeek> AsyncSeek for BufReader<R> {
    /// `SeekFrom::Current` counts from what was read here, not from where the reader below stands.
    fn poll_seek(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: SeekFrom,
    ) -> Poll<io::Result<u64>> {
        let mut this = self.project();
        let mut to = to;
        if let SeekFrom::Current(by) = to {
            // A buffer has at most `isize::MAX` bytes.
            let ahead = i64::try_from(*this.end - *this.start).unwrap_or(i64::MAX);
            match by.checked_sub(ahead) {
                Some(by) => to = SeekFrom::Current(by),
                None => {
                    let back = SeekFrom::Current(-ahead);
                    ready!(this.inner.as_mut().poll_seek(cx, back))?;
                    (*this.start, *this.end) = (0, 0);
                    to = SeekFrom::Current(by);
                }
            }
        }
        let at = ready!(this.inner.poll_seek(cx, to))?;
        (*this.start, *this.end) = (0, 0);
        Poll::Ready(Ok(at))
    }
}

impl<R: AsyncWrite> AsyncWrite for BufReader<R> {
    #[track_caller]
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.project().inner.poll_write(cx, buf)
    }

    #[track_caller]
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().inner.poll_write_vectored(cx, bufs)
    }

    #[track_caller]
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_flush(cx)
    }

    #[track_caller]
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_close(cx)
    }
}

impl<R: fmt::Debug> fmt::Debug for BufReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufReader")
            .field("inner", &self.inner)
            .field("buffered", &(self.end - self.start))
            .field("capacity", &self.buffer.len())
            .finish()
    }
}
