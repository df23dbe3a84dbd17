//! The pause before accepting again after an error.
//!
//! When the process has no descriptor left, `accept` fails and the connection stays in the queue,
//! so the listener stays readable: a loop around `accept` would spin, and starve the very tasks
//! whose end frees descriptors (tokio #3529, #4782 and every runtime before it). So after a failure
//! the next accept waits a little first, longer each time, as Go's net/http does. It knows no
//! socket.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use myrt_runtime::time::{Sleep, sleep};

/// How often in a row a listener's accept has failed. A plain load and store: a listener is used on
/// one thread.
#[derive(Debug, Default)]
pub(crate) struct AcceptBackoff {
    failures: AtomicU32,
    /// The pause of `poll_accept`, which has no future to keep it in.
    polled: Mutex<Option<Backoff>>,
}

impl AcceptBackoff {
    pub(crate) const fn new() -> Self {
        Self {
            failures: AtomicU32::new(0),
            polled: Mutex::new(None),
        }
    }

    /// Waits, over several calls, for what an accept waits for first.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.failures.load(Relaxed) == 0 {
            return Poll::Ready(());
        }
        let place = || self.polled.lock().unwrap_or_else(PoisonError::into_inner);
        // Not polled under the lock: a waker's clone may come back here.
        let kept = place().take();
        let mut pause = kept.unwrap_or_else(|| self.next());
        let over = pause.poll(cx);
        if over.is_pending() {
            *place() = Some(pause);
        }
        over
    }

    /// Counts a failure, or forgets those there were.
    #[inline]
    pub(crate) fn note(&self, success: bool) {
        let failures = if success {
            0
        } else {
            self.failures.load(Relaxed).saturating_add(1)
        };
        self.failures.store(failures, Relaxed);
    }

    /// What the next accept waits for first.
    #[inline]
    pub(crate) fn next(&self) -> Backoff {
        match self.failures.load(Relaxed) {
            0 => Backoff(None),
            failures => Backoff(Some(Box::pin(sleep(
                FIRST
                    .saturating_mul(1 << (failures - 1).min(10))
                    .min(LONGEST),
            )))),
        }
    }
}

/// A wait before accepting; most often none.
#[derive(Debug)]
pub(crate) struct Backoff(Option<Pin<Box<Sleep>>>);

impl Backoff {
    #[inline]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(sleep) = &mut self.0 {
            ready!(sleep.as_mut().poll(cx));
            self.0 = None;
        }
        Poll::Ready(())
    }
}

/// Go's net/http: 5 ms, doubling to one second.
const FIRST: Duration = Duration::from_millis(5);
const LONGEST: Duration = Duration::from_secs(1);
