//! The yardstick's timers: one hashed wheel (scheme 6 of Varghese and Lauck, "Hashed and
//! Hierarchical Timing Wheels", 1987), a tick of a millisecond, entries linked by index.
//!
//! Insert and cancel are O(1); a tick looks at every entry of its slot.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::system;

/// All timers of the executor.
pub(super) struct Timers {
    wheel: RefCell<Wheel>,
}

struct Wheel {
    entries: Vec<Entry>,
    free: u32,
    slots: Box<[u32; SLOTS]>,
    occupied: [u64; SLOTS / 64],
    pending: usize,
    tick: u64,
}

struct Entry {
    deadline: u64,
    next: u32,
    previous: u32,
    waker: Option<Waker>,
    fired: bool,
}

impl Timers {
    pub(super) fn new() -> Self {
        Self {
            wheel: RefCell::new(Wheel {
                entries: Vec::new(),
                free: NONE,
                slots: Box::new([NONE; SLOTS]),
                occupied: [0; SLOTS / 64],
                pending: 0,
                tick: tick_now(),
            }),
        }
    }

    /// Fires what is due. When idle, sleeps until the next occupied slot first.
    pub(super) fn turn(&self, idle: bool) {
        if self.wheel.borrow().pending == 0 {
            assert!(!idle, "every task waits and nothing can wake any");
            return;
        }
        if idle {
            let next = self.wheel.borrow().next_occupied_tick();
            let wait = (next * TICK_NS).saturating_sub(system::monotonic_ns());
            if wait > 0 {
                std::thread::sleep(Duration::from_nanos(wait));
            }
        }
        let now = tick_now();
        let mut due = Vec::new();
        self.wheel.borrow_mut().advance(now, &mut due);
        for waker in due {
            waker.wake();
        }
    }
}

impl Wheel {
    fn insert(&mut self, deadline: u64, waker: Waker) -> u32 {
        let deadline = deadline.max(self.tick + 1);
        let slot = deadline as usize % SLOTS;
        let head = self.slots[slot];
        let entry = Entry {
            deadline,
            next: head,
            previous: NONE,
            waker: Some(waker),
            fired: false,
        };
        let index = self.allocate(entry);
        if head != NONE {
            self.entries[head as usize].previous = index;
        }
        self.slots[slot] = index;
        self.occupied[slot / 64] |= 1 << (slot % 64);
        self.pending += 1;
        index
    }

    fn allocate(&mut self, entry: Entry) -> u32 {
        if self.free == NONE {
            self.entries.push(entry);
            return (self.entries.len() - 1) as u32;
        }
        let index = self.free;
        self.free = self.entries[index as usize].next;
        self.entries[index as usize] = entry;
        index
    }

    fn unlink(&mut self, index: u32) {
        let Entry {
            deadline,
            next,
            previous,
            ..
        } = self.entries[index as usize];
        if next != NONE {
            self.entries[next as usize].previous = previous;
        }
        if previous != NONE {
            self.entries[previous as usize].next = next;
        } else {
            let slot = deadline as usize % SLOTS;
            self.slots[slot] = next;
            if next == NONE {
                self.occupied[slot / 64] &= !(1 << (slot % 64));
            }
        }
        self.pending -= 1;
    }

    fn release(&mut self, index: u32) {
        let entry = &mut self.entries[index as usize];
        entry.waker = None;
        entry.next = self.free;
        self.free = index;
    }

    fn advance(&mut self, now: u64, due: &mut Vec<Waker>) {
        // More than a whole round: every slot once is enough.
        let from = (self.tick + 1).max(now.saturating_sub(SLOTS as u64 - 1));
        for tick in from..=now {
            let mut index = self.slots[tick as usize % SLOTS];
            while index != NONE {
                let next = self.entries[index as usize].next;
                if self.entries[index as usize].deadline <= now {
                    self.unlink(index);
                    let entry = &mut self.entries[index as usize];
                    entry.fired = true;
                    due.extend(entry.waker.take());
                }
                index = next;
            }
        }
        self.tick = self.tick.max(now);
    }

    /// A lower bound: the slot may hold only entries of a later round.
    fn next_occupied_tick(&self) -> u64 {
        (1..=SLOTS as u64)
            .map(|ahead| self.tick + ahead)
            .find(|tick| {
                let slot = *tick as usize % SLOTS;
                self.occupied[slot / 64] & 1 << (slot % 64) != 0
            })
            .unwrap_or(self.tick + 1)
    }
}

/// A sleep: it enters the wheel when it is first polled.
pub(super) struct Sleep<'a> {
    timers: &'a Timers,
    deadline: u64,
    index: u32,
}

impl<'a> Sleep<'a> {
    pub(super) fn new(timers: &'a Timers, duration: Duration) -> Self {
        let wait = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let deadline = system::monotonic_ns()
            .saturating_add(wait)
            .div_ceil(TICK_NS);
        Self {
            timers,
            deadline,
            index: NONE,
        }
    }
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut wheel = self.timers.wheel.borrow_mut();
        if self.index == NONE {
            let index = wheel.insert(self.deadline, context.waker().clone());
            drop(wheel);
            self.index = index;
            return Poll::Pending;
        }
        let entry = &mut wheel.entries[self.index as usize];
        if entry.fired {
            return Poll::Ready(());
        }
        entry.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        if self.index == NONE {
            return;
        }
        let mut wheel = self.timers.wheel.borrow_mut();
        if !wheel.entries[self.index as usize].fired {
            wheel.unlink(self.index);
        }
        wheel.release(self.index);
    }
}

fn tick_now() -> u64 {
    system::monotonic_ns() / TICK_NS
}

const NONE: u32 = u32::MAX;
const SLOTS: usize = 4096;
const TICK_NS: u64 = 1_000_000;
