//! What the two sides of a portable stream share once it has left home: two bounded queues of
//! bytes, and the wakers of who waits for them.
//!
//! Why: one lock holds all of it, and under the lock no user code runs: a waker is cloned before,
//! and woken or dropped after. It knows no stream.

use std::collections::VecDeque;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The sides that may wait.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    /// Abroad, for bytes.
    Reader,
    /// Abroad, for room, a flush or the close.
    Writer,
    /// The task at home, for either.
    Pump,
}

/// Why nothing more comes.
#[derive(Debug, Clone)]
pub(super) enum End {
    Eof,
    Failed(Failure),
}

/// An error that can be told more than once.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    kind: io::ErrorKind,
    code: Option<i32>,
    text: String,
}

impl Failure {
    pub(super) fn new(kind: io::ErrorKind, text: &str) -> Self {
        Self {
            kind,
            code: None,
            text: text.to_owned(),
        }
    }

    pub(super) fn to_error(&self) -> io::Error {
        match self.code {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(self.kind, self.text.clone()),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self {
            kind: error.kind(),
            code: error.raw_os_error(),
            text: error.to_string(),
        }
    }
}

/// What is under the lock.
#[derive(Debug)]
pub(super) struct State {
    /// From home.
    pub(super) inbound: VecDeque<u8>,
    pub(super) inbound_end: Option<End>,
    /// To home.
    pub(super) outbound: VecDeque<u8>,
    /// How many bytes went into `outbound` in all, and how many of them home has written and
    /// flushed.
    pub(super) accepted: u64,
    pub(super) flushed: u64,
    pub(super) closing: bool,
    pub(super) closed: bool,
    pub(super) write_failure: Option<Failure>,
    /// The side abroad was dropped.
    pub(super) dropped: bool,
    /// The task at home has ended otherwise than by having nothing left to do.
    pub(super) home_ended: Option<Failure>,
    wakers: [Option<Waker>; 3],
}

/// The state behind its lock.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// The most bytes in each of the two queues.
    pub(super) limit: usize,
}

impl Shared {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            state: Mutex::new(State {
                inbound: VecDeque::new(),
                inbound_end: None,
                outbound: VecDeque::new(),
                accepted: 0,
                flushed: 0,
                closing: false,
                closed: false,
                write_failure: None,
                dropped: false,
                home_ended: None,
                wakers: [None, None, None],
            }),
            limit,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works on the state, then wakes the sides that `work` says are to look again.
    pub(super) fn with<R>(&self, work: impl FnOnce(&mut State) -> (R, &'static [Side])) -> R {
        let mut woken: [Option<Waker>; 3] = [None, None, None];
        let result = {
            let mut state = self.lock();
            let (result, sides) = work(&mut state);
            for side in sides {
                woken[*side as usize] = state.wakers[*side as usize].take();
            }
            result
        };
        for waker in woken.into_iter().flatten() {
            waker.wake();
        }
        result
    }

    /// As [`with`](Self::with), for what may have to wait: `side` is woken when that changes.
    pub(super) fn poll<R>(
        &self,
        cx: &Context<'_>,
        side: Side,
        mut work: impl FnMut(&mut State) -> (Poll<R>, &'static [Side]),
    ) -> Poll<R> {
        if let Poll::Ready(result) = self.with(&mut work) {
            return Poll::Ready(result);
        }
        self.wait(cx, side);
        // It may have changed before the waker was there.
        self.with(work)
    }

    /// Has `side` woken when something changes for it.
    pub(super) fn wait(&self, cx: &Context<'_>, side: Side) {
        let waker = cx.waker().clone();
        let former = self.lock().wakers[side as usize].replace(waker);
        drop(former);
    }
}
