//! [`Event`]: a flag that tasks can wait for; asyncio's `Event`.
//!
//! Unlike `Notify` it has a level, not an edge: once it is set, every wait returns at once until it
//! is cleared.

use std::cell::Cell;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::ptr;
use std::task::{Context, Poll};

use super::wait_list::{Key, WaitQueue};
use crate::executor::{Wait, WaitNote};

/// A flag that is clear or set, and that tasks can wait to be set.
///
/// Setting it releases everyone who waits at that moment, even if it is cleared again before they
/// have run.
///
/// # Examples
///
/// ```
/// use myrt::sync::Event;
///
/// myrt::run(async {
///     let ready = Event::new();
///     assert!(!ready.is_set());
///     ready.set();
///     ready.wait().await;
/// });
/// ```
#[derive(Debug)]
pub struct Event {
    set: Cell<bool>,
    queue: WaitQueue<()>,
}

impl Event {
    /// An event that is not set.
    pub const fn new() -> Self {
        Self {
            set: Cell::new(false),
            queue: WaitQueue::new(),
        }
    }

    /// Sets it and releases everyone who waits, in the order in which they came.
    pub fn set(&self) {
        self.set.set(true);
        self.queue.grant_all(|()| ()).wake();
    }

    /// Clears it: who waits from now on waits for the next [`set`](Self::set).
    pub fn clear(&self) {
        self.set.set(false);
    }

    /// Whether it is set.
    pub fn is_set(&self) -> bool {
        self.set.get()
    }

    /// Waits until it is set; returns at once if it is. Dropping the future loses nothing.
    #[track_caller]
    #[inline]
    pub fn wait(&self) -> EventWait<'_> {
        EventWait {
            event: self,
            key: None,
            at: Location::caller(),
        }
    }

    /// Whether it is set, and how many wait.
    pub fn statistics(&self) -> EventStatistics {
        EventStatistics {
            set: self.set.get(),
            waiting: self.queue.len(),
        }
    }
}

impl Default for Event {
    fn default() -> Self {
        Self::new()
    }
}

/// What [`Event::statistics`] tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventStatistics {
    /// Whether it is set.
    pub set: bool,
    /// How many wait.
    pub waiting: usize,
}

/// The future of [`Event::wait`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct EventWait<'a> {
    event: &'a Event,
    key: Option<Key>,
    at: &'static Location<'static>,
}

impl Future for EventWait<'_> {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let event = this.event;
        let note = WaitNote::new(Wait::Event(ptr::from_ref(event).addr()), this.at);
        let look = || event.set.get().then_some(()).ok_or(());
        event.queue.poll(&mut this.key, cx, note, look)
    }
}

impl Drop for EventWait<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.event.queue.leave(key);
        }
    }
}
