//! asyncio's queues: [`Queue`], [`PriorityQueue`] and [`LifoQueue`].
//!
//! Unlike a channel, a queue has one kind of handle, knows when its items are *done* (`task_done`
//! and `join`), and is ended by `shutdown`. The three differ in which item comes out first, and in
//! nothing else: all methods are on [`QueueOf`], to which they dereference.

mod error;
mod futures;
mod order;
mod queue_of;

use std::fmt;
use std::ops::Deref;

pub use self::error::{GetNowaitError, PutNowaitError, QueueShutDown};
pub use self::futures::{GetFuture, JoinFuture, PutFuture};
pub use self::order::{Fifo, Lifo, Order, Priority};
pub use self::queue_of::{QueueOf, QueueStatistics};

/// A queue whose items come out in the order in which they went in; asyncio's `Queue`.
///
/// All its methods are those of [`QueueOf`].
///
/// # Examples
///
/// Workers, and a wait until all is done:
///
/// ```
/// use myrt::sync::Queue;
/// use std::rc::Rc;
///
/// myrt::run(async {
///     let queue = Rc::new(Queue::new(0)); // 0: no bound
///     for n in 0..10 {
///         queue.put_nowait(n).unwrap();
///     }
///     for _ in 0..4 {
///         let queue = Rc::clone(&queue);
///         myrt::spawn(async move {
///             while let Ok(_job) = queue.get().await {
///                 myrt::yield_now().await;
///                 queue.task_done();
///             }
///         });
///     }
///     queue.join().await;
///     queue.shutdown(false); // the workers end
/// });
/// ```
pub struct Queue<T>(QueueOf<T, Fifo<T>>);

impl<T> Queue<T> {
    /// A queue for at most `maxsize` items; 0 means no bound, as in asyncio.
    #[track_caller]
    pub fn new(maxsize: usize) -> Self {
        Self(QueueOf::new(maxsize, Fifo::new()))
    }
}

impl<T> Deref for Queue<T> {
    type Target = QueueOf<T, Fifo<T>>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Queue").field(&self.0).finish()
    }
}

/// A queue whose smallest item comes out first; asyncio's `PriorityQueue`. Items that compare equal
/// come out in the order in which they went in. For largest first wrap them in
/// [`Reverse`](std::cmp::Reverse).
///
/// All its methods are those of [`QueueOf`].
///
/// # Panics
///
/// The items are compared while the queue is borrowed: a `put` or `get` on the same queue from
/// inside of their `Ord` panics.
///
/// # Examples
///
/// ```
/// use myrt::sync::PriorityQueue;
///
/// myrt::run(async {
///     let queue = PriorityQueue::new(0);
///     queue.put((2, "later")).await.unwrap();
///     queue.put((1, "first")).await.unwrap();
///     assert_eq!(queue.get().await.unwrap(), (1, "first"));
/// });
/// ```
pub struct PriorityQueue<T: Ord>(QueueOf<T, Priority<T>>);

impl<T: Ord> PriorityQueue<T> {
    /// A queue for at most `maxsize` items; 0 means no bound, as in asyncio.
    #[track_caller]
    pub fn new(maxsize: usize) -> Self {
        Self(QueueOf::new(maxsize, Priority::new()))
    }
}

impl<T: Ord> Deref for PriorityQueue<T> {
    type Target = QueueOf<T, Priority<T>>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<T: Ord> fmt::Debug for PriorityQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PriorityQueue").field(&self.0).finish()
    }
}

/// A queue whose newest item comes out first; asyncio's `LifoQueue`. Those who wait for items are
/// still served in the order in which they came.
///
/// All its methods are those of [`QueueOf`].
///
/// # Examples
///
/// ```
/// use myrt::sync::LifoQueue;
///
/// myrt::run(async {
///     let stack = LifoQueue::new(0);
///     stack.put(1).await.unwrap();
///     stack.put(2).await.unwrap();
///     assert_eq!(stack.get().await.unwrap(), 2);
/// });
/// ```
pub struct LifoQueue<T>(QueueOf<T, Lifo<T>>);

impl<T> LifoQueue<T> {
    /// A queue for at most `maxsize` items; 0 means no bound, as in asyncio.
    #[track_caller]
    pub fn new(maxsize: usize) -> Self {
        Self(QueueOf::new(maxsize, Lifo::new()))
    }
}

impl<T> Deref for LifoQueue<T> {
    type Target = QueueOf<T, Lifo<T>>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<T> fmt::Debug for LifoQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LifoQueue").field(&self.0).finish()
    }
}
