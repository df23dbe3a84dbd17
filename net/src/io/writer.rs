//! asyncio's `StreamWriter`: queue now, wait when it is time to, lose nothing when cancelled.
//!
//! The difference from asyncio: there the loop goes on writing behind the program's back, so
//! `drain` may return with bytes still queued. A [`Writer`] has no task behind it. Were `drain` to
//! leave a rest, nobody would send it and two peers could wait for each other for ever; so it
//! writes everything, and the high-water mark decides when [`feed`](Writer::feed) stops to do so.
//! It knows no socket.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::AsyncWrite;

use super::buffer::Buffer;
use super::count;
use myrt_runtime::task::{poll_budget, poll_within_budget};

use crate::caller::{self, Caller};

/// Writes to any [`AsyncWrite`] through a queue of its own, restartably.
///
/// Bytes belong to the writer from the moment they are given to [`queue`](Self::queue),
/// [`feed`](Self::feed) or [`write_all`](Self::write_all): when one of these is dropped half-way,
/// [`drain`](Self::drain) sends exactly the rest. Dropping the *writer* drops what it still holds.
///
/// # Examples
///
/// ```
/// # use futures_lite::future::block_on;
/// use myrt::io::Writer;
///
/// # block_on(async {
/// let mut writer = Writer::new(Vec::new());
/// writer.queue(b"HTTP/1.1 204 No Content\r\n");
/// writer.queue(b"\r\n");
/// writer.drain().await?;
/// assert_eq!(writer.get_ref(), b"HTTP/1.1 204 No Content\r\n\r\n");
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
#[doc(alias = "StreamWriter")]
pub struct Writer<W> {
    inner: W,
    queue: Buffer,
    high_water: usize,
    /// Bytes were written below and not flushed since.
    unflushed: bool,
}

impl<W> Writer<W> {
    /// A writer with asyncio's high-water mark of 64 KiB.
    pub const fn new(inner: W) -> Self {
        Self::with_high_water(DEFAULT_HIGH_WATER, inner)
    }

    /// A writer whose [`feed`](Self::feed) drains as soon as `mark` bytes or more are queued.
    pub const fn with_high_water(mark: usize, inner: W) -> Self {
        Self {
            inner,
            queue: Buffer::new(),
            high_water: mark,
            unflushed: false,
        }
    }

    /// Appends a copy of `bytes` to the queue. Never waits and never fails; call
    /// [`drain`](Self::drain) for them to go out.
    #[doc(alias = "write")]
    pub fn queue(&mut self, bytes: &[u8]) {
        self.queue.extend(bytes);
    }

    /// How many bytes are queued.
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Whether the queue has reached the high-water mark: time to [`drain`](Self::drain).
    pub fn is_full(&self) -> bool {
        self.queue.len() >= self.high_water
    }

    /// The high-water mark in bytes.
    pub const fn high_water(&self) -> usize {
        self.high_water
    }

    /// The stream below. Writing to it directly overtakes what is queued.
    pub const fn get_ref(&self) -> &W {
        &self.inner
    }

    /// The stream below. Writing to it directly overtakes what is queued.
    pub const fn get_mut(&mut self) -> &mut W {
        &mut self.inner
    }

    /// Gives the stream back, and the bytes that were not yet written to it.
    pub fn into_parts(self) -> (W, Vec<u8>) {
        (self.inner, self.queue.bytes().to_vec())
    }
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    /// Writes everything that is queued and flushes the stream below. **Cancel safe**: what was not
    /// written stays queued.
    ///
    /// # Errors
    /// Those of the stream below; the bytes that it did not take stay queued.
    #[track_caller]
    pub const fn drain(&mut self) -> Drain<'_, W> {
        Drain {
            writer: self,
            at: Location::caller(),
        }
    }

    /// Queues a copy of `bytes`, then drains if the high-water mark is reached: many small messages
    /// in few system calls.
    ///
    /// # Errors
    /// As [`drain`](Self::drain).
    #[track_caller]
    pub fn feed(&mut self, bytes: &[u8]) -> Feed<'_, W> {
        self.queue(bytes);
        Feed {
            writer: self,
            at: Location::caller(),
        }
    }

    /// [`queue`](Self::queue) and [`drain`](Self::drain), without the copy where nothing interrupts
    /// it.
    ///
    /// Dropped at any point, even unpolled, the rest of `bytes` is in the queue: go on with
    /// [`drain`](Self::drain), do not write it again. (A future that is given to `mem::forget`
    /// cannot do this.)
    ///
    /// # Errors
    /// Those of the stream below; the bytes that it did not take are queued.
    #[track_caller]
    pub const fn write_all<'a>(&'a mut self, bytes: &'a [u8]) -> WriteAll<'a, W> {
        WriteAll {
            writer: self,
            rest: bytes,
            at: Location::caller(),
        }
    }

    /// Drains, then closes the direction of writing; the other side reads an end, and reading from
    /// it goes on. **Cancel safe.**
    ///
    /// # Errors
    /// Those of the stream below.
    #[track_caller]
    #[doc(alias = "write_eof")]
    pub const fn shutdown(&mut self) -> Shutdown<'_, W> {
        Shutdown {
            writer: self,
            at: Location::caller(),
        }
    }

    /// [`shutdown`](Self::shutdown), then drops the stream below. Dropping this future drops the
    /// writer with what it still holds.
    ///
    /// A TCP connection that is closed with unread bytes in it is reset, and its peer may lose what
    /// was written last. [`start_server`](crate::start_server) reads the rest when the handler has
    /// returned; otherwise read to the end before the other half is dropped.
    ///
    /// # Errors
    /// Those of the stream below.
    #[track_caller]
    #[doc(alias = "wait_closed")]
    pub const fn close(self) -> Close<W> {
        Close {
            writer: self,
            at: Location::caller(),
        }
    }

    /// Writes the queue out, in pieces as the stream below takes them.
    fn poll_queue(&mut self, cx: &mut Context<'_>, at: Caller) -> Poll<io::Result<()>> {
        while !self.queue.is_empty() {
            let inner = Pin::new(&mut self.inner);
            let bytes = self.queue.bytes();
            let count = ready!(caller::within(at, || inner.poll_write(cx, bytes)))?;
            let count = count::written(count, bytes.len())?;
            self.queue.consume(count);
            self.unflushed = true;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>, at: Caller) -> Poll<io::Result<()>> {
        poll_within_budget(cx, |cx| {
            ready!(self.poll_queue(cx, at))?;
            if self.unflushed {
                let inner = Pin::new(&mut self.inner);
                ready!(caller::within(at, || inner.poll_flush(cx)))?;
                self.unflushed = false;
            }
            Poll::Ready(Ok(()))
        })
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>, at: Caller) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx, at))?;
        let inner = Pin::new(&mut self.inner);
        caller::within(at, || inner.poll_close(cx))
    }

    fn poll_write_at(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        at: Caller,
    ) -> Poll<io::Result<usize>> {
        poll_within_budget(cx, |cx| {
            ready!(self.poll_queue(cx, at))?;
            let inner = Pin::new(&mut self.inner);
            let count = ready!(caller::within(at, || inner.poll_write(cx, bytes)))?;
            let count = count::taken(count, bytes.len())?;
            self.unflushed = true;
            Poll::Ready(Ok(count))
        })
    }
}

/// What is queued goes first; nothing is queued by these, so the extension traits behave as on the
/// stream below.
impl<W: AsyncWrite + Unpin> AsyncWrite for Writer<W> {
    #[track_caller]
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_write_at(cx, bytes, Location::caller())
    }

    #[track_caller]
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_drain(cx, Location::caller())
    }

    #[track_caller]
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_shutdown(cx, Location::caller())
    }
}

/// Future of [`Writer::drain`].
#[must_use = "futures do nothing unless awaited"]
pub struct Drain<'a, W> {
    writer: &'a mut Writer<W>,
    at: Caller,
}

impl<W: AsyncWrite + Unpin> Future for Drain<'_, W> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let at = self.at;
        self.writer.poll_drain(cx, at)
    }
}

/// Future of [`Writer::feed`].
#[must_use = "futures do nothing unless awaited"]
pub struct Feed<'a, W> {
    writer: &'a mut Writer<W>,
    at: Caller,
}

impl<W: AsyncWrite + Unpin> Future for Feed<'_, W> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let at = self.at;
        if self.writer.is_full() {
            self.writer.poll_drain(cx, at)
        } else {
            poll_budget(cx).map(Ok)
        }
    }
}

/// Future of [`Writer::write_all`].
#[must_use = "futures do nothing unless awaited"]
pub struct WriteAll<'a, W> {
    writer: &'a mut Writer<W>,
    rest: &'a [u8],
    at: Caller,
}

impl<W: AsyncWrite + Unpin> Future for WriteAll<'_, W> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        while !this.rest.is_empty() {
            let count = ready!(this.writer.poll_write_at(cx, this.rest, this.at))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            this.rest = &this.rest[count..];
        }
        this.writer.poll_drain(cx, this.at)
    }
}

impl<W> Drop for WriteAll<'_, W> {
    fn drop(&mut self) {
        self.writer.queue.extend(self.rest);
    }
}

/// Future of [`Writer::shutdown`].
#[must_use = "futures do nothing unless awaited"]
pub struct Shutdown<'a, W> {
    writer: &'a mut Writer<W>,
    at: Caller,
}

impl<W: AsyncWrite + Unpin> Future for Shutdown<'_, W> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let at = self.at;
        self.writer.poll_shutdown(cx, at)
    }
}

/// Future of [`Writer::close`]; it owns the writer.
#[must_use = "futures do nothing unless awaited"]
pub struct Close<W> {
    writer: Writer<W>,
    at: Caller,
}

impl<W: AsyncWrite + Unpin> Future for Close<W> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let at = self.at;
        self.writer.poll_shutdown(cx, at)
    }
}

/// Debug output names the operation and its place; the stream below need not be `Debug`.
macro_rules! debug_op {
    ($($name:ty),*) => {$(
        impl<W> fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("at", &self.at).field("writer", &self.writer.queue).finish()
            }
        }
    )*};
}
debug_op!(
    Drain<'_, W>,
    Feed<'_, W>,
    WriteAll<'_, W>,
    Shutdown<'_, W>,
    Close<W>
);

/// asyncio's default: a transport pauses its protocol at 64 KiB.
const DEFAULT_HIGH_WATER: usize = 64 * 1024;
