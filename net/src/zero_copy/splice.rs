//! `splice`: bytes from one socket or pipe to another by way of a pipe that only the kernel looks
//! into.
//!
//! splice(2) wants a pipe on one side. A pipe of our own stands between: it is filled only when it
//! is empty, so a `WouldBlock` while filling is the source's and one while emptying is the
//! target's. Where splice is refused, a buffer takes the pipe's place.

use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use myrt_runtime::{os, task};

use super::ends::{SpliceFrom, SpliceTo};
use crate::caller::{self, Caller};

/// What a pipe of Linux holds, and what is moved at once at most.
const PIECE: usize = 64 * 1024;

/// Moves everything from `from` to `to` until `from` ends, and says how many bytes that were. On
/// Linux they stay in the kernel; elsewhere this is [`io::copy`](crate::io::copy) with a larger
/// buffer.
///
/// `to` is not closed. Takes a pipe's two descriptors as long as it runs. Nobody else should read
/// `from` or write to `to` meanwhile. Dropped half-way, bytes that were taken and not yet passed on
/// are lost.
///
/// # Errors
/// The first error of either side.
///
/// # Examples
///
/// ```
/// use myrt::net::{TcpListener, TcpStream, splice};
///
/// myrt::run(async {
///     // An echo server that never sees a byte.
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let address = listener.local_addr()?;
///     let server = myrt::spawn(async move {
///         let (stream, _) = listener.accept().await?;
///         splice(&stream, &stream).await
///     });
///     let client = TcpStream::connect(address).await?;
///     client.write_all(b"there and back").await?;
///     let mut back = [0; 14];
///     client.read_exact(&mut back).await?;
///     assert_eq!(&back, b"there and back");
///     drop(client);
///     assert_eq!(server.await.unwrap()?, 14);
///     # Ok::<(), std::io::Error>(())
/// }).unwrap();
/// ```
#[track_caller]
pub fn splice<'a, R, W>(from: &'a R, to: &'a W) -> Splice<'a, R, W>
where
    R: SpliceFrom + ?Sized,
    W: SpliceTo + ?Sized,
{
    Splice {
        from,
        to,
        moving: Moving::default(),
        at: Location::caller(),
    }
}

/// Moves in both directions until both have ended, and gives the counts `(a to b, b to a)`: a
/// proxy's work, see [`splice`]. When one side ends, the other's direction of writing is closed and
/// the opposite direction goes on: half-close as TCP means it.
///
/// # Errors
/// The first error of either side, in either direction.
#[track_caller]
pub fn splice_bidirectional<'a, A, B>(a: &'a A, b: &'a B) -> SpliceBidirectional<'a, A, B>
where
    A: SpliceFrom + SpliceTo + ?Sized,
    B: SpliceFrom + SpliceTo + ?Sized,
{
    SpliceBidirectional {
        a,
        b,
        there: Moving::default(),
        back: Moving::default(),
        at: Location::caller(),
    }
}

/// One direction.
#[derive(Default)]
struct Moving {
    way: Way,
    /// Bytes that are on their way.
    held: usize,
    ended: bool,
    /// The target was told of the end.
    told: bool,
    total: u64,
}

/// What stands between the two sides.
#[derive(Default)]
enum Way {
    #[default]
    Unknown,
    /// The end to read from, the end to write to.
    Pipe(OwnedFd, OwnedFd),
    /// Bytes from `.1` on.
    Buffer(Vec<u8>, usize),
}

impl Moving {
    /// Ready with the total when the source has ended and everything is through.
    fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        from: &R,
        to: &W,
        at: Caller,
    ) -> Poll<io::Result<u64>>
    where
        R: SpliceFrom + ?Sized,
        W: SpliceTo + ?Sized,
    {
        loop {
            // Each step counts; one that waits has taken nothing.
            let step = task::poll_within_budget(cx, |cx| self.poll_step(cx, from, to, at));
            if let Some(total) = ready!(step)? {
                return Poll::Ready(Ok(total));
            }
        }
    }

    /// Moves bytes in or out once; the total at the end.
    fn poll_step<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        from: &R,
        to: &W,
        at: Caller,
    ) -> Poll<io::Result<Option<u64>>>
    where
        R: SpliceFrom + ?Sized,
        W: SpliceTo + ?Sized,
    {
        if self.held > 0 {
            let count = ready!(self.poll_out(cx, to, at))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.held -= count;
            self.total += count as u64;
        } else if self.ended {
            return Poll::Ready(Ok(Some(self.total)));
        } else {
            self.held = ready!(self.poll_in(cx, from, at))?;
            self.ended = self.held == 0;
        }
        Poll::Ready(Ok(None))
    }

    fn poll_in<R: SpliceFrom + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        from: &R,
        at: Caller,
    ) -> Poll<io::Result<usize>> {
        loop {
            let moved = match &mut self.way {
                Way::Unknown => {
                    crate::calls::fence("splice")?;
                    let (reader, writer) = os::pipe()?;
                    self.way = Way::Pipe(reader, writer);
                    continue;
                }
                Way::Pipe(_, writer) => {
                    let moved = ready!(from.poll_from(cx, at, &mut |source| os::splice(
                        source,
                        writer.as_fd(),
                        PIECE
                    )));
                    if is_refusal(&moved) {
                        self.way = Way::Buffer(Vec::new(), 0);
                        continue;
                    }
                    moved
                }
                Way::Buffer(bytes, taken) => {
                    bytes.resize(PIECE, 0);
                    *taken = 0;
                    let read =
                        ready!(from.poll_from(cx, at, &mut |source| os::read(source, bytes)));
                    bytes.truncate(*read.as_ref().unwrap_or(&0));
                    read
                }
            };
            return Poll::Ready(moved);
        }
    }

    fn poll_out<W: SpliceTo + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        to: &W,
        at: Caller,
    ) -> Poll<io::Result<usize>> {
        loop {
            let (held, way) = (self.held, &mut self.way);
            let moved = match way {
                Way::Unknown => unreachable!("bytes are held, so a way was found"),
                Way::Pipe(reader, _) => {
                    let moved = ready!(to.poll_to(cx, at, &mut |target| os::splice(
                        reader.as_fd(),
                        target,
                        held
                    )));
                    if is_refusal(&moved) {
                        // The source can be spliced, the target cannot: what is in the pipe is
                        // taken out again.
                        let mut bytes = vec![0; held];
                        let count = os::read(reader.as_fd(), &mut bytes)?;
                        bytes.truncate(count);
                        self.held = count;
                        self.way = Way::Buffer(bytes, 0);
                        continue;
                    }
                    moved
                }
                Way::Buffer(bytes, taken) => {
                    let written = ready!(
                        to.poll_to(cx, at, &mut |target| os::write(target, &bytes[*taken..]))
                    );
                    *taken += *written.as_ref().unwrap_or(&0);
                    written
                }
            };
            return Poll::Ready(moved);
        }
    }
}

/// Whether the system cannot splice these descriptors, or not at all.
fn is_refusal(moved: &io::Result<usize>) -> bool {
    matches!(moved, Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported))
}

/// Future of [`splice`].
#[must_use = "futures do nothing unless awaited"]
pub struct Splice<'a, R: ?Sized, W: ?Sized> {
    from: &'a R,
    to: &'a W,
    moving: Moving,
    at: Caller,
}

impl<R: SpliceFrom + ?Sized, W: SpliceTo + ?Sized> Future for Splice<'_, R, W> {
    type Output = io::Result<u64>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self {
            from,
            to,
            moving,
            at,
        } = self.get_mut();
        moving.poll(cx, *from, *to, caller::of(at))
    }
}

/// Future of [`splice_bidirectional`].
#[must_use = "futures do nothing unless awaited"]
pub struct SpliceBidirectional<'a, A: ?Sized, B: ?Sized> {
    a: &'a A,
    b: &'a B,
    there: Moving,
    back: Moving,
    at: Caller,
}

impl<A: ?Sized, B: ?Sized> SpliceBidirectional<'_, A, B> {
    /// Bytes moved so far, `(a to b, b to a)`: also after an error, or while it runs.
    #[must_use]
    pub const fn counts(&self) -> (u64, u64) {
        (self.there.total, self.back.total)
    }
}

impl<A, B> Future for SpliceBidirectional<'_, A, B>
where
    A: SpliceFrom + SpliceTo + ?Sized,
    B: SpliceFrom + SpliceTo + ?Sized,
{
    type Output = io::Result<(u64, u64)>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self {
            a,
            b,
            there,
            back,
            at,
        } = self.get_mut();
        let at = caller::of(at);
        let there = poll_and_tell(there, cx, *a, *b, at)?;
        let back = poll_and_tell(back, cx, *b, *a, at)?;
        Poll::Ready(Ok((ready!(there), ready!(back))))
    }
}

/// One direction, and word of its end.
fn poll_and_tell<R, W>(
    moving: &mut Moving,
    cx: &mut Context<'_>,
    from: &R,
    to: &W,
    at: Caller,
) -> Poll<io::Result<u64>>
where
    R: SpliceFrom + ?Sized,
    W: SpliceTo + ?Sized,
{
    let total = ready!(moving.poll(cx, from, to, at))?;
    if !std::mem::replace(&mut moving.told, true) {
        // Its pipe is needed no more.
        moving.way = Way::Unknown;
        to.end()?;
    }
    Poll::Ready(Ok(total))
}

impl<R: ?Sized, W: ?Sized> fmt::Debug for Splice<'_, R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Splice")
            .field("moved", &self.moving.total)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl<A: ?Sized, B: ?Sized> fmt::Debug for SpliceBidirectional<'_, A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpliceBidirectional")
            .field("counts", &self.counts())
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
