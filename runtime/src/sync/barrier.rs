//! [`Barrier`]: lets tasks through in groups of a fixed size.
//!
//! asyncio's `Barrier`, with `abort` and `reset`, under tokio's names where tokio has them.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::ptr;
use std::task::{Context, Poll, ready};

use super::wait_list::{Key, WaitQueue};
use crate::executor::{Wait, WaitNote};

/// A meeting point: `parties` tasks wait until all of them are there, then all go on.
///
/// It can be used again at once: the next arrival belongs to the next group.
///
/// # Cancel safety
///
/// A wait that is dropped before its group was complete has never arrived, as in asyncio: one more
/// task must come. Dropped after, it has passed.
///
/// # Examples
///
/// ```
/// use myrt::sync::Barrier;
/// use std::rc::Rc;
///
/// myrt::run(async {
///     let start = Rc::new(Barrier::new(2));
///     let other = Rc::clone(&start);
///     let runner = myrt::spawn(async move { other.wait().await.unwrap().is_leader() });
///     let leads = start.wait().await.unwrap().is_leader();
///     assert_ne!(leads, runner.await.unwrap()); // exactly one of a group leads
/// });
/// ```
#[derive(Debug)]
pub struct Barrier {
    parties: usize,
    broken: Cell<bool>,
    queue: WaitQueue<Outcome>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Waiting,
    /// The place in the group, counted from 0.
    Passed(usize),
    Broken,
}

impl Barrier {
    /// A barrier for groups of `parties`; 0 is taken for 1, as in tokio.
    pub const fn new(parties: usize) -> Self {
        let parties = if parties == 0 { 1 } else { parties };
        Self {
            parties,
            broken: Cell::new(false),
            queue: WaitQueue::new(),
        }
    }

    /// Waits until the group is complete.
    ///
    /// # Errors
    ///
    /// [`BrokenBarrier`] if the barrier is aborted, before or while this waits, or reset while this
    /// waits.
    #[track_caller]
    pub fn wait(&self) -> BarrierWait<'_> {
        BarrierWait {
            barrier: self,
            key: None,
            at: Location::caller(),
        }
    }

    /// Breaks the barrier: who waits, and who comes until a [`reset`](Self::reset), gets
    /// [`BrokenBarrier`]. For when one of the parties will never come.
    pub fn abort(&self) {
        self.broken.set(true);
        self.queue
            .grant_all(|outcome| *outcome = Outcome::Broken)
            .wake();
    }

    /// Makes the barrier empty and whole. Who waits gets [`BrokenBarrier`].
    pub fn reset(&self) {
        self.broken.set(false);
        self.queue
            .grant_all(|outcome| *outcome = Outcome::Broken)
            .wake();
    }

    /// How many make a group.
    pub fn parties(&self) -> usize {
        self.parties
    }

    /// How many of the present group have arrived.
    pub fn n_waiting(&self) -> usize {
        self.queue.len()
    }

    /// Whether it was aborted and not reset since.
    pub fn is_broken(&self) -> bool {
        self.broken.get()
    }

    /// The size of a group, how many have arrived, and whether it is broken.
    pub fn statistics(&self) -> BarrierStatistics {
        BarrierStatistics {
            parties: self.parties,
            waiting: self.queue.len(),
            broken: self.broken.get(),
        }
    }

    /// Completes the group if only the caller is missing.
    fn arrive(&self) -> Option<Outcome> {
        if self.broken.get() {
            return Some(Outcome::Broken);
        }
        if self.queue.len() + 1 < self.parties {
            return None;
        }
        let place = Cell::new(0);
        let wakes = self
            .queue
            .grant_all(|outcome| *outcome = Outcome::Passed(place.replace(place.get() + 1)));
        wakes.wake();
        Some(Outcome::Passed(self.parties - 1))
    }
}

/// What [`Barrier::statistics`] tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BarrierStatistics {
    /// How many make a group.
    pub parties: usize,
    /// How many of the present group have arrived.
    pub waiting: usize,
    /// Whether it is broken.
    pub broken: bool,
}

/// What a task learns when its group is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarrierWaitResult {
    position: usize,
    leader: bool,
}

impl BarrierWaitResult {
    /// True for exactly one of each group: the one that came last.
    pub fn is_leader(&self) -> bool {
        self.leader
    }

    /// The place in the group, from 0 in the order of arrival: what asyncio's `wait` returns.
    pub fn position(&self) -> usize {
        self.position
    }
}

/// The barrier was aborted or reset.
#[doc(alias = "BrokenBarrierError")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokenBarrier(());

impl fmt::Display for BrokenBarrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the barrier was aborted or reset")
    }
}

impl std::error::Error for BrokenBarrier {}

/// The future of [`Barrier::wait`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct BarrierWait<'a> {
    barrier: &'a Barrier,
    key: Option<Key>,
    at: &'static Location<'static>,
}

impl Future for BarrierWait<'_> {
    type Output = Result<BarrierWaitResult, BrokenBarrier>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let barrier = this.barrier;
        let note = WaitNote::new(Wait::Event(ptr::from_ref(barrier).addr()), this.at);
        let look = || barrier.arrive().ok_or(Outcome::Waiting);
        Poll::Ready(
            match ready!(barrier.queue.poll(&mut this.key, cx, note, look)) {
                Outcome::Passed(position) => Ok(BarrierWaitResult {
                    position,
                    leader: position + 1 == barrier.parties,
                }),
                Outcome::Waiting | Outcome::Broken => Err(BrokenBarrier(())),
            },
        )
    }
}

impl Drop for BarrierWait<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.barrier.queue.leave(key);
        }
    }
}
