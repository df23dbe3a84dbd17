//! The side of a portable stream that is abroad: it reads and writes the queues.
//!
//! Why: it touches nothing of the loop, so any thread may poll it. What it cannot have yet it is
//! woken for, by the task at home.

use std::io::{self, Read};
use std::sync::Arc;
use std::task::{Context, Poll};

use super::shared::{End, Shared, Side, State};

/// The stream abroad.
#[derive(Debug)]
pub(super) struct Front(pub(super) Arc<Shared>);

impl State {
    /// Home has written and flushed all that it was given, or has failed to.
    pub(super) fn is_flushed(&self) -> bool {
        self.write_failure.is_some() || self.flushed == self.accepted
    }

    /// Nothing is left to be done for what was written.
    pub(super) fn nothing_left(&self) -> bool {
        self.is_flushed() && (self.write_failure.is_some() || self.closed || !self.closing)
    }

    /// Why nothing more can be written.
    fn write_error(&self) -> Option<io::Error> {
        let failure = self.write_failure.as_ref().or(self.home_ended.as_ref())?;
        Some(failure.to_error())
    }
}

impl Front {
    pub(super) fn poll_read(&self, cx: &Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let half = self.0.limit / 2;
        self.0.poll(cx, Side::Reader, |state| {
            if buf.is_empty() {
                return (Poll::Ready(Ok(0)), &[]);
            }
            if !state.inbound.is_empty() {
                let was_full = state.inbound.len() > half;
                // Of a VecDeque, which never fails and gives one of its two slices.
                let count = state.inbound.read(buf);
                // Home reads again once the queue is half empty, not for each byte.
                let wakes: &[Side] = match was_full && state.inbound.len() <= half {
                    true => &[Side::Pump],
                    false => &[],
                };
                return (Poll::Ready(count), wakes);
            }
            let ended = match (&state.inbound_end, &state.home_ended) {
                (Some(End::Eof), _) => Ok(0),
                (Some(End::Failed(failure)), _) | (None, Some(failure)) => Err(failure.to_error()),
                (None, None) => return (Poll::Pending, &[]),
            };
            (Poll::Ready(ended), &[])
        })
    }

    pub(super) fn poll_write(&self, cx: &Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let limit = self.0.limit;
        self.0.poll(cx, Side::Writer, |state| {
            if state.closing {
                let error = io::Error::new(io::ErrorKind::BrokenPipe, "the stream was closed");
                return (Poll::Ready(Err(error)), &[]);
            }
            if let Some(error) = state.write_error() {
                return (Poll::Ready(Err(error)), &[]);
            }
            let count = buf.len().min(limit - state.outbound.len());
            if count == 0 && !buf.is_empty() {
                return (Poll::Pending, &[]);
            }
            state.outbound.extend(&buf[..count]);
            state.accepted += count as u64;
            (Poll::Ready(Ok(count)), &[Side::Pump])
        })
    }

    pub(super) fn poll_flush(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll(cx, Side::Writer, |state| {
            let done = match state.write_error() {
                // What was flushed before home ended, is.
                _ if state.write_failure.is_none() && state.is_flushed() => Ok(()),
                Some(error) => Err(error),
                None => return (Poll::Pending, &[]),
            };
            (Poll::Ready(done), &[])
        })
    }

    pub(super) fn poll_close(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll(cx, Side::Writer, |state| {
            state.closing = true;
            let done = match state.write_error() {
                _ if state.closed => Ok(()),
                Some(error) => Err(error),
                None => return (Poll::Pending, &[Side::Pump]),
            };
            (Poll::Ready(done), &[])
        })
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.0.with(|state| {
            state.dropped = true;
            ((), &[Side::Pump])
        });
    }
}
