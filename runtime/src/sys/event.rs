//! The words between a selector and its user: [`Interest`], [`Event`], [`Ready`], [`Added`].
//!
//! Why: each system has bits of its own for the same few things; each backend translates its own.

use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign, Sub, SubAssign};

/// The token under which a selector registers its own notifier. No caller may use it.
pub(super) const NOTIFY_TOKEN: u64 = u64::MAX;

/// The token of the selector behind the selector, see
/// [`Poller::watch_changes`](super::Poller::watch_changes). No caller may use it.
pub(super) const CHANGES_TOKEN: u64 = u64::MAX - 1;

/// Declares a small set: its members are bits of one byte.
macro_rules! set {
    ($(#[$meta:meta])* $name:ident { $($(#[$about:meta])* $member:ident = $bits:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
        pub(crate) struct $name(u8);

        impl $name {
            /// Nothing.
            pub(crate) const NONE: Self = Self(0);
            $($(#[$about])* pub(crate) const $member: Self = Self($bits);)*

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

            /// Both together.
            #[inline]
            pub(crate) const fn union(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }

        impl BitOr for $name {
            type Output = Self;
            #[inline]
            fn bitor(self, other: Self) -> Self {
                self.union(other)
            }
        }

        impl BitOrAssign for $name {
            #[inline]
            fn bitor_assign(&mut self, other: Self) {
                self.0 |= other.0;
            }
        }

        impl BitAnd for $name {
            type Output = Self;
            #[inline]
            fn bitand(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }
        }

        impl Sub for $name {
            type Output = Self;
            #[inline]
            fn sub(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }
        }

        impl SubAssign for $name {
            #[inline]
            fn sub_assign(&mut self, other: Self) {
                self.0 &= !other.0;
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let names = [$((Self::$member, stringify!($member))),*];
                let members = names.iter().filter(|(bits, _)| bits.0.is_power_of_two() && self.contains(*bits));
                f.write_str(concat!(stringify!($name), "("))?;
                for (number, (_, name)) in members.enumerate() {
                    f.write_str(if number == 0 { "" } else { " | " })?;
                    f.write_str(name)?;
                }
                f.write_str(")")
            }
        }
    };
}

set! {
    /// Directions to watch.
    Interest {
        /// Data, a connection to accept, or an end to see.
        READABLE = 1,
        /// Room to write, or a connect that is done.
        WRITABLE = 2,
        /// Urgent data and its like, which are reported as readable too; meant to go with
        /// `READABLE`. kqueue has no filter for it on every system.
        PRIORITY = 4,
        /// Readable and writable.
        BOTH = 3,
        /// Everything on the reading side.
        READ_SIDE = 5,
    }
}

impl Interest {
    /// Whether nothing is in the set.
    #[inline]
    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

set! {
    /// What was found: what may be tried, and what is over.
    Ready {
        /// A read (or accept) may get an answer.
        READABLE = 1,
        /// A write may get an answer, or a connect is done.
        WRITABLE = 2,
        /// The peer will send no more. Data may still be there to read.
        READ_CLOSED = 4,
        /// Writing is over, or failed: a hang-up or an error. A datagram socket that got an ICMP
        /// error says so too and lives on, so this is a reason to try, never a reason to stop
        /// trying.
        WRITE_CLOSED = 8,
        /// The descriptor has an error waiting.
        ERROR = 16,
        /// Urgent data; only if `Interest::PRIORITY` was asked for.
        PRIORITY = 32,
        /// It never blocks: no selector says so in an event, but an [`Added::AlwaysReady`] means
        /// it.
        ALWAYS = 64,
    }
}

impl Ready {
    /// This where `so`, else nothing: for translating a system's bits.
    #[inline]
    pub(crate) const fn when(self, so: bool) -> Self {
        if so { self } else { Self::NONE }
    }
}

/// What a selector found out about one descriptor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    /// What was given to `add`.
    pub(crate) token: u64,
    pub(crate) ready: Ready,
}

impl Event {
    #[inline]
    pub(super) const fn new(token: u64, ready: Ready) -> Self {
        Self { token, ready }
    }

    /// A descriptor that cannot be watched any more: both directions shall be tried, so that the
    /// operation itself gets the true error.
    pub(super) fn broken(token: u64) -> Self {
        Self::new(token, Ready::READABLE | Ready::WRITABLE | Ready::ERROR)
    }

    /// Only what was armed: a backend that is one-shot per direction reports no direction twice.
    pub(super) fn only(mut self, armed: Interest) -> Self {
        self.ready -= Ready::READABLE.when(!armed.intersects(Interest::READ_SIDE));
        self.ready -= Ready::WRITABLE.when(!armed.contains(Interest::WRITABLE));
        self
    }

    /// The directions that this event delivers, and thereby disarms.
    pub(super) fn delivers(self) -> Interest {
        let mut delivered = Interest::NONE;
        if self.ready.contains(Ready::READABLE) {
            delivered |= Interest::READ_SIDE;
        }
        if self.ready.contains(Ready::WRITABLE) {
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
