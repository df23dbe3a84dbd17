//! Futures that run together, each woken alone: the engine of all gathers.
//!
//! Why: one place for the rules: which futures are polled, what happens to the others when one ends
//! the group, in which order things are dropped.
//!
//! # Drop order
//!
//! When a group ends early, it drops its futures in the order in which they were given, then the
//! outputs not taken. If one destructor panics, the others still run, and the panic goes on
//! afterwards. Their async cleanups then run side by side. A panic of a child goes on after the
//! others were dropped.

use std::any::Any;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::thread;

use super::maybe_done::MaybeDone;
use crate::executor::awaited::Awaited;
use crate::executor::error::report;
use crate::executor::extra::children::{Children, Turn};
use crate::executor::extra::cleanup::{self, Cleanup};
use crate::executor::pinned::PinnedSlice;
use crate::executor::wait::{Wait, note_wait, poll_budget};

/// What a destructor panicked with.
pub(crate) type Panic = Box<dyn Any + Send>;

/// Numbered places of futures.
pub trait Places {
    /// How many there are.
    fn count(&self) -> usize;
    /// Polls the future in a place; `Ready` when its output is there.
    fn poll_nth(self: Pin<&mut Self>, number: u32, cx: &mut Context<'_>) -> Poll<()>;
    /// Empties every place, in order; gives back the first panic of a destructor.
    fn clear(self: Pin<&mut Self>) -> Option<Panic>;
}

/// What a poll of a group came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Some are not done.
    Pending,
    /// All are done.
    All,
    /// This one is done, and it was to stop the others.
    Stopped(u32),
}

pin_project_lite::pin_project! {
    /// See the module's head.
    pub(crate) struct Group<P: Places> {
        #[pin]
        places: P,
        // Made by the first poll: a group may be built outside of its runtime.
        children: Option<Children>,
        running: usize,
        at: &'static Location<'static>,
    }

    impl<P: Places> PinnedDrop for Group<P> {
        fn drop(this: Pin<&mut Self>) {
            if let Some(panic) = this.clear() {
                go_on(panic);
            }
        }
    }
}

impl<P: Places> Group<P> {
    pub(crate) fn new(places: P, at: &'static Location<'static>) -> Self {
        let running = places.count();
        Self {
            places,
            children: None,
            running,
            at,
        }
    }

    /// How many are not done.
    pub(crate) fn running(&self) -> usize {
        self.running
    }

    pub(crate) fn places(self: Pin<&mut Self>) -> Pin<&mut P> {
        self.project().places
    }

    /// Polls those that were woken. `stop` looks at each that is done and says whether the others
    /// matter.
    #[inline]
    pub(crate) fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        stop: impl FnMut(Pin<&mut P>, u32) -> bool,
    ) -> Step {
        let mut guard = ClearOnUnwind {
            group: self.as_mut(),
            armed: true,
        };
        let step = guard.group.as_mut().poll_children(cx, stop);
        guard.armed = false;
        step
    }

    fn poll_children(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut stop: impl FnMut(Pin<&mut P>, u32) -> bool,
    ) -> Step {
        let mut this = self.project();
        if *this.running == 0 {
            // Nothing to poll, so no child takes a share.
            return match poll_budget(cx) {
                Poll::Ready(()) => Step::All,
                Poll::Pending => Step::Pending,
            };
        }
        let children = this.children.get_or_insert_with(|| {
            let count =
                u32::try_from(this.places.count()).expect("more than 2^32 futures in one gather");
            Children::filled(count, this.at)
        });
        let mut stopped = None;
        children.run_ready(cx.waker(), |number, cx| {
            if this.places.as_mut().poll_nth(number, cx).is_pending() {
                return Turn::Pending;
            }
            *this.running -= 1;
            if stop(this.places.as_mut(), number) {
                stopped = Some(number);
                return Turn::Stop;
            }
            Turn::Done
        });
        if let Some(number) = stopped {
            return Step::Stopped(number);
        }
        if *this.running == 0 {
            *this.children = None;
            return Step::All;
        }
        note_wait(Wait::Children, this.at);
        Step::Pending
    }

    /// Drops those that are not done, and what nobody took; gives the cleanups that they left.
    ///
    /// # Panics
    /// With what a destructor panicked with, when all are gone.
    pub(crate) fn end(self: Pin<&mut Self>) -> Awaited {
        let mark = cleanup::mark();
        if let Some(panic) = self.clear() {
            resume_unwind(panic);
        }
        Awaited::collect(mark)
    }

    fn clear(self: Pin<&mut Self>) -> Option<Panic> {
        let this = self.project();
        if *this.running == 0 {
            return None; // outputs are dropped with their places
        }
        *this.running = 0;
        let panic = this.places.clear();
        // After the futures: what their destructors wake is still theirs.
        *this.children = None;
        panic
    }
}

/// Drops the others when a child panics.
struct ClearOnUnwind<'a, P: Places> {
    group: Pin<&'a mut Group<P>>,
    armed: bool,
}

impl<P: Places> Drop for ClearOnUnwind<'_, P> {
    fn drop(&mut self) {
        if self.armed {
            if let Some(panic) = self.group.as_mut().clear() {
                go_on(panic);
            }
        }
    }
}

/// A destructor's panic goes on, unless another one is on its way: then it is reported.
#[cold]
fn go_on(panic: Panic) {
    if !thread::panicking() {
        resume_unwind(panic);
    }
    report("a destructor", panic);
}

/// Calls `f`, and keeps its panic if it is the first.
pub(crate) fn keep_first(first: &mut Option<Panic>, f: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(f)) {
        if first.is_none() {
            *first = Some(panic);
        } else {
            report("a destructor", panic);
        }
    }
}

/// Drops futures that ran together. Their cleanups are left to run side by side.
pub(crate) struct DropTogether {
    first: Option<Panic>,
    left: Vec<Cleanup>,
}

impl DropTogether {
    pub(crate) fn new() -> Self {
        Self {
            first: None,
            left: Vec::new(),
        }
    }

    /// Drops one of them.
    pub(crate) fn drop_one(&mut self, drop: impl FnOnce()) {
        let mark = cleanup::mark();
        keep_first(&mut self.first, drop);
        if cleanup::mark() > mark {
            self.left.extend(Cleanup::collect(mark));
        }
    }

    /// All are gone. Gives the first panic of a destructor.
    pub(crate) fn end(self) -> Option<Panic> {
        cleanup::leave_together(self.left);
        self.first
    }
}

/// The places of an iterator's futures.
pub(crate) type Slice<F> = PinnedSlice<MaybeDone<F>>;

pub(crate) fn slice<I>(futures: I) -> Slice<<I::Item as IntoFuture>::IntoFuture>
where
    I: IntoIterator<Item: IntoFuture>,
{
    PinnedSlice::new(
        futures
            .into_iter()
            .map(|future| MaybeDone::new(future.into_future()))
            .collect(),
    )
}

impl<F: Future> Slice<F> {
    pub(crate) fn place(self: Pin<&mut Self>, number: u32) -> Pin<&mut MaybeDone<F>> {
        self.get_mut()
            .get(number as usize)
            .expect("a group polls the places that it has")
    }

    /// Takes every output, in order.
    pub(crate) fn take_all(self: Pin<&mut Self>) -> impl Iterator<Item = F::Output> {
        let slice = self.get_mut();
        (0..slice.len()).filter_map(|number| slice.get(number).map(MaybeDone::take))
    }
}

impl<F: Future> Places for Slice<F> {
    fn count(&self) -> usize {
        self.len()
    }

    #[inline]
    fn poll_nth(self: Pin<&mut Self>, number: u32, cx: &mut Context<'_>) -> Poll<()> {
        self.place(number).poll_done(cx)
    }

    fn clear(self: Pin<&mut Self>) -> Option<Panic> {
        let slice = self.get_mut();
        let mut together = DropTogether::new();
        for number in 0..slice.len() {
            if let Some(mut place) = slice.get(number) {
                together.drop_one(|| place.set(MaybeDone::Empty));
            }
        }
        together.end()
    }
}

/// A result that waits for the cleanups of those who did not bring it.
#[derive(Debug)]
pub(crate) struct Ending<R> {
    result: Option<R>,
    cleanups: Awaited,
}

impl<R> Ending<R> {
    /// No result yet.
    pub(crate) fn none() -> Self {
        Self {
            result: None,
            cleanups: Awaited::NOTHING,
        }
    }

    /// Whether the result stands.
    #[inline]
    pub(crate) fn is_decided(&self) -> bool {
        self.result.is_some()
    }

    /// The result stands; the others are dropped.
    pub(crate) fn decide<P: Places>(&mut self, result: R, group: Pin<&mut Group<P>>) {
        // Set first: if a destructor panics there is no second end.
        self.result = Some(result);
        self.cleanups = group.end();
    }

    /// The result, when the cleanups are through.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<R> {
        ready!(self.cleanups.poll(cx));
        Poll::Ready(self.result.take().expect("decided"))
    }
}
