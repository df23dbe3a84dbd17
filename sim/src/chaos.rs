//! [`Chaos`]: which faults a world has, and how often.

use std::time::Duration;

use crate::tape::Purpose;
use crate::world::{Command, SECOND, Shared, Timed};

/// The faults of the calls on sockets, as the kernel asks for them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Faults {
    pub(crate) errno: f64,
    pub(crate) short_io: f64,
}

/// Which faults happen, and how often: all are 0 where nothing is said. Give it to
/// [`World::chaos`](crate::World::chaos).
///
/// What breaks hosts and links (`partitions`, `crashes`, `pauses`, `resets`) is a probability for
/// each simulated second, and each host or pair of hosts; clients do not crash. What breaks calls
/// (`errno`, `short_io`) is a probability for each call. A fault that is drawn ends again: a
/// partition heals, a host comes back, after a time that is drawn too.
///
/// ```
/// use myrt::sim::Chaos;
///
/// let chaos = Chaos::new().partitions(0.1).crashes(0.05).short_io(0.2);
/// # let _ = chaos;
/// ```
#[derive(Debug, Clone, Default)]
pub struct Chaos {
    pub(crate) faults: Faults,
    pub(crate) partitions: f64,
    pub(crate) crashes: f64,
    pub(crate) pauses: f64,
    pub(crate) resets: f64,
}

impl Chaos {
    /// No fault.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Two hosts do not hear each other, for up to ten seconds.
    #[must_use]
    pub fn partitions(mut self, p: f64) -> Self {
        self.partitions = p;
        self
    }

    /// A host loses its power, and comes back within five seconds.
    #[must_use]
    pub fn crashes(mut self, p: f64) -> Self {
        self.crashes = p;
        self
    }

    /// A host stands still for up to two seconds, as under a collector or a hypervisor.
    #[must_use]
    pub fn pauses(mut self, p: f64) -> Self {
        self.pauses = p;
        self
    }

    /// All connections between two hosts are reset.
    #[must_use]
    pub fn resets(mut self, p: f64) -> Self {
        self.resets = p;
        self
    }

    /// A call fails for want of descriptors or buffers: `EMFILE` of a socket, `ECONNABORTED`,
    /// `EMFILE` or `ENOBUFS` of an accept, `ENOBUFS` of a datagram.
    #[must_use]
    pub fn errno(mut self, p: f64) -> Self {
        self.faults.errno = p;
        self
    }

    /// A read or write of a stream transfers less than it could, or says once more that it would
    /// block.
    #[must_use]
    pub fn short_io(mut self, p: f64) -> Self {
        self.faults.short_io = p;
        self
    }

    pub(crate) fn draws_each_second(&self) -> bool {
        self.partitions > 0.0 || self.crashes > 0.0 || self.pauses > 0.0 || self.resets > 0.0
    }
}

/// The longest that each fault lasts.
pub(crate) const PARTITION: Duration = Duration::from_secs(10);
pub(crate) const OUTAGE: Duration = Duration::from_secs(5);
pub(crate) const PAUSE: Duration = Duration::from_secs(2);

impl Shared {
    /// Once a simulated second.
    pub(crate) fn cause_chaos(&self) {
        let chaos = self.chaos.borrow().clone();
        let now = self.kernel.now.get();
        let tapes = &self.kernel.tapes;
        let lasts = |what, most: Duration| {
            let millis = most.as_millis() as u64;
            (1 + tapes.draw(Purpose::Fault, what, millis, now)) * 1_000_000
        };
        let hosts = self.machines.borrow().len();
        for a in 0..hosts {
            for b in a + 1..hosts {
                if self.kernel.strikes("a partition", chaos.partitions) {
                    self.partition(a, b);
                    self.later(
                        lasts("how long a partition lasts", PARTITION),
                        Timed::Heal(a, b),
                    );
                }
                if self.kernel.strikes("a reset", chaos.resets) {
                    self.kernel.reset_between(a, b);
                }
            }
            let is_host = self.can_restart(a) && self.is_running(a);
            if is_host && self.kernel.strikes("a crash", chaos.crashes) {
                self.command(Command::Crash(a));
                self.later(lasts("how long a host is down", OUTAGE), Timed::Restart(a));
            }
            if self.kernel.strikes("a pause", chaos.pauses) {
                let time = Duration::from_nanos(lasts("how long a pause lasts", PAUSE));
                self.command(Command::Pause(a, time));
            }
        }
        if chaos.draws_each_second() {
            self.later(SECOND, Timed::Chaos);
        }
    }
}
