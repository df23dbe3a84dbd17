//! How tasks end with their runtime.
//!
//! `block_on` ends with its future; the other tasks stay, and the next `block_on` goes on with
//! them. `shutdown`, and dropping the runtime, end them: all are cancelled, their async cleanups
//! run until the grace is over, and what is left then is dropped, until none is left, with the
//! runtime still entered (destructors may spawn, wake, sleep).

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use crate::core::Core;
use crate::executor::current;
use crate::executor::end;
use crate::executor::error::drop_caught;
use crate::executor::extra::cleanup::Cleanup;
use crate::executor::probe::Ending;
use crate::executor::registry;
use crate::executor::slot::{CHILD, DONE, HANDLE, MAIN};
use crate::runtime_loop::Runtime;
use crate::sys::stderr::complain;
use crate::time::{Instant, Sleep};

impl Runtime {
    /// Cancels every task, gives their async cleanups `grace`, drops what is left, and ends the
    /// runtime.
    pub fn shutdown(self, grace: Duration) {
        self.end(grace);
    }

    fn end(&self, grace: Duration) {
        let _entered = self.enter();
        end_tasks(self, grace);
    }
}

/// How a simulated world ends its hosts: it turns the runtime between these.
#[cfg(feature = "sim")]
#[doc(hidden)]
impl Runtime {
    /// Cancels every task; their cleanups run in the turns that follow.
    pub fn begin_end(&self) {
        let _entered = self.enter();
        let core = self.core();
        core.tasks.ending.set(true);
        cancel_all(core);
    }

    /// Whether no task and no cleanup is left after [`Runtime::begin_end`].
    #[must_use]
    pub fn has_ended(&self) -> bool {
        let core = self.core();
        core.tasks.finishing.get() == 0
            && core.tasks.left_count.get() == 0
            && core.tasks.ring.is_empty()
    }

    /// Power is cut: nothing is polled any more, cleanups are given up; destructors run.
    pub fn abandon(self) {
        {
            let _entered = self.enter();
            let core = self.core();
            core.tasks.closed.set(true);
            core.tasks.ending.set(true);
            drop(Cleanup::collect(0));
            drop_until_none(core);
        }
        drop(self);
    }

    /// Reads the clock, which may have leapt since the last step, and puts the `count` tasks that
    /// have been ready for longest behind the others.
    pub fn begin_step(&self, count: usize) {
        self.core().timers.look();
        let ring = &self.core().tasks.ring;
        for _ in 0..count {
            if let Some(slot) = ring.pop() {
                ring.push(slot);
            }
        }
    }

    /// How many tasks are ready.
    #[must_use]
    pub fn ready_count(&self) -> usize {
        self.core().tasks.ring.len()
    }
}

/// Ends every task; afterwards none is left.
fn end_tasks(runtime: &Runtime, grace: Duration) {
    let core = runtime.core();
    core.grace.set(grace);
    core.probe.tell(|it| it.ending(core, Ending::Begins));
    core.tasks.ending.set(true);
    cancel_all(core);
    let unfinished = core.tasks.finishing.get() > 0 || core.tasks.left_count.get() > 0;
    // In a forked child the loop cannot turn: what is left is dropped without its cleanups.
    if unfinished && core.process == crate::sys::fork::current_pid() {
        let deadline = core.timers.clock.now() + grace;
        if let Err(error) = runtime.drive(cleanups_done(deadline), Location::caller()) {
            complain(format_args!(
                "myrt: the runtime's end did not wait for its cleanups: {error}"
            ));
        }
    }
    core.tasks.closed.set(true);
    drop(Cleanup::collect(0)); // nobody will run what is left
    drop_until_none(core);
    core.tasks.ending.set(false);
}

/// Drops every task without further ado. Destructors may spawn, hence the loop; one that always
/// does is given up.
fn drop_until_none(core: &Core) {
    for _ in 0..1000 {
        drop_all(core);
        core.read_mail();
        if core.tasks.live() == 0 && core.tasks.ring.is_empty() {
            break;
        }
    }
}

/// Waits until no cancelled task has cleanups left, or the deadline has passed.
async fn cleanups_done(deadline: Instant) {
    let mut end = Sleep::until(deadline);
    poll_fn(|cx| {
        let finishing = current::with_core(|core| {
            core.map_or(0, |core| core.tasks.watch_finishing(cx.waker()))
        });
        if finishing == 0 {
            Poll::Ready(())
        } else {
            Pin::new(&mut end).poll(cx)
        }
    })
    .await;
}

fn cancel_all(core: &Core) {
    for index in 1..core.tasks.slots.high() {
        if let Some(slot) = core.tasks.slots.get(index) {
            if !slot.block().is_null() && !slot.has(CHILD | DONE | MAIN) {
                end::cancel(core, slot.identity(), None);
            }
        }
    }
}

/// Drops every task that is still there, cleanups and all.
fn drop_all(core: &Core) {
    for index in 1..core.tasks.slots.high() {
        if let Some(slot) = core.tasks.slots.get(index) {
            if !slot.block().is_null() && !slot.has(CHILD | DONE) {
                end::drop_for_good(core, slot);
            }
        }
    }
    while let Some(slot) = core.tasks.ring.pop() {
        end::popped_when_done(core, slot);
    }
}

/// Drops the results that were not taken. False when there were none.
fn drop_results(core: &Core) -> bool {
    let mut any = false;
    for index in 1..core.tasks.slots.high() {
        if let Some(slot) = core.tasks.slots.get(index) {
            if !slot.block().is_null() && slot.has(DONE) && slot.has(HANDLE) {
                end::abandon(core, slot);
                any = true;
            }
        }
    }
    any
}

impl Drop for Runtime {
    fn drop(&mut self) {
        let _entered = self.enter();
        let core = self.core();
        // A hook that panics does not end the end: each time one task less is there.
        let mut panic = catch_unwind(AssertUnwindSafe(|| end_tasks(self, core.grace()))).err();
        for _ in 0..1000 {
            let Err(again) = catch_unwind(AssertUnwindSafe(|| end_for_good(core))) else {
                break;
            };
            panic = panic.or(Some(again));
        }
        registry::retire(core.home.id);
        core.home.end();
        match panic {
            _ if std::thread::panicking() => {}
            Some(panic) => resume_unwind(panic),
            None => core.fail_if_denied(),
        }
    }
}

/// Drops what a runtime still has when its tasks were cancelled: nobody can ask for it any more.
fn end_for_good(core: &Core) {
    // No message can come any more; those that came are handled here, where their tasks lived.
    for message in core.home.queue.close() {
        core.handle(message);
    }
    drop_until_none(core);
    // Results whose handles outlive us: nobody can take them any more. Their destructors may spawn
    // too.
    for _ in 0..1000 {
        if !drop_results(core) {
            break;
        }
        drop_until_none(core);
    }
    core.reactor.wake_all();
    drop_caught("a waker", core.timers.take_all());
    core.probe.tell(|it| it.ending(core, Ending::Over));
}
