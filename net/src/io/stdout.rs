//! Standard output and error, without touching the flags of what the shell and other programs
//! share.
//!
//! As for standard input (`stdin.rs`): wait until the descriptor takes something, which can be
//! given up, then have a thread of the blocking pool write, since between the two another program
//! may have filled the pipe. A write that is ready has reached the system, so the end of the
//! program loses nothing of it. A write that was dropped may have happened; the next one recognizes
//! its own bytes, as those of files do. It knows nothing of lines.

use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::Location;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll, ready};

use futures_io::AsyncWrite;
use myrt_runtime::io::{Ready, writable};
use myrt_runtime::os;

use myrt_runtime::task::poll_budget;

use crate::blocking_op::BlockingOp;
use crate::caller::{self, Caller};

/// What one job writes at most.
const PIECE: usize = 64 * 1024;

static STDOUT: OnceLock<io::Stdout> = OnceLock::new();
static STDERR: OnceLock<io::Stderr> = OnceLock::new();

/// The program's standard output.
///
/// Nothing is buffered: each write is a job on the blocking pool, ready when the system has the
/// bytes. Gather small ones ([`Writer`](crate::io::Writer), `BufWriter`). The descriptor stays
/// blocking, as the shell and children expect it; what `print!` has buffered goes out in its own
/// time. Writes of several tasks do not mix within 4 KiB into a pipe.
///
/// # Examples
///
/// ```
/// myrt::run(async {
///     myrt::io::stdout().write_all(b"hello\n").await
/// }).unwrap();
/// ```
#[must_use]
pub fn stdout() -> Stdout {
    Stdout {
        out: Out::new(Stream::Output),
    }
}

/// The program's standard error; see [`stdout`].
#[must_use]
pub fn stderr() -> Stderr {
    Stderr {
        out: Out::new(Stream::Error),
    }
}

/// Which of the two.
#[derive(Debug, Clone, Copy)]
enum Stream {
    Output,
    Error,
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd()
    }
}

impl Stream {
    fn fd(self) -> BorrowedFd<'static> {
        match self {
            Self::Output => STDOUT.get_or_init(io::stdout).as_fd(),
            Self::Error => STDERR.get_or_init(io::stderr).as_fd(),
        }
    }
}

/// A stream, and how far its write has got.
struct Out {
    stream: Stream,
    step: Step,
}

enum Step {
    Idle,
    Wait(Ready<Stream>),
    /// Gives what it was to write, and how much of it was written.
    Write(BlockingOp<(Vec<u8>, io::Result<usize>)>),
}

impl Out {
    const fn new(stream: Stream) -> Self {
        Self {
            stream,
            step: Step::Idle,
        }
    }

    fn poll_write_at(
        &mut self,
        cx: &mut Context<'_>,
        buf: &[u8],
        at: Caller,
    ) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return poll_budget(cx).map(|()| Ok(0));
        }
        loop {
            match &mut self.step {
                Step::Idle => self.step = Step::Wait(writable(self.stream)),
                Step::Wait(wait) => {
                    // An error: the selector does not take it. Then a thread waits.
                    drop(ready!(caller::within(at, || Pin::new(wait).poll(cx))));
                    let (stream, bytes) = (self.stream, buf[..buf.len().min(PIECE)].to_vec());
                    self.step = Step::Write(BlockingOp::begin(move || {
                        let written = os::write(stream.fd(), &bytes);
                        (bytes, written)
                    }));
                }
                Step::Write(work) => {
                    let foreign = work.is_foreign();
                    let done = ready!(work.poll(cx, at));
                    self.step = Step::Idle;
                    let (bytes, result) = match done {
                        // Its runtime ended first: nothing was written.
                        Err(_) if foreign => continue,
                        done => done?,
                    };
                    // Somebody made it non-blocking: it is full again. Or the write of somebody who
                    // gave up: ours is still to be done.
                    let blocked =
                        matches!(&result, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
                    if !blocked && buf.starts_with(&bytes) {
                        return Poll::Ready(result);
                    }
                }
            }
        }
    }
}

/// Both streams have the same methods.
macro_rules! output {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        pub struct $name {
            out: Out,
        }

        impl $name {
            /// Writes some of `buf`, at most 64 KiB, and says how much: the system has it then.
            /// Dropped, it may happen or not.
            ///
            /// # Errors
            /// What the system says, such as [`BrokenPipe`](io::ErrorKind::BrokenPipe).
            #[track_caller]
            pub fn write<'a>(&'a mut self, buf: &'a [u8]) -> WriteStd<'a> {
                WriteStd { out: &mut self.out, buf, at: Location::caller() }
            }

            /// Writes `buf` whole: the system has it then. Dropped half-way, some of it may be
            /// written.
            ///
            /// # Errors
            /// What the system says, such as [`BrokenPipe`](io::ErrorKind::BrokenPipe).
            #[track_caller]
            pub fn write_all<'a>(&'a mut self, buf: &'a [u8]) -> WriteAllStd<'a> {
                WriteAllStd { out: &mut self.out, rest: buf, at: Location::caller() }
            }
        }

        /// Flushing and closing have nothing to do.
        impl AsyncWrite for $name {
            #[track_caller]
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                let at = caller::of(Location::caller());
                self.get_mut().out.poll_write_at(cx, buf, at)
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                poll_budget(cx).map(Ok)
            }

            fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }
        }

        impl AsFd for $name {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.out.stream.fd()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}

output! {
    /// Standard output; see [`stdout`].
    Stdout
}
output! {
    /// Standard error; see [`stderr`].
    Stderr
}

/// Future of [`Stdout::write`] and [`Stderr::write`].
#[must_use = "futures do nothing unless awaited"]
pub struct WriteStd<'a> {
    out: &'a mut Out,
    buf: &'a [u8],
    at: Caller,
}

impl Future for WriteStd<'_> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { out, buf, at } = self.get_mut();
        out.poll_write_at(cx, buf, at)
    }
}

/// Future of [`Stdout::write_all`] and [`Stderr::write_all`].
#[must_use = "futures do nothing unless awaited"]
pub struct WriteAllStd<'a> {
    out: &'a mut Out,
    rest: &'a [u8],
    at: Caller,
}

impl Future for WriteAllStd<'_> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { out, rest, at } = self.get_mut();
        while !rest.is_empty() {
            let count = ready!(out.poll_write_at(cx, rest, at))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *rest = &rest[count..];
        }
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for WriteStd<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteStd")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for WriteAllStd<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteAllStd")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
