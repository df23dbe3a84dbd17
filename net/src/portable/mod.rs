//! `Portable`: a stream of this loop's that any thread may poll.
//!
//! Why: many crates start tasks on another runtime and give them a stream (axum's websockets,
//! `axum::serve`, russh). Polled at home the stream is polled as it is. The first poll on another
//! thread sends it home, to a task that does the I/O (`pump.rs`), and leaves two queues
//! (`shared.rs`) in its place.

mod front;
mod pump;
mod shared;

use std::fmt;
use std::io;
use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite, IoSlice};
use myrt_runtime::runtime::Remote;
use myrt_runtime::task::{self, Local};

use crate::caller::{self, Caller};
#[cfg(feature = "tokio-compat")]
use crate::io::count;
use front::Front;
use pump::Home;
use shared::Shared;

/// Bytes in each direction.
const CAPACITY: usize = 64 * 1024;

/// A stream of this thread's runtime that is `Send` and may be polled on any thread, while the
/// loop at home does the I/O.
///
/// For crates that start tasks of their own on another runtime and give them a stream: axum's
/// `ws`, `axum::serve`, russh's `connect_stream`. It has futures-io's traits and, with the feature
/// `tokio-compat`, tokio's.
///
/// As long as it is polled at home it passes everything on, for the price of a comparison. The
/// first poll on another thread sends the stream to a task at home, and from then on bytes go
/// through two queues of bounded length, 64 KiB each by default: who writes waits while the
/// queue is full, and the peer is not read while nobody takes what came. A flush is ready when the
/// stream at home is flushed, `close` when it is closed; reading goes on after it.
///
/// Dropped abroad, it ends the task at home as soon as what was written has left (after at most
/// 30 seconds). When the runtime at home ends, or the stream panics there, what came before can
/// still be read; then reading and writing fail with [`BrokenPipe`](io::ErrorKind::BrokenPipe) and
/// say why. A read or write that is given up loses nothing: bytes stay in their queue.
///
/// ```
/// use myrt::compat::Portable;
/// use myrt::io::{AsyncReadExt, AsyncWriteExt, duplex};
///
/// myrt::run(async {
///     let (near, mut far) = duplex(64);
///     let mut near = Portable::new(near); // `near` itself is of this thread only
///     let thread = std::thread::spawn(move || {
///         futures_lite::future::block_on(async {
///             near.write_all(b"hello").await?;
///             near.close().await
///         })
///     });
///     let mut heard = String::new();
///     far.read_to_string(&mut heard).await.unwrap();
///     assert_eq!(heard, "hello");
///     thread.join().unwrap().unwrap();
/// });
/// ```
pub struct Portable<S: 'static> {
    side: Side<S>,
    remote: Remote,
    capacity: usize,
    at: Caller,
}

enum Side<S: 'static> {
    Home(Local<S>),
    Abroad(Front),
}

impl<S: 'static> Portable<S> {
    /// Wraps a stream, whose home is this thread's runtime.
    ///
    /// # Panics
    /// Outside of a runtime.
    #[track_caller]
    pub fn new(stream: S) -> Self {
        Self::with_capacity(CAPACITY, stream)
    }

    /// As [`new`](Self::new), with queues of `capacity` bytes each way.
    ///
    /// # Panics
    /// Outside of a runtime, and if `capacity` is zero.
    #[track_caller]
    pub fn with_capacity(capacity: usize, stream: S) -> Self {
        assert!(
            capacity > 0,
            "a Portable needs room for one byte: give it a capacity above 0"
        );
        Self {
            side: Side::Home(Local::new(stream)),
            remote: Remote::current(),
            capacity,
            at: Location::caller(),
        }
    }

    /// The stream: none once it was polled on another thread, or on another thread.
    pub fn get_ref(&self) -> Option<&S> {
        match &self.side {
            Side::Home(stream) => stream.try_get(),
            Side::Abroad(_) => None,
        }
    }

    /// The stream, to be changed; see [`get_ref`](Self::get_ref).
    pub fn get_mut(&mut self) -> Option<&mut S> {
        match &mut self.side {
            Side::Home(stream) => stream.try_get_mut(),
            Side::Abroad(_) => None,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> Portable<S> {
    /// The stream where this is its home, otherwise the queues in its place.
    #[inline]
    fn located(&mut self) -> Located<'_, S> {
        if matches!(&self.side, Side::Home(stream) if !stream.is_here()) {
            self.leave();
        }
        match &mut self.side {
            Side::Home(stream) => Located::Home(Pin::new(&mut **stream), self.at),
            Side::Abroad(front) => Located::Abroad(front),
        }
    }

    /// Sends the stream to a task at home.
    #[cold]
    fn leave(&mut self) {
        let shared = Arc::new(Shared::new(self.capacity));
        let front = Side::Abroad(Front(Arc::clone(&shared)));
        let Side::Home(stream) = mem::replace(&mut self.side, front) else {
            return;
        };
        // Dropped with the call where the runtime has ended; then it says so.
        let home = Home {
            shared,
            done: false,
        };
        let at = self.at;
        self.remote.defer(move || {
            let work = pump::run(stream.into_inner(), home);
            drop(
                task::Builder::new()
                    .name(format!("portable stream of {at}"))
                    .spawn(work),
            );
        });
    }
}

/// Where a poll finds the stream.
enum Located<'a, S> {
    Home(Pin<&'a mut S>, Caller),
    Abroad(&'a Front),
}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> AsyncRead for Portable<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut().located() {
            Located::Home(stream, at) => caller::within(at, || stream.poll_read(cx, buf)),
            Located::Abroad(front) => front.poll_read(cx, buf),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> AsyncWrite for Portable<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut().located() {
            Located::Home(stream, at) => caller::within(at, || stream.poll_write(cx, buf)),
            Located::Abroad(front) => front.poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut().located() {
            Located::Home(stream, at) => {
                caller::within(at, || stream.poll_write_vectored(cx, bufs))
            }
            Located::Abroad(front) => {
                let first = bufs.iter().find(|buf| !buf.is_empty());
                front.poll_write(cx, first.map_or(&[], |buf| buf))
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut().located() {
            Located::Home(stream, at) => caller::within(at, || stream.poll_flush(cx)),
            Located::Abroad(front) => front.poll_flush(cx),
        }
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut().located() {
            Located::Home(stream, at) => caller::within(at, || stream.poll_close(cx)),
            Located::Abroad(front) => front.poll_close(cx),
        }
    }
}

#[cfg(feature = "tokio-compat")]
impl<S: AsyncRead + AsyncWrite + Unpin + 'static> tokio::io::AsyncRead for Portable<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let free = buf.initialize_unfilled();
        let most = free.len();
        let count = std::task::ready!(AsyncRead::poll_read(self, cx, free))?;
        buf.advance(count::read(count, most)?);
        Poll::Ready(Ok(()))
    }
}

#[cfg(feature = "tokio-compat")]
impl<S: AsyncRead + AsyncWrite + Unpin + 'static> tokio::io::AsyncWrite for Portable<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write(self, cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(self, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_close(self, cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write_vectored(self, cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

impl<S: fmt::Debug + 'static> fmt::Debug for Portable<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Portable");
        match &self.side {
            Side::Home(stream) => shown.field("stream", stream),
            Side::Abroad(_) => shown.field("stream", &"at home, polled from another thread"),
        };
        shown.finish_non_exhaustive()
    }
}
