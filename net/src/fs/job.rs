//! One blocking call on the pool, as a future.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::blocking_op::BlockingOp;
use crate::caller::Caller;

/// A call on the blocking pool. It begins at the first poll. Dropped, it may still happen if it has
/// begun.
///
/// # Panics
/// When first polled outside of a runtime.
#[must_use = "futures do nothing unless awaited"]
pub struct Job<T> {
    state: State<T>,
    at: Caller,
}

enum State<T> {
    Planned(Box<dyn FnOnce() -> io::Result<T> + Send + Sync>),
    Running(BlockingOp<io::Result<T>>),
    Done,
}

impl<T: Send + 'static> Job<T> {
    #[track_caller]
    pub(super) fn new(work: impl FnOnce() -> io::Result<T> + Send + Sync + 'static) -> Self {
        Self {
            state: State::Planned(Box::new(work)),
            at: Location::caller(),
        }
    }
}

// The closure is called once and never polled in place.
impl<T> Unpin for Job<T> {}

impl<T: Send + 'static> Future for Job<T> {
    type Output = io::Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        let this = &mut *self;
        if matches!(this.state, State::Planned(_)) {
            if let State::Planned(work) = std::mem::replace(&mut this.state, State::Done) {
                crate::calls::fence("a file")?;
                this.state = State::Running(BlockingOp::begin(work));
            }
        }
        let State::Running(work) = &mut this.state else {
            panic!("polled after it was ready");
        };
        let result = ready!(work.poll(cx, this.at));
        this.state = State::Done;
        Poll::Ready(result.and_then(|result| result))
    }
}

impl<T> fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
