//! `wait`: until some of a set's tasks have ended, or all, or time is over.
//!
//! asyncio's `wait`, on top of `JoinSet`.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::join_set::JoinSet;
use crate::executor::wait::{Wait, note_wait, poll_within_budget};
use crate::executor::{Id, JoinError};
use crate::time::{Sleep, sleep};

/// When [`wait()`] returns.
pub enum When<T> {
    /// As soon as a task has ended.
    FirstCompleted,
    /// As soon as a task panicked or was cancelled; else when all have ended. For tasks that return
    /// `Result`s use `First(Result::is_err)`. asyncio's `FIRST_EXCEPTION`, which a cancelled task
    /// does not meet: here it does.
    FirstError,
    /// As soon as a task gave a value of which this is true, or panicked or was cancelled; else
    /// when all have ended.
    First(fn(&T) -> bool),
    /// When all have ended.
    All,
}

impl<T> When<T> {
    fn is_met_by(&self, result: &Result<T, JoinError>) -> bool {
        match (self, result) {
            (Self::FirstCompleted, _) => true,
            (Self::FirstError | Self::First(_), Err(_)) => true,
            (Self::First(wanted), Ok(value)) => wanted(value),
            (Self::FirstError, Ok(_)) | (Self::All, _) => false,
        }
    }
}

impl<T> Clone for When<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for When<T> {}

impl<T> fmt::Debug for When<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FirstCompleted => "FirstCompleted",
            Self::FirstError => "FirstError",
            Self::First(_) => "First(..)",
            Self::All => "All",
        })
    }
}

/// Waits until tasks of the set have ended as `when` says, or until `limit` is over; gives the
/// results of all that have ended by then, in the order in which they did. What is pending stays in
/// the set and runs on: nothing is cancelled.
///
/// At once with nothing when the set is empty. asyncio's `wait`.
///
/// # Cancel safety
/// No result is lost: what has ended stays in the set, for the next `wait` or `join_next`.
///
/// # Panics
/// When polled outside of the tasks' runtime.
///
/// ```
/// use myrt::task::JoinSet;
/// use myrt::time::{Duration, sleep};
/// use myrt::{When, wait};
/// myrt::run(async {
///     let mut set = JoinSet::new();
///     for n in [1u64, 2, 60_000] {
///         set.spawn(async move {
///             sleep(Duration::from_millis(n)).await;
///             n
///         });
///     }
///     let first = wait(&mut set, When::FirstCompleted, None).await;
///     assert_eq!(first[0].1.as_ref().unwrap(), &1);
///     let late = wait(&mut set, When::All, Some(Duration::from_millis(20))).await;
///     assert_eq!((late.len() + first.len(), set.len()), (2, 1));
/// });
/// ```
#[track_caller]
pub fn wait<T: 'static>(
    set: &mut JoinSet<T>,
    when: When<T>,
    limit: Option<Duration>,
) -> Waiting<'_, T> {
    Waiting {
        set,
        when,
        limit,
        sleep: None,
        looked_at: 0,
        at: Location::caller(),
    }
}

/// The future of [`wait()`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct Waiting<'a, T> {
    set: &'a mut JoinSet<T>,
    when: When<T>,
    /// Counts from the first poll.
    limit: Option<Duration>,
    sleep: Option<Sleep>,
    /// How many of the ended ones did not meet the condition.
    looked_at: usize,
    at: &'static Location<'static>,
}

impl<T> Waiting<'_, T> {
    /// Whether one that ended since the last look meets the condition.
    fn is_met(&mut self) -> bool {
        let new = self.set.ended.iter().skip(self.looked_at);
        let met = new
            .into_iter()
            .any(|(_, result)| self.when.is_met_by(result));
        self.looked_at = self.set.ended.len();
        met
    }

    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        if let Some(limit) = self.limit.take() {
            self.sleep = Some(sleep(limit));
        }
        self.sleep
            .as_mut()
            .is_some_and(|sleep| Pin::new(sleep).poll(cx).is_ready())
    }
}

impl<T: 'static> Future for Waiting<'_, T> {
    type Output = Vec<(Id, Result<T, JoinError>)>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.set.watch(cx);
        poll_within_budget(cx, |cx| {
            self.set.collect_ended();
            if self.is_met() || self.set.all_ended() || self.is_over(cx) {
                return Poll::Ready(self.set.ended.drain(..).collect());
            }
            note_wait(Wait::Children, self.at);
            Poll::Pending
        })
    }
}
