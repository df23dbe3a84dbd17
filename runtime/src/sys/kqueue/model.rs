//! [`Model`]: kqueue's rules, played on Linux.
//!
//! Why: no BSD and no macOS takes part in this project's checks: built only with `--cfg
//! myrt_kqueue_model`, it stands where the system stands, so that `kqueue.rs` itself runs under
//! every test of the runtime. It plays the kernel and does not use the backend.
//!
//! # How it is played
//!
//! **Edges** come from two inner epoll instances, one for `EVFILT_READ` and one for `EVFILT_WRITE`,
//! edge-triggered. That is the nearest thing to `EV_CLEAR` that Linux has: both report when the
//! file *wakes* its waiters and the condition holds. Comparing byte counts between calls of poll(2)
//! was the other way; it misses what arrives and is read between two looks, so that a test would
//! pass or fail by timing. Two instances and not one, because with one, news about reading would
//! repeat that there is room to write, which kqueue's separate knotes do not do. An outer epoll
//! holds both and the user event; poll(2) waits on it.
//!
//! **A knote dies with its descriptor**, duplicate or not. The inner epoll lives by the other rule,
//! so each knote remembers which file its number meant (device and inode), and whenever the number
//! is spoken of it is compared with what the number means now. A dead knote says nothing and counts
//! as absent. This cannot see a number that was closed and given back to *the same* file, nor tell
//! apart files of kinds that share one inode (eventfd, epoll).
//!
//! **`EV_RECEIPT`** answers each change and brings no event in the same call. Without it, failures
//! come as events where there is room, and end the call where there is none; NetBSD's flavour does
//! not know the flag.
//!
//! **Deleting what is closed** gives `EBADF` or, in macOS's flavour, `ENOENT`.
//!
//! **`EV_EOF`** comes with `fflags` set where the socket has an error. Which error, one could only
//! learn by taking it away from the socket, so it always says `ECONNRESET`; the backend only looks
//! whether it is zero.
//!
//! **The order** of events is shuffled, by a seed (`MYRT_KQUEUE_MODEL_SEED`), since kqueue promises
//! none. The flavour is chosen by `MYRT_KQUEUE_MODEL_FLAVOUR` (`freebsd`, `macos`, `netbsd`).
//!
//! **Not played:** level-triggered knotes (refused with `EINVAL`), `EV_ENABLE`, `EV_DISPATCH`,
//! `EV_ONESHOT`, other filters, `data`.

use std::collections::HashMap;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Kernel;
use super::abi::{
    EV_ADD, EV_CLEAR, EV_DELETE, EV_EOF, EV_RECEIPT, EVFILT_READ, EVFILT_USER, EVFILT_WRITE,
    Filter, Flags, Kevent, NOTE_TRIGGER,
};
use crate::sys::clock::monotonic_ns;
use crate::sys::cvt::{cvt, timespec};

/// Whose habits are played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sys) enum Flavour {
    FreeBsd,
    MacOs,
    NetBsd,
}

/// A kernel queue that is none.
pub(in crate::sys) struct Model {
    flavour: Flavour,
    /// Readable when any of the following has something.
    outer: OwnedFd,
    read: OwnedFd,
    write: OwnedFd,
    /// Readable while a user event is triggered.
    user: OwnedFd,
    state: Mutex<State>,
}

struct State {
    knotes: HashMap<(usize, Filter), Knote>,
    random: u64,
    /// Given to each knote in turn, so that an edge of a dead one is told from the present one's.
    serial: u32,
}

#[derive(Clone, Copy)]
struct Knote {
    udata: u64,
    serial: u32,
    file: Identity,
    /// For user events.
    triggered: bool,
}

/// Which file a number means.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    is_pipe: bool,
}

impl Model {
    pub(in crate::sys) fn new() -> io::Result<Self> {
        let flavour = match std::env::var("MYRT_KQUEUE_MODEL_FLAVOUR").as_deref() {
            Ok("macos") => Flavour::MacOs,
            Ok("netbsd") => Flavour::NetBsd,
            _ => Flavour::FreeBsd,
        };
        let seed = std::env::var("MYRT_KQUEUE_MODEL_SEED")
            .ok()
            .and_then(|seed| seed.parse().ok());
        Self::with(flavour, seed.unwrap_or(1))
    }

    pub(in crate::sys) fn with(flavour: Flavour, seed: u64) -> io::Result<Self> {
        let model = Self {
            flavour,
            outer: epoll()?,
            read: epoll()?,
            write: epoll()?,
            user: eventfd()?,
            // Odd, so that it is not zero, where the generator would stay.
            state: Mutex::new(State {
                knotes: HashMap::new(),
                random: seed | 1,
                serial: 0,
            }),
        };
        for part in [&model.read, &model.write, &model.user] {
            control(&model.outer, libc::EPOLL_CTL_ADD, part.as_raw_fd(), IN, 0)?;
        }
        Ok(model)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes one change; the error is an errno.
    fn apply(&self, state: &mut State, change: &Kevent) -> Result<(), i32> {
        match change.filter() {
            EVFILT_USER => self.apply_user(state, change),
            EVFILT_READ => self.apply_file(state, change, &self.read, IN | PRI | RDHUP),
            EVFILT_WRITE => self.apply_file(state, change, &self.write, OUT),
            _ => Err(libc::EINVAL),
        }
    }

    fn apply_user(&self, state: &mut State, change: &Kevent) -> Result<(), i32> {
        let key = (change.ident(), EVFILT_USER);
        if change.has(EV_DELETE) {
            return state.knotes.remove(&key).map(drop).ok_or(libc::ENOENT);
        }
        if change.has(EV_ADD) {
            let knote = Knote {
                udata: change.token(),
                serial: 0,
                file: Identity::default(),
                triggered: false,
            };
            state.knotes.entry(key).or_insert(knote).udata = change.token();
        }
        let knote = state.knotes.get_mut(&key).ok_or(libc::ENOENT)?;
        if change.fflags() & NOTE_TRIGGER != 0 {
            knote.triggered = true;
            add_one(&self.user);
        }
        Ok(())
    }

    fn apply_file(
        &self,
        state: &mut State,
        change: &Kevent,
        epoll: &OwnedFd,
        bits: u32,
    ) -> Result<(), i32> {
        let key = (change.ident(), change.filter());
        let fd = RawFd::try_from(change.ident()).unwrap_or(-1);
        let now = identify(fd);
        if state
            .knotes
            .get(&key)
            .is_some_and(|knote| now != Some(knote.file))
        {
            state.knotes.remove(&key);
        }
        let Some(file) = now else {
            let tolerant = change.has(EV_DELETE) && self.flavour == Flavour::MacOs;
            return Err(if tolerant { libc::ENOENT } else { libc::EBADF });
        };
        if change.has(EV_DELETE) {
            state.knotes.remove(&key).ok_or(libc::ENOENT)?;
            return control(epoll, libc::EPOLL_CTL_DEL, fd, 0, 0).map_err(errno);
        }
        if !change.has(EV_ADD) {
            let knote = state.knotes.get_mut(&key).ok_or(libc::ENOENT)?;
            knote.udata = change.token();
            return Ok(());
        }
        if !change.has(EV_CLEAR) {
            return Err(libc::EINVAL);
        }
        state.serial = state.serial.wrapping_add(1);
        let serial = state.serial;
        let data = (u64::from(serial) << 32) | u64::from(fd as u32);
        // Adding and changing both report the present state, as EV_ADD does on a new knote and an
        // old one.
        let added = match control(epoll, libc::EPOLL_CTL_ADD, fd, EDGE | bits, data) {
            Err(error) if error.raw_os_error() == Some(libc::EEXIST) => {
                control(epoll, libc::EPOLL_CTL_MOD, fd, EDGE | bits, data)
            }
            added => added,
        };
        added.map_err(|error| match errno(error) {
            libc::EPERM => libc::EINVAL,
            other => other,
        })?;
        let knote = Knote {
            udata: change.token(),
            serial,
            file,
            triggered: false,
        };
        state.knotes.insert(key, knote);
        Ok(())
    }

    /// Makes the changes, and returns how many answers were given.
    fn apply_all(&self, changes: &[Kevent], events: &mut [Kevent]) -> io::Result<usize> {
        let mut state = self.state();
        let mut answers = 0;
        for change in changes {
            let error = self.apply(&mut state, change).err();
            let receipt = change.has(EV_RECEIPT) && self.gives_receipts();
            if error.is_none() && !receipt {
                continue;
            }
            if answers < events.len() {
                events[answers] = change.receipt(error.unwrap_or(0));
                answers += 1;
            } else if let Some(error) = error {
                return Err(io::Error::from_raw_os_error(error));
            }
        }
        Ok(answers)
    }

    /// Takes events out of the queue.
    fn gather(&self, events: &mut [Kevent]) -> io::Result<usize> {
        let mut state = self.state();
        let mut gathered = Vec::new();
        let user = state.knotes.iter_mut().find(|(_, knote)| knote.triggered);
        if let Some((&(ident, _), knote)) = user {
            knote.triggered = false;
            gathered.push(Kevent::new(ident, EVFILT_USER, EV_CLEAR, knote.udata));
            read_down(&self.user);
        }
        let read_first = state.next_random() & 1 == 0;
        let mut sides = [(&self.read, EVFILT_READ), (&self.write, EVFILT_WRITE)];
        if !read_first {
            sides.reverse();
        }
        for (epoll, filter) in sides {
            let room = events.len() - gathered.len();
            for (data, bits) in edges(epoll, room)? {
                gathered.extend(state.event(filter, data, bits));
            }
        }
        for place in (1..gathered.len()).rev() {
            let other = state.next_random() as usize % (place + 1);
            gathered.swap(place, other);
        }
        events[..gathered.len()].copy_from_slice(&gathered);
        Ok(gathered.len())
    }
}

impl Kernel for Model {
    fn kevent(
        &self,
        changes: &[Kevent],
        events: &mut [Kevent],
        timeout: Option<Duration>,
    ) -> io::Result<usize> {
        let answers = self.apply_all(changes, events)?;
        if answers > 0 || events.is_empty() {
            return Ok(answers);
        }
        let start = monotonic_ns();
        loop {
            let passed = Duration::from_nanos(monotonic_ns() - start);
            let left = timeout.map(|timeout| timeout.saturating_sub(passed));
            wait_readable(&self.outer, left)?;
            let gathered = self.gather(events)?;
            // The edge of a dead knote ends no wait.
            if gathered > 0 || left.is_some_and(|left| left.is_zero()) {
                return Ok(gathered);
            }
        }
    }

    fn gives_receipts(&self) -> bool {
        self.flavour != Flavour::NetBsd
    }

    fn as_fd(&self) -> BorrowedFd<'_> {
        self.outer.as_fd()
    }
}

impl State {
    /// The event that an edge of an inner epoll means, unless its knote is dead.
    fn event(&mut self, filter: Filter, data: u64, bits: u32) -> Option<Kevent> {
        let (fd, serial) = (data as u32 as RawFd, (data >> 32) as u32);
        let key = (fd as usize, filter);
        let knote = *self
            .knotes
            .get(&key)
            .filter(|knote| knote.serial == serial)?;
        if identify(fd) != Some(knote.file) {
            self.knotes.remove(&key);
            return None;
        }
        let over = if filter == EVFILT_READ {
            bits & (RDHUP | HUP) != 0
        } else {
            // A pipe whose reader is gone has an error; a socket with one lives on unless it was
            // hung up.
            bits & HUP != 0 || (bits & ERR != 0 && knote.file.is_pipe)
        };
        let flags: Flags = if over { EV_CLEAR | EV_EOF } else { EV_CLEAR };
        let failed = over && bits & ERR != 0;
        let fflags = if failed { libc::ECONNRESET as u32 } else { 0 };
        Some(Kevent::new(key.0, filter, flags, knote.udata).with_fflags(fflags))
    }

    /// xorshift (Marsaglia 2003): enough for an order.
    fn next_random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random >> 8
    }
}

fn epoll() -> io::Result<OwnedFd> {
    // SAFETY: the call takes a number and touches no memory of ours.
    let fd = cvt(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
    // SAFETY: the kernel has just made this descriptor, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn eventfd() -> io::Result<OwnedFd> {
    // SAFETY: the call takes two numbers and touches no memory of ours.
    let fd = cvt(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
    // SAFETY: the kernel has just made this descriptor, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn add_one(eventfd: &OwnedFd) {
    let one = 1_u64.to_ne_bytes();
    // SAFETY: eight bytes that live for the call. Full is as good as triggered.
    let _ = unsafe { libc::write(eventfd.as_raw_fd(), one.as_ptr().cast(), one.len()) };
}

fn read_down(eventfd: &OwnedFd) {
    let mut count = [0_u8; 8];
    // SAFETY: room for eight bytes that live for the call. Empty is as good as read down.
    let _ = unsafe { libc::read(eventfd.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
}

fn control(epoll: &OwnedFd, op: libc::c_int, fd: RawFd, events: u32, data: u64) -> io::Result<()> {
    let mut event = libc::epoll_event { events, u64: data };
    // SAFETY: `event` lives for the call, which only reads it; a wrong descriptor is an error, no
    // more.
    cvt(unsafe { libc::epoll_ctl(epoll.as_raw_fd(), op, fd, &raw mut event) })?;
    Ok(())
}

/// Up to `room` edges that an inner epoll has now, as (data, bits).
fn edges(epoll: &OwnedFd, room: usize) -> io::Result<Vec<(u64, u32)>> {
    if room == 0 {
        return Ok(Vec::new());
    }
    let mut found = vec![libc::epoll_event { events: 0, u64: 0 }; room];
    let (fd, room) = (epoll.as_raw_fd(), room as libc::c_int);
    // SAFETY: `found` has room for `room` events and lives for the call.
    let count = cvt(unsafe { libc::epoll_wait(fd, found.as_mut_ptr(), room, 0) })?;
    Ok(found[..count as usize]
        .iter()
        .map(|event| (event.u64, event.events))
        .collect())
}

fn wait_readable(fd: &OwnedFd, timeout: Option<Duration>) -> io::Result<()> {
    let mut entry = libc::pollfd {
        fd: fd.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    let time = timeout.map(timespec);
    let time = time.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: one entry, as the count says, and the time, live for the call; no mask is set.
    cvt(unsafe { libc::ppoll(&raw mut entry, 1, time, std::ptr::null()) })?;
    Ok(())
}

/// Which file the number means now; None if it is not open.
fn identify(fd: RawFd) -> Option<Identity> {
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: fstat writes one `stat` where there is room for one, and takes any number for a
    // descriptor.
    cvt(unsafe { libc::fstat(fd, stat.as_mut_ptr()) }).ok()?;
    // SAFETY: fstat said success, so it has filled the structure.
    let stat = unsafe { stat.assume_init() };
    let is_pipe = stat.st_mode & libc::S_IFMT == libc::S_IFIFO;
    Some(Identity {
        device: stat.st_dev,
        inode: stat.st_ino,
        is_pipe,
    })
}

fn errno(error: io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EINVAL)
}

// The C library declares these as ints, and the kernel's field is unsigned.
const EDGE: u32 = libc::EPOLLET as u32;
const IN: u32 = libc::EPOLLIN as u32;
const OUT: u32 = libc::EPOLLOUT as u32;
const PRI: u32 = libc::EPOLLPRI as u32;
const ERR: u32 = libc::EPOLLERR as u32;
const HUP: u32 = libc::EPOLLHUP as u32;
const RDHUP: u32 = libc::EPOLLRDHUP as u32;
