//! How the end of a child is noticed, and the futures that wait for it.
//!
//! Asking is `try_wait`, always; watching only says when to ask again. A descriptor of the process
//! is opened at the first question that has no answer yet: the child cannot vanish before its end
//! was asked for, so that is early enough, and children that were quicker need none. It knows
//! nothing of pipes.

use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::process::{self, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

use myrt_runtime::io::Async;
use myrt_runtime::os;

use super::child::Child;
use super::sigchld::{Signals, Waiter};
use myrt_runtime::task::poll_within_budget;

use crate::caller::{self, Caller};
use crate::socket_op::Direction;

/// For tests: how it would be on a system that refuses pidfds.
static REFUSED: AtomicBool = AtomicBool::new(false);

#[doc(hidden)]
pub fn refuse_pidfd(refuse: bool) {
    REFUSED.store(refuse, Relaxed);
}

/// What wakes a task that waits for a child.
#[derive(Debug, Default)]
pub(super) enum Watch {
    /// Nobody has waited yet.
    #[default]
    None,
    /// Readable when the process has ended.
    Pidfd(Async<OwnedFd>),
    /// Some child has ended; which one is for each to find out.
    Signals(Arc<Signals>),
}

/// What belongs to one waiting future.
#[derive(Debug, Default)]
pub(super) struct WaitState {
    waiter: Waiter,
}

impl Watch {
    fn begin(&mut self, pid: u32) -> io::Result<()> {
        let pidfd = if REFUSED.load(Relaxed) {
            Err(io::ErrorKind::Unsupported.into())
        } else {
            os::pidfd_open(pid)
        };
        *self = match pidfd {
            // A pidfd is only ever waited for, so its blocking mode does not matter.
            Ok(pidfd) => Self::Pidfd(Async::new_nonblocking(pidfd)),
            Err(_) => Self::Signals(Signals::of_this_runtime()?),
        };
        Ok(())
    }

    /// Ready with the status when the child has ended.
    pub(super) fn poll(
        &mut self,
        child: &mut process::Child,
        cx: &mut Context<'_>,
        state: &mut WaitState,
        at: Caller,
    ) -> Poll<io::Result<ExitStatus>> {
        loop {
            if let Some(status) = child.try_wait()? {
                state.waiter.leave();
                return Poll::Ready(Ok(status));
            }
            let woken = match self {
                Self::None => {
                    self.begin(child.id())?;
                    continue;
                }
                Self::Pidfd(pidfd) => poll_pidfd(pidfd, child, cx, at),
                Self::Signals(signals) => signals.poll(cx, &mut state.waiter, at),
            };
            match (ready!(woken), &self) {
                (Ok(()), _) => {}
                // The selector does not take it: select and a high number, or a limit of the
                // system's.
                (Err(_), Self::Pidfd(_)) => *self = Self::Signals(Signals::of_this_runtime()?),
                (Err(error), _) => return Poll::Ready(Err(error)),
            }
        }
    }
}

/// Ready when it is time to ask again. An error is the selector's.
fn poll_pidfd(
    pidfd: &Async<OwnedFd>,
    child: &mut process::Child,
    cx: &mut Context<'_>,
    at: Caller,
) -> Poll<io::Result<()>> {
    let ended = pidfd.poll_transfer(cx, Direction::Read, 0, caller::of(at), |_| {
        match child.try_wait() {
            Ok(None) => Err(io::ErrorKind::WouldBlock.into()),
            // Also on an error: the caller asks once more, and is told.
            _ => Ok(0),
        }
    });
    ended.map_ok(drop)
}

/// Future of [`Child::wait`].
#[must_use = "futures do nothing unless awaited"]
pub struct Wait<'a> {
    child: &'a mut Child,
    state: WaitState,
    at: Caller,
}

impl<'a> Wait<'a> {
    pub(super) fn new(child: &'a mut Child, at: Caller) -> Self {
        Self {
            child,
            state: WaitState::default(),
            at,
        }
    }
}

impl Future for Wait<'_> {
    type Output = io::Result<ExitStatus>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { child, state, at } = self.get_mut();
        poll_within_budget(cx, |cx| child.poll_wait(cx, state, at))
    }
}

impl fmt::Debug for Wait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("child", &self.child.id())
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// Future of [`Child::kill`].
#[must_use = "the child is killed; await this for its end"]
#[derive(Debug)]
pub struct Kill<'a> {
    failure: Option<io::Error>,
    wait: Wait<'a>,
}

impl<'a> Kill<'a> {
    pub(super) fn new(killed: io::Result<()>, wait: Wait<'a>) -> Self {
        Self {
            failure: killed.err(),
            wait,
        }
    }
}

impl Future for Kill<'_> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(error) = self.failure.take() {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.wait).poll(cx).map_ok(drop)
    }
}
