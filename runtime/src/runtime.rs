//! `Runtime`: what a program drives the loop by.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{Location, resume_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::core::Core;
use crate::event_loop::{may_leap, run, sleep_virtually, turn};
use crate::executor::block::MainBlock;
use crate::executor::current::{self, Entered};
use crate::executor::error::{JoinError, Reason, drop_caught};
use crate::executor::extra::cleanup::{self, Cleanup};
use crate::executor::id::Id;
use crate::executor::join::JoinHandle;
use crate::executor::poll::Batch;
use crate::executor::probe::LARGE;
use crate::executor::slot::{CANCEL, DONE, EXTRAS, FAILED, MAIN, QUEUED, Slot};
use crate::executor::spawn::{boxed_if_large, spawn_in, tell_large};
use crate::executor::stored::wake_all;
use crate::remote::Remote;
use crate::time::Instant;

/// A single-threaded runtime: executor, reactor and timers of one thread.
///
/// It stays on the thread that made it. Most programs use [`run`](crate::run) or `#[myrt::main]`
/// and never see it.
///
/// tokio's `Runtime` of the `current_thread` flavour; asyncio's event loop.
///
/// ```
/// let runtime = myrt::runtime::Runtime::new().unwrap();
/// let n = runtime.block_on(async { 41 + 1 });
/// assert_eq!(n, 42);
/// ```
pub struct Runtime {
    core: Box<Core>,
    /// A foreign loop waits for the descriptor, and messages ring: the queue is parked although the
    /// loop does not run.
    announced: Cell<bool>,
    _not_send: PhantomData<*mut ()>,
}

impl Runtime {
    pub(crate) fn from_core(core: Core) -> Self {
        Self {
            core: Box::new(core),
            announced: Cell::new(false),
            _not_send: PhantomData,
        }
    }

    /// Runs `future` to its end on this thread, and the runtime's tasks beside it. The future needs
    /// neither `Send` nor `'static`. The other tasks stay as they are when it ends, until the next
    /// `block_on`, [`Runtime::turn`] or the runtime's end.
    ///
    /// # Panics
    /// Inside of another `block_on`, `turn` or `run` on the same thread. With what `future`
    /// panicked with. When the selector fails. When the future is cancelled: see
    /// [`Runtime::try_block_on`]. When something was reported, under
    /// [`Lints::Deny`](crate::runtime::Lints::Deny).
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        match boxed_if_large!(future => self.run_main(future)) {
            Ok(output) => output,
            Err(error) => panic!(
                "the future given to block_on was cancelled ({error}); try_block_on returns that"
            ),
        }
    }

    /// As [`Runtime::block_on`], for a future that may be cancelled: by itself or others through
    /// [`task::current`](crate::task::current), which inside of it names it. It is dropped at its
    /// await point then, its async cleanups run, and this returns the error.
    ///
    /// # Errors
    /// When it was cancelled.
    ///
    /// # Panics
    /// As [`Runtime::block_on`].
    ///
    /// ```
    /// let runtime = myrt::runtime::Runtime::new().unwrap();
    /// let ended = runtime.try_block_on(async {
    ///     let me = myrt::task::current();
    ///     myrt::spawn(async move { me.cancel() });
    ///     std::future::pending::<()>().await;
    /// });
    /// assert!(ended.unwrap_err().is_cancelled());
    /// ```
    #[track_caller]
    pub fn try_block_on<F: Future>(&self, future: F) -> Result<F::Output, JoinError> {
        boxed_if_large!(future => self.run_main(future))
    }

    #[track_caller]
    fn run_main<F: Future>(&self, future: F) -> Result<F::Output, JoinError> {
        refuse_nesting("block_on");
        let entered = self.enter();
        let ended = match self.drive(future, Location::caller()) {
            Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
            ended => ended,
        };
        drop(entered);
        self.core.fail_if_denied();
        ended
    }

    /// Runs `future` with the runtime entered, without asking whether one runs already.
    pub(crate) fn drive<F: Future>(
        &self,
        future: F,
        at: &'static Location<'static>,
    ) -> Result<F::Output, JoinError> {
        let core = &*self.core;
        core.timers.look(); // what was before is not this run's
        let slot = core.tasks.slots.renew_main();
        let mut future = pin!(Some(future));
        let mut ended = None;
        let mut cleanup = Cleanup::none();
        let mut main = |cx: &mut Context<'_>| {
            if ended.is_none() {
                if let Some(end) = poll_main(core, slot, future.as_mut(), cx) {
                    ended = Some(end); // written once, and not at every poll
                }
            }
            if cleanup.is_empty() && core.tasks.left_count.get() == 0 {
                return ended.is_some();
            }
            // What the future dropped meanwhile may have left cleanups: they run beside it, and it
            // ends after them.
            let cleaned = cleanup.poll_with_left(cx, 0).is_ready();
            ended.is_some() && cleaned
        };
        let mut block = MainBlock::new(&mut main);
        slot.occupy(block.header().as_ptr(), MAIN | QUEUED, 0, at);
        core.tasks.ring.push(slot);
        let vacate = Vacate { core, slot };
        while self.turn_or_panic(None) != Batch::Main {}
        // Of the hook that is told of panics, if it panicked itself.
        let late = take_error(core, slot);
        drop(vacate);
        match late {
            Some(Reason::Panic(panic)) => resume_unwind(panic),
            _ => ended.expect("the main future is done"),
        }
    }

    #[track_caller]
    fn turn_or_panic(&self, limit: Option<Duration>) -> Batch {
        match turn(&self.core, limit) {
            Ok(batch) => batch,
            Err(error) => panic!(
                "the {} selector failed and the loop cannot go on: {error}",
                self.core.reactor.kind
            ),
        }
    }

    /// Spawns a task, to be run by the next `block_on` or `turn`.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let at = Location::caller();
        if size_of::<F>() > LARGE {
            tell_large(&self.core, size_of::<F>(), at);
        }
        let task = boxed_if_large!(future => spawn_in(&self.core, future, at));
        if self.announced.get() {
            self.announce();
        }
        task
    }

    /// Runs one turn: what is ready (at most a batch), timers, the selector. Sleeps only if nothing
    /// was ready when it began, and at most `timeout` (`None`: until something happens), so a loop
    /// that turns until a task has done something ends. Returns whether something is ready for
    /// another turn.
    ///
    /// With [`Runtime::next_deadline`] and [`AsFd`] it embeds the runtime in a foreign loop.
    ///
    /// # Errors
    /// When the selector fails.
    ///
    /// # Panics
    /// Inside of a runtime on the same thread.
    #[track_caller]
    pub fn turn(&self, timeout: Option<Duration>) -> io::Result<bool> {
        refuse_nesting("turn");
        let _entered = self.enter();
        self.core.timers.look();
        let timeout = if self.core.tasks.ring.is_empty() {
            timeout
        } else {
            Some(Duration::ZERO)
        };
        turn(&self.core, timeout)?;
        Ok(!self.core.tasks.ring.is_empty())
    }

    /// Polls the one task that has been ready for longest, without sleeping; if none is ready, does
    /// the rest of a turn with timeout zero. A clock that is paused leaps then, to the next timer
    /// that somebody waits for, as it does in `block_on`: so a program in virtual time is stepped
    /// through by `step` alone. Returns whether something was polled. For steppers, which show
    /// [`Runtime::ready`] and [`Runtime::graph`] in between.
    ///
    /// # Errors
    /// When the selector fails.
    #[track_caller]
    pub fn step(&self) -> io::Result<bool> {
        refuse_nesting("step");
        let _entered = self.enter();
        if self.core.tasks.ring.is_empty() {
            turn(&self.core, Some(Duration::ZERO))?;
            while may_leap(&self.core) {
                sleep_virtually(&self.core, None)?;
            }
            return Ok(false);
        }
        let now = self.core.timers.clock.now();
        self.core.tasks.now_ms.set(self.core.timers.millis(now));
        run(&self.core, 1);
        Ok(true)
    }

    /// When the loop must turn again at the latest, by its timers; none without timers. Now, if
    /// something is ready.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        if !self.core.tasks.ring.is_empty() || self.core.has_mail() {
            return Some(self.core.timers.clock.now());
        }
        self.core.timers.next_deadline()
    }

    /// A handle for other threads.
    #[must_use]
    pub fn remote(&self) -> Remote {
        Remote::new(&self.core.home)
    }

    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    /// Enters the runtime for one of its calls.
    pub(crate) fn enter(&self) -> Inside<'_> {
        if self.announced.take() {
            self.core.home.queue.unpark();
        }
        Inside {
            runtime: self,
            _entered: Entered::new(&self.core),
        }
    }

    /// A foreign loop waits for the selector's descriptor: makes it readable for what the next turn
    /// has to do, and has what other threads send ring from now on.
    fn announce(&self) {
        let queue = &self.core.home.queue;
        if !self.announced.get() {
            self.announced.set(queue.prepare_park());
        }
        if !self.announced.get() || !self.core.tasks.ring.is_empty() {
            self.core.home.notifier.notify();
        }
    }
}

/// While this lives, the thread is inside of the runtime, for a call of its owner.
pub(crate) struct Inside<'a> {
    runtime: &'a Runtime,
    _entered: Entered<'a>,
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        if self.runtime.core.reactor.is_embedded() {
            self.runtime.announce();
        }
    }
}

/// Polls the main future. Some: it is gone, and this is its result.
#[inline]
fn poll_main<F: Future>(
    core: &Core,
    slot: &Slot,
    mut future: Pin<&mut Option<F>>,
    cx: &mut Context<'_>,
) -> Option<Result<F::Output, JoinError>> {
    if !slot.has(CANCEL | FAILED) {
        if let Poll::Ready(output) = future.as_mut().as_pin_mut()?.poll(cx) {
            if slot.has(CANCEL) {
                // As for any task: cancelled in the poll that brought it to its end.
                return Some(Err(end_main(core, slot, || {
                    future.set(None);
                    drop(output);
                })));
            }
            future.set(None);
            return Some(Ok(output));
        }
        if !slot.has(CANCEL) {
            return None;
        }
    }
    Some(Err(end_main(core, slot, || future.set(None))))
}

/// The main future panicked, or is cancelled: drops it, as itself.
#[cold]
fn end_main(core: &Core, slot: &Slot, drop: impl FnOnce()) -> JoinError {
    let id = Id::from_identity(slot.identity());
    let mut left = Cleanup::none();
    let panic = cleanup::drop_into(&mut left, Some(slot), drop);
    let reason = match (take_error(core, slot), panic) {
        (Some(reason), worse) => {
            worse.into_iter().for_each(cleanup::report_panic);
            reason
        }
        (None, Some(panic)) => Reason::Panic(panic),
        (None, None) => Reason::Cancelled(
            core.tasks
                .extras
                .peek(slot, |extras| extras.reason.clone())
                .flatten(),
        ),
    };
    drop_left(left);
    JoinError::new(id, reason)
}

/// What the main future left goes back on the list, where its own cleanups are taken from.
fn drop_left(left: Cleanup) {
    drop(left);
}

fn take_error(core: &Core, slot: &Slot) -> Option<Reason> {
    if !slot.has(FAILED) {
        return None;
    }
    slot.remove(FAILED);
    core.tasks.extras.with(slot, |extras| extras.error.take())
}

/// Panics inside of a runtime.
#[doc(hidden)]
#[track_caller]
pub fn refuse_nesting(what: &str) {
    let inside = current::with_core(|core| core.is_some());
    assert!(
        !inside,
        "{what} was called inside of a runtime on this thread, which would stop every task of it: \
         await the future instead, or spawn it; from another thread use Remote::spawn"
    );
}

/// Takes the main future's slot out of use, however `drive` ends.
struct Vacate<'a> {
    core: &'a Core,
    slot: &'a Slot,
}

impl Drop for Vacate<'_> {
    fn drop(&mut self) {
        let waiters = self.slot.has(EXTRAS).then(|| {
            let extras = &self.core.tasks.extras;
            let waiters = extras.with(self.slot, |extras| std::mem::take(&mut extras.waiters));
            self.core.tasks.remove_extras(self.slot);
            waiters
        });
        let joiner = self.slot.take_joiner();
        self.slot.set_block(std::ptr::null_mut());
        self.slot.set_flags(MAIN | DONE | QUEUED);
        drop_caught("a waker", joiner);
        wake_all(waiters.into_iter().flatten());
    }
}

impl AsFd for Runtime {
    /// The selector's own descriptor, for a foreign loop to wait on: it is readable when a
    /// [`turn`](Runtime::turn) has something to do. That is an event, a task that was spawned,
    /// woken by another thread or left ready, a call from a [`Remote`], the end of a blocking job.
    /// Timers alone do not make it readable: the foreign loop waits no longer than until
    /// [`Runtime::next_deadline`].
    ///
    /// # Panics
    /// With the poll and select selectors, which have none: use epoll or kqueue for embedding.
    fn as_fd(&self) -> BorrowedFd<'_> {
        let fd =
            self.core.reactor.embed().expect(
                "poll and select have no descriptor to wait on: embed with epoll or kqueue",
            );
        if !current::with_core(|core| core.is_some_and(|core| core.serial == self.core.serial)) {
            self.announce();
        }
        fd
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime")
            .field("selector", &self.core.reactor.kind)
            .field("tasks", &self.core.tasks.live())
            .finish_non_exhaustive()
    }
}
