//! For steppers: who is ready, in order, and what time it is.
//!
//! Why: the loop does not need it. It changes nothing.

use crate::executor::Id;
use crate::runtime_loop::Runtime;
use crate::time::Instant;

impl Runtime {
    /// The tasks that are ready, in the order in which they will be polled.
    ///
    /// ```
    /// let runtime = myrt::runtime::Runtime::new().unwrap();
    /// let tasks = [1, 2].map(|_| runtime.spawn(async {}));
    /// assert_eq!(runtime.ready(), tasks.each_ref().map(|task| task.id()));
    /// runtime.step().unwrap();
    /// assert_eq!(runtime.ready(), [tasks[1].id()]);
    /// ```
    #[must_use]
    pub fn ready(&self) -> Vec<Id> {
        let ring = &self.core().tasks.ring;
        let slots = (0..ring.len()).filter_map(|place| ring.nth(place));
        let alive = slots.filter(|slot| slot.is_alive());
        alive
            .map(|slot| Id::from_identity(slot.identity()))
            .collect()
    }

    /// Now, by this runtime's clock, which may be virtual. Inside of it, [`Instant::now`] is the
    /// same.
    ///
    /// ```
    /// let runtime = myrt::runtime::Builder::new().start_paused(true).build().unwrap();
    /// let began = runtime.now();
    /// let hour = std::time::Duration::from_secs(3600);
    /// runtime.block_on(async { myrt::time::sleep(hour).await });
    /// assert_eq!(runtime.now() - began, hour);
    /// ```
    #[must_use]
    pub fn now(&self) -> Instant {
        self.core().timers.clock.now()
    }
}
