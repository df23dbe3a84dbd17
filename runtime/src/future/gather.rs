//! `gather` and `try_gather`: all of them, in order.
//!
//! Why: "ask everybody, go on when all have answered".

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::group::{Ending, Group, Slice, Step, slice};

/// Runs every future of `futures` together within this task, and gives their outputs in the order
/// of the futures.
///
/// Each future has a waker of its own: waking one of 10,000 polls one. The futures need neither
/// `Send` nor `'static` and start when the gather is awaited. Fallible futures give `Result`s, so
/// one failure stops nobody: that is asyncio's `gather(.., return_exceptions=True)`. Where the
/// first failure is to end the rest, see [`try_gather`]. A poll does at most one task's share of
/// work, then lets other tasks run.
///
/// tokio has `futures::future::join_all` for this.
///
/// # Cancel safety
/// Dropping it drops every future that is not done, in order, and the outputs of those that are.
///
/// # Panics
/// When polled outside of a runtime. A panic of one future goes on to the awaiting task, after the
/// others were dropped.
///
/// ```
/// use myrt::time::{Duration, sleep};
/// myrt::run(async {
///     let squares = myrt::gather((1..=3u32).map(|n| async move {
///         sleep(Duration::from_millis(4 - u64::from(n))).await;
///         n * n
///     }));
///     assert_eq!(squares.await, [1, 4, 9]);
/// });
/// ```
#[doc(alias = "join_all")]
#[track_caller]
pub fn gather<I>(futures: I) -> Gather<<I::Item as IntoFuture>::IntoFuture>
where
    I: IntoIterator<Item: IntoFuture>,
{
    Gather {
        group: Group::new(slice(futures), Location::caller()),
    }
}

/// The future of [`gather`].
#[must_use = "futures do nothing unless awaited"]
pub struct Gather<F: Future> {
    group: Group<Slice<F>>,
}

impl<F: Future> Future for Gather<F> {
    type Output = Vec<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut group = Pin::new(&mut self.group);
        match group.as_mut().poll(cx, |_, _| false) {
            Step::All => Poll::Ready(group.places().take_all().collect()),
            _ => Poll::Pending,
        }
    }
}

impl<F: Future> fmt::Debug for Gather<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gather")
            .field("running", &self.group.running())
            .finish_non_exhaustive()
    }
}

/// Runs fallible futures together; gives every value in order, or the first error.
///
/// The first error in time ends the whole: the other futures are dropped at their await points, in
/// order, their async cleanups are awaited (bounded by the grace), then the error is returned.
/// asyncio's `gather` leaves the others running in that case; this is what its `TaskGroup` does. To
/// hear every failure use [`gather`].
///
/// futures' `try_join_all`.
///
/// # Cancel safety
/// As [`gather`].
///
/// # Errors
/// The first error.
///
/// # Panics
/// As [`gather`].
///
/// ```
/// use myrt::time::{Duration, sleep};
/// myrt::run(async {
///     let outcome = myrt::try_gather((1..=3u64).map(|n| async move {
///         sleep(Duration::from_millis(n * 5)).await;
///         if n == 2 { Err("two failed") } else { Ok(n) }
///     }));
///     assert_eq!(outcome.await, Err("two failed"));
/// });
/// ```
#[doc(alias = "try_join_all")]
#[track_caller]
pub fn try_gather<I, T, E>(futures: I) -> TryGather<<I::Item as IntoFuture>::IntoFuture, T, E>
where
    I: IntoIterator<Item: IntoFuture<Output = Result<T, E>>>,
{
    TryGather {
        group: Group::new(slice(futures), Location::caller()),
        ending: Ending::none(),
    }
}

/// The future of [`try_gather`].
#[must_use = "futures do nothing unless awaited"]
pub struct TryGather<F, T, E>
where
    F: Future<Output = Result<T, E>>,
{
    group: Group<Slice<F>>,
    ending: Ending<Result<Vec<T>, E>>,
}

// The futures are pinned on the heap, results are never pinned.
impl<F: Future<Output = Result<T, E>>, T, E> Unpin for TryGather<F, T, E> {}

impl<F, T, E> Future for TryGather<F, T, E>
where
    F: Future<Output = Result<T, E>>,
{
    type Output = Result<Vec<T>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if !this.ending.is_decided() {
            let mut group = Pin::new(&mut this.group);
            match group
                .as_mut()
                .poll(cx, |places, number| places.place(number).failed())
            {
                Step::Pending => return Poll::Pending,
                Step::All => return Poll::Ready(group.places().take_all().collect()),
                Step::Stopped(number) => {
                    let failed = group.as_mut().places().place(number).take();
                    this.ending.decide(failed.map(|_| Vec::new()), group);
                }
            }
        }
        this.ending.poll(cx)
    }
}

impl<F: Future<Output = Result<T, E>>, T, E> fmt::Debug for TryGather<F, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryGather")
            .field("running", &self.group.running())
            .finish_non_exhaustive()
    }
}
