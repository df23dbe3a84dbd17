//! `timeout` and its kin: an end to waiting.
//!
//! A future that takes too long is dropped at its await point, and its async cleanups are awaited
//! before the timeout returns.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::instant::Instant;
use super::sleep::Sleep;
use crate::executor::awaited::Awaited;
use crate::executor::extra::cleanup;
use crate::executor::info::is_cancelling;

/// The time was over before the future was ready.
///
/// tokio's `Elapsed`; asyncio raises `TimeoutError`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Elapsed {}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the deadline has passed")
    }
}

impl std::error::Error for Elapsed {}

impl From<Elapsed> for std::io::Error {
    fn from(elapsed: Elapsed) -> Self {
        Self::new(std::io::ErrorKind::TimedOut, elapsed)
    }
}

/// Awaits `future` for at most `duration`. When the time is over, the future is dropped, then its
/// async cleanups are awaited (bounded by the grace), then this returns [`Elapsed`]. A future that
/// is ready wins over a deadline that passed at the same moment, and then no timer is made at all.
///
/// Nested timeouts absorb only their own deadline. Cancel safe if the future is. asyncio's
/// `wait_for`.
///
/// # Errors
/// [`Elapsed`] when the time was over.
///
/// ```
/// use myrt::time::{Duration, sleep, timeout};
/// myrt::run(async {
///     let late = timeout(Duration::from_millis(5), sleep(Duration::from_secs(60))).await;
///     assert!(late.is_err());
/// });
/// ```
#[doc(alias = "wait_for")]
#[inline]
#[track_caller]
pub fn timeout<F: IntoFuture>(duration: Duration, future: F) -> Timeout<F::IntoFuture> {
    Timeout::new(
        End::After(duration),
        future.into_future(),
        Location::caller(),
    )
}

/// Awaits `future` until `deadline`. See [`timeout`].
///
/// # Errors
/// [`Elapsed`] when the deadline has passed.
#[inline]
#[track_caller]
pub fn timeout_at<F: IntoFuture>(deadline: Instant, future: F) -> Timeout<F::IntoFuture> {
    Timeout::new(End::At(deadline), future.into_future(), Location::caller())
}

/// When it ends; a duration counts from the first poll on.
#[derive(Debug, Clone, Copy)]
enum End {
    After(Duration),
    At(Instant),
}

impl End {
    fn sleep(self, at: &'static Location<'static>) -> Sleep {
        match self {
            Self::After(duration) => Sleep::after(duration, at),
            Self::At(deadline) => Sleep::at(deadline, at),
        }
    }
}

pin_project_lite::pin_project! {
    /// The future of [`timeout`] and [`timeout_at`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct Timeout<F> {
        #[pin]
        future: Option<F>,
        end: End,
        stage: Stage,
        at: &'static Location<'static>,
    }
}

/// What there is beside the future: nothing as long as that has not been pending, so that a future
/// which is ready at once costs no timer.
#[derive(Debug)]
enum Stage {
    Fresh,
    /// The future waits, and so does the timer.
    Running(Sleep),
    /// The future was dropped; the cleanups that it left, if any, are awaited.
    Over(Awaited),
}

impl<F> Timeout<F> {
    #[inline]
    fn new(end: End, future: F, at: &'static Location<'static>) -> Self {
        Self {
            future: Some(future),
            end,
            stage: Stage::Fresh,
            at,
        }
    }

    /// The future inside, while it is there.
    pub fn get_ref(&self) -> Option<&F> {
        self.future.as_ref()
    }
}

impl<F: Future> Timeout<F> {
    /// One poll. `moved` gives the deadline if it can be moved; it is asked after the future was
    /// polled, since that may have moved it.
    #[inline]
    pub(super) fn poll_until(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        moved: impl FnOnce() -> Option<Instant>,
    ) -> Poll<Result<F::Output, Elapsed>> {
        let mut this = self.project();
        if let Some(future) = this.future.as_mut().as_pin_mut() {
            if let Poll::Ready(output) = future.poll(cx) {
                return Poll::Ready(Ok(output));
            }
        }
        if let Some(deadline) = moved() {
            *this.end = End::At(deadline);
            if let Stage::Running(sleep) = this.stage {
                if sleep.deadline() != deadline {
                    sleep.reset(deadline);
                }
            }
        }
        if let Stage::Fresh = this.stage {
            *this.stage = Stage::Running(this.end.sleep(this.at));
        }
        if let Stage::Running(sleep) = this.stage {
            ready!(Pin::new(sleep).poll(cx));
            if is_cancelling() {
                return Poll::Pending; // the future waits, so that is where its task ends
            }
            let mark = cleanup::mark();
            this.future.set(None);
            *this.stage = Stage::Over(Awaited::collect(mark));
        }
        if let Stage::Over(cleanups) = this.stage {
            ready!(cleanups.poll(cx));
        }
        Poll::Ready(Err(Elapsed {}))
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_until(cx, || None)
    }
}

impl<F> fmt::Debug for Timeout<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout")
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

/// Awaits `future` for at most `duration`, and moves on without it: `None` when the time was over.
/// trio's `move_on_after`.
#[track_caller]
pub fn move_on_after<F: IntoFuture>(duration: Duration, future: F) -> MoveOn<F::IntoFuture> {
    MoveOn {
        timeout: Timeout::new(
            End::After(duration),
            future.into_future(),
            Location::caller(),
        ),
    }
}

/// Awaits `future` until `deadline`, and moves on without it. trio's `move_on_at`.
#[track_caller]
pub fn move_on_at<F: IntoFuture>(deadline: Instant, future: F) -> MoveOn<F::IntoFuture> {
    MoveOn {
        timeout: Timeout::new(End::At(deadline), future.into_future(), Location::caller()),
    }
}

pin_project_lite::pin_project! {
    /// The future of [`move_on_after`] and [`move_on_at`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct MoveOn<F> {
        #[pin]
        timeout: Timeout<F>,
    }
}

impl<F: Future> Future for MoveOn<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().timeout.poll(cx).map(Result::ok)
    }
}
