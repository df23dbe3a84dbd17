//! The words in which a selector and its user speak: [`Interest`], [`Event`], [`Added`].
//!
//! They exist because each system has its own bits for the same few things. They must not know any
//! of those bits: the translation is each backend's.

use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign, Sub, SubAssign};

/// The token under which a selector registers its own notifier. No caller may use it.
pub(super) const NOTIFY_TOKEN: u64 = u64::MAX;

/// Directions to watch: a set of `READABLE`, `WRITABLE` and `PRIORITY`.
///
/// `PRIORITY` asks for TCP's urgent data and its like, and is reported as readable too. kqueue has
/// no filter for it on every system; with `SO_OOBINLINE` urgent data counts as ordinary data
/// everywhere.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Interest(u8);

impl Interest {
    /// Nothing.
    pub(crate) const NONE: Self = Self(0);
    /// Data, a connection to accept, or an end to see.
    pub(crate) const READABLE: Self = Self(1);
    /// Room to write, or a connect that is done.
    pub(crate) const WRITABLE: Self = Self(2);
    /// Urgent data; meant to go with `READABLE`.
    pub(crate) const PRIORITY: Self = Self(4);
    /// Readable and writable.
    pub(crate) const BOTH: Self = Self(3);

    /// Everything on the reading side.
    pub(super) const READ_SIDE: Self = Self(5);

    /// Whether nothing is in the set.
    #[inline]
    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `other` is in the set.
    #[inline]
    pub(crate) const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is in the set.
    #[inline]
    pub(crate) const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for Interest {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Interest {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl BitAnd for Interest {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Sub for Interest {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl SubAssign for Interest {
    fn sub_assign(&mut self, other: Self) {
        self.0 &= !other.0;
    }
}

impl fmt::Debug for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (Self::READABLE, "READABLE"),
            (Self::WRITABLE, "WRITABLE"),
            (Self::PRIORITY, "PRIORITY"),
        ];
        f.write_str("Interest(")?;
        let mut between = "";
        for (_, name) in names.into_iter().filter(|(bit, _)| self.contains(*bit)) {
            write!(f, "{between}{name}")?;
            between = " | ";
        }
        f.write_str(")")
    }
}

/// What a selector found out about one descriptor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    /// What was given to `add`.
    pub(crate) token: u64,
    /// A read (or accept) may get an answer.
    pub(crate) readable: bool,
    /// A write may get an answer, or a connect is done.
    pub(crate) writable: bool,
    /// The peer will send no more. Data may still be there to read.
    pub(crate) read_closed: bool,
    /// Writing is over, or failed: a hang-up or an error. A datagram socket that got an ICMP error
    /// says so too and lives on, so this is a reason to try, never a reason to stop trying.
    pub(crate) write_closed: bool,
    /// The descriptor has an error waiting.
    pub(crate) error: bool,
    /// Urgent data; only if `Interest::PRIORITY` was asked for.
    pub(crate) priority: bool,
}

impl Event {
    /// A descriptor that cannot be watched any more: both directions shall be tried, so that the
    /// operation itself gets the true error.
    pub(super) fn broken(token: u64) -> Self {
        Self {
            token,
            readable: true,
            writable: true,
            error: true,
            ..Self::default()
        }
    }

    /// Only what was armed: a backend that is one-shot per direction reports no direction twice.
    pub(super) fn only(mut self, armed: Interest) -> Self {
        self.readable &= armed.intersects(Interest::READ_SIDE);
        self.writable &= armed.contains(Interest::WRITABLE);
        self
    }

    /// The directions that this event delivers, and thereby disarms.
    pub(super) fn delivers(self) -> Interest {
        let mut delivered = Interest::NONE;
        if self.readable {
            delivered |= Interest::READ_SIDE;
        }
        if self.writable {
            delivered |= Interest::WRITABLE;
        }
        delivered
    }
}

/// What became of an `add`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Added {
    /// Watched from now on.
    Registered,
    /// Nothing was registered, because this kind of file never blocks.
    AlwaysReady,
}

/// System calls made by a selector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SyscallCounts {
    /// Calls that ask for events.
    pub(crate) waits: u64,
    /// Calls that change what is watched.
    pub(crate) controls: u64,
}
