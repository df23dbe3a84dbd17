//! [`Condvar`]: waits, with a mutex released, until somebody says that its value has changed.
//!
//! std's shape (a guard goes in, a guard comes out) with asyncio's `wait_for` beside it.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::ptr;
use std::task::{Context, Poll, ready};

use super::mutex::{Lock, Mutex, MutexGuard};
use super::wait_list::{Key, WaitQueue};
use crate::executor::{StoredWaker, Wait, note_wait, poll_budget};

/// A condition variable: asyncio's `Condition`, used with a [`Mutex`].
///
/// # Cancel safety
///
/// The waits take the guard. Dropped unpolled, they unlock the mutex. Dropped later, they give up
/// their place, and a `notify_one` that had picked them goes to the next task in line. Unlike
/// asyncio's, a cancelled wait does not lock the mutex again: there is no guard left to need it.
///
/// # Examples
///
/// ```
/// use myrt::sync::{Condvar, Mutex};
/// use std::rc::Rc;
///
/// myrt::run(async {
///     let shared = Rc::new((Mutex::new(0), Condvar::new()));
///     let other = Rc::clone(&shared);
///     let waiter = myrt::spawn(async move {
///         let (count, changed) = &*other;
///         *changed.wait_for(count.lock().await, |count| *count == 3).await
///     });
///     for _ in 0..3 {
///         *shared.0.lock().await += 1;
///         shared.1.notify_all();
///     }
///     assert_eq!(waiter.await.unwrap(), 3);
/// });
/// ```
#[doc(alias = "Condition")]
#[derive(Debug)]
pub struct Condvar {
    queue: WaitQueue<Grant>,
}

/// By what a waiter was picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grant {
    One,
    All,
}

impl Condvar {
    /// Nobody waits.
    pub const fn new() -> Self {
        Self {
            queue: WaitQueue::new(),
        }
    }

    /// Releases the mutex, waits for a notification, locks it again.
    ///
    /// Another task may change the value between the notification and the lock: test the condition
    /// in a loop, or use [`wait_while`](Self::wait_while).
    #[track_caller]
    pub fn wait<'c, 'm, T>(&'c self, guard: MutexGuard<'m, T>) -> CondvarWait<'c, 'm, T> {
        CondvarWait {
            condvar: self,
            mutex: MutexGuard::mutex(&guard),
            stage: Stage::Holding(guard),
            at: Location::caller(),
        }
    }

    /// Waits as long as `condition` holds. It is tested first, and after each notification, with
    /// the mutex locked.
    #[track_caller]
    pub fn wait_while<'c, 'm, T, F>(
        &'c self,
        guard: MutexGuard<'m, T>,
        condition: F,
    ) -> CondvarWaitWhile<'c, 'm, T, F>
    where
        F: FnMut(&mut T) -> bool,
    {
        CondvarWaitWhile {
            wait: self.wait(guard),
            condition,
            stop_at: false,
        }
    }

    /// Waits until `predicate` holds: asyncio's `wait_for`, and the opposite of
    /// [`wait_while`](Self::wait_while).
    #[track_caller]
    pub fn wait_for<'c, 'm, T, F>(
        &'c self,
        guard: MutexGuard<'m, T>,
        predicate: F,
    ) -> CondvarWaitWhile<'c, 'm, T, F>
    where
        F: FnMut(&mut T) -> bool,
    {
        CondvarWaitWhile {
            wait: self.wait(guard),
            condition: predicate,
            stop_at: true,
        }
    }

    /// Wakes the task that waits longest; nothing is stored if there is none.
    #[doc(alias = "notify")]
    pub fn notify_one(&self) {
        if let Some(waker) = self.queue.grant_front() {
            waker.wake();
        }
    }

    /// Wakes everyone who waits now, in order.
    pub fn notify_all(&self) {
        self.queue.grant_all(|grant| *grant = Grant::All).wake();
    }

    /// How many wait for a notification.
    pub fn statistics(&self) -> CondvarStatistics {
        CondvarStatistics {
            waiting: self.queue.len(),
        }
    }
}

impl Default for Condvar {
    fn default() -> Self {
        Self::new()
    }
}

/// What [`Condvar::statistics`] tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CondvarStatistics {
    /// How many wait for a notification; who was notified and waits for the mutex does not count.
    pub waiting: usize,
}

/// The future of [`Condvar::wait`].
#[must_use = "futures do nothing unless awaited"]
pub struct CondvarWait<'c, 'm, T> {
    condvar: &'c Condvar,
    mutex: &'m Mutex<T>,
    stage: Stage<'m, T>,
    at: &'static Location<'static>,
}

enum Stage<'m, T> {
    /// Not polled yet: the mutex is still locked, so no notification can be missed.
    Holding(MutexGuard<'m, T>),
    Waiting(Key),
    /// Notified. `owed`: by `notify_one`, and not used until the lock is there.
    Locking {
        lock: Lock<'m, T>,
        owed: bool,
    },
    Done,
}

impl<'m, T> Future for CondvarWait<'_, 'm, T> {
    type Output = MutexGuard<'m, T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            match &mut this.stage {
                Stage::Holding(_) => {
                    let waker = StoredWaker::new(cx.waker());
                    let key = this.condvar.queue.join(waker, Grant::One);
                    // This unlocks, and may run user code: we are in the queue by now.
                    drop(std::mem::replace(&mut this.stage, Stage::Waiting(key)));
                    break;
                }
                Stage::Waiting(key) => {
                    let key = *key;
                    let Some(grant) = this.condvar.queue.poll_granted(key, cx.waker()) else {
                        break;
                    };
                    let owed = grant == Grant::One;
                    this.stage = Stage::Locking {
                        lock: this.mutex.lock_at(this.at),
                        owed,
                    };
                }
                Stage::Locking { lock, owed } => {
                    let guard = ready!(Pin::new(lock).poll(cx));
                    *owed = false;
                    this.stage = Stage::Done;
                    return Poll::Ready(guard);
                }
                Stage::Done => panic!("polled after it was ready"),
            }
        }
        note_wait(Wait::Event(ptr::from_ref(this.condvar).addr()), this.at);
        Poll::Pending
    }
}

impl<T> Drop for CondvarWait<'_, '_, T> {
    fn drop(&mut self) {
        let owed = match self.stage {
            Stage::Waiting(key) => {
                let left = self.condvar.queue.leave(key);
                left.granted && left.data == Grant::One
            }
            Stage::Locking { owed, .. } => owed,
            Stage::Holding(_) | Stage::Done => false,
        };
        if owed {
            self.condvar.notify_one();
        }
    }
}

impl<T> fmt::Debug for CondvarWait<'_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            Stage::Holding(_) => "holding the lock",
            Stage::Waiting(_) => "waiting",
            Stage::Locking { .. } => "locking",
            Stage::Done => "done",
        };
        f.debug_struct("CondvarWait")
            .field("stage", &stage)
            .field("at", &self.at)
            .finish()
    }
}

/// The future of [`Condvar::wait_while`] and [`Condvar::wait_for`].
#[must_use = "futures do nothing unless awaited"]
pub struct CondvarWaitWhile<'c, 'm, T, F> {
    wait: CondvarWait<'c, 'm, T>,
    condition: F,
    /// What the condition gives when the wait is over.
    stop_at: bool,
}

/// The condition is called by `&mut`, never pinned.
impl<T, F> Unpin for CondvarWaitWhile<'_, '_, T, F> {}

impl<'m, T, F: FnMut(&mut T) -> bool> Future for CondvarWaitWhile<'_, 'm, T, F> {
    type Output = MutexGuard<'m, T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            let over = match &mut this.wait.stage {
                Stage::Holding(guard) => (this.condition)(guard) == this.stop_at,
                _ => false,
            };
            if over {
                ready!(poll_budget(cx));
                if let Stage::Holding(guard) = std::mem::replace(&mut this.wait.stage, Stage::Done)
                {
                    return Poll::Ready(guard);
                }
            }
            let guard = ready!(Pin::new(&mut this.wait).poll(cx));
            this.wait.stage = Stage::Holding(guard);
        }
    }
}

impl<T, F> fmt::Debug for CondvarWaitWhile<'_, '_, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.wait.fmt(f)
    }
}
