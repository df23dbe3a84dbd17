//! The models of the remote queue, of its handshake with the sleeping loop, and of the slots' bits.
//!
//! The loop here is the runtime's turn with everything taken out that other threads cannot see:
//! drain, poll, park.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use crate::bell::Bell;
use crate::remote_queue::{RemoteBit, RemoteQueue};

/// One runtime as other threads see it.
struct Shared<T> {
    queue: RemoteQueue<T>,
    bell: Bell,
    rings: AtomicUsize,
}

impl<T> Shared<T> {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            queue: RemoteQueue::new(),
            bell: Bell::new(),
            rings: AtomicUsize::new(0),
        })
    }

    /// What every caller of `push` has to do. Tells whether the queue took the item.
    fn send(&self, item: T) -> bool {
        match self.queue.push(item) {
            Ok(notify) => {
                if notify {
                    self.rings.fetch_add(1, Ordering::Relaxed);
                    self.bell.ring();
                }
                true
            }
            Err(_) => false,
        }
    }

    /// Turns of the loop until `done` says so; `handle` gets every batch. Returns how often it
    /// slept.
    fn turns(&self, mut handle: impl FnMut(Vec<T>), done: impl Fn() -> bool) -> usize {
        let mut sleeps = 0;
        loop {
            if !self.queue.is_empty() {
                let mut batch = Vec::new();
                self.queue.drain(&mut batch);
                handle(batch);
            }
            if done() {
                return sleeps;
            }
            if self.queue.prepare_park() {
                sleeps += 1;
                self.bell.wait();
                self.queue.unpark();
            }
        }
    }
}

/// The loop sleeps until it has both items: were one push to miss the sleeper, it would sleep for
/// ever.
#[test]
fn no_push_misses_a_loop_that_falls_asleep() {
    loom::model(|| {
        let shared = Shared::new();
        let pushers = [1, 2].map(|item| {
            let shared = shared.clone();
            thread::spawn(move || assert!(shared.send(item)))
        });
        let sum = std::cell::Cell::new(0);
        let sleeps = shared.turns(
            |batch| sum.set(sum.get() + batch.iter().sum::<usize>()),
            || sum.get() == 3,
        );
        for pusher in pushers {
            pusher.join().unwrap();
        }
        let rings = shared.rings.load(Ordering::Relaxed);
        assert!(
            rings <= sleeps,
            "the bell was rung {rings} times for {sleeps} sleeps"
        );
    });
}

/// One thread pushes twice, as a burst does: the order stays, and the second push may be what finds
/// the loop asleep again.
#[test]
fn two_pushes_of_one_thread_stay_in_order() {
    loom::model(|| {
        let shared = Shared::new();
        let pusher = {
            let shared = shared.clone();
            thread::spawn(move || assert!(shared.send(1) && shared.send(2)))
        };
        let seen = std::cell::RefCell::new(Vec::new());
        shared.turns(
            |batch| seen.borrow_mut().extend(batch),
            || seen.borrow().len() == 2,
        );
        assert_eq!(*seen.borrow(), [1, 2]);
        pusher.join().unwrap();
    });
}

/// The loop is woken by something else (a socket, a timer) at the moment when a push happens.
#[test]
fn a_wakeup_for_another_reason_loses_nothing() {
    loom::model(|| {
        let shared = Shared::new();
        let pusher = {
            let shared = shared.clone();
            thread::spawn(move || assert!(shared.send(1)))
        };
        let socket = {
            let shared = shared.clone();
            thread::spawn(move || shared.bell.ring())
        };
        let count = std::cell::Cell::new(0);
        shared.turns(
            |batch| count.set(count.get() + batch.len()),
            || count.get() == 1,
        );
        pusher.join().unwrap();
        socket.join().unwrap();
    });
}

/// What was written before the push is there when the item is handled, although the writing itself
/// is not ordered.
#[test]
fn an_item_brings_along_what_was_written_before_it() {
    loom::model(|| {
        let shared = Shared::new();
        let data = Arc::new(AtomicUsize::new(0));
        let pusher = {
            let (shared, data) = (shared.clone(), data.clone());
            thread::spawn(move || {
                data.store(7, Ordering::Relaxed);
                assert!(shared.send(()));
            })
        };
        let done = std::cell::Cell::new(false);
        shared.turns(
            |_| {
                assert_eq!(data.load(Ordering::Relaxed), 7);
                done.set(true);
            },
            || done.get(),
        );
        pusher.join().unwrap();
    });
}

/// A task that other threads wake: its slot's bit, and what each of them writes before it wakes.
struct Slot {
    bit: RemoteBit,
    data: [AtomicUsize; 2],
}

impl Slot {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            bit: RemoteBit::new(),
            data: [AtomicUsize::new(0), AtomicUsize::new(0)],
        })
    }
}

/// `Waker::wake` on a thread of its own; the key is the waker's generation of the slot.
fn wake(
    shared: &Arc<Shared<u32>>,
    slot: &Arc<Slot>,
    me: usize,
    key: u32,
) -> thread::JoinHandle<()> {
    let (shared, slot) = (shared.clone(), slot.clone());
    thread::spawn(move || {
        slot.data[me].store(1, Ordering::Relaxed);
        if !slot.bit.set() {
            assert!(shared.send(key));
        }
    })
}

/// Two threads wake one task. It ends when a poll has seen what both wrote: were a wake lost, or
/// merged into a poll that cannot see its data yet, the loop would sleep for ever.
#[test]
fn every_wake_is_followed_by_a_poll_that_sees_its_data() {
    loom::model(|| {
        let shared = Shared::new();
        let slot = Slot::new();
        let wakers = [0, 1].map(|me| wake(&shared, &slot, me, 1));
        let seen = std::cell::Cell::new(0);
        shared.turns(
            |batch| {
                assert_eq!(batch.len(), 1, "one entry a slot");
                assert!(
                    slot.bit.take(),
                    "an entry was queued by the one who set the bit"
                );
                seen.set(slot.data.iter().map(|it| it.load(Ordering::Relaxed)).sum());
            },
            || seen.get() == 2,
        );
        for waker in wakers {
            waker.join().unwrap();
        }
    });
}

/// One of the two keys is stale, and may be the one that is queued: the task that lives in the slot
/// now is woken all the same.
#[test]
fn a_stale_key_in_the_queue_does_not_swallow_a_live_wake() {
    loom::model(|| {
        let shared = Shared::new();
        let slot = Slot::new();
        let (stale, live) = (1, 2);
        let wakers = [
            wake(&shared, &slot, 0, stale),
            wake(&shared, &slot, 1, live),
        ];
        let seen = std::cell::Cell::new(0);
        shared.turns(
            |batch| {
                // The generation is deliberately not looked at: the bit was the slot's.
                for _key in batch {
                    slot.bit.take();
                    seen.set(slot.data[1].load(Ordering::Relaxed));
                }
            },
            || seen.get() == 1,
        );
        for waker in wakers {
            waker.join().unwrap();
        }
    });
}

/// Two tasks, a waker each, in one queue: neither bit hides the other's entry.
#[test]
fn two_wakers_of_two_tasks_and_one_loop() {
    loom::model(|| {
        let shared = Shared::new();
        let slots = [Slot::new(), Slot::new()];
        let wakers = [0, 1].map(|task| wake(&shared, &slots[task], 0, task as u32));
        let polls = std::cell::Cell::new([0, 0]);
        shared.turns(
            |batch| {
                for key in batch {
                    let task = key as usize;
                    assert!(slots[task].bit.take());
                    assert_eq!(slots[task].data[0].load(Ordering::Relaxed), 1);
                    let mut counts = polls.get();
                    counts[task] += 1;
                    polls.set(counts);
                }
            },
            || polls.get() == [1, 1],
        );
        for waker in wakers {
            waker.join().unwrap();
        }
    });
}

/// Every item is handled by the loop, returned by `close`, or given back to its sender: exactly one
/// of the three.
#[test]
fn close_and_push_lose_nothing() {
    loom::model(|| {
        let shared = Shared::new();
        let pushers = [1, 2].map(|item| {
            let shared = shared.clone();
            thread::spawn(move || shared.send(item))
        });
        let mut kept = Vec::new();
        shared.queue.drain(&mut kept);
        kept.extend(shared.queue.close());
        let taken = pushers.map(|pusher| pusher.join().unwrap());
        kept.sort_unstable();
        let expected: Vec<i32> = [1, 2]
            .into_iter()
            .zip(taken)
            .filter(|&(_, taken)| taken)
            .map(|(item, _)| item)
            .collect();
        assert_eq!(kept, expected);
        assert!(shared.queue.is_empty());
        assert!(!shared.send(3));
    });
}
