//! The loop. Read this first: [`turn`] is what the runtime does, over and over.
//!
//! A turn runs what is ready, reads what other threads sent, fires timers, and asks the selector,
//! which is where it sleeps.

use std::io;
use std::panic::Location;
use std::time::Duration;

use crate::core::Core;
use crate::executor::extra::cleanup::Cleanup;
use crate::executor::poll::{Batch, run_batch};
use crate::executor::probe::{ReadyBy, TELLS};
use crate::executor::spawn::spawn_in;
use crate::time::Instant;

/// One turn of the loop: run a batch, fire timers, ask the selector (sleeping only if nothing is
/// ready, and at most `limit`), read the mail.
pub(crate) fn turn(core: &Core, limit: Option<Duration>) -> io::Result<Batch> {
    begin_turn(core);
    let batch = run(core, core.config.event_interval);
    if batch == Batch::Main {
        look(core); // a slow poll in the last turn is told as well
        return Ok(batch);
    }
    core.read_mail();
    let fired = core.timers.fire(look(core));
    core.probe
        .tell_polls(|it| it.became_ready(core, ReadyBy::Timers(fired)));
    if core.tasks.left_count.get() != 0 {
        run_orphans(core);
    }
    if !core.tasks.ring.is_empty() {
        // Work is ready: a glance at the selector, if it watches anything.
        if !core.reactor.is_empty() {
            core.reactor.wait(Some(Duration::ZERO))?;
            core.probe
                .tell_polls(|it| it.became_ready(core, ReadyBy::Io));
        }
    } else if core.timers.clock.is_paused() {
        sleep_virtually(core, limit)?;
    } else {
        let deadline = core.timers.next_deadline();
        let rest = deadline.map(|at| at.saturating_duration_since(core.timers.seen()));
        park(core, shorter(rest, limit))?;
        deadline
            .into_iter()
            .for_each(|at| core.timers.woke_from(at));
    }
    core.read_mail();
    Ok(batch)
}

/// Runs a batch, watched or not.
#[inline]
pub(crate) fn run(core: &Core, limit: u32) -> Batch {
    if core.probe.sees_polls() {
        if let Some(inspector) = core.probe.inspector() {
            return inspector.run_batch(core, limit);
        }
    }
    run_batch(core, limit)
}

/// The turn's reading of the clock: how long the loop has kept to itself is counted, and told if
/// that was long.
#[inline]
fn look(core: &Core) -> Instant {
    let before = core.timers.seen();
    let now = core.timers.look();
    let took = now.as_nanos().saturating_sub(before.as_nanos());
    if TELLS {
        core.busy_ns.set(core.busy_ns.get().wrapping_add(took));
        if took > core.longest_ns.get() {
            core.longest_ns.set(took);
        }
    }
    if core.probe.is_slow(took) {
        let took = Duration::from_nanos(took);
        core.probe.tell(|it| it.slow_turn(core, took));
    }
    now
}

fn begin_turn(core: &Core) {
    let turns = core.turns.get() + 1;
    if TELLS {
        core.turns.set(turns);
        if let Some(millis) = core.timers.new_millisecond() {
            core.tasks.now_ms.set(millis);
        }
    }
    assert!(
        core.process == crate::sys::fork::current_pid(),
        "this runtime was made before a fork: the child shares its selector with the parent. \
         Make a new Runtime in the child, or exec"
    );
    core.tasks.ring.tidy();
    core.probe.tell_polls(|it| it.turn(core, turns));
}

/// Sleeps in the selector until an event, a message from another thread, or the end of `timeout`.
/// This and the glance of a turn are the only calls that ask the selector.
fn park(core: &Core, timeout: Option<Duration>) -> io::Result<()> {
    let timeout = match core.probe.inspector() {
        Some(inspector) => inspector.before_park(core, timeout, false),
        None => timeout,
    };
    if !core.tasks.ring.is_empty() {
        return Ok(()); // a hook has woken or spawned something
    }
    if !core.home.queue.prepare_park() {
        return Ok(()); // a message came at the last moment
    }
    // A waker of somebody else's that panics must not leave the queue parked: nothing would run any
    // more.
    let parked = Parked(core);
    let asked = core.reactor.wait(timeout);
    drop(parked);
    core.timers.look();
    let events = *asked.as_ref().unwrap_or(&0);
    core.probe.tell(|it| it.after_park(core, events));
    asked.map(drop)
}

/// While this lives, messages from other threads wake the loop.
struct Parked<'a>(&'a Core);

impl Drop for Parked<'_> {
    fn drop(&mut self) {
        self.0.home.queue.unpark();
    }
}

/// Paused clock, nothing ready: if really nothing can happen by itself (no event, no message, no
/// job outside), time jumps to the next deadline.
pub(crate) fn sleep_virtually(core: &Core, limit: Option<Duration>) -> io::Result<()> {
    let events = core.reactor.wait(Some(Duration::ZERO))?;
    core.probe
        .tell_polls(|it| it.became_ready(core, ReadyBy::Io));
    if events > 0 || core.has_mail() {
        return Ok(());
    }
    match next_leap(core) {
        Some(at) => {
            core.probe.tell(|it| {
                it.before_park(core, None, true);
            });
            let now = core.timers.clock.now();
            let at = limit.map_or(at, |limit| at.min(now + limit));
            core.timers.clock.advance_to(at);
            let fired = core.timers.fire(core.timers.look());
            core.probe
                .tell_polls(|it| it.became_ready(core, ReadyBy::Timers(fired)));
            Ok(())
        }
        None => park(core, limit),
    }
}

/// Where virtual time jumps to when nobody is ready; none while a job outside runs, or nobody waits
/// for a time.
fn next_leap(core: &Core) -> Option<Instant> {
    let next = core.timers.next_deadline();
    next.filter(|at| core.outside() == 0 && *at != Instant::FAR_FUTURE)
}

fn shorter(a: Option<Duration>, b: Option<Duration>) -> Option<Duration> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// Whether nothing can happen before the next timer but by leaping there: the clock is paused, and
/// no task is ready, no job at work.
pub(crate) fn may_leap(core: &Core) -> bool {
    let idle = core.tasks.ring.is_empty() && !core.has_mail();
    idle && core.timers.clock.is_paused() && next_leap(core).is_some()
}

/// What was dropped outside of any task's poll may have left cleanups: a task of their own runs
/// them.
#[cold]
fn run_orphans(core: &Core) {
    if let Some(cleanup) = Cleanup::collect(0) {
        drop(spawn_in(core, cleanup, Location::caller()));
    }
}
