//! A connection's stream as the server reads it: the first bytes looked at, and a limit on a peer
//! that takes nothing.
//!
//! Why: which HTTP a client speaks is told by its first bytes alone, and they must be read once
//! more by the code of that HTTP. hyper has no limit for a client that stops reading. It knows of HTTP
//! the preface only.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_io::{AsyncRead, AsyncWrite};
use myrt_runtime::time::{Sleep, sleep};

use crate::io::count;

/// How an HTTP/2 connection begins (RFC 9113, 3.4); no request of HTTP/1 begins like this.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A stream with what was read ahead of it.
#[derive(Debug)]
pub(super) struct IncomingStream<S> {
    stream: S,
    ahead: [u8; PREFACE.len()],
    /// The part of `ahead` that was not given out yet.
    from: usize,
    to: usize,
    write_timeout: Option<Duration>,
    /// Runs while a write waits.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> IncomingStream<S> {
    pub(super) const fn new(stream: S, write_timeout: Option<Duration>) -> Self {
        Self {
            stream,
            ahead: [0; PREFACE.len()],
            from: 0,
            to: 0,
            write_timeout,
            stalled: None,
        }
    }

    /// Reads until it is clear whether the client speaks HTTP/2. False too when it sends nothing.
    ///
    /// # Errors
    /// That of a read.
    pub(super) async fn speaks_http2(&mut self) -> io::Result<bool> {
        while self.to < PREFACE.len() && PREFACE.starts_with(&self.ahead[..self.to]) {
            let free = &mut self.ahead[self.to..];
            let most = free.len();
            let read = poll_fn(|cx| Pin::new(&mut self.stream).poll_read(cx, free)).await;
            match count::read(read?, most)? {
                0 => return Ok(false),
                count => self.to += count,
            }
        }
        Ok(self.ahead == *PREFACE)
    }

    /// Gives a write that waits its limit.
    fn limited<R>(
        &mut self,
        cx: &mut Context<'_>,
        write: Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        if write.is_ready() {
            self.stalled = None;
            return write;
        }
        let Some(limit) = self.write_timeout else {
            return write;
        };
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the client has read nothing for longer than the write timeout",
        )))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for IncomingStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.from == self.to {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let rest = &self.ahead[self.from..self.to];
        let count = rest.len().min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
        self.from += count;
        Poll::Ready(Ok(count))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for IncomingStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.limited(cx, write)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.limited(cx, write)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flush = Pin::new(&mut self.stream).poll_flush(cx);
        self.limited(cx, flush)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let close = Pin::new(&mut self.stream).poll_close(cx);
        self.limited(cx, close)
    }
}
