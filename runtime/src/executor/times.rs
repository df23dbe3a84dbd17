//! How long tasks were polled, for those whose polls are timed.
//!
//! It exists for the graph, which other threads read: the row of a slot says whose times it has, so
//! nothing need be tidied up when a task ends. Sums are kept in debug mode, with an observer or
//! lints, and while the monitor is asked for `top` (see `watchdog.rs`). It must not know clocks.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::slot::index_of;

/// The times of the occupants of slots, by index.
#[derive(Default)]
pub(crate) struct Times(Mutex<Vec<(u64, PollTimes)>>);

/// What the polls of one task took, as far as they were timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PollTimes {
    /// All together.
    pub busy: Duration,
    /// The longest.
    pub longest: Duration,
}

impl Times {
    /// A poll of the task `identity` took so long.
    pub(crate) fn add(&self, identity: u64, took: Duration) {
        let mut rows = self.lock();
        let index = index_of(identity) as usize;
        if rows.len() <= index {
            rows.resize(index + 1, (0, PollTimes::default()));
        }
        let (owner, times) = &mut rows[index];
        if *owner != identity {
            (*owner, *times) = (identity, PollTimes::default());
        }
        times.busy += took;
        times.longest = times.longest.max(took);
    }

    /// The times of a task; none, if none of its polls was timed.
    pub(crate) fn of(&self, identity: u64) -> Option<PollTimes> {
        let rows = self.lock();
        let (owner, times) = rows.get(index_of(identity) as usize)?;
        (*owner == identity).then_some(*times)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(u64, PollTimes)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_a_task_s_and_not_its_slot_s() {
        let times = Times::default();
        let ms = Duration::from_millis;
        times.add(7, ms(2));
        times.add(7, ms(5));
        times.add(7, ms(3));
        let expected = PollTimes {
            busy: ms(10),
            longest: ms(5),
        };
        assert_eq!(times.of(7), Some(expected));
        let next = 7 + super::super::slot::ONE_GENERATION;
        assert_eq!(times.of(next), None);
        times.add(next, ms(1));
        assert_eq!(times.of(7), None);
        assert_eq!(times.of(next).map(|it| it.busy), Some(ms(1)));
    }
}
