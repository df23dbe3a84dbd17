//! [`QueueOf`]: what all queues do, whatever their order.
//!
//! Two counts of permits do the waiting: `put` takes one for a free place, `get` takes one for an
//! item. A permit is a promise and carries no item: the item stays in the queue until the `get`
//! runs, so a cancelled `get` loses nothing and passes its promise on.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::ptr;

use super::error::{GetNowaitError, PutNowaitError};
use super::futures::{GetFuture, JoinFuture, PutFuture};
use super::order::Order;
use crate::executor::Wait;
use crate::sync::permits::{Permits, TryAcquireError};
use crate::sync::wait_list::WaitQueue;

/// What [`Queue`](super::Queue), [`PriorityQueue`](super::PriorityQueue) and
/// [`LifoQueue`](super::LifoQueue) do.
pub struct QueueOf<T, O> {
    items: RefCell<O>,
    /// 0: no bound.
    maxsize: usize,
    pub(super) places: Permits,
    /// One permit an item that is promised to nobody.
    pub(super) unpromised: Permits,
    /// Items put and not yet reported by `task_done`.
    pub(super) unfinished: Cell<usize>,
    pub(super) joining: WaitQueue<()>,
    pub(super) shut_down: Cell<bool>,
    /// Shut down at once: promises that are still out stand for nothing.
    drained: Cell<bool>,
    item: PhantomData<T>,
}

impl<T, O: Order<T>> QueueOf<T, O> {
    #[track_caller]
    pub(super) fn new(maxsize: usize, items: O) -> Self {
        Self {
            items: RefCell::new(items),
            maxsize,
            places: Permits::new(if maxsize == 0 { Permits::MAX } else { maxsize }),
            unpromised: Permits::new(0),
            unfinished: Cell::new(0),
            joining: WaitQueue::new(),
            shut_down: Cell::new(false),
            drained: Cell::new(false),
            item: PhantomData,
        }
    }

    /// Puts an item in, waiting for a place if the queue is full.
    ///
    /// # Errors
    ///
    /// [`QueueShutDown`](super::QueueShutDown) gives the item back if the queue is shut down,
    /// before or while this waits.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, the item was not put in, and is dropped with the future. A place
    /// that it had been given goes to the next.
    #[track_caller]
    #[inline]
    pub fn put(&self, item: T) -> PutFuture<'_, T, O> {
        PutFuture::new(self, item, Location::caller())
    }

    /// Puts an item in if there is room and nobody waits for it.
    ///
    /// # Errors
    ///
    /// [`PutNowaitError`] gives the item back and says why.
    #[doc(alias = "try_put")]
    pub fn put_nowait(&self, item: T) -> Result<(), PutNowaitError<T>> {
        match self.places.try_acquire(1) {
            Ok(()) => {
                self.push(item);
                Ok(())
            }
            Err(TryAcquireError::NoPermits) => Err(PutNowaitError::QueueFull(item)),
            Err(TryAcquireError::Closed) => Err(PutNowaitError::QueueShutDown(item)),
        }
    }

    /// Takes the item whose turn it is, waiting for one if there is none.
    ///
    /// # Errors
    ///
    /// [`QueueShutDown`](super::QueueShutDown) if the queue is shut down and no item is left.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes no item; one that it had been promised is for the next.
    #[track_caller]
    #[inline]
    pub fn get(&self) -> GetFuture<'_, T, O> {
        GetFuture::new(self, Location::caller())
    }

    /// Takes an item if there is one that is promised to nobody.
    ///
    /// # Errors
    ///
    /// [`GetNowaitError`] says why there is none.
    #[doc(alias = "try_get")]
    pub fn get_nowait(&self) -> Result<T, GetNowaitError> {
        // `forget` takes a permit from closed ones too: after a shutdown the rest may be had.
        if self.unpromised.forget(1) == 1 {
            if let Some(item) = self.pop() {
                return Ok(item);
            }
        }
        let shut_down = self.shut_down.get();
        Err(if shut_down {
            GetNowaitError::QueueShutDown
        } else {
            GetNowaitError::QueueEmpty
        })
    }

    /// Says that one item that was taken has been dealt with.
    ///
    /// # Panics
    ///
    /// If it is called more often than items were put in: asyncio's `ValueError`.
    #[track_caller]
    pub fn task_done(&self) {
        assert!(
            self.unfinished.get() > 0,
            "task_done() called more often than items were put in"
        );
        self.finish(1);
    }

    /// Waits until every item that was put in has been reported by [`task_done`](Self::task_done).
    /// Dropping the future loses nothing.
    #[track_caller]
    pub fn join(&self) -> JoinFuture<'_, T, O> {
        JoinFuture::new(self, Location::caller())
    }

    /// Ends the queue: nothing can be put in any more, and who waits to put gets an error. Items
    /// that are in it may still be taken; then `get` gives an error too.
    ///
    /// With `immediate` the items are removed, and count as done. They are returned.
    pub fn shutdown(&self, immediate: bool) -> Vec<T> {
        self.shut_down.set(true);
        self.places.close();
        let mut removed = Vec::new();
        if immediate {
            self.drained.set(true);
            self.unpromised.forget(usize::MAX);
            while let Some(item) = self.pop() {
                removed.push(item);
            }
            self.finish(removed.len());
        }
        // Who waits for an item waits in vain: were there one, it would have been promised.
        self.unpromised.close();
        removed
    }

    /// Whether [`shutdown`](Self::shutdown) was called.
    pub fn is_shutdown(&self) -> bool {
        self.shut_down.get()
    }

    /// How many items are there for who asks next: those promised to a `get` that has not run yet
    /// are not counted, though they still take up room.
    #[doc(alias = "len")]
    pub fn qsize(&self) -> usize {
        if self.drained.get() {
            0
        } else {
            self.unpromised.free()
        }
    }

    /// Whether [`get_nowait`](Self::get_nowait) would find nothing.
    #[doc(alias = "is_empty")]
    pub fn empty(&self) -> bool {
        self.qsize() == 0
    }

    /// Whether [`put_nowait`](Self::put_nowait) would find no room.
    #[doc(alias = "is_full")]
    pub fn full(&self) -> bool {
        self.maxsize > 0 && self.places.free() == 0
    }

    /// The bound; 0 means none.
    #[doc(alias = "capacity")]
    pub fn maxsize(&self) -> usize {
        self.maxsize
    }

    /// How the queue stands.
    pub fn statistics(&self) -> QueueStatistics {
        QueueStatistics {
            qsize: self.qsize(),
            maxsize: self.maxsize,
            waiting_puts: self.places.waiting(),
            waiting_gets: self.unpromised.waiting(),
            unfinished: self.unfinished.get(),
            shut_down: self.shut_down.get(),
        }
    }

    /// Puts an item into a place that was acquired.
    pub(super) fn push(&self, item: T) {
        /// Counts the item and promises it to who waits, even if a comparison of items panicked:
        /// the item is in the heap by then.
        struct Arrived<'a, T, O>(&'a QueueOf<T, O>);
        impl<T, O> Drop for Arrived<'_, T, O> {
            fn drop(&mut self) {
                self.0.unfinished.set(self.0.unfinished.get() + 1);
                self.0.unpromised.release(1);
            }
        }
        let _arrived = Arrived(self);
        self.items.borrow_mut().push(item);
    }

    /// Takes out an item that was promised, and frees its place.
    pub(super) fn pop(&self) -> Option<T> {
        let item = self.items.borrow_mut().pop()?;
        self.places.release(1);
        Some(item)
    }

    fn finish(&self, items: usize) {
        // `task_done` may have been called ahead of the `get`s.
        self.unfinished
            .set(self.unfinished.get().saturating_sub(items));
        if self.unfinished.get() == 0 {
            self.joining.grant_all(|()| ()).wake();
        }
    }

    pub(super) fn wait(&self) -> Wait {
        Wait::Channel(ptr::from_ref(self).addr())
    }
}

impl<T, O> fmt::Debug for QueueOf<T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueOf")
            .field("qsize", &self.unpromised.free())
            .field("maxsize", &self.maxsize)
            .field("unfinished", &self.unfinished.get())
            .field("shut_down", &self.shut_down.get())
            .finish()
    }
}

/// How a queue stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueStatistics {
    /// Items that are promised to nobody.
    pub qsize: usize,
    /// The bound; 0 means none.
    pub maxsize: usize,
    /// How many wait to put.
    pub waiting_puts: usize,
    /// How many wait to get.
    pub waiting_gets: usize,
    /// Items put in and not yet reported by `task_done`.
    pub unfinished: usize,
    /// Whether it was shut down.
    pub shut_down: bool,
}
