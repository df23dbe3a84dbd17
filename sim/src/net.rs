//! [`Net`]: what a test says of its world's network.

use std::fmt;
use std::ops::RangeBounds;
use std::rc::Rc;
use std::time::Duration;

use crate::link::{HostId, Quality};
use crate::world::Shared;

/// The network of a world. Its methods work at any time, from a test and from inside of hosts.
///
/// ```
/// use std::time::Duration;
///
/// let world = myrt::sim::World::new(1);
/// let ms = Duration::from_millis;
/// world.net().latency(ms(1)..ms(20)).loss(0.01);
/// ```
#[derive(Clone)]
pub struct Net {
    pub(crate) shared: Rc<Shared>,
}

/// One link of a [`Net`], both ways.
#[derive(Clone)]
pub struct Link {
    shared: Rc<Shared>,
    ends: (HostId, HostId),
}

macro_rules! qualities {
    ($type:ty) => {
        impl $type {
            /// How long a message takes, at least and at most. Default: 1 ms. The least is the
            /// ordinary thing.
            pub fn latency(&self, range: impl RangeBounds<Duration> + Clone) -> &Self {
                self.set(|it| it.set_latency(range.clone()))
            }

            /// What may come on top of the latency.
            pub fn jitter(&self, most: Duration) -> &Self {
                let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX >> 2);
                self.set(|it| it.jitter = nanos)
            }

            /// The probability that a message is lost. What TCP loses it sends again after 200 ms,
            /// 400 ms and so on; a datagram is gone.
            pub fn loss(&self, p: f64) -> &Self {
                self.set(|it| it.loss = p)
            }

            /// The probability that a message is delayed behind those that follow it. TCP puts
            /// them in order again; datagrams arrive as they come.
            pub fn reorder(&self, p: f64) -> &Self {
                self.set(|it| it.reorder = p)
            }

            /// Bytes a second of each direction between two hosts; 0: no limit, which is the
            /// default.
            pub fn bandwidth(&self, bytes_a_second: u64) -> &Self {
                self.set(|it| it.bandwidth = bytes_a_second)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($type)).finish_non_exhaustive()
            }
        }
    };
}
qualities!(Net);
qualities!(Link);

impl Net {
    fn set(&self, change: impl Fn(&mut Quality)) -> &Self {
        let mut state = self.shared.kernel.state.borrow_mut();
        change(&mut state.links.all);
        state.links.own.values_mut().for_each(change);
        self
    }

    /// Two hosts hear nothing of each other from now on.
    ///
    /// # Panics
    /// For a name that no host has, and for a host and itself; so do all that take two names.
    #[track_caller]
    pub fn partition(&self, a: &str, b: &str) {
        let (a, b) = self.shared.pair(a, b);
        self.shared.partition(a, b);
    }

    /// What `from` sends does not reach `to` from now on.
    #[track_caller]
    pub fn partition_one_way(&self, from: &str, to: &str) {
        let way = self.shared.pair(from, to);
        self.shared.kernel.state.borrow_mut().links.cut.insert(way);
    }

    /// Messages between two hosts are kept from now on, and arrive when it is healed.
    #[track_caller]
    pub fn hold(&self, a: &str, b: &str) {
        let (a, b) = self.shared.pair(a, b);
        let mut state = self.shared.kernel.state.borrow_mut();
        state.links.held.extend([(a, b), (b, a)]);
    }

    /// Ends every partition and hold.
    pub fn heal(&self) {
        let links = &mut self.shared.kernel.state.borrow_mut().links;
        links.cut.clear();
        links.held.clear();
        self.shared.release_later();
    }

    /// Resets every connection between two hosts, at both ends.
    #[track_caller]
    pub fn reset(&self, a: &str, b: &str) {
        let (a, b) = self.shared.pair(a, b);
        self.shared.kernel.reset_between(a, b);
    }

    /// The link between two hosts, to be set apart from the others.
    #[track_caller]
    #[must_use]
    pub fn link(&self, a: &str, b: &str) -> Link {
        Link {
            shared: Rc::clone(&self.shared),
            ends: self.shared.pair(a, b),
        }
    }
}

impl Link {
    fn set(&self, change: impl Fn(&mut Quality)) -> &Self {
        let (a, b) = self.ends;
        let links = &mut self.shared.kernel.state.borrow_mut().links;
        change(links.between(a, b));
        change(links.between(b, a));
        self
    }

    /// The two hosts hear nothing of each other from now on.
    pub fn partition(&self) -> &Self {
        self.shared.partition(self.ends.0, self.ends.1);
        self
    }

    /// Ends the partition.
    pub fn heal(&self) -> &Self {
        self.shared.heal(self.ends.0, self.ends.1);
        self
    }
}
