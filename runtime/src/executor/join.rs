//! `JoinHandle`: a task's id, and the right to its output.
//!
//! It exists as a key and not a pointer, so it is `Send + Sync` whatever the output is, costs no
//! reference count, and can never dangle. It must not know how tasks are polled.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::current::{self, Hot};
use super::end;
use super::error::{JoinError, Outcome, Reason};
use super::extra::cleanup::{self, Left};
use super::id::Id;
use super::info::TaskRef;
use super::registry;
use super::slot::{CANCEL, DONE, FINISHING, HANDLE, NESTED, Slot, index_of};
use super::stored::StoredWaker;
use super::wait::{self, Wait, poll_budget};
use crate::core::Core;

/// The right to a task's output; awaiting it gives `Ok(output)`, or the [`JoinError`] that says why
/// there is none.
///
/// Dropping it detaches: the task runs on. So does a task whose handle somebody awaits who is
/// cancelled, in a timeout or a `select!`; asyncio cancels the awaited task with its awaiter. For
/// that use [`JoinHandle::abort_on_drop`]. It is `Send + Sync` for every `T`, since it is only a
/// key; but it must be awaited on the thread of its runtime.
///
/// tokio's `JoinHandle`, asyncio's `Task`. Cancel safe: awaiting `&mut handle` may be given up and
/// taken up again.
///
/// # Panics
/// When polled outside of its runtime while that lives, and when polled again after it gave its
/// output. After its runtime's end it gives an error that says so.
///
/// ```
/// myrt::run(async {
///     let handle = myrt::spawn(async { 6 * 7 });
///     assert_eq!(handle.await.unwrap(), 42);
/// });
/// ```
#[must_use = "dropping the handle detaches the task; await it, cancel it, or `drop` it to say so"]
#[doc(alias = "Task")]
pub struct JoinHandle<T> {
    identity: u64,
    runtime: u64,
    _output: PhantomData<fn() -> T>,
}

impl<T> JoinHandle<T> {
    #[inline]
    pub(crate) fn new(identity: u64, runtime: u64) -> Self {
        Self {
            identity,
            runtime,
            _output: PhantomData,
        }
    }

    /// The task's id.
    #[must_use]
    pub fn id(&self) -> Id {
        Id::from_identity(self.identity)
    }

    /// Whether the task has ended and its cleanups are through. It may be asked anywhere: between
    /// the turns of its runtime, after its end, on another thread.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        is_over(self.runtime, self.identity)
    }

    /// The task's name, if it was given one and has not ended.
    #[must_use]
    pub fn name(&self) -> Option<Rc<str>> {
        self.task_ref().name()
    }

    /// Cancels the task: its future is dropped at its await point before this returns (where that
    /// future's own poll is on the stack, as soon as that poll returns), and the handle then gives
    /// [`JoinError`] with `is_cancelled`. The future returned waits for the task's async cleanups;
    /// awaiting it is optional.
    ///
    /// Nothing happens to a task that has ended. On another thread the wish is sent to the task's
    /// own.
    ///
    /// A task that is cancelled during its own poll (by itself, or by what runs inside of that
    /// poll) ends as cancelled also if that poll brings it to its end: its output is dropped. A
    /// panic is kept.
    ///
    /// asyncio's `Task.cancel`, tokio's `JoinHandle::abort`.
    #[doc(alias = "abort")]
    #[track_caller]
    pub fn cancel(&self) -> Cancel {
        cancel_id(self.runtime, self.identity, None)
    }

    /// As [`JoinHandle::cancel`], with a reason that [`JoinError::reason`] will give.
    #[track_caller]
    pub fn cancel_with(&self, reason: impl Into<Cow<'static, str>>) -> Cancel {
        cancel_id(self.runtime, self.identity, Some(reason.into()))
    }

    /// Calls `callback` on the loop's thread when the task has ended, at once if it has. A panic in
    /// it goes to the unhandled hook. A handle that has given its output, or that is outside of its
    /// runtime, drops it. asyncio's `add_done_callback`.
    #[doc(alias = "add_done_callback")]
    pub fn on_done(&self, callback: impl FnOnce(Id, Outcome) + 'static) {
        let mut callback = Some(Box::new(callback) as super::extras::Callback);
        let ended = self.with_slot(|core, slot| {
            if slot.has(DONE) {
                return Some(end::outcome(core, slot));
            }
            let callback = callback.take();
            core.tasks
                .extras
                .with(slot, |extras| extras.callbacks.extend(callback));
            None
        });
        if let (Some(Some(outcome)), Some(callback)) = (ended, callback) {
            end::call_back(callback, self.identity, outcome);
        }
    }

    /// A handle that cancels the task when dropped.
    pub fn abort_on_drop(self) -> AbortOnDrop<T> {
        AbortOnDrop { handle: self }
    }

    /// Says whom to wake at the task's end, without a poll; wakes at once if the task has ended.
    pub(crate) fn wake_at_end(&self, joiner: StoredWaker) {
        if self.is_finished() {
            return joiner.wake();
        }
        let old = self.with_slot(|_, slot| slot.set_joiner(joiner));
        drop(old);
    }

    /// Whether the thread is inside the task's runtime.
    pub(crate) fn is_home(&self) -> bool {
        current::with_core(|core| core.is_some_and(|core| core.serial == self.runtime))
    }

    /// Names the task without its output: `Copy`, for those who may cancel it or ask about it while
    /// somebody else awaits the handle. tokio's `abort_handle`.
    ///
    /// ```
    /// myrt::run(async {
    ///     let task = myrt::spawn(std::future::pending::<()>());
    ///     let name = task.task_ref();
    ///     myrt::spawn(async move { name.cancel().await });
    ///     assert!(task.await.unwrap_err().is_cancelled());
    ///     assert!(name.is_finished());
    /// });
    /// ```
    #[doc(alias = "abort_handle")]
    #[doc(alias = "AbortHandle")]
    #[must_use]
    pub fn task_ref(&self) -> TaskRef {
        TaskRef::new(self.identity, self.runtime)
    }

    fn with_slot<R>(&self, f: impl FnOnce(&Core, &Slot) -> R) -> Option<R> {
        current::with_core(|core| {
            let core = core.filter(|core| core.serial == self.runtime)?;
            core.tasks.find(self.identity).map(|slot| f(core, slot))
        })
    }
}

impl<T: 'static> JoinHandle<T> {
    /// The output of a task that has ended; it never waits, and takes no share.
    pub(crate) fn take_ended(&mut self) -> Option<Result<T, JoinError>> {
        current::with_core(|core| {
            let core = core.filter(|core| core.serial == self.runtime)?;
            let slot = core.tasks.slots.get(index_of(self.identity))?;
            slot.has(DONE).then(|| self.take(core, slot))
        })
    }

    #[inline(always)]
    #[track_caller]
    fn take(&mut self, core: &Core, slot: &Slot) -> Result<T, JoinError> {
        self.runtime = SPENT; // the slot is freed with the output
        match end::take_output::<T>(core, slot) {
            Some(output) => output,
            None => not_here(SPENT),
        }
    }
}

impl<T: 'static> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    #[inline(always)]
    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let at = Location::caller();
        // SAFETY: used within this poll only, which happens inside of the runtime.
        let core = unsafe { current::current() };
        let Some(core) = core.filter(|core| core.serial == self.runtime) else {
            return Poll::Ready(Err(self.ended_with_its_runtime()));
        };
        // The slot is this task's for as long as the handle is there.
        let Some(slot) = core.tasks.slots.get(index_of(self.identity)) else {
            not_here(SPENT)
        };
        debug_assert!(slot.is(self.identity));
        if slot.has(DONE) {
            ready!(poll_budget(cx));
            return Poll::Ready(self.take(core, slot));
        }
        let joiner = StoredWaker::new(cx.waker());
        if joiner.key().is_none() && slot.has(DONE) {
            joiner.wake(); // a foreign waker's clone ran foreign code, which ended the task
            return Poll::Pending;
        }
        let old = slot.set_joiner(joiner);
        core.thread.hot().note_join(slot, at);
        drop(old);
        Poll::Pending
    }
}

impl<T> JoinHandle<T> {
    /// For a handle that has outlived its runtime: the task was cancelled then, or its output
    /// dropped.
    #[cold]
    #[track_caller]
    fn ended_with_its_runtime(&mut self) -> JoinError {
        if self.runtime == SPENT || registry::by_serial(self.runtime).is_some() {
            not_here(self.runtime);
        }
        self.runtime = SPENT;
        let reason = Some(Cow::Borrowed("its runtime has ended"));
        JoinError::new(self.id(), Reason::Cancelled(reason))
    }
}

/// In place of the runtime's serial once the handle has given its output; no runtime has it.
const SPENT: u64 = 0;

#[cold]
#[track_caller]
fn not_here(runtime: u64) -> ! {
    assert!(
        runtime != SPENT,
        "a JoinHandle was polled again after it gave its output"
    );
    registry::refuse("a JoinHandle was polled", runtime)
}

impl<T> Drop for JoinHandle<T> {
    #[inline]
    fn drop(&mut self) {
        if self.runtime != SPENT {
            let_go(self.runtime, self.identity);
        }
    }
}

fn let_go(runtime: u64, identity: u64) {
    current::with_core(|core| match core {
        Some(core) if core.serial == runtime => detach(core, identity),
        _ => detach_remotely(runtime, identity),
    });
}

fn detach(core: &Core, identity: u64) {
    let Some(slot) = core.tasks.find(identity) else {
        return;
    };
    if slot.has(DONE) {
        end::let_go_of_ended(core, slot);
    } else {
        slot.remove(HANDLE);
        drop(slot.take_joiner());
    }
}

#[cold]
fn detach_remotely(runtime: u64, identity: u64) {
    registry::call_in(runtime, move |core| detach(core, identity));
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}

/// Whether a task has ended, asked on any thread. What a runtime's table says to other threads is
/// up to date on its own.
pub(crate) fn is_over(runtime: u64, identity: u64) -> bool {
    current::with_core(|core| match core {
        Some(core) if core.serial == runtime => {
            core.tasks.find(identity).is_none_or(|slot| slot.has(DONE))
        }
        _ => elsewhere(runtime, identity).is_none_or(|flags| flags & DONE != 0),
    })
}

/// The flags of a task of a runtime that this thread is not inside of. None: the task has ended, or
/// its runtime has.
#[cold]
pub(crate) fn elsewhere(runtime: u64, identity: u64) -> Option<u16> {
    let home = registry::by_serial(runtime)?;
    let slot = home.table.look(index_of(identity))?;
    slot.is(identity).then(|| slot.flags())
}

/// Cancels by identity, at once or through the task's own thread.
#[track_caller]
pub(crate) fn cancel_id(runtime: u64, identity: u64, reason: Option<Cow<'static, str>>) -> Cancel {
    current::with_core(|core| match core {
        Some(core) if core.serial == runtime => end::cancel(core, identity, reason),
        _ => {
            registry::call_in(runtime, move |core| end::cancel(core, identity, reason));
        }
    });
    Cancel {
        identity,
        runtime,
        at: Location::caller(),
    }
}

/// Waits until a cancelled task has ended, its async cleanups included; at once where it has.
/// Dropping it waits for nothing.
///
/// # Panics
/// When polled outside of its task's runtime while the task has not ended.
#[derive(Debug)]
pub struct Cancel {
    identity: u64,
    runtime: u64,
    at: &'static Location<'static>,
}

impl Future for Cancel {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        current::with_core(|core| {
            let Some(core) = core.filter(|core| core.serial == self.runtime) else {
                // Its handle may have given its output before the cancel.
                return match is_over(self.runtime, self.identity) {
                    true => Poll::Ready(()),
                    false => cancel_elsewhere(),
                };
            };
            // First, since the clone of a foreign waker is foreign code and may end the task.
            let waiter = StoredWaker::new(cx.waker());
            let Some(slot) = core.tasks.find(self.identity) else {
                return poll_budget(cx);
            };
            if slot.has(DONE) {
                return poll_budget(cx);
            }
            let known = core.tasks.extras.peek(slot, |extras| {
                extras.waiters.iter().any(|w| w.will_wake(cx.waker()))
            });
            if known != Some(true) {
                core.tasks
                    .extras
                    .with(slot, |extras| extras.waiters.push(waiter));
            }
            wait::note_wait(Wait::Join(Id::from_identity(self.identity)), self.at);
            Poll::Pending
        })
    }
}

impl Cancel {
    /// Whether the task has ended and its cleanups are through. See [`JoinHandle::is_finished`].
    #[must_use]
    pub fn is_finished(&self) -> bool {
        is_over(self.runtime, self.identity)
    }
}

impl Cancel {
    /// Whether the task's future is gone, or about to be put off no longer, and cleanups may keep
    /// it. False for a task whose own poll is on the stack, which cannot wait for itself, and when
    /// the runtime's own grace is over.
    fn is_cleaning(&self) -> bool {
        current::with_core(|core| {
            let core = core.filter(|core| core.serial == self.runtime && !core.tasks.closed.get());
            let slot = core.and_then(|core| core.tasks.find(self.identity));
            slot.is_some_and(|slot| {
                let polled = slot.has(NESTED) || current::with(Hot::running) == slot.key();
                slot.has(FINISHING | CANCEL) && !slot.has(DONE) && !polled
            })
        })
    }
}

#[cold]
fn cancel_elsewhere() -> ! {
    panic!(
        "the future of a cancel() was polled outside of its task's runtime: await it where the task was spawned; the task \
         is cancelled all the same"
    )
}

/// A [`JoinHandle`] that cancels its task when dropped. Whoever drops what holds it (a cancel, a
/// timeout, a scope, the end of `block_on`) waits for the async cleanups of that task too; where it
/// is dropped by hand they run beside, and the task that dropped it ends after them.
#[must_use = "dropping it cancels the task"]
#[derive(Debug)]
pub struct AbortOnDrop<T> {
    handle: JoinHandle<T>,
}

impl<T> AbortOnDrop<T> {
    /// Cancels `handle`'s task when dropped.
    pub fn new(handle: JoinHandle<T>) -> Self {
        Self { handle }
    }

    /// The handle again; the task runs on when that is dropped.
    pub fn detach(self) -> JoinHandle<T> {
        let this = mem::ManuallyDrop::new(self); // the handle goes on in the one returned
        JoinHandle::new(this.handle.identity, this.handle.runtime)
    }

    /// The task's id.
    #[must_use]
    pub fn id(&self) -> Id {
        self.handle.id()
    }
}

impl<T: 'static> Future for AbortOnDrop<T> {
    type Output = Result<T, JoinError>;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.handle).poll(cx)
    }
}

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        leave_ends([self.handle.cancel()]);
    }
}

/// Whoever drops what holds these tasks waits for the cleanups that they have left.
pub(crate) fn leave_ends(tasks: impl IntoIterator<Item = Cancel>) {
    let running: Vec<_> = tasks.into_iter().filter(Cancel::is_cleaning).collect();
    if running.is_empty() {
        return;
    }
    let ends = async move {
        for task in running {
            task.await;
        }
    };
    cleanup::leave(Left::ends(Box::pin(ends)));
}
