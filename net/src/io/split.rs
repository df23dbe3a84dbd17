//! One stream, two owners: a half to read from and a half to write to, for any stream.
//!
//! Sockets have halves of their own that share nothing but the descriptor
//! (`TcpStream::into_split`); this is for what must be polled as a whole, such as a TLS stream. One
//! thread, so an `Rc` does it and no lock. It knows nothing of the stream.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite, IoSlice, IoSliceMut};

/// Splits a stream into its two directions.
///
/// Dropping the write half does not close the stream's direction of writing: call `close` on it
/// first. The stream itself is dropped with the second half. [`ReadHalf::reunite`] puts the two
/// together again.
///
/// # Examples
///
/// ```
/// # use futures_lite::future::block_on;
/// use myrt::io::{AsyncReadExt, AsyncWriteExt, duplex, split};
///
/// # block_on(async {
/// let (near, mut far) = duplex(16);
/// let (mut reader, mut writer) = split(near);
/// writer.write_all(b"out").await?;
/// far.write_all(b"in").await?;
/// let mut buf = [0; 2];
/// reader.read_exact(&mut buf).await?;
/// assert_eq!(&buf, b"in");
/// let near = reader.reunite(writer).expect("halves of one stream");
/// # drop(near);
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
pub fn split<T: AsyncRead + AsyncWrite + Unpin>(stream: T) -> (ReadHalf<T>, WriteHalf<T>) {
    let shared = Rc::new(RefCell::new(stream));
    (
        ReadHalf {
            shared: shared.clone(),
        },
        WriteHalf { shared },
    )
}

/// The half to read from; see [`split`].
#[derive(Debug)]
pub struct ReadHalf<T> {
    shared: Rc<RefCell<T>>,
}

/// The half to write to; see [`split`].
#[derive(Debug)]
pub struct WriteHalf<T> {
    shared: Rc<RefCell<T>>,
}

impl<T> ReadHalf<T> {
    /// The stream, whole again.
    ///
    /// # Errors
    /// If `other` is the half of another stream: both halves come back in the error.
    #[expect(
        clippy::missing_panics_doc,
        reason = "halves are not Clone, so two is all there are"
    )]
    pub fn reunite(self, other: WriteHalf<T>) -> Result<T, ReuniteError<T>> {
        if !self.is_pair_of(&other) {
            return Err(ReuniteError {
                read: self,
                write: other,
            });
        }
        drop(other);
        let cell = Rc::into_inner(self.shared).expect("two halves and no third share the stream");
        Ok(cell.into_inner())
    }

    /// Whether the two are halves of one stream.
    pub fn is_pair_of(&self, other: &WriteHalf<T>) -> bool {
        Rc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T> WriteHalf<T> {
    /// The stream, whole again.
    ///
    /// # Errors
    /// If `other` is the half of another stream: both halves come back in the error.
    pub fn reunite(self, other: ReadHalf<T>) -> Result<T, ReuniteError<T>> {
        other.reunite(self)
    }
}

/// The two halves belong to different streams. Here they are, untouched.
pub struct ReuniteError<T> {
    /// The half to read from.
    pub read: ReadHalf<T>,
    /// The half to write to.
    pub write: WriteHalf<T>,
}

impl<T> fmt::Debug for ReuniteError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReuniteError").finish_non_exhaustive()
    }
}

impl<T> fmt::Display for ReuniteError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the two halves belong to different streams")
    }
}

impl<T> Error for ReuniteError<T> {}

/// Polls the shared stream. The borrow spans the stream's own poll, which cannot be avoided:
/// polling needs it whole. Should that poll come back here through the other half, this side tries
/// again later instead of panicking.
fn with<T, R>(
    shared: &RefCell<T>,
    cx: &mut Context<'_>,
    poll: impl FnOnce(Pin<&mut T>, &mut Context<'_>) -> Poll<R>,
) -> Poll<R>
where
    T: Unpin,
{
    match shared.try_borrow_mut() {
        Ok(mut stream) => poll(Pin::new(&mut *stream), cx),
        Err(_) => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for ReadHalf<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        with(&self.shared, cx, |stream, cx| stream.poll_read(cx, buf))
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        with(&self.shared, cx, |stream, cx| {
            stream.poll_read_vectored(cx, bufs)
        })
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for WriteHalf<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        with(&self.shared, cx, |stream, cx| stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        with(&self.shared, cx, |stream, cx| {
            stream.poll_write_vectored(cx, bufs)
        })
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        with(&self.shared, cx, |stream, cx| stream.poll_flush(cx))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        with(&self.shared, cx, |stream, cx| stream.poll_close(cx))
    }
}
