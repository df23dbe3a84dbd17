//! `finally`: an async cleanup that runs however a future ends.
//!
//! Other languages write it as `try … finally` with an `await` in it.

use std::fmt;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::thread;

use super::ward::{Armed, Ward};
use crate::executor::extra::cleanup::Boxed;

/// Awaits `future`, and runs `cleanup` when it ends, **however** it ends: ready, panicked,
/// cancelled, timed out, dropped by Ctrl-C or by the end of the runtime. Returns the output of
/// `future`.
///
/// This call arms the cleanup. It is shielded: nothing cancels it, and the code that cancelled the
/// future waits for it, up to the grace. See [the module](crate::cancel) for all of its rules.
///
/// The cleanup owns what it needs (`'static`); where it needs what `future` borrows, use
/// [`bracket`](super::bracket). On a cancel, guards beside the await of this are dropped *before*
/// the cleanup runs: move an owned guard into it, or use `bracket` (see [the
/// module](crate::cancel#what-is-dropped-before-a-cleanup-runs)).
///
/// asyncio's `try: … finally: await …`; trio's too, with the shield that one forgets there.
///
/// # Panics
/// With what `future` panicked with, after the cleanup.
///
/// ```
/// use myrt::time::{Duration, sleep, timeout};
/// use std::{cell::Cell, rc::Rc};
/// myrt::run(async {
///     let closed = Rc::new(Cell::new(false));
///     let flag = closed.clone();
///     let work = myrt::finally(sleep(Duration::from_secs(60)), async move || {
///         sleep(Duration::from_millis(1)).await; // say good-bye to the server
///         flag.set(true);
///     });
///     assert!(timeout(Duration::from_millis(5), work).await.is_err());
///     assert!(closed.get()); // the timeout waited for the cleanup
/// });
/// ```
pub fn finally<F, C>(future: F, cleanup: C) -> Finally<F::IntoFuture, C>
where
    F: IntoFuture,
    C: AsyncFnOnce() + 'static,
{
    Finally {
        future: Some(future.into_future()),
        result: None,
        ward: Ward::new(Closure(cleanup)),
    }
}

struct Closure<C>(C);

impl<C: AsyncFnOnce() + 'static> Armed for Closure<C> {
    fn start(self) -> Boxed {
        Box::pin(async move { (self.0)().await })
    }
}

pin_project_lite::pin_project! {
    /// The future of [`finally`].
    #[must_use = "futures do nothing unless awaited; dropping this one runs its cleanup"]
    pub struct Finally<F, C>
    where
        F: Future,
        C: AsyncFnOnce(),
        C: 'static,
    {
        // Before the ward: fields are dropped in order, and what the future leaves behind runs
        // first.
        #[pin]
        future: Option<F>,
        result: Option<thread::Result<F::Output>>,
        ward: Ward<Closure<C>>,
    }
}

impl<F, C> Future for Finally<F, C>
where
    F: Future,
    C: AsyncFnOnce() + 'static,
{
    type Output = F::Output;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        if let Some(future) = this.future.as_mut().as_pin_mut() {
            let result = ready!(this.ward.inner().poll(cx, |cx| future.poll(cx)));
            *this.result = Some(this.ward.inner().end(result, || this.future.set(None)));
            this.ward.begin();
        }
        ready!(this.ward.poll_cleanup(cx));
        match this
            .result
            .take()
            .expect("a Finally was polled again after it was ready")
        {
            Ok(output) => Poll::Ready(output),
            Err(panic) => resume_unwind(panic),
        }
    }
}

impl<F, C> fmt::Debug for Finally<F, C>
where
    F: Future,
    C: AsyncFnOnce() + 'static,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finally")
            .field("cleaning", &self.future.is_none())
            .finish_non_exhaustive()
    }
}
