//! Async cleanups that a dropped future left behind, and their turn to run.
//!
//! It exists because `Drop` cannot await: a guard's drop leaves its cleanup in the runtime, and
//! whoever dropped the guarded future (a cancel, a timeout, a scope, the end of a poll) collects
//! what was left since its mark and runs it to the end, or to the end of the grace. It must not
//! know who collects.
//!
//! What is left is never lost on the way: a [`Cleanup`] that is dropped half-way leaves what it
//! still had, for whoever dropped it. Only the end of the grace, and the end of the runtime, cut a
//! cleanup, and both say so.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::local::{self, Locals, with_locals};
use super::together::Together;
use crate::executor::current;
use crate::executor::end::Nest;
use crate::executor::error::report;
use crate::executor::registry;
use crate::executor::slot::Slot;
use crate::sys::stderr::complain;
use crate::time::{Instant, Sleep};

/// A future that somebody must run to its end.
pub(crate) type Boxed = Pin<Box<dyn Future<Output = ()>>>;

/// One cleanup, on its way or half-way.
pub(crate) struct Left {
    work: Work,
    /// How long it may take; none: the runtime's grace.
    grace: Option<Duration>,
    /// When its grace is over, once it has begun to wait. It goes with the cleanup to whoever runs
    /// it next.
    deadline: Option<Instant>,
    /// The task locals that were set where it was left.
    locals: Option<Rc<Locals>>,
    /// Whose it is, of several that are dropped together.
    sibling: u32,
}

/// Tasks that are waited for have their own graces, one for each cleanup. Only two that wait for
/// each other take so long.
const ENDS_GRACES: u32 = 20;

enum Work {
    One(Boxed),
    /// Waits for tasks that were cancelled, which have their own graces and report what those cut.
    Ends(Boxed),
    /// Those of several futures that were dropped together: they run side by side.
    Together(Together),
}

impl From<Boxed> for Left {
    fn from(cleanup: Boxed) -> Self {
        Self {
            work: Work::One(cleanup),
            grace: None,
            deadline: None,
            locals: None,
            sibling: 0,
        }
    }
}

impl Left {
    /// A cleanup with a grace of its own.
    pub(crate) fn within(grace: Duration, cleanup: Boxed) -> Self {
        Self {
            work: Work::One(cleanup),
            grace: Some(grace),
            deadline: None,
            locals: None,
            sibling: 0,
        }
    }

    /// Waits for the ends of tasks that were cancelled.
    pub(crate) fn ends(tasks: Boxed) -> Self {
        Self {
            work: Work::Ends(tasks),
            grace: None,
            deadline: None,
            locals: None,
            sibling: 0,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Self { work, locals, .. } = self;
        with_locals(locals.as_ref(), || match work {
            Work::One(cleanup) | Work::Ends(cleanup) => cleanup.as_mut().poll(cx),
            Work::Together(all) => all.poll(cx),
        })
    }

    /// Drops it, where its task locals are set.
    fn end(self) {
        let Self { work, locals, .. } = self;
        with_locals(locals.as_ref(), || drop(work));
    }

    /// When it must be through; `None` where nothing bounds it (each of several that run side by
    /// side has its own bound; and there is no clock without a runtime).
    fn deadline(&mut self) -> Option<Instant> {
        if matches!(self.work, Work::Together(_)) {
            return None;
        }
        if self.deadline.is_none() {
            let mut grace = self
                .grace
                .or_else(|| current::with_core(|core| core.map(crate::core::Core::grace)))?;
            if matches!(self.work, Work::Ends(_)) {
                grace = grace.saturating_mul(ENDS_GRACES);
            }
            self.deadline = current::with_core(|core| core.map(|_| Instant::now() + grace));
        }
        self.deadline
    }
}

/// Cleanups that run one after the other, inner before outer, each bounded by the grace.
///
/// A cleanup that panics goes to the unhandled hook and the next one runs; one that outlasts the
/// grace is dropped and reported.
pub(crate) struct Cleanup {
    queue: VecDeque<Left>,
    /// Runs from the first `Pending` of the cleanup in front.
    timer: Option<Box<Sleep>>,
}

impl Cleanup {
    pub(crate) fn sequence(left: Vec<Left>) -> Self {
        Self {
            queue: left.into(),
            timer: None,
        }
    }

    /// Nothing to run yet.
    pub(crate) fn none() -> Self {
        Self {
            queue: VecDeque::new(),
            timer: None,
        }
    }

    /// Takes over what was left since `mark`, and runs everything it has.
    #[inline]
    pub(crate) fn poll_with_left(&mut self, cx: &mut Context<'_>, mark: usize) -> Poll<()> {
        self.take_over(mark);
        if self.queue.is_empty() {
            Poll::Ready(())
        } else {
            Pin::new(self).poll(cx)
        }
    }

    /// Takes over what was left since `mark`.
    #[inline]
    pub(crate) fn take_over(&mut self, mark: usize) {
        if self::mark() > mark {
            if let Some(more) = Self::collect(mark) {
                self.put_after(more);
            }
        }
    }

    /// Collects what was left since `mark`, if anything was.
    pub(crate) fn collect(mark: usize) -> Option<Self> {
        let left = take_left(mark);
        (!left.is_empty()).then(|| Self::sequence(left))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(crate) fn push(&mut self, left: impl Into<Left>) {
        self.queue.push_back(left.into());
    }

    pub(crate) fn put_after(&mut self, mut later: Self) {
        self.queue.append(&mut later.queue);
    }

    /// Puts an older sequence, which was being polled, before this newer one.
    pub(crate) fn put_before(&mut self, mut older: Self) {
        older.queue.append(&mut self.queue);
        *self = older;
    }

    /// Polls the cleanup in front. Ready: it is over, one way or the other.
    fn poll_front(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(front) = self.queue.front_mut() else {
            return Poll::Ready(());
        };
        let mark = mark();
        let polled = catch_unwind(AssertUnwindSafe(|| front.poll(cx)));
        let panic = match polled {
            Ok(Poll::Pending) if !self.is_over(cx) => {
                self.insert_after_front(mark);
                return Poll::Pending;
            }
            Ok(_) => None,
            Err(panic) => Some(panic),
        };
        self.timer = None;
        let over = self.queue.pop_front();
        let worse = catch_unwind(AssertUnwindSafe(|| over.map(Left::end))).err();
        // What the cleanup itself left behind is inner to those that wait: it runs before them.
        self.insert_in_front(mark);
        panic.into_iter().chain(worse).for_each(report_panic);
        Poll::Ready(())
    }

    /// Whether the grace of the cleanup in front, which is pending, is over.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(front) = self.queue.front_mut() else {
            return false;
        };
        let Some(deadline) = front.deadline() else {
            return false;
        };
        let grace = front.grace;
        let reports_itself = matches!(front.work, Work::Ends(_));
        let timer = self
            .timer
            .get_or_insert_with(|| Box::new(Sleep::until(deadline)));
        if Pin::new(&mut **timer).poll(cx).is_pending() {
            return false;
        }
        if !reports_itself {
            current::with_core(|core| {
                core.map(|core| core.report_cut(grace.unwrap_or(core.grace())))
            });
        }
        true
    }

    fn insert_in_front(&mut self, mark: usize) {
        take_left(mark)
            .into_iter()
            .rev()
            .for_each(|left| self.queue.push_front(left));
    }

    fn insert_after_front(&mut self, mark: usize) {
        if self::mark() > mark {
            let left = take_left(mark);
            left.into_iter()
                .rev()
                .for_each(|left| self.queue.insert(1, left));
        }
    }
}

impl Future for Cleanup {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        while !self.queue.is_empty() {
            if self.poll_front(cx).is_pending() {
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        std::mem::take(&mut self.queue).into_iter().for_each(leave);
    }
}

impl fmt::Debug for Cleanup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cleanup")
            .field("left", &self.queue.len())
            .finish_non_exhaustive()
    }
}

/// How many cleanups are left and not collected; what is left from here on is above this mark.
pub(crate) fn mark() -> usize {
    current::with_core(|core| core.map_or(0, |core| core.tasks.left_count.get()))
}

fn take_left(mark: usize) -> Vec<Left> {
    current::with_core(|core| core.map_or_else(Vec::new, |core| core.take_left(mark)))
}

/// Leaves a cleanup for whoever collects. Where nobody can, says so and drops it.
pub(crate) fn leave(cleanup: impl Into<Left>) {
    let mut cleanup = cleanup.into();
    if cleanup.locals.is_none() {
        cleanup.locals = local::here();
    }
    cleanup.sibling = current::with(|hot| hot.sibling.get());
    let refused = current::with_core(|core| match core {
        Some(core) => core.leave(cleanup),
        None => {
            complain(format_args!(
                "myrt: an async cleanup did not run, since its future was dropped outside of a runtime: drop it \
                 inside of block_on"
            ));
            Some(cleanup)
        }
    });
    let ended = catch_unwind(AssertUnwindSafe(|| refused.map(Left::end)));
    ended.err().into_iter().for_each(report_panic);
}

/// Leaves what `make` makes in the runtime of the future that was dropped, wherever that was. Made
/// there, since it may be of that thread.
#[inline]
pub(crate) fn leave_in<L: Into<Left>>(home: u64, make: impl FnOnce() -> L + 'static) {
    let here = current::with_core(|core| core.map_or(0, |core| core.serial));
    if here != home && registry::by_serial(home).is_some() {
        return registry::carry_home(home, make, |_, make| leave(make()));
    }
    leave(make());
}

/// What is left from now on is not of the branch that left something last.
#[inline]
pub(crate) fn next_sibling() {
    current::with(|hot| hot.sibling.set(hot.sibling.get().wrapping_add(1)));
}

/// What was left since `mark` is of branches that were dropped together: one runs beside the other.
#[cold]
pub(crate) fn join_siblings(mark: usize) {
    let mut all: Vec<Cleanup> = Vec::new();
    let mut last = None;
    for left in take_left(mark) {
        match all.last_mut() {
            Some(cleanup) if last == Some(left.sibling) => cleanup.push(left),
            _ => {
                last = Some(left.sibling);
                all.push(Cleanup::sequence(vec![left]));
            }
        }
    }
    leave_together(all);
}

/// Leaves the cleanups of several futures that were dropped together: they run side by side.
pub(crate) fn leave_together(mut all: Vec<Cleanup>) {
    all.retain(|cleanup| !cleanup.is_empty());
    if all.len() > 1 {
        leave(Left {
            work: Work::Together(Together::new(all)),
            grace: None,
            deadline: None,
            locals: None,
            sibling: 0,
        });
    }
    // A single one leaves what it has by being dropped.
}

/// Drops something of the user's, as the task or child in `slot` if one is given: the cleanups that
/// it left are taken over by `cleanup`, and what its destructor panicked with is returned.
pub(crate) fn drop_into(
    cleanup: &mut Cleanup,
    slot: Option<&Slot>,
    drop: impl FnOnce(),
) -> Option<Box<dyn Any + Send>> {
    let mark = mark();
    let nest = slot.map(Nest::of);
    let panic = catch_unwind(AssertUnwindSafe(drop)).err();
    std::mem::drop(nest);
    cleanup.take_over(mark);
    panic
}

/// A panic of a cleanup, or of a destructor where nobody else can be told.
pub(crate) fn report_panic(panic: Box<dyn Any + Send>) {
    report("an async cleanup", panic);
}
