//! All that a child has to say, and how it ended: `communicate`, `wait_with_output`, `output`.
//!
//! Input is written while both outputs are read, in one future: a caller that does one after the
//! other stands still when the child fills the pipe that is not being read. What was got so far is
//! kept in the `Child`, so that dropping the future loses nothing. It knows nothing of how an end
//! is noticed.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::process::{ExitStatus, Output};
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

use super::child::Child;
use super::stdio::{ChildStderr, ChildStdout};
use super::wait::WaitState;
use crate::caller::{self, Caller};

/// Bytes taken from a pipe at once: what a pipe of Linux holds.
const PIECE: usize = 64 * 1024;
/// What a pipe can be made to hold, by default.
const LARGEST_PIPE: usize = 1024 * 1024;

/// What was got so far.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    written: usize,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    status: Option<ExitStatus>,
}

impl Gathered {
    pub(super) fn outputs(&self) -> (&[u8], &[u8]) {
        (&self.stdout, &self.stderr)
    }
}

impl Child {
    fn poll_gather(
        &mut self,
        cx: &mut Context<'_>,
        input: &[u8],
        state: &mut WaitState,
        at: Caller,
    ) -> Poll<io::Result<Output>> {
        let done = caller::within(at, || {
            let input = self.poll_input(cx, input)?;
            let stdout = poll_to_end(cx, &mut self.stdout, &mut self.gathered.stdout)?;
            let stderr = poll_to_end(cx, &mut self.stderr, &mut self.gathered.stderr)?;
            Ok::<_, io::Error>(input.is_ready() && stdout.is_ready() && stderr.is_ready())
        })?;
        if self.gathered.status.is_none() {
            if let Poll::Ready(status) = self.poll_wait(cx, state, at) {
                self.gathered.status = Some(status?);
                // It reads no more; a pipe that is full and has no reader left would say so by
                // itself, one with room would not.
                self.stdin = None;
            }
        }
        // A process that the child left behind may hold its pipes for ever.
        if let Some(status) = self.gathered.status.filter(|_| !done) {
            if self.was_cut_short(status) {
                take_rest(
                    &mut self.stdout,
                    &mut self.gathered.stdout,
                    ChildStdout::try_read,
                )?;
                take_rest(
                    &mut self.stderr,
                    &mut self.gathered.stderr,
                    ChildStderr::try_read,
                )?;
            }
        }
        let Some(status) = self
            .gathered
            .status
            .filter(|_| done || (self.stdout.is_none() && self.stderr.is_none()))
        else {
            return Poll::Pending;
        };
        let Gathered { stdout, stderr, .. } = std::mem::take(&mut self.gathered);
        self.gathered.status = Some(status);
        Poll::Ready(Ok(Output {
            status,
            stdout,
            stderr,
        }))
    }

    fn poll_input(&mut self, cx: &mut Context<'_>, input: &[u8]) -> io::Result<Poll<()>> {
        while let Some(stdin) = &mut self.stdin {
            let rest = input.get(self.gathered.written..).unwrap_or_default();
            if rest.is_empty() {
                self.stdin = None;
                break;
            }
            match Pin::new(stdin).poll_write(cx, rest) {
                Poll::Pending => return Ok(Poll::Pending),
                Poll::Ready(Ok(count)) => self.gathered.written += count,
                // It does not want the rest: its business, not an error.
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                    self.stdin = None;
                }
                Poll::Ready(Err(error)) => return Err(error),
            }
        }
        Ok(Poll::Ready(()))
    }
}

/// Reads what there is; at the end the pipe is closed and gone.
fn poll_to_end<R: AsyncRead + Unpin>(
    cx: &mut Context<'_>,
    pipe: &mut Option<R>,
    into: &mut Vec<u8>,
) -> io::Result<Poll<()>> {
    while let Some(reader) = pipe {
        let before = into.len();
        into.resize(before + PIECE, 0);
        let read = Pin::new(reader).poll_read(cx, &mut into[before..]);
        let count = if let Poll::Ready(Ok(count)) = &read {
            *count
        } else {
            0
        };
        into.truncate(before + count);
        match read {
            Poll::Pending => return Ok(Poll::Pending),
            Poll::Ready(Ok(0)) => *pipe = None,
            Poll::Ready(Ok(_)) => {}
            Poll::Ready(Err(error)) => return Err(error),
        }
    }
    Ok(Poll::Ready(()))
}

/// Reads what a pipe holds, and closes it. What is written meanwhile by others may go on for ever:
/// a pipe's size is the most.
fn take_rest<R>(
    pipe: &mut Option<R>,
    into: &mut Vec<u8>,
    try_read: impl Fn(&R, &mut [u8]) -> io::Result<usize>,
) -> io::Result<()> {
    let Some(reader) = pipe.take() else {
        return Ok(());
    };
    let most = into.len() + LARGEST_PIPE;
    while into.len() < most {
        let before = into.len();
        into.resize(before + PIECE, 0);
        let read = try_read(&reader, &mut into[before..]);
        into.truncate(before + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Future of [`Child::communicate`].
#[must_use = "futures do nothing unless awaited"]
pub struct Communicate<'a> {
    child: &'a mut Child,
    input: &'a [u8],
    state: WaitState,
    at: Caller,
}

impl<'a> Communicate<'a> {
    pub(super) fn new(child: &'a mut Child, input: &'a [u8], at: Caller) -> Self {
        Self {
            child,
            input,
            state: WaitState::default(),
            at,
        }
    }
}

impl Future for Communicate<'_> {
    type Output = io::Result<Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self {
            child,
            input,
            state,
            at,
        } = self.get_mut();
        child.poll_gather(cx, input, state, at)
    }
}

/// Future of [`Command::output`](super::Command::output) and [`Child::wait_with_output`].
#[must_use = "futures do nothing unless awaited"]
pub struct Collect {
    /// None once a failure to start was told.
    child: Option<io::Result<Child>>,
    state: WaitState,
    at: Caller,
}

impl Collect {
    pub(super) fn new(child: io::Result<Child>, at: Caller) -> Self {
        Self {
            child: Some(child),
            state: WaitState::default(),
            at,
        }
    }
}

impl Future for Collect {
    type Output = io::Result<Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        match &mut this.child {
            Some(Ok(child)) => child.poll_gather(cx, &[], &mut this.state, this.at),
            failed => match failed.take().expect("polled after it was ready") {
                Err(error) => Poll::Ready(Err(error)),
                Ok(_) => unreachable!("it was matched above"),
            },
        }
    }
}

impl fmt::Debug for Communicate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Communicate")
            .field("child", &self.child.id())
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Collect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collect")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
