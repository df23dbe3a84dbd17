//! Between futures-io's traits and tokio's, in both directions.
//!
//! Many crates ask for tokio's `AsyncRead` and `AsyncWrite` without needing its runtime: the traits
//! are all they mean, and [`Compat`] is those traits and nothing else. What calls tokio's `spawn`,
//! timers or sockets inside wants a `tokio_context` (feature `tokio-context`); what gives a stream
//! of ours to a task there wants a [`Portable`]. It knows no stream.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncBufRead, AsyncRead, AsyncWrite};
use pin_project_lite::pin_project;
use tokio::io::{self as theirs, ReadBuf};

#[cfg(feature = "tokio-context")]
mod context;

#[cfg(feature = "tokio-context")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio-context")))]
pub use context::{TokioContext, tokio_context};

pub use crate::portable::Portable;

use crate::adapter::{Adapter, write_through};
use crate::io::count;

pin_project! {
    /// A stream under the traits of the other side: around one with futures-io's traits it has
    /// tokio's, and the other way round.
    ///
    /// No bytes are copied and nothing is buffered. tokio's `shutdown` is futures-io's `close`. A
    /// task that waits for its bytes is shown at the line that made the `Compat`.
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
        stream: Adapter<T>,
    }
}

impl<T> Compat<T> {
    /// Wraps `stream`.
    #[track_caller]
    pub fn new(stream: T) -> Self {
        Self {
            stream: Adapter::new(stream),
        }
    }

    /// The stream.
    pub fn get_ref(&self) -> &T {
        self.stream.get_ref()
    }

    /// The stream, to be changed.
    pub fn get_mut(&mut self) -> &mut T {
        self.stream.get_mut()
    }

    /// Takes the stream out again.
    pub fn into_inner(self) -> T {
        self.stream.into_inner()
    }
}

impl<T: AsyncRead> theirs::AsyncRead for Compat<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Cleared once for each buffer, not once for each read: the buffer remembers.
        let free = buf.initialize_unfilled();
        let stream = self.project().stream;
        let most = free.len();
        let count = ready!(stream.poll(|stream| stream.poll_read(cx, free)))?;
        buf.advance(count::read(count, most)?);
        Poll::Ready(Ok(()))
    }
}

impl<T: theirs::AsyncRead> AsyncRead for Compat<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buf = ReadBuf::new(buf);
        let stream = self.project().stream;
        ready!(stream.poll(|stream| stream.poll_read(cx, &mut buf)))?;
        Poll::Ready(Ok(buf.filled().len()))
    }
}

impl<T: AsyncBufRead> theirs::AsyncBufRead for Compat<T> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let stream = self.project().stream;
        stream.poll(|stream| stream.poll_fill_buf(cx))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        let stream = self.project().stream;
        stream.poll(|stream| stream.consume(amount));
    }
}

impl<T: theirs::AsyncBufRead> AsyncBufRead for Compat<T> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let stream = self.project().stream;
        stream.poll(|stream| stream.poll_fill_buf(cx))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        let stream = self.project().stream;
        stream.poll(|stream| stream.consume(amount));
    }
}

write_through! {
    impl theirs::AsyncWrite { poll_shutdown } for Compat through AsyncWrite { poll_close }
    {
        /// Always, since futures-io's streams cannot say: one that has no vectored write takes the
        /// first slice.
        fn is_write_vectored(&self) -> bool {
            true
        }
    }
}
write_through! {
    impl AsyncWrite { poll_close } for Compat through theirs::AsyncWrite { poll_shutdown }
}
