//! One descriptor that someone waits for: its cached readiness and who waits.
//!
//! It exists so that an event touches one entry and a wait that must not happen (the readiness is known) touches
//! no system call. Entries are found by a token of index and generation, so an event or handle of an earlier
//! owner finds nothing. It must not make system calls.

use std::collections::VecDeque;
use std::mem;
use std::os::fd::RawFd;

use crate::sys::{Event, Interest};
use crate::task::stored::StoredWaker;

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
}

/// Those who wait behind the first, with their tickets. Boxed where it stands: a word for what is nearly always empty.
type Others = VecDeque<(u32, StoredWaker)>;

/// One direction of a descriptor.
#[derive(Default)]
pub(crate) struct Half {
    /// An event came that nobody has used.
    pub(crate) event: bool,
    /// The peer hung up, an error is pending or urgent data came: a short transfer does not mean drained.
    pub(crate) closed: bool,
    /// Ticket of who stands in `first`; 0 for a `poll_*` caller, of which there is one a direction.
    first_ticket: u32,
    first: StoredWaker,
    /// Those behind the first, in order. Rare: several tasks wait for one descriptor.
    others: Option<Box<Others>>,
}

impl Half {
    pub(crate) fn is_waited_for(&self) -> bool {
        !self.first.is_empty() || self.others.is_some()
    }

    /// Takes everyone who waits, in order. They are woken where nothing is borrowed.
    #[inline]
    fn take_all(&mut self) -> Woken {
        self.first_ticket = 0;
        Woken {
            first: self.first.take(),
            others: self.others.take(),
        }
    }
}

/// Who is to be woken for an event.
pub(crate) struct Woken {
    first: StoredWaker,
    others: Option<Box<Others>>,
}

impl Woken {
    #[inline]
    pub(crate) fn wake(self) {
        self.first.wake();
        if let Some(others) = self.others {
            others.into_iter().for_each(|(_, waker)| waker.wake());
        }
    }
}

/// See the module's head.
pub(crate) struct Source {
    pub(crate) fd: RawFd,
    generation: u32,
    /// The selector knows it.
    pub(crate) registered: bool,
    /// The selector refused it as something that is always ready: a regular file.
    pub(crate) always: bool,
    next_ticket: u32,
    pub(crate) read: Half,
    pub(crate) write: Half,
}

impl Source {
    #[inline]
    pub(crate) fn half(&mut self, direction: Direction) -> &mut Half {
        match direction {
            Direction::Read => &mut self.read,
            Direction::Write => &mut self.write,
        }
    }

    /// The directions that someone waits for.
    pub(crate) fn wanted(&self) -> Interest {
        let mut wanted = Interest::NONE;
        if self.read.is_waited_for() {
            wanted |= Interest::READABLE;
        }
        if self.write.is_waited_for() {
            wanted |= Interest::WRITABLE;
        }
        wanted
    }

    /// Uses the event of a direction, if there is one that nobody has used. True as well where it never blocks, and where
    /// the caller waits because of no more than a `short` transfer, but that may not mean drained: the peer has hung up
    /// or an error is pending (then no further edge would come), or the selector's short reads are in `doubt`.
    #[inline(always)]
    pub(crate) fn use_event(&mut self, direction: Direction, short: bool, doubt: bool) -> bool {
        let always = self.always;
        let half = self.half(direction);
        let unsure = half.closed || (doubt && direction == Direction::Read);
        mem::take(&mut half.event) || (short && unsure) || always
    }

    /// Notes what an event says. Returns who waits first in each direction, to be woken, and whether others wait
    /// behind them.
    #[inline]
    pub(crate) fn note(&mut self, event: &Event) -> (StoredWaker, StoredWaker, bool) {
        // A read stops short at TCP's urgent mark although more is behind it (SO_OOBINLINE or not), and no further edge
        // comes for that: from the first urgent byte on, short reads say nothing. net's test
        // `urgent_data_in_the_stream_makes_nobody_wait` hangs without this.
        self.read.closed |= event.read_closed | event.error | event.priority;
        self.write.closed |= event.write_closed | event.error;
        let mut woken = (StoredWaker::EMPTY, StoredWaker::EMPTY, false);
        if event.readable | event.read_closed | event.error {
            self.read.event = true;
            woken.0 = self.read.first.take();
            woken.2 = self.read.others.is_some();
        }
        if event.writable | event.write_closed | event.error {
            self.write.event = true;
            woken.1 = self.write.first.take();
            woken.2 |= self.write.others.is_some();
        }
        woken
    }

    /// Takes those who wait behind the first in directions that are ready.
    pub(crate) fn take_ready(&mut self) -> [Option<Woken>; 2] {
        [&mut self.read, &mut self.write].map(|half| half.event.then(|| half.take_all()))
    }

    /// Puts the one `poll_*` caller of a direction in place. Returns a waker to be dropped where nothing is borrowed.
    #[inline]
    pub(crate) fn set_poller(&mut self, direction: Direction, waker: StoredWaker) -> StoredWaker {
        let half = self.half(direction);
        if half.first_ticket != 0 {
            // The place is the poller's from now on, also where the ticket's waiter was woken and not polled since.
            let ticket = mem::take(&mut half.first_ticket);
            if !half.first.is_empty() {
                let behind = (ticket, half.first.take());
                half.others.get_or_insert_default().push_front(behind);
            }
        }
        mem::replace(&mut half.first, waker)
    }

    /// Takes the `poll_*` caller of a direction out again.
    pub(crate) fn unset_poller(&mut self, direction: Direction) -> StoredWaker {
        let half = self.half(direction);
        if half.first_ticket == 0 {
            half.first.take()
        } else {
            StoredWaker::EMPTY
        }
    }

    /// Queues a waiter behind the others, or refreshes the waker of one that has a ticket already.
    #[inline]
    pub(crate) fn add_waiter(
        &mut self,
        direction: Direction,
        ticket: u32,
        waker: StoredWaker,
    ) -> (u32, StoredWaker) {
        let fresh = self.next_ticket.wrapping_add(1).max(1);
        let half = self.half(direction);
        if !half.first.is_empty() || half.others.is_some() {
            return self.add_to_line(direction, ticket, waker);
        }
        half.first = waker;
        half.first_ticket = fresh;
        self.next_ticket = fresh;
        (fresh, StoredWaker::EMPTY)
    }

    /// Somebody waits already: perhaps this very waiter, whose waker is refreshed then.
    #[cold]
    fn add_to_line(
        &mut self,
        direction: Direction,
        ticket: u32,
        waker: StoredWaker,
    ) -> (u32, StoredWaker) {
        let fresh = self.next_ticket.wrapping_add(1).max(1);
        let half = self.half(direction);
        if ticket != 0 && half.first_ticket == ticket {
            return (ticket, mem::replace(&mut half.first, waker));
        }
        let others = half.others.get_or_insert_default();
        if let Some((_, kept)) = others.iter_mut().find(|(t, _)| *t == ticket && ticket != 0) {
            return (ticket, mem::replace(kept, waker));
        }
        others.push_back((fresh, waker));
        self.next_ticket = fresh;
        (fresh, StoredWaker::EMPTY)
    }

    /// Forgets a waiter that gave up.
    pub(crate) fn remove_waiter(&mut self, direction: Direction, ticket: u32) -> StoredWaker {
        let half = self.half(direction);
        if half.first_ticket == ticket {
            half.first_ticket = 0;
            return half.first.take();
        }
        let Some(others) = &mut half.others else {
            return StoredWaker::EMPTY;
        };
        let place = others.iter().position(|(t, _)| *t == ticket);
        let removed = place.and_then(|place| others.remove(place));
        if others.is_empty() {
            half.others = None;
        }
        removed.map_or(StoredWaker::EMPTY, |(_, waker)| waker)
    }

    fn take_waiters(&mut self) -> [Woken; 2] {
        [self.read.take_all(), self.write.take_all()]
    }
}

/// The sources of one runtime.
pub(crate) struct Sources {
    entries: Vec<Entry>,
    free: Option<u32>,
    len: usize,
}

enum Entry {
    Used(Source),
    Free { generation: u32, next: Option<u32> },
}

impl Sources {
    pub(crate) fn new() -> Self {
        Self {
            entries: Vec::new(),
            free: None,
            len: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Makes an entry; the token is never zero and never repeats (a place whose generation is exhausted is not
    /// used again).
    pub(crate) fn insert(&mut self, fd: RawFd) -> u64 {
        self.len += 1;
        let (index, generation) = match self.free {
            Some(index) => {
                let Entry::Free { generation, next } = self.entries[index as usize] else {
                    unreachable!("the free list holds free entries")
                };
                self.free = next;
                (index, generation)
            }
            None => {
                let index = u32::try_from(self.entries.len()).expect("fewer than 2^32 descriptors");
                self.entries.push(Entry::Free {
                    generation: 1,
                    next: None,
                });
                (index, 1)
            }
        };
        let source = Source {
            fd,
            generation,
            registered: false,
            always: false,
            next_ticket: 0,
            read: Half::default(),
            write: Half::default(),
        };
        self.entries[index as usize] = Entry::Used(source);
        u64::from(generation) << 32 | u64::from(index)
    }

    #[inline]
    pub(crate) fn get(&mut self, token: u64) -> Option<&mut Source> {
        match self.entries.get_mut(token as u32 as usize) {
            Some(Entry::Used(source)) if source.generation == (token >> 32) as u32 => Some(source),
            _ => None,
        }
    }

    /// Removes an entry. Who still waits is returned, to be woken: what they wait for is gone.
    pub(crate) fn remove(&mut self, token: u64) -> Option<(RawFd, bool, [Woken; 2])> {
        let source = self.get(token)?;
        let removed = (source.fd, source.registered, source.take_waiters());
        let generation = source.generation;
        let index = token as u32;
        self.len -= 1;
        let next = if generation == u32::MAX {
            None
        } else {
            self.free.replace(index)
        };
        self.entries[index as usize] = Entry::Free {
            generation: generation.wrapping_add(1),
            next,
        };
        Some(removed)
    }

    /// The descriptors that the selector knows.
    pub(crate) fn known(&self) -> Vec<RawFd> {
        let used = self.entries.iter().filter_map(|entry| match entry {
            Entry::Used(source) if source.registered => Some(source.fd),
            _ => None,
        });
        used.collect()
    }

    /// How many entries say that the selector knows them under this number.
    pub(crate) fn registered(&self, fd: RawFd) -> usize {
        let same = |entry: &&Entry| matches!(entry, Entry::Used(source) if source.fd == fd && source.registered);
        self.entries.iter().filter(same).count()
    }

    /// Descriptors in the table, for the monitor and for leak reports.
    pub(crate) fn fds(&self) -> Vec<(RawFd, Interest)> {
        let used = self.entries.iter().filter_map(|entry| match entry {
            Entry::Used(source) => Some((source.fd, source.wanted())),
            Entry::Free { .. } => None,
        });
        used.collect()
    }

    /// Takes every waiter, when the runtime ends.
    pub(crate) fn take_all_waiters(&mut self) -> Vec<Woken> {
        let used = self.entries.iter_mut().filter_map(|entry| match entry {
            Entry::Used(source) => Some(source.take_waiters()),
            Entry::Free { .. } => None,
        });
        used.flatten().collect()
    }

    #[cfg(test)]
    pub(crate) fn start_generation(&mut self, generation: u32) {
        self.entries.push(Entry::Free {
            generation,
            next: self.free,
        });
        self.free = Some(self.entries.len() as u32 - 1);
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
}
