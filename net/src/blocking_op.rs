//! A job on the blocking pool, from within another future, and a result that outlives its runtime.
//!
//! A file, a directory or a standard stream may be used in one runtime and then in a later one,
//! with a job given up in between. A `JoinHandle` belongs to its runtime; so a job here leaves its
//! result in a place of its own. Its own runtime waits for the job's task, any later one for that
//! place.

use std::future::Future as _;
use std::io;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use myrt_runtime::task::{self, ExternalWork, JoinHandle, Wait};

use crate::caller::{self, Caller};

/// A job that was begun. Dropped, it runs all the same.
pub(crate) struct BlockingOp<T> {
    shared: Arc<Shared<T>>,
    task: JoinHandle<()>,
    /// The runtime in which it was begun.
    runtime: Option<u64>,
    /// Another runtime waits for it: that one's virtual clock stands still.
    elsewhere: Option<ExternalWork>,
}

struct Shared<T>(Mutex<State<T>>);

enum State<T> {
    Runs(Option<Waker>),
    /// None: the job never ran, since its runtime ended first, or it panicked.
    Ended(Option<T>),
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The job's side: however the job ends, also when it never begins, the waiter hears of it.
struct End<T> {
    shared: Arc<Shared<T>>,
    result: Option<T>,
}

impl<T> End<T> {
    fn run(mut self, work: impl FnOnce() -> T) {
        self.result = Some(work());
    }
}

impl<T> Drop for End<T> {
    fn drop(&mut self) {
        let ended = State::Ended(self.result.take());
        let before = mem::replace(&mut *self.shared.lock(), ended);
        if let State::Runs(Some(waker)) = before {
            waker.wake();
        }
    }
}

impl<T: Send + 'static> BlockingOp<T> {
    /// Begins a job.
    ///
    /// # Panics
    /// Outside of a runtime.
    #[track_caller]
    pub(crate) fn begin(work: impl FnOnce() -> T + Send + 'static) -> Self {
        let shared = Arc::new(Shared(Mutex::new(State::Runs(None))));
        let end = End {
            shared: Arc::clone(&shared),
            result: None,
        };
        Self {
            shared,
            task: task::spawn_blocking(move || end.run(work)),
            runtime: task::runtime_serial(),
            elsewhere: None,
        }
    }
}

impl<T> BlockingOp<T> {
    /// Ready with what the job returned. An error means that it never ran, as its runtime ended, or
    /// that it panicked.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, at: Caller) -> Poll<io::Result<T>> {
        if self.is_foreign() {
            return self.poll_elsewhere(cx, at);
        }
        let Poll::Ready(ended) = Pin::new(&mut self.task).poll(cx) else {
            caller::note(Wait::Blocking, at);
            return Poll::Pending;
        };
        let result = match &mut *self.shared.lock() {
            State::Ended(result) => result.take(),
            State::Runs(_) => None,
        };
        Poll::Ready(result.ok_or_else(|| match ended {
            Err(error) => io::Error::other(error.to_string()),
            Ok(()) => never_ran(),
        }))
    }

    /// As [`poll`](Self::poll), in another runtime than its own.
    #[cold]
    fn poll_elsewhere(&mut self, cx: &mut Context<'_>, at: Caller) -> Poll<io::Result<T>> {
        let waker = cx.waker().clone();
        let mut state = self.shared.lock();
        if let State::Ended(result) = &mut *state {
            let result = result.take();
            drop(state);
            self.elsewhere = None;
            return Poll::Ready(result.ok_or_else(never_ran));
        }
        let old = mem::replace(&mut *state, State::Runs(Some(waker)));
        drop(state);
        drop(old);
        if self.elsewhere.is_none() {
            self.elsewhere = ExternalWork::begin_here();
        }
        caller::note(Wait::Blocking, at);
        Poll::Pending
    }

    /// Whether it was begun in another runtime than this.
    pub(crate) fn is_foreign(&self) -> bool {
        self.runtime != task::runtime_serial()
    }
}

fn never_ran() -> io::Error {
    io::Error::other(
        "a blocking job has no result: its runtime ended before it began, or it panicked",
    )
}
