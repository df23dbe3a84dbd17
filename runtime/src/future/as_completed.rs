//! `as_completed`: outputs in the order in which they come.
//!
//! Why: "handle each answer as soon as it is there".

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::group::{Group, Slice, Step, slice};

/// Runs the futures together within this task, and gives each output with its future's number as
/// soon as it is there.
///
/// asyncio's `as_completed`; futures' `FuturesUnordered`, with numbers. The futures run only while
/// the stream is being polled. Dropping it drops those that are not done, in order.
///
/// # Panics
/// When polled outside of a runtime. A panic of one future goes on to the awaiting task, after the
/// others were dropped.
///
/// ```
/// use myrt::time::{Duration, sleep};
/// myrt::run(async {
///     let mut answers = myrt::as_completed([3u64, 1, 2].map(|n| async move {
///         sleep(Duration::from_millis(n * 5)).await;
///         n
///     }));
///     let mut seen = Vec::new();
///     while let Some((number, answer)) = answers.next().await {
///         seen.push((number, answer));
///     }
///     assert_eq!(seen, [(1, 1), (2, 2), (0, 3)]);
/// });
/// ```
#[doc(alias = "FuturesUnordered")]
#[track_caller]
pub fn as_completed<I>(futures: I) -> AsCompleted<<I::Item as IntoFuture>::IntoFuture>
where
    I: IntoIterator<Item: IntoFuture>,
{
    AsCompleted {
        group: Group::new(slice(futures), Location::caller()),
    }
}

/// The stream of [`as_completed`].
#[must_use = "streams do nothing unless polled"]
pub struct AsCompleted<F: Future> {
    group: Group<Slice<F>>,
}

impl<F: Future> AsCompleted<F> {
    /// The next output, with the number of its future; none when all were given. Cancel safe: an
    /// output is not lost.
    #[expect(
        clippy::should_implement_trait,
        reason = "the name that every stream has"
    )]
    pub fn next(&mut self) -> Next<'_, F> {
        Next { stream: self }
    }

    /// How many outputs are still to come.
    #[must_use]
    pub fn len(&self) -> usize {
        self.group.running()
    }

    /// Whether every output was given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<F: Future> Stream for AsCompleted<F> {
    type Item = (usize, F::Output);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut group = Pin::new(&mut self.group);
        match group.as_mut().poll(cx, |_, _| true) {
            Step::Pending => Poll::Pending,
            Step::All => Poll::Ready(None),
            Step::Stopped(number) => {
                Poll::Ready(Some((number as usize, group.places().place(number).take())))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), Some(self.len()))
    }
}

impl<F: Future> fmt::Debug for AsCompleted<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted")
            .field("running", &self.group.running())
            .finish_non_exhaustive()
    }
}

/// The future of [`AsCompleted::next`].
#[must_use = "futures do nothing unless awaited"]
pub struct Next<'a, F: Future> {
    stream: &'a mut AsCompleted<F>,
}

impl<F: Future> Future for Next<'_, F> {
    type Output = Option<(usize, F::Output)>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut *self.stream).poll_next(cx)
    }
}

impl<F: Future> fmt::Debug for Next<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Next").field(&self.stream).finish()
    }
}
