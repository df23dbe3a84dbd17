//! One stream under the other's traits: futures-io's for hyper, and hyper's for everybody else.
//!
//! hyper reads into memory that nobody has written yet, which safe code cannot do. So a read goes
//! through one buffer that the thread's connections share: it costs a copy of the bytes that came
//! (a request's, mostly), where clearing hyper's buffer first would cost 8 KiB for each read, and a
//! buffer for each connection its memory. It knows nothing of HTTP.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::hyper::rt;
use futures_io::{AsyncRead, AsyncWrite};
use pin_project_lite::pin_project;

use crate::adapter::{Adapter, write_through};
use crate::io::count;

/// What one read can give at most. hyper's own buffer grows up to some 400 KiB; more than this at
/// once saves nothing measurable.
const SCRATCH: usize = 64 * 1024;

thread_local! {
    /// Taken out while a read is under way, so that streams may be built on each other.
    static SHARED: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

pin_project! {
    /// A stream under the traits of the other side.
    ///
    /// Around a stream with futures-io's [`AsyncRead`] and [`AsyncWrite`], such as a
    /// [`TcpStream`](crate::TcpStream) or a TLS stream, it has hyper's [`Read`](rt::Read) and
    /// [`Write`](rt::Write): give it to `serve_connection` or `handshake`. Around a stream with
    /// hyper's, such as [`Upgraded`](::hyper::upgrade::Upgraded), it has futures-io's: give it to
    /// async-tungstenite.
    ///
    /// A task that waits for its bytes is shown at the line that made the `Io`.
    #[derive(Debug)]
    pub struct Io<T> {
        #[pin]
        stream: Adapter<T>,
        vectored: bool,
    }
}

impl<T> Io<T> {
    /// Wraps `stream`.
    #[track_caller]
    pub fn new(stream: T) -> Self {
        Self {
            stream: Adapter::new(stream),
            vectored: true,
        }
    }

    /// Whether hyper should write head and body from where they are, in one call (`writev`); the
    /// default, right for sockets. With `false` it copies them into one buffer: better where the
    /// stream's `poll_write_vectored` takes the first slice only, as a TLS stream's often does.
    #[must_use]
    pub fn vectored(mut self, vectored: bool) -> Self {
        self.vectored = vectored;
        self
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

impl<T: AsyncRead> rt::Read for Io<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut scratch = SHARED.take();
        if scratch.is_empty() {
            scratch = vec![0; SCRATCH];
        }
        let most = buf.remaining().min(SCRATCH);
        let free = &mut scratch[..most];
        let stream = self.project().stream;
        let poll = stream.poll(|stream| stream.poll_read(cx, free));
        let poll = poll.map(|read| {
            let count = count::read(read?, most)?;
            buf.put_slice(&scratch[..count]);
            Ok(())
        });
        SHARED.set(scratch);
        poll
    }
}

impl<T: rt::Read> AsyncRead for Io<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buf = rt::ReadBuf::new(buf);
        let stream = self.project().stream;
        ready!(stream.poll(|stream| stream.poll_read(cx, buf.unfilled())))?;
        Poll::Ready(Ok(buf.filled().len()))
    }
}

write_through! {
    impl rt::Write { poll_shutdown } for Io through AsyncWrite { poll_close }
    {
        fn is_write_vectored(&self) -> bool {
            self.vectored
        }
    }
}
write_through! {
    impl AsyncWrite { poll_close } for Io through rt::Write { poll_shutdown }
}
