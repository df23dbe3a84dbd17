//! `MaybeDone`: a future, then its output, then nothing.
//!
//! Why: a future is dropped as soon as it is done, and its output waits in its place.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project_lite::pin_project! {
    /// See the module's head.
    #[project = PlaceProjection]
    #[project_replace = PlaceOwned]
    #[doc(hidden)]
    #[derive(Debug)]
    pub enum MaybeDone<F: Future> {
        /// Not done.
        Running { #[pin] future: F },
        /// Done, and the output not taken.
        Done { output: F::Output },
        /// Nothing any more.
        Empty,
    }
}

impl<F: Future> MaybeDone<F> {
    /// A place for a future that was not polled yet.
    #[inline]
    pub fn new(future: F) -> Self {
        Self::Running { future }
    }

    /// Polls the future if it is not done. `Ready` when there is an output here.
    ///
    /// # Panics
    /// When the output was taken before.
    #[inline]
    pub fn poll_done(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.as_mut().project() {
            PlaceProjection::Running { future } => {
                let output = ready!(future.poll(cx));
                self.set(Self::Done { output });
                Poll::Ready(())
            }
            PlaceProjection::Done { .. } => Poll::Ready(()),
            PlaceProjection::Empty => polled_again(),
        }
    }

    /// Whether an output is here.
    #[inline]
    pub fn output(&self) -> Option<&F::Output> {
        match self {
            Self::Done { output } => Some(output),
            _ => None,
        }
    }

    /// Takes the output.
    ///
    /// # Panics
    /// When there is none.
    #[inline]
    pub fn take(self: Pin<&mut Self>) -> F::Output {
        match self.project_replace(Self::Empty) {
            PlaceOwned::Done { output } => output,
            _ => polled_again(),
        }
    }
}

impl<F: Future<Output = Result<T, E>>, T, E> MaybeDone<F> {
    /// Whether the output here is an error.
    #[inline]
    pub fn failed(&self) -> bool {
        matches!(self, Self::Done { output: Err(_) })
    }
}

#[cold]
fn polled_again() -> ! {
    panic!("a combinator was polled again after it gave its output or panicked")
}
