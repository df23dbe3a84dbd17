//! Counted permits with a fair queue, for `Semaphore` and the bounded `mpsc` channel.
//!
//! Why: one place for the arithmetic of permits (partial grants, closing, cancellation).
//!
//! The rule behind all of it: **while a task waits, no permit is free.** A released permit goes to
//! the waiter at the front, bit by bit if it asked for many, so that small requests cannot starve a
//! large one. The uncontended path is one compare and one subtraction. A waiter that is dropped
//! gives back the part it already had.

use std::cell::Cell;
use std::fmt;
use std::task::{Context, Poll, ready};

use super::wait_list::{Key, WaitQueue};
use super::wakes::Wakes;
use crate::executor::wait::try_ready;
use crate::executor::{StoredWaker, WaitNote};

#[derive(Debug)]
pub(crate) struct Permits {
    free: Cell<usize>,
    closed: Cell<bool>,
    queue: WaitQueue<Request>,
}

/// What a waiter asked for, and what is still missing.
#[derive(Clone, Copy, Debug)]
struct Request {
    wanted: u32,
    missing: u32,
    /// Closed while it waited: it holds nothing.
    denied: bool,
}

impl Permits {
    /// More permits than this cannot exist; the same bound as tokio's.
    pub(crate) const MAX: usize = usize::MAX >> 3;

    #[track_caller]
    pub(crate) const fn new(free: usize) -> Self {
        assert!(
            free <= Self::MAX,
            "more permits than Semaphore::MAX_PERMITS"
        );
        Self {
            free: Cell::new(free),
            closed: Cell::new(false),
            queue: WaitQueue::new(),
        }
    }

    #[inline]
    pub(crate) fn try_acquire(&self, wanted: u32) -> Result<(), TryAcquireError> {
        if self.closed.get() {
            return Err(TryAcquireError::Closed);
        }
        match self.free.get().checked_sub(wanted as usize) {
            Some(rest) => {
                self.free.set(rest);
                Ok(())
            }
            None => Err(TryAcquireError::NoPermits),
        }
    }

    /// Takes `wanted` permits, or joins the queue for them. `key` is the place of the calling
    /// future, which passes it to [`Self::cancel`] when it is dropped.
    #[inline]
    pub(crate) fn poll_acquire(
        &self,
        wanted: u32,
        key: &mut Option<Key>,
        cx: &mut Context<'_>,
        note: WaitNote,
    ) -> Poll<Result<(), AcquireError>> {
        if key.is_none() && self.try_at_once(wanted) {
            return Poll::Ready(Ok(()));
        }
        self.poll_contended(wanted, key, cx, note)
    }

    /// Takes permits if they are free and the task has a share left.
    #[inline]
    pub(crate) fn try_at_once(&self, wanted: u32) -> bool {
        try_ready(|| self.try_acquire(wanted).ok()).is_some()
    }

    /// As [`Self::poll_acquire`], for one that has tried already.
    pub(crate) fn poll_contended(
        &self,
        wanted: u32,
        key: &mut Option<Key>,
        cx: &mut Context<'_>,
        note: WaitNote,
    ) -> Poll<Result<(), AcquireError>> {
        let request = |missing, denied| Request {
            wanted,
            missing,
            denied,
        };
        let look = || match self.try_acquire(wanted) {
            Ok(()) => Ok(request(0, false)),
            Err(TryAcquireError::Closed) => Ok(request(wanted, true)),
            // Fewer than wanted are free: they are set aside for us at once.
            Err(TryAcquireError::NoPermits) => {
                Err(request(wanted - self.free.replace(0) as u32, false))
            }
        };
        let request = ready!(self.queue.poll(key, cx, note, look));
        Poll::Ready(if request.denied {
            Err(AcquireError(()))
        } else {
            Ok(())
        })
    }

    /// The future that waited with this key is gone. What it had been given goes to the next.
    #[inline]
    pub(crate) fn cancel(&self, key: Option<Key>) {
        if let Some(key) = key {
            let request = self.queue.leave(key).data;
            if !request.denied {
                self.release((request.wanted - request.missing) as usize);
            }
        }
    }

    /// Gives permits back, or adds new ones.
    #[inline]
    #[track_caller]
    pub(crate) fn release(&self, permits: usize) {
        if self.queue.is_empty() {
            let free = self.free.get() + permits;
            assert!(
                free <= Self::MAX,
                "more permits than Semaphore::MAX_PERMITS"
            );
            self.free.set(free);
        } else {
            self.hand_out(permits);
        }
    }

    /// Somebody waits: what is released goes to the one at the front.
    #[inline(never)]
    fn hand_out(&self, permits: usize) {
        let mut rest = permits;
        let first = self.serve_front(&mut rest);
        if rest == 0 {
            // The common case: what was released is what one waiter wants, or a part of it.
            if let Some(waker) = first {
                waker.wake();
            }
            return;
        }
        let mut wakes = Wakes::new();
        let mut next = first;
        while let Some(waker) = next {
            wakes.push(waker);
            next = self.serve_front(&mut rest);
        }
        self.free.set(self.free.get() + rest);
        wakes.wake();
    }

    /// Sets permits aside for the waiter at the front, and grants it what it wants when that is all
    /// there.
    #[inline]
    fn serve_front(&self, rest: &mut usize) -> Option<StoredWaker> {
        self.queue.grant_front_if(|request| {
            let missing = request.missing as usize;
            let part = missing.min(*rest);
            *rest -= part;
            request.missing = (missing - part) as u32;
            part == missing
        })
    }

    /// No more acquiring. Who waits is told so, and what they had been given is free again.
    pub(crate) fn close(&self) {
        self.closed.set(true);
        let given = Cell::new(0);
        let wakes = self.queue.grant_all(|request| {
            given.set(given.get() + (request.wanted - request.missing) as usize);
            request.denied = true;
        });
        self.free.set(self.free.get() + given.get());
        wakes.wake();
    }

    /// Takes up to `permits` free ones away permanently. Returns how many.
    pub(crate) fn forget(&self, permits: usize) -> usize {
        let taken = permits.min(self.free.get());
        self.free.set(self.free.get() - taken);
        taken
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    #[inline]
    pub(crate) fn free(&self) -> usize {
        self.free.get()
    }

    /// Permits set aside for the waiter at the front, which wants still more.
    pub(crate) fn set_aside(&self) -> usize {
        self.queue
            .front()
            .map_or(0, |request| (request.wanted - request.missing) as usize)
    }

    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
    }
}

/// The semaphore was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcquireError(pub(super) ());

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the semaphore was closed")
    }
}

impl std::error::Error for AcquireError {}

/// Why a `try_acquire` got nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryAcquireError {
    /// The semaphore was closed.
    Closed,
    /// Not enough permits are free, or others were waiting first.
    NoPermits,
}

impl fmt::Display for TryAcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the semaphore was closed",
            Self::NoPermits => "no permits are free",
        })
    }
}

impl std::error::Error for TryAcquireError {}
