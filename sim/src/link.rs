//! What the network does to messages: delay, loss, order, partitions.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, RangeBounds};
use std::time::Duration;

use crate::tape::{Purpose, Tapes};

/// A host's number.
pub(crate) type HostId = usize;

/// What one direction between two hosts does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quality {
    /// The least latency, and what may come on top of it, in nanoseconds.
    pub(crate) least: u64,
    pub(crate) more: u64,
    pub(crate) jitter: u64,
    pub(crate) loss: f64,
    pub(crate) reorder: f64,
    /// Bytes a second; 0: no limit.
    pub(crate) bandwidth: u64,
}

impl Quality {
    const DEFAULT: Self = Self {
        least: 1_000_000,
        more: 0,
        jitter: 0,
        loss: 0.0,
        reorder: 0.0,
        bandwidth: 0,
    };

    pub(crate) fn set_latency(&mut self, range: impl RangeBounds<Duration>) {
        let nanos = |it: &Duration| u64::try_from(it.as_nanos()).unwrap_or(u64::MAX >> 2);
        let least = match range.start_bound() {
            Bound::Included(it) | Bound::Excluded(it) => nanos(it),
            Bound::Unbounded => 0,
        };
        let most = match range.end_bound() {
            Bound::Included(it) => nanos(it).saturating_add(1),
            Bound::Excluded(it) => nanos(it),
            Bound::Unbounded => least + 1,
        };
        self.least = least;
        self.more = most.saturating_sub(least + 1);
    }
}

/// How long a sender waits before it sends again what was lost: RFC 6298's least in Linux.
pub(crate) const RETRY: u64 = 200_000_000;

/// All links of a world.
#[derive(Debug)]
pub(crate) struct Links {
    pub(crate) all: Quality,
    pub(crate) own: BTreeMap<(HostId, HostId), Quality>,
    pub(crate) cut: BTreeSet<(HostId, HostId)>,
    pub(crate) held: BTreeSet<(HostId, HostId)>,
    /// When the last byte that was sent has left, for links with a bandwidth.
    busy_until: BTreeMap<(HostId, HostId), u64>,
}

/// What becomes of a message.
pub(crate) enum Fate {
    /// It arrives after these nanoseconds.
    After(u64),
    Lost,
}

impl Links {
    pub(crate) fn new() -> Self {
        Self {
            all: Quality::DEFAULT,
            own: BTreeMap::new(),
            cut: BTreeSet::new(),
            held: BTreeSet::new(),
            busy_until: BTreeMap::new(),
        }
    }

    pub(crate) fn between(&mut self, from: HostId, to: HostId) -> &mut Quality {
        self.own.entry((from, to)).or_insert(self.all)
    }

    /// What becomes of `bytes` that are sent now. `reliable`: what is lost is sent again.
    pub(crate) fn fate(
        &mut self,
        (from, to): (HostId, HostId),
        bytes: usize,
        reliable: bool,
        tapes: &Tapes,
        now: u64,
    ) -> Fate {
        if from == to {
            return Fate::After(0);
        }
        let it = self.own.get(&(from, to)).copied().unwrap_or(self.all);
        let draw = |what, bound: u64| tapes.draw(Purpose::Network, what, bound, now);
        let mut delay = it.least + draw("latency", it.more + 1) + draw("jitter", it.jitter + 1);
        let nanos = (bytes as u64).saturating_mul(1_000_000_000);
        if let Some(takes) = nanos.checked_div(it.bandwidth) {
            let busy = self.busy_until.entry((from, to)).or_insert(now);
            *busy = (*busy).max(now) + takes;
            delay += *busy - now;
        }
        let mut again = RETRY;
        while tapes.chance(Purpose::Network, "loss", it.loss, now) {
            if !reliable {
                return Fate::Lost;
            }
            delay += again;
            again *= 2;
            if again > 64 * RETRY {
                break;
            }
        }
        if tapes.chance(Purpose::Network, "reorder", it.reorder, now) {
            delay += it.least + it.more + 1_000_000;
        }
        Fate::After(delay)
    }
}
