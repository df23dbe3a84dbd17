//! `race` and `first_ok`: one of them is enough.
//!
//! Why: "ask several, take the first answer".

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::group::{Ending, Group, Slice, Step, slice};

/// Runs the futures together and gives the output of the first that is done. The others are dropped
/// at their await points, in order, and their async cleanups awaited (bounded by the grace), before
/// it returns.
///
/// Of several that are ready at the first poll the first given wins. JavaScript's `Promise.race`;
/// futures' `select_all`. Dropping it drops all of them.
///
/// # Panics
/// When there is no future at all: nothing could ever win. When polled outside of a runtime. A
/// panic of one future goes on to the awaiting task, after the others were dropped.
///
/// ```
/// use myrt::time::{Duration, sleep};
/// myrt::run(async {
///     let fastest = myrt::race([30u64, 1, 20].map(|n| async move {
///         sleep(Duration::from_millis(n)).await;
///         n
///     }));
///     assert_eq!(fastest.await, 1);
/// });
/// ```
#[doc(alias = "select_all")]
#[track_caller]
pub fn race<I>(futures: I) -> Race<<I::Item as IntoFuture>::IntoFuture>
where
    I: IntoIterator<Item: IntoFuture>,
{
    let group = Group::new(slice(futures), Location::caller());
    assert!(
        group.running() != 0,
        "a race without futures would never end"
    );
    Race {
        group,
        ending: Ending::none(),
    }
}

/// The future of [`race`].
#[must_use = "futures do nothing unless awaited"]
pub struct Race<F: Future> {
    group: Group<Slice<F>>,
    ending: Ending<F::Output>,
}

// The futures are pinned on the heap, results are never pinned.
impl<F: Future> Unpin for Race<F> {}

impl<F: Future> Future for Race<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        if !this.ending.is_decided() {
            let mut group = Pin::new(&mut this.group);
            match group.as_mut().poll(cx, |_, _| true) {
                Step::Pending => return Poll::Pending,
                Step::All => panic!("a race was polled again after it gave its output or panicked"),
                Step::Stopped(number) => {
                    let winner = group.as_mut().places().place(number).take();
                    this.ending.decide(winner, group);
                }
            }
        }
        this.ending.poll(cx)
    }
}

impl<F: Future> fmt::Debug for Race<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Race")
            .field("running", &self.group.running())
            .finish_non_exhaustive()
    }
}

/// Runs fallible futures together and gives the value of the first that succeeds; if all fail,
/// every error, in the order of the futures. The others are dropped, and their async cleanups
/// awaited, before it returns.
///
/// The fallback pattern: it returns at the first success, not at the slowest. JavaScript's
/// `Promise.any`; futures' `select_ok`. Dropping it drops all of them.
///
/// # Errors
/// When all have failed (or there is none): their errors.
///
/// # Panics
/// When polled outside of a runtime. A panic of one future goes on to the awaiting task, after the
/// others were dropped.
///
/// ```
/// use myrt::time::{Duration, sleep};
/// myrt::run(async {
///     let mirror = |answers: bool, after: u64| async move {
///         sleep(Duration::from_millis(after)).await;
///         if answers { Ok(after) } else { Err(format!("no answer after {after}")) }
///     };
///     assert_eq!(myrt::first_ok([mirror(false, 1), mirror(true, 5), mirror(true, 60_000)]).await, Ok(5));
///     let errors = myrt::first_ok([mirror(false, 2), mirror(false, 1)]).await.unwrap_err();
///     assert_eq!(errors, ["no answer after 2", "no answer after 1"]);
/// });
/// ```
#[doc(alias = "select_ok")]
#[doc(alias = "race_ok")]
#[track_caller]
pub fn first_ok<I, T, E>(futures: I) -> FirstOk<<I::Item as IntoFuture>::IntoFuture, T, E>
where
    I: IntoIterator<Item: IntoFuture<Output = Result<T, E>>>,
{
    FirstOk {
        group: Group::new(slice(futures), Location::caller()),
        ending: Ending::none(),
    }
}

/// The future of [`first_ok`].
#[must_use = "futures do nothing unless awaited"]
pub struct FirstOk<F, T, E>
where
    F: Future<Output = Result<T, E>>,
{
    group: Group<Slice<F>>,
    ending: Ending<Result<T, E>>,
}

// The futures are pinned on the heap, results are never pinned.
impl<F: Future<Output = Result<T, E>>, T, E> Unpin for FirstOk<F, T, E> {}

impl<F, T, E> Future for FirstOk<F, T, E>
where
    F: Future<Output = Result<T, E>>,
{
    type Output = Result<T, Vec<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if !this.ending.is_decided() {
            let mut group = Pin::new(&mut this.group);
            match group
                .as_mut()
                .poll(cx, |places, number| !places.place(number).failed())
            {
                Step::Pending => return Poll::Pending,
                Step::All => {
                    return Poll::Ready(Err(group
                        .places()
                        .take_all()
                        .filter_map(Result::err)
                        .collect()));
                }
                Step::Stopped(number) => {
                    let first = group.as_mut().places().place(number).take();
                    this.ending.decide(first, group);
                }
            }
        }
        this.ending
            .poll(cx)
            .map(|first| first.map_err(|error| vec![error]))
    }
}

impl<F: Future<Output = Result<T, E>>, T, E> fmt::Debug for FirstOk<F, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FirstOk")
            .field("running", &self.group.running())
            .finish_non_exhaustive()
    }
}
