//! One descriptor that tasks wait for: its cached readiness, and its waiters.
//!
//! A token of index and generation finds an entry, so an event or a handle of an earlier owner
//! finds nothing.
//!
//! Why: an event touches one entry, and a wait whose answer is known makes no system call.

use std::collections::VecDeque;
use std::mem;
use std::os::fd::RawFd;

use crate::executor::stored::StoredWaker;
use crate::executor::wait::Wait;
use crate::sys::{Interest, Ready};

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Towards us: read, accept, receive.
    Read,
    /// Away from us: write, send, connect.
    Write,
}

impl Direction {
    #[inline]
    pub(crate) fn interest(self) -> Interest {
        match self {
            Self::Read => Interest::READABLE,
            Self::Write => Interest::WRITABLE,
        }
    }

    /// What a task that waits for this direction of a descriptor waits for.
    #[inline]
    pub(crate) const fn wait(self, fd: RawFd) -> Wait {
        match self {
            Self::Read => Wait::Readable(fd),
            Self::Write => Wait::Writable(fd),
        }
    }

    /// The event after which a try may get an answer.
    #[inline]
    const fn event(self) -> Ready {
        match self {
            Self::Read => Ready::READABLE,
            Self::Write => Ready::WRITABLE,
        }
    }

    /// What makes a short transfer say nothing: no further edge need come. A read stops short at
    /// TCP's urgent mark too, although more is behind it (`SO_OOBINLINE` or not): from the first
    /// urgent byte on, short reads say nothing. net's test
    /// `urgent_data_in_the_stream_makes_nobody_wait` hangs without this.
    #[inline]
    const fn doubts_short(self) -> Ready {
        match self {
            Self::Read => Ready::READ_CLOSED
                .union(Ready::ERROR)
                .union(Ready::PRIORITY),
            Self::Write => Ready::WRITE_CLOSED.union(Ready::ERROR),
        }
    }
}

/// A waiter: its direction, and the key of its task; none if the waker is not one of myrt's.
pub(crate) type Waiter = (Direction, Option<u64>);

/// Names a waiter within its descriptor and direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WaiterId(u32);

impl WaiterId {
    /// Not registered.
    pub(crate) const NONE: Self = Self(0);
    /// The caller of a `poll_*` function. There is one in each direction: a later caller replaces
    /// an earlier one.
    pub(crate) const POLLER: Self = Self(2);

    /// The waiter is not registered any more; a poller stays what it is.
    #[inline(always)]
    pub(super) fn forget(&mut self) {
        if *self != Self::POLLER {
            *self = Self::NONE;
        }
    }
}

/// The waiters behind the first, in order.
type Behind = VecDeque<(WaiterId, StoredWaker)>;

/// See the module's head. Arrays have a place for each [`Direction`]. 48 bytes, and every
/// connection has one.
pub(crate) struct Source {
    /// The first waiter of each direction.
    first: [StoredWaker; 2],
    /// The ids of the first waiters; also of one that was woken and was not polled since.
    ids: [WaiterId; 2],
    /// The waiters behind the first, in order. Rare: several tasks wait for one descriptor.
    behind: Option<Box<[Behind; 2]>>,
    /// -1 in an unused entry.
    pub(crate) fd: RawFd,
    generation: u32,
    /// The last id given out; odd, so neither of the constants. In an unused entry: the next unused
    /// one.
    last_id: u32,
    /// Unused events, and what stays so for the life of the entry.
    readiness: Ready,
    /// The selector knows it.
    pub(crate) registered: bool,
    /// The selector reports both directions by edges: another wait need not arm it.
    pub(crate) armed: bool,
    /// An error was reported and the operation said `WouldBlock`: the error queue of a socket is
    /// unread. The kernel reports that for as long as it lasts, so it says neither that there is an
    /// end nor that there is an answer.
    pub(crate) error_stays: bool,
}

const _: () = assert!(size_of::<Source>() <= 48);

impl Source {
    const fn unused(generation: u32) -> Self {
        Self {
            first: [StoredWaker::EMPTY; 2],
            ids: [WaiterId::NONE; 2],
            behind: None,
            fd: -1,
            generation,
            last_id: NO_INDEX,
            readiness: Ready::NONE,
            registered: false,
            armed: false,
            error_stays: false,
        }
    }

    fn is_waited_for(&self, direction: Direction) -> bool {
        let behind = match &self.behind {
            Some(lines) => !lines[direction as usize].is_empty(),
            None => false,
        };
        behind || !self.first[direction as usize].is_empty()
    }

    fn waiters(&self) -> Vec<Waiter> {
        let mut waiters = Vec::new();
        for direction in [Direction::Read, Direction::Write] {
            let first = Some(&self.first[direction as usize]);
            let behind = self.behind.iter().flat_map(|it| &it[direction as usize]);
            let all = first.into_iter().chain(behind.map(|(_, waker)| waker));
            let there = all.filter(|waker| !waker.is_empty());
            waiters.extend(there.map(|waker| (direction, waker.key())));
        }
        waiters
    }

    /// The directions that someone waits for.
    pub(crate) fn wanted(&self) -> Interest {
        let mut wanted = Interest::NONE;
        for direction in [Direction::Read, Direction::Write] {
            if self.is_waited_for(direction) {
                wanted |= direction.interest();
            }
        }
        wanted
    }

    /// The system said `WouldBlock`: an event from before says nothing any more. Nor does an error:
    /// it was no answer.
    #[inline]
    pub(crate) fn would_block(&mut self, direction: Direction) {
        if self.readiness.contains(Ready::ERROR) {
            self.error_stays = true;
            self.readiness -= Ready::ERROR | Ready::WRITE_CLOSED;
        }
        self.readiness -= direction.event();
    }

    /// Notes what stays so for the life of the entry.
    pub(crate) fn note_for_good(&mut self, ready: Ready) {
        self.readiness |= ready;
    }

    /// Uses up an unused event of a direction. True also if the descriptor never blocks, and if the
    /// caller waits only because of a `short` transfer that may not mean drained: the peer has hung
    /// up, an error is pending or urgent data came. Then no further edge would come.
    #[inline(always)]
    pub(crate) fn use_event(&mut self, direction: Direction, short: bool) -> bool {
        let doubts = direction.doubts_short();
        let reasons = direction.event().union(Ready::ALWAYS).union(doubts);
        if !self.readiness.intersects(reasons) {
            return false;
        }
        let used = self.readiness.contains(direction.event());
        self.readiness -= direction.event();
        used || self.readiness.contains(Ready::ALWAYS)
            || (short && self.readiness.intersects(doubts))
    }

    /// Notes what an event says. Returns who waits first in each direction, to be woken, and
    /// whether others may wait behind them.
    #[inline(always)]
    pub(crate) fn note(&mut self, ready: Ready) -> (StoredWaker, StoredWaker, bool) {
        self.readiness |= match ready.intersects(ENDED) {
            true => tried_for_its_end(ready, self.error_stays),
            false => ready,
        };
        let reader = self.take_first(Direction::Read);
        let writer = self.take_first(Direction::Write);
        (reader, writer, self.behind.is_some())
    }

    /// Who waits first in a direction, if it is ready.
    #[inline(always)]
    fn take_first(&mut self, direction: Direction) -> StoredWaker {
        if self.readiness.contains(direction.event()) {
            self.first[direction as usize].take()
        } else {
            StoredWaker::EMPTY
        }
    }

    /// Takes everyone who waits for a direction, in order.
    fn take_all(&mut self, direction: Direction, waiters: &mut Vec<StoredWaker>) {
        let place = direction as usize;
        self.ids[place] = WaiterId::NONE;
        if !self.first[place].is_empty() {
            waiters.push(self.first[place].take());
        }
        if let Some(lines) = &mut self.behind {
            waiters.extend(lines[place].drain(..).map(|(_, waker)| waker));
            self.forget_empty_lines();
        }
    }

    /// Takes everyone who waits, to be woken where nothing is borrowed.
    fn take_waiters(&mut self) -> Vec<StoredWaker> {
        let mut waiters = Vec::new();
        self.take_all(Direction::Read, &mut waiters);
        self.take_all(Direction::Write, &mut waiters);
        waiters
    }

    /// Takes those who wait in directions that are ready.
    pub(crate) fn take_ready(&mut self) -> Vec<StoredWaker> {
        let mut waiters = Vec::new();
        for direction in [Direction::Read, Direction::Write] {
            if self.readiness.contains(direction.event()) {
                self.take_all(direction, &mut waiters);
            }
        }
        waiters
    }

    /// Puts the `poll_*` caller of a direction in the first place. Returns a waker to be dropped
    /// where nothing is borrowed.
    fn set_poller(&mut self, direction: Direction, waker: StoredWaker) -> StoredWaker {
        let place = direction as usize;
        let id = mem::replace(&mut self.ids[place], WaiterId::POLLER);
        // The place is the poller's from now on, also where its waiter was woken and not polled
        // since.
        if id != WaiterId::POLLER && !self.first[place].is_empty() {
            let behind = (id, self.first[place].take());
            self.line(direction).push_front(behind);
        }
        mem::replace(&mut self.first[place], waker)
    }

    /// Whether a new waiter is the first in its direction, and the selector need not be told.
    #[inline(always)]
    pub(crate) fn is_free(&self, direction: Direction) -> bool {
        self.armed && self.first[direction as usize].is_empty() && self.behind.is_none()
    }

    /// Puts a waiter in the first place, which is free. Returns its id.
    #[inline(always)]
    pub(crate) fn add_first(&mut self, direction: Direction, waker: StoredWaker) -> WaiterId {
        let id = self.fresh_id();
        self.ids[direction as usize] = id;
        self.first[direction as usize] = waker;
        id
    }

    #[inline(always)]
    fn fresh_id(&mut self) -> WaiterId {
        self.last_id = self.last_id.wrapping_add(2);
        WaiterId(self.last_id)
    }

    /// Queues a waiter behind the others, or refreshes the waker of one that is registered already.
    /// Returns its id, and a waker to be dropped where nothing is borrowed.
    pub(crate) fn add_waiter(
        &mut self,
        direction: Direction,
        id: WaiterId,
        waker: StoredWaker,
    ) -> (WaiterId, StoredWaker) {
        if id == WaiterId::POLLER {
            return (id, self.set_poller(direction, waker));
        }
        if !self.is_waited_for(direction) {
            return (self.add_first(direction, waker), StoredWaker::EMPTY);
        }
        if id != WaiterId::NONE && self.ids[direction as usize] == id {
            let old = mem::replace(&mut self.first[direction as usize], waker);
            return (id, old);
        }
        let mut line = self.line(direction).iter_mut();
        if let Some((_, kept)) = line.find(|(it, _)| *it == id && id != WaiterId::NONE) {
            return (id, mem::replace(kept, waker));
        }
        let fresh = self.fresh_id();
        self.line(direction).push_back((fresh, waker));
        (fresh, StoredWaker::EMPTY)
    }

    /// Forgets a waiter that gave up.
    pub(crate) fn remove_waiter(&mut self, direction: Direction, id: WaiterId) -> StoredWaker {
        let place = direction as usize;
        if self.ids[place] == id {
            self.ids[place] = WaiterId::NONE;
            return self.first[place].take();
        }
        let Some(lines) = &mut self.behind else {
            return StoredWaker::EMPTY;
        };
        let found = lines[place].iter().position(|(it, _)| *it == id);
        let removed = found.and_then(|found| lines[place].remove(found));
        self.forget_empty_lines();
        removed.map_or(StoredWaker::EMPTY, |(_, waker)| waker)
    }

    fn line(&mut self, direction: Direction) -> &mut Behind {
        &mut self.behind.get_or_insert_default()[direction as usize]
    }

    fn forget_empty_lines(&mut self) {
        if self
            .behind
            .as_ref()
            .is_some_and(|lines| lines.iter().all(Behind::is_empty))
        {
            self.behind = None;
        }
    }
}

const ENDED: Ready = Ready::READ_CLOSED
    .union(Ready::WRITE_CLOSED)
    .union(Ready::ERROR);

/// What is over is ready too: the try tells how it ended. Where an unread error queue is reported
/// with each event (`error_stays`), an error is a reason to try and no end.
#[cold]
fn tried_for_its_end(ready: Ready, error_stays: bool) -> Ready {
    let reading = ready.intersects(Ready::READ_CLOSED | Ready::ERROR);
    let writing = ready.intersects(Ready::WRITE_CLOSED | Ready::ERROR);
    let tried = ready | Ready::READABLE.when(reading) | Ready::WRITABLE.when(writing);
    match error_stays && !ready.contains(Ready::READ_CLOSED) {
        true => tried - (Ready::ERROR | Ready::WRITE_CLOSED),
        false => tried,
    }
}

/// The sources of one runtime.
pub(crate) struct Sources {
    entries: Vec<Source>,
    /// The first unused entry, or [`NO_INDEX`].
    free: u32,
    len: usize,
}

const NO_INDEX: u32 = u32::MAX;

impl Sources {
    pub(crate) fn new() -> Self {
        Self {
            entries: Vec::new(),
            free: NO_INDEX,
            len: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Makes an entry; the token is never zero and never repeats (a place whose generation is
    /// exhausted is not used again).
    pub(crate) fn insert(&mut self, fd: RawFd) -> u64 {
        self.len += 1;
        let index = match self.free {
            NO_INDEX => {
                self.entries.push(Source::unused(1));
                u32::try_from(self.entries.len() - 1).expect("fewer than 2^32 descriptors")
            }
            index => index,
        };
        let source = &mut self.entries[index as usize];
        self.free = source.last_id;
        source.last_id = 1;
        source.fd = fd;
        u64::from(source.generation) << 32 | u64::from(index)
    }

    #[inline(always)]
    pub(crate) fn get(&mut self, token: u64) -> Option<&mut Source> {
        // An unused entry has a generation that no token names yet.
        let source = self.entries.get_mut(token as u32 as usize)?;
        (source.generation == (token >> 32) as u32).then_some(source)
    }

    /// Removes an entry. Who still waits is returned, to be woken: what they wait for is gone.
    pub(crate) fn remove(&mut self, token: u64) -> Option<(RawFd, bool, Vec<StoredWaker>)> {
        let free = self.free;
        let source = self.get(token)?;
        let removed = (source.fd, source.registered, source.take_waiters());
        // Exhausted: no token has its generation, and the entry is not used again.
        let next = source.generation.checked_add(1);
        *source = Source::unused(next.unwrap_or(0));
        if next.is_some() {
            source.last_id = free;
            self.free = token as u32;
        }
        self.len -= 1;
        Some(removed)
    }

    fn used(&mut self) -> impl Iterator<Item = &mut Source> {
        self.entries.iter_mut().filter(|source| source.fd >= 0)
    }

    /// The descriptors that the selector knows.
    pub(crate) fn known(&mut self) -> Vec<RawFd> {
        let known = self.used().filter(|source| source.registered);
        known.map(|source| source.fd).collect()
    }

    /// How many entries say that the selector knows them under this number.
    pub(crate) fn registered(&mut self, fd: RawFd) -> usize {
        let same = |source: &&mut Source| source.fd == fd && source.registered;
        self.used().filter(same).count()
    }

    /// Descriptors in the table, for the monitor and for leak reports.
    pub(crate) fn fds(&mut self) -> Vec<(RawFd, Interest)> {
        self.used()
            .map(|source| (source.fd, source.wanted()))
            .collect()
    }

    /// Each descriptor and who waits for it, for the monitor.
    pub(crate) fn waiters(&mut self) -> Vec<(RawFd, Vec<Waiter>)> {
        self.used()
            .map(|source| (source.fd, source.waiters()))
            .collect()
    }

    /// Takes every waiter, when the runtime ends.
    pub(crate) fn take_all_waiters(&mut self) -> Vec<StoredWaker> {
        self.used().flat_map(Source::take_waiters).collect()
    }

    #[cfg(test)]
    pub(crate) fn start_generation(&mut self, generation: u32) {
        self.entries.push(Source::unused(generation));
        self.free = self.entries.len() as u32 - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r55_a_token_is_never_reused_when_the_generation_wraps() {
        let mut sources = Sources::new();
        sources.start_generation(u32::MAX);
        let last = sources.insert(5);
        assert_eq!(last >> 32, u64::from(u32::MAX));
        sources.remove(last);
        let next = sources.insert(5);
        assert_ne!(
            next as u32, last as u32,
            "the exhausted place is left alone"
        );
        assert!(sources.get(last).is_none());
    }

    #[test]
    fn c_4_an_error_that_stays_casts_no_doubt_on_short_transfers() {
        let mut sources = Sources::new();
        let token = sources.insert(5);
        let source = sources.get(token).unwrap();
        let unread = Ready::READABLE | Ready::WRITABLE | Ready::WRITE_CLOSED | Ready::ERROR;
        for direction in [Direction::Read, Direction::Write] {
            source.note(unread);
            assert!(source.use_event(direction, true), "the event itself");
            // Before anything says otherwise the error may be the end.
            let doubted = source.use_event(direction, true);
            assert_eq!(doubted, direction == Direction::Read);
            source.would_block(direction);
            assert!(!source.use_event(direction, true));
        }
        source.note(unread);
        assert!(source.use_event(Direction::Read, true), "a reason to try");
        assert!(!source.use_event(Direction::Read, true), "and no more");
        source.note(unread | Ready::READ_CLOSED);
        assert!(source.use_event(Direction::Read, true));
        assert!(source.use_event(Direction::Read, true), "a real end");
    }
}
