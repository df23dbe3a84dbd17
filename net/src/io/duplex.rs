//! Two in-memory streams, each the other's far end: sockets for tests, without the kernel.
//!
//! Why not a socket pair: what happens when is exact. A write wakes a waiting reader once and
//! nobody else, a read that makes room wakes a waiting writer once, and under virtual time nothing
//! depends on the kernel's buffers or timing. No borrow is held while a waker is cloned, woken or
//! dropped, because a foreign waker may do anything, this very stream included.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use futures_io::{AsyncRead, AsyncWrite};
use myrt_runtime::task::{Wait, poll_budget, poll_share, take_share};

use crate::caller;

/// Two connected streams; each direction holds at most `size` bytes that were written and not yet
/// read.
///
/// Dropping one end, or closing its direction of writing, ends the other's reading; writing to an
/// end that was dropped is [`BrokenPipe`](io::ErrorKind::BrokenPipe).
///
/// # Panics
/// If `size` is 0: nothing could ever pass.
///
/// # Examples
///
/// ```
/// # use futures_lite::future::block_on;
/// use myrt::io::{AsyncReadExt, AsyncWriteExt, duplex};
///
/// # block_on(async {
/// let (mut client, mut server) = duplex(64);
/// client.write_all(b"ping").await?;
/// drop(client);
/// let mut all = Vec::new();
/// server.read_to_end(&mut all).await?;
/// assert_eq!(all, b"ping");
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
#[track_caller]
pub fn duplex(size: usize) -> (DuplexStream, DuplexStream) {
    assert!(size > 0, "duplex: a size of 0 lets nothing pass");
    let there = Rc::new(RefCell::new(Pipe::new(size)));
    let back = Rc::new(RefCell::new(Pipe::new(size)));
    let first = DuplexStream {
        read: back.clone(),
        write: there.clone(),
    };
    let second = DuplexStream {
        read: there,
        write: back,
    };
    (first, second)
}

/// One end of a [`duplex`].
#[derive(Debug)]
pub struct DuplexStream {
    read: Rc<RefCell<Pipe>>,
    write: Rc<RefCell<Pipe>>,
}

/// One direction.
#[derive(Debug)]
struct Pipe {
    bytes: VecDeque<u8>,
    size: usize,
    /// The writer is done: what is left is all that comes.
    ended: bool,
    /// The reader is gone: writing is pointless.
    deaf: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Pipe {
    const fn new(size: usize) -> Self {
        Self {
            bytes: VecDeque::new(),
            size,
            ended: false,
            deaf: false,
            reader: None,
            writer: None,
        }
    }

    /// Reads if there are bytes, or the end. Also returns the waker of the writer that waits for
    /// room.
    fn read(&mut self, buf: &mut [u8]) -> Option<(io::Result<usize>, Option<Waker>)> {
        if self.bytes.is_empty() {
            return self.ended.then_some((Ok(0), None));
        }
        let (front, _) = self.bytes.as_slices();
        let mut count = front.len().min(buf.len());
        buf[..count].copy_from_slice(&front[..count]);
        let (_, back) = self.bytes.as_slices();
        let more = back.len().min(buf.len() - count);
        buf[count..count + more].copy_from_slice(&back[..more]);
        count += more;
        self.bytes.drain(..count);
        Some((Ok(count), self.writer.take()))
    }

    /// Writes if there is room, or fails if there is no reader. Also returns the waker of the
    /// reader that waits for bytes.
    fn write(&mut self, buf: &[u8]) -> Option<(io::Result<usize>, Option<Waker>)> {
        if self.deaf || self.ended {
            return Some((Err(io::ErrorKind::BrokenPipe.into()), None));
        }
        let count = buf.len().min(self.size - self.bytes.len());
        if count == 0 {
            return None;
        }
        self.bytes.extend(&buf[..count]);
        Some((Ok(count), self.reader.take()))
    }
}

/// Tries `attempt`; if it has nothing to say, leaves the task's waker in `place` of the pipe.
fn poll_pipe(
    pipe: &Rc<RefCell<Pipe>>,
    cx: &mut Context<'_>,
    at: &'static Location<'static>,
    place: fn(&mut Pipe) -> &mut Option<Waker>,
    mut attempt: impl FnMut(&mut Pipe) -> Option<(io::Result<usize>, Option<Waker>)>,
) -> Poll<io::Result<usize>> {
    ready!(poll_share(cx));
    let mut fresh: Option<Waker> = None;
    loop {
        let mut borrowed = pipe.borrow_mut();
        if let Some((result, woken)) = attempt(&mut borrowed) {
            drop(borrowed);
            take_share();
            if let Some(waker) = woken {
                waker.wake();
            }
            return Poll::Ready(result);
        }
        let slot = place(&mut borrowed);
        if !slot.as_ref().is_some_and(|old| old.will_wake(cx.waker())) {
            let Some(waker) = fresh.take() else {
                drop(borrowed);
                // Cloning may run foreign code, which may read or write here: look again
                // afterwards.
                fresh = Some(cx.waker().clone());
                continue;
            };
            let old = slot.replace(waker);
            drop(borrowed);
            drop(old);
        }
        caller::note(Wait::Channel(Rc::as_ptr(pipe).addr()), at);
        return Poll::Pending;
    }
}

impl AsyncRead for DuplexStream {
    #[track_caller]
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return poll_budget(cx).map(|()| Ok(0));
        }
        poll_pipe(
            &self.read,
            cx,
            Location::caller(),
            |pipe| &mut pipe.reader,
            |pipe| pipe.read(buf),
        )
    }
}

impl AsyncWrite for DuplexStream {
    #[track_caller]
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return poll_budget(cx).map(|()| Ok(0));
        }
        poll_pipe(
            &self.write,
            cx,
            Location::caller(),
            |pipe| &mut pipe.writer,
            |pipe| pipe.write(buf),
        )
    }

    /// Nothing to do: what was written is at the other end already.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        poll_budget(cx).map(Ok)
    }

    /// Ends the direction of writing; reading goes on.
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        end_writing(&self.write);
        Poll::Ready(Ok(()))
    }
}

impl Drop for DuplexStream {
    fn drop(&mut self) {
        end_writing(&self.write);
        let mut pipe = self.read.borrow_mut();
        pipe.deaf = true;
        let unread = mem::take(&mut pipe.bytes);
        let (reader, writer) = (pipe.reader.take(), pipe.writer.take());
        drop(pipe);
        drop((unread, reader));
        if let Some(waker) = writer {
            waker.wake();
        }
    }
}

/// Ends a direction: its reader gets what is left, then the end.
fn end_writing(pipe: &RefCell<Pipe>) {
    let mut pipe = pipe.borrow_mut();
    pipe.ended = true;
    let (reader, writer) = (pipe.reader.take(), pipe.writer.take());
    drop(pipe);
    drop(writer);
    if let Some(waker) = reader {
        waker.wake();
    }
}
