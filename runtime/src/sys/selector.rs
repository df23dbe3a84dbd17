//! [`Selector`]: the public name of a way to wait for file descriptors.
//!
//! Why: it is the same on every system, while the backends differ.

use std::error::Error;
use std::fmt;
use std::io;
use std::os::fd::RawFd;
use std::str::FromStr;

/// The system interface by which a runtime waits for file descriptors.
///
/// All variants exist on every system, so that programs compile everywhere; building a runtime with
/// one that the system lacks fails with [`io::ErrorKind::Unsupported`]. The default is the fastest
/// of the system: epoll on Linux, kqueue on macOS and the BSDs, else poll.
///
/// ```
/// use myrt::runtime::Selector;
///
/// assert_eq!("epoll-level".parse(), Ok(Selector::EpollLevel));
/// assert_eq!(Selector::Select.max_fd(), Some(1023));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Selector {
    /// Linux epoll, edge-triggered: one registration a descriptor, no call to re-arm it.
    Epoll,
    /// Linux epoll, level-triggered.
    EpollLevel,
    /// Linux epoll with `EPOLLONESHOT`.
    EpollOneshot,
    /// kqueue of macOS and the BSDs, with `EV_CLEAR`.
    Kqueue,
    /// poll(2): everywhere, at a cost that grows with the number of descriptors.
    Poll,
    /// select(2): everywhere, for descriptors below 1024.
    Select,
    /// The kernel of a simulated world (feature `sim`): its hosts have it, nothing else can.
    #[cfg(feature = "sim")]
    Sim,
}

impl Selector {
    /// All kinds, whether this system has them or not.
    pub const ALL: [Self; 6] = [
        Self::Epoll,
        Self::EpollLevel,
        Self::EpollOneshot,
        Self::Kqueue,
        Self::Poll,
        Self::Select,
    ];

    /// The largest file descriptor that this selector can watch; `None` where only the process's
    /// limit counts.
    #[must_use]
    pub const fn max_fd(self) -> Option<RawFd> {
        match self {
            Self::Select => Some(super::select::MAX_FD),
            _ => None,
        }
    }

    /// The name, as `MYRT_SELECTOR` and [`FromStr`] take it.
    ///
    /// A build with the in-process model of kqueue says `kqueue-model`, so that no report can be
    /// mistaken for the real one.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Epoll => "epoll",
            Self::EpollLevel => "epoll-level",
            Self::EpollOneshot => "epoll-oneshot",
            Self::Kqueue if cfg!(myrt_kqueue_model) => "kqueue-model",
            Self::Kqueue => "kqueue",
            Self::Poll => "poll",
            Self::Select => "select",
            #[cfg(feature = "sim")]
            Self::Sim => "sim",
        }
    }

    /// Whether this build has it.
    #[must_use]
    pub const fn is_supported(self) -> bool {
        match self {
            Self::Epoll | Self::EpollLevel | Self::EpollOneshot => super::epoll::IS_HERE,
            Self::Kqueue => super::kqueue::IS_HERE,
            Self::Poll | Self::Select => true,
            #[cfg(feature = "sim")]
            Self::Sim => true,
        }
    }

    /// The error for a selector that this build lacks.
    pub(super) fn unsupported(self) -> io::Error {
        let why = match self {
            Self::Kqueue => "kqueue is the selector of macOS and the BSDs; this system has none",
            _ => "epoll is Linux's selector; this system has none",
        };
        let instead = Self::default();
        io::Error::new(
            io::ErrorKind::Unsupported,
            format!("{why} (try `{instead}` or `poll`)"),
        )
    }
}

impl Default for Selector {
    fn default() -> Self {
        // A stand-in for kqueue is never chosen unasked.
        if super::epoll::IS_HERE {
            Self::Epoll
        } else if super::kqueue::IS_HERE {
            Self::Kqueue
        } else {
            Self::Poll
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Selector {
    type Err = ParseSelectorError;

    fn from_str(name: &str) -> Result<Self, ParseSelectorError> {
        match name {
            "epoll" => Ok(Self::Epoll),
            "epoll-level" => Ok(Self::EpollLevel),
            "epoll-oneshot" => Ok(Self::EpollOneshot),
            "kqueue" => Ok(Self::Kqueue),
            "kqueue-model" if cfg!(myrt_kqueue_model) => Ok(Self::Kqueue),
            "poll" => Ok(Self::Poll),
            "select" => Ok(Self::Select),
            #[cfg(feature = "sim")]
            "sim" => Ok(Self::Sim),
            _ => Err(ParseSelectorError {
                name: name.to_owned(),
            }),
        }
    }
}

/// A name that is no selector's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseSelectorError {
    name: String,
}

impl fmt::Display for ParseSelectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name == "kqueue-model" {
            return f
                .write_str("`kqueue-model` exists only in builds with `--cfg myrt_kqueue_model`");
        }
        write!(f, "`{}` is no selector; there are", self.name)?;
        for (place, selector) in Selector::ALL.into_iter().enumerate() {
            f.write_str(if place == 0 { " " } else { ", " })?;
            write!(f, "`{selector}`")?;
        }
        Ok(())
    }
}

impl Error for ParseSelectorError {}
