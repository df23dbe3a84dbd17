//! [`Notify`]: wakes one waiter, or all; tokio's `Notify`.
//!
//! Why: users can build their own primitives on it. A wake-up is remembered if no task waits yet.

use std::cell::Cell;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::ptr;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::wait_list::{Key, WaitQueue};
use crate::executor::{StoredWaker, Wait, WaitNote, poll_budget};

/// Wakes tasks that wait for it, one or all.
///
/// [`notify_one`](Self::notify_one) with nobody waiting leaves *one* permit, which the next waiter
/// takes at once. [`notify_waiters`](Self::notify_waiters) leaves none, but reaches every
/// [`Notified`] made before it, polled or not.
///
/// # Examples
///
/// ```
/// use myrt::sync::Notify;
///
/// myrt::run(async {
///     let bell = Notify::new();
///     bell.notify_one();
///     bell.notified().await;
/// });
/// ```
#[derive(Debug)]
pub struct Notify {
    permit: Cell<bool>,
    /// How often `notify_waiters` was called.
    rounds: Cell<u64>,
    queue: WaitQueue<Grant>,
}

/// By what a waiter was picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grant {
    /// By `notify_one`: if the waiter does not use it, somebody else must have it.
    One,
    /// By `notify_last`: likewise, and from the end again.
    Last,
    /// By `notify_waiters`: it was meant for this waiter alone.
    All,
}

impl Notify {
    /// Nobody waits, no permit is stored.
    pub const fn new() -> Self {
        Self {
            permit: Cell::new(false),
            rounds: Cell::new(0),
            queue: WaitQueue::new(),
        }
    }

    /// Wakes the task that waits longest. With nobody waiting, stores one permit.
    ///
    /// A waiter that is dropped after it was picked and before it ran passes this on.
    pub fn notify_one(&self) {
        match self.queue.grant_front() {
            Some(waker) => waker.wake(),
            None => self.permit.set(true),
        }
    }

    /// Wakes the task that came last, for what is better done by who has waited least. With nobody
    /// waiting, stores one permit.
    ///
    /// A waiter that is dropped after it was picked and before it ran passes this on, to the last
    /// again.
    ///
    /// ```
    /// use myrt::sync::Notify;
    ///
    /// myrt::run(async {
    ///     let bell = Notify::new();
    ///     let first = async { bell.notified().await; "first" };
    ///     let last = async { bell.notified().await; "last" };
    ///     let ring = async { bell.notify_last(); std::future::pending().await };
    ///     let woken = myrt::select! { biased; v = first => v, v = last => v, v = ring => v };
    ///     assert_eq!(woken, "last");
    /// });
    /// ```
    pub fn notify_last(&self) {
        match self.queue.grant_back(|grant| *grant = Grant::Last) {
            Some(waker) => waker.wake(),
            None => self.permit.set(true),
        }
    }

    /// Wakes everyone who waits now, in order. Stores no permit.
    pub fn notify_waiters(&self) {
        self.rounds.set(self.rounds.get().wrapping_add(1));
        self.queue.grant_all(|grant| *grant = Grant::All).wake();
    }

    /// Waits to be notified.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up its place in the queue; a `notify_one` that had picked it goes
    /// to the next, or is stored.
    #[track_caller]
    #[inline]
    pub fn notified(&self) -> Notified<'_> {
        Notified {
            waiter: Waiter::new(self.rounds.get()),
            notify: self,
        }
    }

    /// As [`notified`](Self::notified), by a future that has no lifetime.
    #[track_caller]
    pub fn notified_owned(self: Rc<Self>) -> OwnedNotified {
        OwnedNotified {
            waiter: Waiter::new(self.rounds.get()),
            notify: self,
        }
    }

    /// Whether a permit is stored, and how many wait.
    pub fn statistics(&self) -> NotifyStatistics {
        NotifyStatistics {
            permit: self.permit.get(),
            waiting: self.queue.len(),
        }
    }
}

impl Default for Notify {
    fn default() -> Self {
        Self::new()
    }
}

/// What [`Notify::statistics`] tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotifyStatistics {
    /// Whether the next waiter will pass at once.
    pub permit: bool,
    /// How many wait.
    pub waiting: usize,
}

/// The state that both futures share.
#[derive(Debug)]
struct Waiter {
    /// The count of rounds when the future was made.
    round: u64,
    key: Option<Key>,
    done: bool,
    at: &'static Location<'static>,
}

impl Waiter {
    #[track_caller]
    #[inline]
    fn new(round: u64) -> Self {
        Self {
            round,
            key: None,
            done: false,
            at: Location::caller(),
        }
    }

    /// By what it was notified, as far as this can be known without joining the queue.
    #[inline]
    fn check(&self, notify: &Notify) -> Option<Grant> {
        if self.round != notify.rounds.get() {
            Some(Grant::All)
        } else {
            notify.permit.replace(false).then_some(Grant::One)
        }
    }

    #[inline]
    fn poll(&mut self, notify: &Notify, cx: &mut Context<'_>) -> Poll<()> {
        if self.done {
            return poll_budget(cx);
        }
        let note = WaitNote::new(Wait::Event(ptr::from_ref(notify).addr()), self.at);
        let mut key = self.key;
        let look = || self.check(notify).ok_or(Grant::One);
        let turn = notify.queue.poll(&mut key, cx, note, look);
        self.key = key;
        self.done = turn.is_ready();
        turn.map(drop)
    }

    /// Takes a place in the queue without a waker.
    fn enable(&mut self, notify: &Notify) -> bool {
        if let Some(key) = self.key {
            return notify.queue.is_granted(key);
        }
        self.done = self.done || self.check(notify).is_some();
        if self.done {
            return true;
        }
        self.key = Some(notify.queue.join(StoredWaker::EMPTY, Grant::One));
        false
    }

    #[inline]
    fn cancel(&self, notify: &Notify) {
        if let Some(key) = self.key {
            let left = notify.queue.leave(key);
            match left.data {
                Grant::One if left.granted => notify.notify_one(),
                Grant::Last if left.granted => notify.notify_last(),
                _ => {}
            }
        }
    }
}

/// The future of [`Notify::notified`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct Notified<'a> {
    notify: &'a Notify,
    waiter: Waiter,
}

impl Notified<'_> {
    /// Takes a place in the queue now, before the first poll, so that a `notify_one` from here on
    /// reaches this future. Returns whether it was notified already.
    pub fn enable(mut self: Pin<&mut Self>) -> bool {
        let this = &mut *self;
        this.waiter.enable(this.notify)
    }
}

impl Future for Notified<'_> {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.waiter.poll(this.notify, cx)
    }
}

impl Drop for Notified<'_> {
    #[inline]
    fn drop(&mut self) {
        self.waiter.cancel(self.notify);
    }
}

/// The future of [`Notify::notified_owned`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct OwnedNotified {
    notify: Rc<Notify>,
    waiter: Waiter,
}

impl OwnedNotified {
    /// As [`Notified::enable`].
    pub fn enable(mut self: Pin<&mut Self>) -> bool {
        let this = &mut *self;
        this.waiter.enable(&this.notify)
    }
}

impl Future for OwnedNotified {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.waiter.poll(&this.notify, cx)
    }
}

impl Drop for OwnedNotified {
    fn drop(&mut self) {
        self.waiter.cancel(&self.notify);
    }
}
