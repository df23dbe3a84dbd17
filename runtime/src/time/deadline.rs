//! `Deadline`: an end to waiting that can be moved meanwhile.
//!
//! Why: asyncio's `timeout().reschedule()`. It asks where the deadline is after each poll of the
//! future under it, which may have moved it.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::instant::Instant;
use super::timeout::{Elapsed, Timeout, timeout_at};
use crate::executor::of_thread::Local;
use crate::executor::stored::StoredWaker;
use crate::sync::wait_list::{Key, WaitQueue};

/// A deadline that can be moved while a future runs under it: `deadline.run(future)`, and from
/// inside or beside it `deadline.extend(..)`, `deadline.set(..)`. asyncio's
/// `timeout().reschedule()`.
///
/// What counts is where the deadline is when the future has been polled: a future that moves it
/// ahead in the very poll in which the old one has passed goes on. Several futures may run under
/// one deadline.
///
/// ```
/// use myrt::time::{Deadline, Duration, sleep};
/// myrt::run(async {
///     let deadline = Deadline::after(Duration::from_millis(20));
///     let work = async {
///         sleep(Duration::from_millis(10)).await;
///         deadline.extend(Duration::from_secs(60)); // it goes well: more time
///         sleep(Duration::from_millis(20)).await;
///         "done"
///     };
///     assert_eq!(deadline.run(work).await, Ok("done"));
/// });
/// ```
///
/// It is `Send + Sync`, so what runs under it may be `Send`; it is used on the thread that made it.
///
/// # Panics
/// When it is asked, moved or run under on another thread than its own. It may be dropped anywhere.
#[derive(Debug)]
pub struct Deadline {
    inner: Local<Rc<Inner>>,
}

#[derive(Debug)]
struct Inner {
    at: Cell<Instant>,
    /// Those who run under it.
    runs: WaitQueue<()>,
}

impl Deadline {
    /// Ends `duration` from now.
    #[must_use]
    #[track_caller]
    pub fn after(duration: Duration) -> Self {
        Self::at(Instant::now() + duration)
    }

    /// Ends at `at`.
    #[must_use]
    #[track_caller]
    pub fn at(at: Instant) -> Self {
        let inner = Inner {
            at: at.into(),
            runs: WaitQueue::new(),
        };
        Self {
            inner: Local::new(Rc::new(inner)),
        }
    }

    /// When it ends.
    #[must_use]
    #[track_caller]
    pub fn when(&self) -> Instant {
        self.inner.at.get()
    }

    /// Moves it to `at`; earlier or later.
    #[track_caller]
    pub fn set(&self, at: Instant) {
        self.inner.at.set(at);
        self.inner.runs.grant_all(|()| ()).wake();
    }

    /// Moves it `duration` later.
    #[track_caller]
    pub fn extend(&self, duration: Duration) {
        self.set(self.when() + duration);
    }

    /// Awaits `future` until the deadline, wherever that is by then.
    ///
    /// # Errors
    /// [`Elapsed`] when it has passed.
    #[track_caller]
    pub fn run<F: Future>(&self, future: F) -> impl Future<Output = Result<F::Output, Elapsed>> {
        RunUntil {
            timeout: timeout_at(self.when(), future),
            run: Local::new(Run {
                deadline: Rc::clone(&self.inner),
                key: None,
            }),
            deadline: self,
        }
    }
}

pin_project_lite::pin_project! {
    /// The future of [`Deadline::run`]: not an `async fn`, whose state would hold `future` twice.
    struct RunUntil<'a, F> {
        #[pin]
        timeout: Timeout<F>,
        // Dropped on another thread it goes home, to leave the queue there.
        run: Local<Run>,
        deadline: &'a Deadline,
    }
}

impl<F: Future> Future for RunUntil<'_, F> {
    type Output = Result<F::Output, Elapsed>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.run.listen(cx);
        this.timeout.poll_until(cx, || Some(this.deadline.when()))
    }
}

/// A place among those who are woken when the deadline is moved.
struct Run {
    deadline: Rc<Inner>,
    key: Option<Key>,
}

impl Run {
    /// The deadline is looked at after this: the clone of a foreign waker may move it.
    fn listen(&mut self, cx: &Context<'_>) {
        let runs = &self.deadline.runs;
        let waits = self
            .key
            .is_some_and(|key| runs.poll_granted(key, cx.waker()).is_none());
        if !waits {
            self.key = Some(runs.join(StoredWaker::new(cx.waker()), ()));
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.deadline.runs.leave(key);
        }
    }
}
