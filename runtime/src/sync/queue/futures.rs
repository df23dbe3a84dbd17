//! The waits of a queue: to put, to get, and until all is done.
//!
//! Each keeps a place in one of the queue's wait lists and gives it back when it is dropped.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::error::QueueShutDown;
use super::order::Order;
use super::queue_of::QueueOf;
use crate::executor::WaitNote;
use crate::sync::wait_list::Key;

/// The future of [`QueueOf::put`].
#[must_use = "futures do nothing unless awaited"]
pub struct PutFuture<'a, T, O> {
    queue: &'a QueueOf<T, O>,
    /// `None` once it is in, or given back.
    item: Option<T>,
    key: Option<Key>,
    at: &'static Location<'static>,
}

impl<'a, T, O> PutFuture<'a, T, O> {
    #[inline]
    pub(super) fn new(queue: &'a QueueOf<T, O>, item: T, at: &'static Location<'static>) -> Self {
        Self {
            queue,
            item: Some(item),
            key: None,
            at,
        }
    }
}

/// The item is moved, never pinned.
impl<T, O> Unpin for PutFuture<'_, T, O> {}

impl<T, O: Order<T>> Future for PutFuture<'_, T, O> {
    type Output = Result<(), QueueShutDown<T>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let queue = this.queue;
        let note = WaitNote::new(queue.wait(), this.at);
        let place = ready!(queue.places.poll_acquire(1, &mut this.key, cx, note));
        let item = this.item.take().expect("polled after it was ready");
        if queue.shut_down.get() {
            // The place may have been given before the shutdown: as in asyncio that does not help.
            if place.is_ok() {
                queue.places.release(1);
            }
            return Poll::Ready(Err(QueueShutDown(item)));
        }
        queue.push(item);
        Poll::Ready(Ok(()))
    }
}

impl<T, O> Drop for PutFuture<'_, T, O> {
    #[inline]
    fn drop(&mut self) {
        self.queue.places.cancel(self.key);
    }
}

impl<T, O> fmt::Debug for PutFuture<'_, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PutFuture")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// The future of [`QueueOf::get`].
#[must_use = "futures do nothing unless awaited"]
pub struct GetFuture<'a, T, O> {
    queue: &'a QueueOf<T, O>,
    key: Option<Key>,
    at: &'static Location<'static>,
    item: PhantomData<fn() -> T>,
}

impl<'a, T, O> GetFuture<'a, T, O> {
    #[inline]
    pub(super) fn new(queue: &'a QueueOf<T, O>, at: &'static Location<'static>) -> Self {
        Self {
            queue,
            key: None,
            at,
            item: PhantomData,
        }
    }
}

impl<T, O: Order<T>> Future for GetFuture<'_, T, O> {
    type Output = Result<T, QueueShutDown>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let queue = this.queue;
        let note = WaitNote::new(queue.wait(), this.at);
        let promised = ready!(queue.unpromised.poll_acquire(1, &mut this.key, cx, note));
        // Refused because of the shutdown, the rest may still be had. Promised and not found, the
        // shutdown has taken the item back.
        let item = match promised {
            Ok(()) => queue.pop(),
            Err(_) => queue.get_nowait().ok(),
        };
        Poll::Ready(item.ok_or(QueueShutDown(())))
    }
}

impl<T, O> Drop for GetFuture<'_, T, O> {
    #[inline]
    fn drop(&mut self) {
        self.queue.unpromised.cancel(self.key);
    }
}

impl<T, O> fmt::Debug for GetFuture<'_, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetFuture")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// The future of [`QueueOf::join`].
#[must_use = "futures do nothing unless awaited"]
pub struct JoinFuture<'a, T, O> {
    queue: &'a QueueOf<T, O>,
    key: Option<Key>,
    at: &'static Location<'static>,
    item: PhantomData<fn() -> T>,
}

impl<'a, T, O> JoinFuture<'a, T, O> {
    #[inline]
    pub(super) fn new(queue: &'a QueueOf<T, O>, at: &'static Location<'static>) -> Self {
        Self {
            queue,
            key: None,
            at,
            item: PhantomData,
        }
    }
}

impl<T, O: Order<T>> Future for JoinFuture<'_, T, O> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let queue = this.queue;
        let note = WaitNote::new(queue.wait(), this.at);
        let look = || (queue.unfinished.get() == 0).then_some(()).ok_or(());
        queue.joining.poll(&mut this.key, cx, note, look)
    }
}

impl<T, O> Drop for JoinFuture<'_, T, O> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.queue.joining.leave(key);
        }
    }
}

impl<T, O> fmt::Debug for JoinFuture<'_, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinFuture")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
