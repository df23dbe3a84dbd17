//! `struct kevent` and its numbers, as each system has them.
//!
//! They are written out here, and not taken from the libc crate, because Linux needs them too (for
//! the model, and for libraries that offer the calls there), because the token is an integer to us
//! and not a pointer, and because FreeBSD's structure grew in version 12. Where the libc crate has
//! the type, the layouts are compared when this is compiled.

/// The width of a filter's number.
#[cfg(not(target_os = "netbsd"))]
pub(super) type Filter = i16;
#[cfg(target_os = "netbsd")]
pub(super) type Filter = u32;

/// The width of the flags.
#[cfg(not(target_os = "netbsd"))]
pub(super) type Flags = u16;
#[cfg(target_os = "netbsd")]
pub(super) type Flags = u32;

/// One change, or one event.
///
/// `udata` is a pointer in C. An integer of its size is passed in the same way, and keeps no
/// pretence of pointing anywhere.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub(crate) struct Kevent {
    ident: usize,
    filter: Filter,
    flags: Flags,
    fflags: u32,
    data: i64,
    udata: usize,
    /// FreeBSD since 12. The library's older entry point, for programs of before, has the structure
    /// without.
    #[cfg(target_os = "freebsd")]
    ext: [u64; 4],
}

#[allow(clippy::needless_update, reason = "FreeBSD has one more field")]
impl Kevent {
    pub(super) fn new(ident: usize, filter: Filter, flags: Flags, token: u64) -> Self {
        Self {
            ident,
            filter,
            flags,
            udata: token as usize,
            ..Self::default()
        }
    }

    pub(super) fn with_fflags(self, fflags: u32) -> Self {
        Self { fflags, ..self }
    }

    /// With these flags in addition.
    pub(super) fn with_flags(self, flags: Flags) -> Self {
        Self {
            flags: self.flags | flags,
            ..self
        }
    }

    pub(super) fn filter(&self) -> Filter {
        self.filter
    }

    pub(super) fn fflags(&self) -> u32 {
        self.fflags
    }

    pub(super) fn token(&self) -> u64 {
        self.udata as u64
    }

    pub(super) fn has(&self, flag: Flags) -> bool {
        self.flags & flag != 0
    }

    /// The error in an answer with `EV_ERROR`; 0 is success.
    pub(super) fn errno(&self) -> i32 {
        self.data as i32
    }
}

/// What the model needs beside, since it plays the kernel.
#[cfg(myrt_kqueue_model)]
impl Kevent {
    pub(super) fn ident(&self) -> usize {
        self.ident
    }

    /// The answer to a change.
    pub(super) fn receipt(self, errno: i32) -> Self {
        Self {
            flags: self.flags | EV_ERROR,
            data: i64::from(errno),
            ..self
        }
    }
}

// Shared by all.
pub(super) const EV_ADD: Flags = 0x0001;
pub(super) const EV_DELETE: Flags = 0x0002;
pub(super) const EV_CLEAR: Flags = 0x0020;
pub(super) const EV_RECEIPT: Flags = 0x0040;
pub(super) const EV_ERROR: Flags = 0x4000;
pub(super) const EV_EOF: Flags = 0x8000;

/// Urgent data lies in the socket: told by macOS only. Elsewhere the bit means other things.
#[cfg(target_vendor = "apple")]
pub(super) const EV_OOBAND: Flags = 0x2000;
#[cfg(not(target_vendor = "apple"))]
pub(super) const EV_OOBAND: Flags = 0;

#[cfg(not(target_os = "netbsd"))]
mod filters {
    pub(in super::super) const EVFILT_READ: super::Filter = -1;
    pub(in super::super) const EVFILT_WRITE: super::Filter = -2;
}
#[cfg(target_os = "netbsd")]
mod filters {
    pub(in super::super) const EVFILT_READ: super::Filter = 0;
    pub(in super::super) const EVFILT_WRITE: super::Filter = 1;
}
pub(super) use self::filters::{EVFILT_READ, EVFILT_WRITE};

#[cfg(target_os = "freebsd")]
pub(super) const EVFILT_USER: Filter = -11;
#[cfg(target_os = "dragonfly")]
pub(super) const EVFILT_USER: Filter = -9;
#[cfg(target_os = "netbsd")]
pub(super) const EVFILT_USER: Filter = 8;
// macOS, OpenBSD, and the library for Linux that is laid out as macOS.
#[cfg(not(any(target_os = "freebsd", target_os = "dragonfly", target_os = "netbsd")))]
pub(super) const EVFILT_USER: Filter = -10;

/// Whether user events may be relied on: NetBSD has them since version 10, OpenBSD since 7.8, and
/// older ones are in use.
pub(super) const HAS_USER_EVENTS: bool = !cfg!(any(target_os = "netbsd", target_os = "openbsd"));

pub(super) const NOTE_TRIGGER: u32 = 0x0100_0000;
/// Leave the flags of a user event as they are.
pub(super) const NOTE_FFNOP: u32 = 0;

/// The structures agree with the libc crate's, as far as both go.
#[cfg(any(
    target_vendor = "apple",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly"
))]
const _: () = {
    use std::mem::offset_of;
    assert!(offset_of!(Kevent, ident) == offset_of!(libc::kevent, ident));
    assert!(offset_of!(Kevent, filter) == offset_of!(libc::kevent, filter));
    assert!(offset_of!(Kevent, flags) == offset_of!(libc::kevent, flags));
    assert!(offset_of!(Kevent, fflags) == offset_of!(libc::kevent, fflags));
    assert!(offset_of!(Kevent, data) == offset_of!(libc::kevent, data));
    assert!(offset_of!(Kevent, udata) == offset_of!(libc::kevent, udata));
    // The crate takes FreeBSD 11's structure where it is told so, and we never do.
    assert!(cfg!(target_os = "freebsd") || size_of::<Kevent>() == size_of::<libc::kevent>());
    assert!(!cfg!(target_os = "freebsd") || size_of::<Kevent>() == 64);
    assert!(EVFILT_READ == libc::EVFILT_READ && EVFILT_WRITE == libc::EVFILT_WRITE);
    assert!(EVFILT_USER == libc::EVFILT_USER && NOTE_TRIGGER == libc::NOTE_TRIGGER);
    assert!(EV_ADD == libc::EV_ADD && EV_DELETE == libc::EV_DELETE && EV_CLEAR == libc::EV_CLEAR);
    assert!(EV_RECEIPT == libc::EV_RECEIPT && EV_ERROR == libc::EV_ERROR && EV_EOF == libc::EV_EOF);
};
#[cfg(target_os = "linux")]
const _: () = assert!(size_of::<Kevent>() == 32);
