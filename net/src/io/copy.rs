//! Moving bytes from one stream to another until it ends, in one direction or both.
//!
//! Why not futures-lite's `copy`: it flushes only at the end, so a buffering writer can sit on a
//! request whose answer the reader waits for. And a proxy needs both directions with half-close:
//! the end of one closes that direction alone, the other goes on (closing both at the first end is
//! the classic proxy bug; a client that half-closes then gets nothing). It knows no socket.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};
use myrt_runtime::task::poll_within_budget;

use super::buffer::CHUNK;
use super::count;
use crate::caller::{self, Caller};

/// Copies everything from `reader` to `writer` and returns how many bytes that were. Takes both by
/// value or as `&mut`.
///
/// The writer is flushed at the end and whenever the reader has nothing for the moment; it is not
/// closed. Dropped half-way, bytes that were read and not yet written are lost.
///
/// It knows its sides by their traits alone. Between sockets and pipes [`splice`](crate::splice),
/// and from a file to a socket [`send_file`](crate::send_file), do the same without taking the
/// bytes into the program.
///
/// # Errors
/// The first error of either side; [`WriteZero`](io::ErrorKind::WriteZero) if the writer takes
/// nothing. A side that claims to have taken or given more than it was handed is an error, too.
///
/// # Examples
///
/// ```
/// # use futures_lite::future::block_on;
/// use myrt::io::copy;
///
/// # block_on(async {
/// let mut out = Vec::new();
/// assert_eq!(copy(&b"all of it"[..], &mut out).await?, 9);
/// assert_eq!(out, b"all of it");
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
#[track_caller]
pub fn copy<R, W>(reader: R, writer: W) -> Copy<R, W>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    Copy {
        reader,
        writer,
        transfer: Transfer::new(CHUNK),
        at: Location::caller(),
    }
}

/// Copies in both directions until both have ended, and returns the counts `(a to b, b to a)`.
///
/// When one side ends, the other's direction of writing is closed once everything is through, and
/// the opposite direction goes on: half-close as TCP means it.
///
/// # Errors
/// The first error of either side, in either direction.
///
/// # Examples
///
/// ```
/// # use futures_lite::future::{block_on, zip};
/// use myrt::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional, duplex};
///
/// # block_on(async {
/// let (mut client, mut front) = duplex(64);
/// let (mut back, mut server) = duplex(64);
/// let ends = async {
///     client.write_all(b"question").await?;
///     client.close().await?; // the answer still comes
///     let mut question = Vec::new();
///     server.read_to_end(&mut question).await?;
///     server.write_all(b"answer").await?;
///     drop(server);
///     let mut answer = Vec::new();
///     client.read_to_end(&mut answer).await?;
///     Ok::<_, std::io::Error>(answer)
/// };
/// let (counts, answer) = zip(copy_bidirectional(&mut front, &mut back), ends).await;
/// assert_eq!(counts?, (8, 6));
/// assert_eq!(answer?, b"answer");
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
#[track_caller]
pub fn copy_bidirectional<'a, A, B>(a: &'a mut A, b: &'a mut B) -> CopyBidirectional<'a, A, B>
where
    A: AsyncRead + AsyncWrite + Unpin + ?Sized,
    B: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    copy_bidirectional_with_sizes(a, b, CHUNK, CHUNK)
}

/// [`copy_bidirectional`] with a buffer of `a_to_b` and one of `b_to_a` bytes instead of 8 KiB
/// each.
///
/// # Errors
/// As [`copy_bidirectional`].
///
/// # Panics
/// If a size is 0.
#[track_caller]
pub fn copy_bidirectional_with_sizes<'a, A, B>(
    a: &'a mut A,
    b: &'a mut B,
    a_to_b: usize,
    b_to_a: usize,
) -> CopyBidirectional<'a, A, B>
where
    A: AsyncRead + AsyncWrite + Unpin + ?Sized,
    B: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    CopyBidirectional {
        a,
        b,
        a_to_b: Direction::Open(Transfer::new(a_to_b)),
        b_to_a: Direction::Open(Transfer::new(b_to_a)),
        at: Location::caller(),
    }
}

/// Bytes on their way: what was read last, and how far it is written.
struct Transfer {
    buffer: Box<[u8]>,
    size: usize,
    written: usize,
    filled: usize,
    ended: bool,
    unflushed: bool,
    total: u64,
}

impl Transfer {
    #[track_caller]
    fn new(size: usize) -> Self {
        assert!(size > 0, "copying needs a buffer of at least one byte");
        Self {
            buffer: Box::default(),
            size,
            written: 0,
            filled: 0,
            ended: false,
            unflushed: false,
            total: 0,
        }
    }

    /// Ready with the total when the reader has ended and everything is written and flushed.
    fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        mut reader: Pin<&mut R>,
        mut writer: Pin<&mut W>,
    ) -> Poll<io::Result<u64>>
    where
        R: AsyncRead + ?Sized,
        W: AsyncWrite + ?Sized,
    {
        if self.buffer.is_empty() {
            self.buffer = vec![0; self.size].into_boxed_slice();
        }
        loop {
            let step = poll_within_budget(cx, |cx| {
                self.poll_step(cx, reader.as_mut(), writer.as_mut())
            });
            if let Some(total) = ready!(step)? {
                return Poll::Ready(Ok(total));
            }
        }
    }

    /// Reads once, if everything before is written, and writes it; the total at the end.
    fn poll_step<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        reader: Pin<&mut R>,
        mut writer: Pin<&mut W>,
    ) -> Poll<io::Result<Option<u64>>>
    where
        R: AsyncRead + ?Sized,
        W: AsyncWrite + ?Sized,
    {
        if self.written == self.filled && !self.ended {
            match reader.poll_read(cx, &mut self.buffer) {
                Poll::Ready(Ok(0)) => self.ended = true,
                Poll::Ready(Ok(count)) => {
                    (self.written, self.filled) = (0, count::read(count, self.size)?);
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    // The peer may not answer before it has seen what the writer still holds.
                    if self.unflushed {
                        ready!(writer.as_mut().poll_flush(cx))?;
                        self.unflushed = false;
                    }
                    return Poll::Pending;
                }
            }
        }
        while self.written < self.filled {
            let rest = &self.buffer[self.written..self.filled];
            let count = ready!(writer.as_mut().poll_write(cx, rest))?;
            let count = count::written(count, rest.len())?;
            self.written += count;
            self.total += count as u64;
            self.unflushed = true;
        }
        if self.ended {
            ready!(writer.as_mut().poll_flush(cx))?;
            return Poll::Ready(Ok(Some(self.total)));
        }
        Poll::Ready(Ok(None))
    }
}

/// Where a direction stands.
enum Direction {
    /// Bytes may still come.
    Open(Transfer),
    /// All bytes came, this many; the shutdown of the far side is under way.
    Closing(u64),
    /// All done.
    Closed(u64),
}

impl Direction {
    fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
    ) -> Poll<io::Result<u64>>
    where
        R: AsyncRead + Unpin + ?Sized,
        W: AsyncWrite + Unpin + ?Sized,
    {
        loop {
            match self {
                Self::Open(transfer) => {
                    let total =
                        ready!(transfer.poll(cx, Pin::new(&mut *reader), Pin::new(&mut *writer)))?;
                    *self = Self::Closing(total);
                }
                Self::Closing(total) => {
                    let total = *total;
                    ready!(Pin::new(&mut *writer).poll_close(cx))?;
                    *self = Self::Closed(total);
                }
                Self::Closed(total) => return Poll::Ready(Ok(*total)),
            }
        }
    }

    /// Bytes written so far.
    const fn total(&self) -> u64 {
        match self {
            Self::Open(transfer) => transfer.total,
            Self::Closing(total) | Self::Closed(total) => *total,
        }
    }
}

/// Future of [`copy`].
#[must_use = "futures do nothing unless awaited"]
pub struct Copy<R, W> {
    reader: R,
    writer: W,
    transfer: Transfer,
    at: Caller,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Future for Copy<R, W> {
    type Output = io::Result<u64>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self {
            reader,
            writer,
            transfer,
            at,
        } = self.get_mut();
        caller::within(at, || transfer.poll(cx, Pin::new(reader), Pin::new(writer)))
    }
}

/// Future of [`copy_bidirectional`].
#[must_use = "futures do nothing unless awaited"]
pub struct CopyBidirectional<'a, A: ?Sized, B: ?Sized> {
    a: &'a mut A,
    b: &'a mut B,
    a_to_b: Direction,
    b_to_a: Direction,
    at: Caller,
}

impl<A: ?Sized, B: ?Sized> CopyBidirectional<'_, A, B> {
    /// Bytes written so far, `(a to b, b to a)`: also after an error, or while it runs.
    pub const fn counts(&self) -> (u64, u64) {
        (self.a_to_b.total(), self.b_to_a.total())
    }
}

impl<A, B> Future for CopyBidirectional<'_, A, B>
where
    A: AsyncRead + AsyncWrite + Unpin + ?Sized,
    B: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    type Output = io::Result<(u64, u64)>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self {
            a,
            b,
            a_to_b,
            b_to_a,
            at,
        } = self.get_mut();
        caller::within(at, || {
            let there = a_to_b.poll(cx, &mut **a, &mut **b)?;
            let back = b_to_a.poll(cx, &mut **b, &mut **a)?;
            Poll::Ready(Ok((ready!(there), ready!(back))))
        })
    }
}

impl<R, W> fmt::Debug for Copy<R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Copy")
            .field("copied", &self.transfer.total)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl<A: ?Sized, B: ?Sized> fmt::Debug for CopyBidirectional<'_, A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyBidirectional")
            .field("counts", &self.counts())
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
