//! Between futures-io's traits and tokio's, in both directions.
//!
//! Many crates ask for tokio's `AsyncRead` and `AsyncWrite` without needing its runtime: the traits are all they mean. This adapter is
//! those traits and nothing else; what calls tokio's `spawn`, timers or sockets inside still cannot run here. It knows no stream.

use std::io::{self, IoSlice};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncBufRead, AsyncRead, AsyncWrite};
use pin_project_lite::pin_project;
use tokio::io::{self as theirs, ReadBuf};

use crate::place::{self, Place};

pin_project! {
    /// A stream under the traits of the other side: around one with futures-io's traits it has tokio's, and the other way round.
    ///
    /// No bytes are copied and nothing is buffered. tokio's `shutdown` is futures-io's `close`. A task that waits for its bytes is shown at
    /// the line that made the `Compat`.
    ///
    /// ```
    /// use myrt_net::compat::Compat;
    /// use myrt_net::io::{AsyncReadExt, AsyncWriteExt, duplex};
    ///
    /// fn wants_tokio<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(stream: T) -> T {
    ///     stream
    /// }
    ///
    /// myrt::run(async {
    ///     let (near, mut far) = duplex(64);
    ///     // To tokio's traits, and (for the sake of the example) back again.
    ///     let mut near = Compat::new(wants_tokio(Compat::new(near)));
    ///     near.write_all(b"hello").await.unwrap();
    ///     near.close().await.unwrap();
    ///     let mut heard = String::new();
    ///     far.read_to_string(&mut heard).await.unwrap();
    ///     assert_eq!(heard, "hello");
    /// });
    /// ```
    #[derive(Debug)]
    pub struct Compat<T> {
        #[pin]
        stream: T,
        at: Place,
    }
}

impl<T> Compat<T> {
    /// Wraps `stream`.
    #[track_caller]
    pub fn new(stream: T) -> Self {
        Self {
            stream,
            at: Location::caller(),
        }
    }

    /// The stream.
    pub fn get_ref(&self) -> &T {
        &self.stream
    }

    /// The stream, to be changed.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.stream
    }

    /// Takes the stream out again.
    pub fn into_inner(self) -> T {
        self.stream
    }
}

impl<T: AsyncRead> theirs::AsyncRead for Compat<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.project();
        // Cleared once for each buffer, not once for each read: the buffer remembers.
        let free = buf.initialize_unfilled();
        let count = ready!(place::within(this.at, || this.stream.poll_read(cx, free)))?;
        buf.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncBufRead> theirs::AsyncBufRead for Compat<T> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.project();
        place::within(this.at, || this.stream.poll_fill_buf(cx))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        self.project().stream.consume(amount);
    }
}

impl<T: AsyncWrite> theirs::AsyncWrite for Compat<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.project();
        place::within(this.at, || this.stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.project();
        place::within(this.at, || this.stream.poll_write_vectored(cx, bufs))
    }

    /// Always, since futures-io's streams cannot say: one that has no vectored write takes the first slice.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        place::within(this.at, || this.stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        place::within(this.at, || this.stream.poll_close(cx))
    }
}

impl<T: theirs::AsyncRead> AsyncRead for Compat<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.project();
        let mut buf = ReadBuf::new(buf);
        ready!(place::within(this.at, || this
            .stream
            .poll_read(cx, &mut buf)))?;
        Poll::Ready(Ok(buf.filled().len()))
    }
}

impl<T: theirs::AsyncBufRead> AsyncBufRead for Compat<T> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.project();
        place::within(this.at, || this.stream.poll_fill_buf(cx))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        self.project().stream.consume(amount);
    }
}

impl<T: theirs::AsyncWrite> AsyncWrite for Compat<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.project();
        place::within(this.at, || this.stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.project();
        place::within(this.at, || this.stream.poll_write_vectored(cx, bufs))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        place::within(this.at, || this.stream.poll_flush(cx))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        place::within(this.at, || this.stream.poll_shutdown(cx))
    }
}
