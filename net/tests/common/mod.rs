//! What the tests share: polling by hand, counted wakes, streams that hesitate. No clock and no
//! runtime in it.
#![allow(dead_code, reason = "each test file uses its part")]

#[path = "../../../tests/support/left.rs"]
pub(crate) mod left;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use myrt_net::io::{AsyncRead, AsyncWrite};

/// A waker that counts.
#[derive(Default)]
pub(crate) struct Count(AtomicUsize);

impl Count {
    pub(crate) fn new() -> (Arc<Self>, Waker) {
        let count = Arc::new(Self::default());
        (count.clone(), count.into())
    }

    pub(crate) fn wakes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Polls once with a waker that does nothing.
pub(crate) fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls until ready; for futures that need no one else.
pub(crate) fn finish<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    for _ in 0..100_000 {
        if let Poll::Ready(value) = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            return value;
        }
    }
    panic!("the future waits for ever");
}

/// Decides at each poll whether the operation is dropped before it: bit after bit of a number.
pub(crate) struct Cuts(pub(crate) u64);

impl Cuts {
    fn cut(&mut self) -> bool {
        let bit = self.0 & 1 == 1;
        self.0 >>= 1;
        bit
    }
}

/// Starts an operation again and again, dropping it wherever `cuts` says so, until it is ready.
pub(crate) fn retried<S, T>(
    state: &mut S,
    cuts: &mut Cuts,
    mut operation: impl for<'s> FnMut(&'s mut S) -> Pin<Box<dyn Future<Output = T> + 's>>,
) -> T {
    for _ in 0..10_000 {
        let mut future = operation(state);
        while !cuts.cut() {
            if let Poll::Ready(value) = poll_once(&mut future) {
                return value;
            }
        }
    }
    panic!("the operation is never ready");
}

/// Gives the pieces one a poll with a hesitation before each, then ends. As a writer takes `step`
/// bytes every other poll.
#[derive(Default)]
pub(crate) struct Hesitant {
    pub(crate) pieces: Vec<Vec<u8>>,
    pub(crate) taken: Vec<u8>,
    pub(crate) step: usize,
    pub(crate) flushed: usize,
    pub(crate) closed: bool,
    ready: bool,
}

impl Hesitant {
    pub(crate) fn reading(all: &[u8], step: usize) -> Self {
        let mut pieces: Vec<Vec<u8>> = all.chunks(step).map(<[u8]>::to_vec).collect();
        pieces.reverse();
        Self {
            pieces,
            ..Self::default()
        }
    }

    pub(crate) fn writing(step: usize) -> Self {
        Self {
            step,
            ..Self::default()
        }
    }

    fn hesitate(&mut self, cx: &Context<'_>) -> bool {
        self.ready = !self.ready;
        if self.ready {
            cx.waker().wake_by_ref();
        }
        self.ready
    }
}

impl AsyncRead for Hesitant {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.hesitate(cx) {
            return Poll::Pending;
        }
        let Some(mut piece) = self.pieces.pop() else {
            return Poll::Ready(Ok(0));
        };
        let count = piece.len().min(buf.len());
        buf[..count].copy_from_slice(&piece[..count]);
        if count < piece.len() {
            self.pieces.push(piece.split_off(count));
        }
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for Hesitant {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.hesitate(cx) {
            return Poll::Pending;
        }
        let count = self.step.min(buf.len());
        self.taken.extend_from_slice(&buf[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.hesitate(cx) {
            return Poll::Pending;
        }
        self.flushed = self.taken.len();
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.hesitate(cx) {
            return Poll::Pending;
        }
        self.closed = true;
        Poll::Ready(Ok(()))
    }
}

/// Runs a test on a runtime of its own; nothing may be left of it.
#[track_caller]
pub(crate) fn run<F: Future>(test: F) -> F::Output {
    left::run(test)
}

/// A directory for socket files, gone at the end of the test.
pub(crate) struct Directory(std::path::PathBuf);

impl Directory {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("myrt-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
