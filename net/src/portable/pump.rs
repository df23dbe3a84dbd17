//! The task at home that does the I/O of a portable stream which was polled abroad.
//!
//! Why: a descriptor belongs to its loop, and so does each waiter. This task holds the stream and
//! carries bytes between it and the two queues; it polls the stream without any lock.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_io::{AsyncRead, AsyncWrite};
use myrt_runtime::time::timeout;

use super::shared::{End, Failure, Shared, Side};
use crate::io::count;

/// What one read takes at most.
const PIECE: usize = 16 * 1024;
/// How often in one poll the task turns to the stream, before other tasks have their turn.
const ROUNDS: usize = 32;
/// How long what was written before the drop may take to leave.
const LINGER: Duration = Duration::from_secs(30);

/// Tells the side abroad, whatever becomes of the task.
pub(super) struct Home {
    pub(super) shared: Arc<Shared>,
    pub(super) done: bool,
}

impl Drop for Home {
    fn drop(&mut self) {
        let text = if self.done {
            return;
        } else if std::thread::panicking() {
            "the stream panicked in the runtime that does its I/O"
        } else {
            "the runtime that does this stream's I/O has ended"
        };
        self.shared.with(|state| {
            state.home_ended = Some(Failure::new(io::ErrorKind::BrokenPipe, text));
            ((), &[Side::Reader, Side::Writer])
        });
    }
}

/// Carries bytes until both directions have ended or the side abroad is gone; then what was
/// written has some time to leave.
pub(super) async fn run<S: AsyncRead + AsyncWrite + Unpin>(stream: S, mut home: Home) {
    let mut pump = Pump {
        stream,
        shared: Arc::clone(&home.shared),
        piece: Vec::new(),
        written: 0,
        unflushed: false,
        read: Vec::new(),
    };
    poll_fn(|cx| pump.poll(cx)).await;
    let _ = timeout(LINGER, poll_fn(|cx| pump.poll_last(cx))).await;
    home.done = true;
}

struct Pump<S> {
    stream: S,
    shared: Arc<Shared>,
    /// Taken out of the queue, of which the first `written` bytes have gone.
    piece: Vec<u8>,
    written: usize,
    /// Bytes went since the last flush.
    unflushed: bool,
    /// Where reads go first; empty until there is one.
    read: Vec<u8>,
}

/// What the queue to home asks for.
enum Wanted {
    Write,
    Flush,
    Close,
    Nothing,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Pump<S> {
    /// Ready when there is nothing left to do, or the side abroad was dropped.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.shared.wait(cx, Side::Pump);
        for _ in 0..ROUNDS {
            let wrote = self.poll_write(cx);
            let read = self.poll_read(cx);
            let ended = self.shared.with(|state| {
                let outward = state.closed || state.write_failure.is_some();
                let both = outward && state.inbound_end.is_some();
                (both || state.dropped, &[])
            });
            if ended {
                return Poll::Ready(());
            }
            if wrote.is_pending() && read.is_pending() {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Of a stream whose side abroad is gone: ready when all that it wrote is
    /// flushed, and closed if it asked for that.
    fn poll_last(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..ROUNDS {
            if self.shared.with(|state| (state.nothing_left(), &[])) {
                return Poll::Ready(());
            }
            ready!(self.poll_write(cx));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// One step of the outward direction. Pending: nothing to do, or the stream is busy.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let step = match self.wanted() {
            Wanted::Nothing => return Poll::Pending,
            Wanted::Write => {
                let rest = &self.piece[self.written..];
                let most = rest.len();
                let taken = ready!(Pin::new(&mut self.stream).poll_write(cx, rest));
                taken
                    .and_then(|count| count::written(count, most))
                    .map(|count| {
                        self.written += count;
                        self.unflushed = true;
                    })
            }
            Wanted::Flush => ready!(Pin::new(&mut self.stream).poll_flush(cx)).map(|()| {
                self.unflushed = false;
                self.shared.with(|state| {
                    state.flushed = state.accepted - state.outbound.len() as u64;
                    ((), &[Side::Writer])
                });
            }),
            Wanted::Close => ready!(Pin::new(&mut self.stream).poll_close(cx)).map(|()| {
                self.shared.with(|state| {
                    state.closed = true;
                    ((), &[Side::Writer])
                });
            }),
        };
        if let Err(error) = step {
            if error.kind() == io::ErrorKind::Interrupted {
                return Poll::Ready(());
            }
            self.shared.with(|state| {
                state.outbound.clear();
                state.write_failure = Some(error.into());
                ((), &[Side::Writer])
            });
        }
        Poll::Ready(())
    }

    /// Takes the next bytes out of the queue when the former are gone.
    fn wanted(&mut self) -> Wanted {
        if self.written < self.piece.len() {
            return Wanted::Write;
        }
        let (piece, unflushed) = (&mut self.piece, self.unflushed);
        let wanted = self.shared.with(|state| {
            if state.write_failure.is_some() || state.closed {
                return (Wanted::Nothing, &[]);
            }
            if !state.outbound.is_empty() {
                piece.clear();
                piece.extend(state.outbound.drain(..));
                return (Wanted::Write, &[Side::Writer]);
            }
            match (unflushed, state.closing) {
                (true, _) => (Wanted::Flush, &[]),
                (false, true) => (Wanted::Close, &[]),
                (false, false) => (Wanted::Nothing, &[]),
            }
        });
        if matches!(wanted, Wanted::Write) {
            self.written = 0;
        }
        wanted
    }

    /// One read. Pending: no room, the end, or no bytes.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let limit = self.shared.limit;
        let room = self.shared.with(|state| {
            let open = state.inbound_end.is_none() && !state.dropped;
            let wants = open && state.inbound.len() <= limit / 2;
            (
                if wants {
                    limit - state.inbound.len()
                } else {
                    0
                },
                &[],
            )
        });
        if room == 0 {
            return Poll::Pending;
        }
        let most = room.min(PIECE);
        self.read.resize(limit.min(PIECE), 0);
        let free = &mut self.read[..most];
        let count = ready!(Pin::new(&mut self.stream).poll_read(cx, free));
        let read = &self.read;
        self.shared.with(|state| {
            match count.and_then(|count| count::read(count, most)) {
                Ok(0) => state.inbound_end = Some(End::Eof),
                Ok(count) => state.inbound.extend(&read[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => state.inbound_end = Some(End::Failed(error.into())),
            }
            ((), &[Side::Reader])
        });
        Poll::Ready(())
    }
}
