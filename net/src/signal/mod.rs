//! Signals as futures and streams.
//!
//! A signal handler may do next to nothing; ours writes a byte to a socket pair, and reading its
//! other end is ordinary waiting. Signals of one kind that come faster than they are received
//! become one. It knows nothing of what a program does about them.
//!
//! While anybody listens to a kind, its default action is off. After the last listener the kind
//! does what it did before the first: the default comes back where it was the default, ignored
//! stays ignored (SIGPIPE in Rust, SIGHUP under nohup), a handler of the program's own goes on.
//! (tokio leaves its handler for ever, so a program that once waited for Ctrl-C cannot be
//! interrupted any more.)

mod interrupt;
mod registry;
pub mod unix;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pub use interrupt::run;
use unix::{Signal, SignalKind, signal};

/// Ready when the program is interrupted (Ctrl-C, SIGINT). It listens from the call on, not only
/// when awaited; dropping it ends that.
///
/// # Errors
/// If listening could not begin.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// myrt::signal::ctrl_c().await?;
/// println!("goodbye");
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn ctrl_c() -> CtrlC {
    CtrlC {
        listening: Some(signal(SignalKind::interrupt())),
    }
}

/// Future of [`ctrl_c`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct CtrlC {
    /// None once the failure was told.
    listening: Option<io::Result<Signal>>,
}

impl Future for CtrlC {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.listening {
            Some(Ok(signal)) => {
                ready!(signal.poll_recv(cx));
                Poll::Ready(Ok(()))
            }
            failed => match failed.take().expect("polled after it was ready") {
                Err(error) => Poll::Ready(Err(error)),
                Ok(_) => unreachable!("it was matched above"),
            },
        }
    }
}
