//! Events of the `tracing` crate for what the runtime does.
//!
//! It is one observer and two hooks, so no other file depends on tracing, and it costs nothing
//! where it is not installed.

use std::time::Duration;

use tracing::{debug, error, trace, warn};

use crate::builder::Builder;
use crate::executor::error::Outcome;
use crate::executor::id::Id;
use crate::executor::unhandled::Unhandled;
use crate::inspect::observe::{By, NewTask, Observer, Rest};
use crate::inspect::report::Report;

/// Turns what happens into `tracing` events with the target `myrt`.
///
/// [`install`](Tracing::install) takes all there is: panics that nobody awaits are errors, what the
/// runtime notices (slow polls, deadlocks) warnings. Tasks that begin and end are at debug level;
/// polls, wakes and the turns of the loop at trace level: several events a poll, so ask for
/// `myrt=warn` unless they are what you look at. Given to [`Builder::observer`] alone it leaves the
/// first two kinds out.
///
/// The events are made on the loop's thread, between polls. A subscriber that blocks, blocks the
/// loop.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Tracing;

impl Tracing {
    /// The observer.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }

    /// Sets the observer and both hooks of a builder; those set before are replaced.
    pub fn install(builder: Builder) -> Builder {
        builder
            .observer(Self)
            .on_unhandled(unhandled)
            .on_report(report)
    }
}

fn unhandled(unhandled: &Unhandled<'_>) {
    error!(
        target: "myrt",
        task = unhandled.id.map(display),
        name = unhandled.name,
        spawned_at = unhandled.spawned_at.map(display),
        panic = unhandled.message,
        "{}", unhandled.what
    );
}

fn report(report: &Report) {
    match report {
        Report::SlowPoll {
            task,
            name,
            spawned_at,
            took,
            others,
        } => warn!(
            target: "myrt",
            task = %task,
            name = name.as_deref(),
            spawned_at = spawned_at.map(display),
            ?took,
            others,
            "slow poll"
        ),
        report => warn!(target: "myrt", "{report}"),
    }
}

impl Observer for Tracing {
    fn task_spawned(&self, task: &NewTask<'_>) {
        debug!(
            target: "myrt",
            task = %task.id,
            name = task.name,
            spawned_at = task.spawned_at.map(display),
            parent = task.parent.map(display),
            is_child = task.is_child,
            "task spawned"
        );
    }

    fn task_woken(&self, task: Id, by: By) {
        trace!(target: "myrt", task = %task, ?by, "task woken");
    }

    fn task_polled(&self, task: Id) {
        trace!(target: "myrt", task = %task, "task polled");
    }

    fn task_rested(&self, task: Id, rest: Option<Rest>) {
        trace!(
            target: "myrt",
            task = %task,
            waits_for = rest.map(|rest| debug(rest.wait)),
            at = rest.and_then(|rest| rest.at).map(display),
            "task rested"
        );
    }

    fn task_ended(&self, task: Id, outcome: Outcome) {
        debug!(target: "myrt", task = %task, ?outcome, "task ended");
    }

    fn timers_fired(&self, timers: usize) {
        trace!(target: "myrt", timers, "timers fired");
    }

    fn turn_started(&self, turn: u64) {
        trace!(target: "myrt", turn, "turn");
    }

    fn parking(&self, timeout: Option<Duration>) {
        trace!(target: "myrt", ?timeout, "parking");
    }

    fn unparked(&self, events: usize) {
        trace!(target: "myrt", events, "unparked");
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Write};
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    use super::Tracing;
    use crate::builder::Builder;
    use crate::time::sleep;

    /// Writes events down, and wants no spans.
    struct Notes(Arc<Mutex<Vec<String>>>);

    struct Line(String);

    impl Visit for Line {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            write!(self.0, " {}={value:?}", field.name()).expect("a string takes all");
        }
    }

    impl Subscriber for Notes {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target() == "myrt"
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, event: &Event<'_>) {
            let mut line = Line(event.metadata().level().to_string());
            event.record(&mut line);
            self.0.lock().unwrap().push(line.0);
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn turns_panics_and_reports_become_events() {
        let notes = Arc::new(Mutex::new(Vec::new()));
        tracing::subscriber::with_default(Notes(notes.clone()), || {
            let builder = Tracing::install(Builder::new())
                .start_paused(true)
                .lints(crate::runtime::Lints::Warn)
                .slow_poll(Duration::from_millis(1));
            let runtime = builder.build().unwrap();
            runtime.block_on(async {
                drop(crate::executor::spawn(async {
                    panic!("nobody hears this")
                }));
                let begin = std::time::SystemTime::now();
                while begin
                    .elapsed()
                    .is_ok_and(|took| took < Duration::from_millis(5))
                {}
                sleep(Duration::from_secs(1)).await;
            });
        });
        let notes = notes.lock().unwrap();
        let has = |words: &[&str]| {
            let found = |line: &&String| words.iter().all(|word| line.contains(word));
            assert!(notes.iter().find(found).is_some(), "{words:?}: {notes:#?}");
        };
        has(&["TRACE", "turn="]);
        // Ids as reports and the monitor have them, not as numbers.
        has(&["TRACE", "task polled", "task=main"]);
        has(&["DEBUG", "task spawned", "spawned_at="]);
        has(&[
            "TRACE",
            "task rested",
            "waits_for=Timer",
            "tracing_events.rs",
        ]);
        has(&["DEBUG", "task ended", "outcome=Panicked"]);
        has(&[
            "ERROR",
            "nobody hears this",
            "spawned_at=",
            "tracing_events.rs",
        ]);
        has(&["WARN", "slow poll", "took="]);
    }
}
