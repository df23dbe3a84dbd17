//! Waiting for children by SIGCHLD, where a process has no descriptor.
//!
//! The signal says that *some* child has ended, and several ends may be one signal: so each signal
//! wakes everyone who waits for a child in this runtime, and each asks for its own. There is one
//! listener a runtime, made when the first child is waited for and gone with the last; its handler
//! writes a byte to a socket pair.
//!
//! The pair has one reader, the task that polled last. A task that finds a byte wakes all the
//! others; a task that stops waiting wakes one, which then becomes the reader.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker, ready};

use myrt_runtime::io::Async;
use myrt_runtime::os::{self, Listening, SIGCHLD};
use myrt_runtime::task::runtime_serial;

use crate::caller;
use crate::calls;
use crate::socket_op::Direction;

/// One listener to SIGCHLD and those who wait for it.
#[derive(Debug)]
pub(super) struct Signals {
    // First in order, so first to go: no handler writes once the reading end is gone.
    _handler: Listening,
    io: Async<UnixStream>,
    line: Mutex<Line>,
}

#[derive(Debug, Default)]
struct Line {
    waiting: HashMap<u64, Waker>,
    last: u64,
}

/// One of the tasks that wait for a child; removed when dropped.
#[derive(Debug, Default)]
pub(super) struct Waiter {
    taken: Option<(Weak<Signals>, u64)>,
}

thread_local! {
    /// The listener of each runtime of this thread.
    static LISTENERS: RefCell<HashMap<u64, Weak<Signals>>> = RefCell::default();
}

impl Signals {
    /// The listener of the runtime that this thread is inside of.
    pub(super) fn of_this_runtime() -> io::Result<Arc<Self>> {
        let runtime = runtime_serial().expect(
            "a child is waited for outside of a myrt runtime: use #[myrt::main] or myrt::run",
        );
        let known =
            LISTENERS.with_borrow(|listeners| listeners.get(&runtime).and_then(Weak::upgrade));
        if let Some(signals) = known {
            return Ok(signals);
        }
        let signals = Arc::new(Self::new()?);
        LISTENERS.with_borrow_mut(|listeners| {
            listeners.retain(|_, listener| listener.strong_count() > 0);
            listeners.insert(runtime, Arc::downgrade(&signals));
        });
        Ok(signals)
    }

    fn new() -> io::Result<Self> {
        let (reader, writer) = UnixStream::pair()?;
        let io = Async::new(reader)?;
        writer.set_nonblocking(true)?;
        let handler = os::listen(SIGCHLD, writer.into(), None)?;
        Ok(Self {
            _handler: handler,
            io,
            line: Mutex::default(),
        })
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ready when children may have ended since the last question.
    pub(super) fn poll(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        waiter: &mut Waiter,
        at: caller::Caller,
    ) -> Poll<io::Result<()>> {
        let mut bytes = [0; 64];
        let read = self
            .io
            .poll_transfer(cx, Direction::Read, 0, caller::of(at), |stream| {
                calls::read(stream, &mut bytes)
            });
        if read.is_pending() {
            waiter.take(self, cx.waker());
            return Poll::Pending;
        }
        waiter.leave_quietly();
        let waiting = std::mem::take(&mut self.line().waiting);
        for waker in waiting.into_values() {
            waker.wake();
        }
        Poll::Ready(ready!(read).map(drop))
    }
}

impl Waiter {
    fn take(&mut self, signals: &Arc<Signals>, waker: &Waker) {
        let waker = waker.clone();
        let mut line = signals.line();
        let number = match &self.taken {
            Some((_, number)) => *number,
            None => {
                line.last += 1;
                let number = line.last;
                self.taken = Some((Arc::downgrade(signals), number));
                number
            }
        };
        let old = line.waiting.insert(number, waker);
        drop(line);
        drop(old);
    }

    /// Leaves; no other task needs to read instead.
    fn leave_quietly(&mut self) -> Option<Arc<Signals>> {
        let (signals, number) = self.taken.take()?;
        let signals = signals.upgrade()?;
        let waker = signals.line().waiting.remove(&number);
        drop(waker);
        Some(signals)
    }

    /// Leaves; another task reads from now on.
    pub(super) fn leave(&mut self) {
        if let Some(signals) = self.leave_quietly() {
            let next = signals.line().waiting.values().next().cloned();
            if let Some(next) = next {
                next.wake();
            }
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.leave();
    }
}
