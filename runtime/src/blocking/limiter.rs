//! A limit to how many blocking jobs run at once.
//!
//! Why: the pool's own limit is for all jobs, and a disk or a database needs a smaller one. A
//! permit belongs to the job on its thread, not to the task that waits: a job that cannot be
//! stopped keeps its permit until it is through. Hence the lock and the plain wakers: permits come
//! back from other threads.

use std::collections::VecDeque;
use std::fmt;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::spawn_blocking;
use crate::executor::wait::{Wait, note_wait};
use crate::executor::{AbortOnDrop, JoinHandle, spawn};

/// A limit to the blocking jobs that run at once; the others wait in order. Clones share the limit,
/// also across threads.
///
/// trio's `CapacityLimiter` for `to_thread.run_sync`.
///
/// ```
/// use myrt::task::Limiter;
/// myrt::run(async {
///     let disk = Limiter::new(2);
///     let jobs: Vec<_> = (0..5).map(|n| disk.spawn_blocking(move || n * n)).collect();
///     let mut squares = Vec::new();
///     for job in jobs {
///         squares.push(job.await.unwrap());
///     }
///     assert_eq!(squares, [0, 1, 4, 9, 16]);
///     assert_eq!(disk.statistics().running, 0);
/// });
/// ```
#[derive(Clone)]
#[doc(alias = "CapacityLimiter")]
pub struct Limiter {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
}

struct State {
    limit: usize,
    /// Permits that jobs hold, or that were handed to a waiter who has not run yet.
    running: usize,
    waiting: VecDeque<Arc<Waiter>>,
}

/// One that waits for a permit. The lock of the limiter's state is never held with this one.
struct Waiter {
    turn: Mutex<Turn>,
}

enum Turn {
    Waits(Option<Waker>),
    Granted,
}

/// What a [`Limiter`] is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct LimiterStatistics {
    /// How many jobs may run at once.
    pub limit: usize,
    /// How many run, those included whose task was cancelled and whose thread is not through.
    pub running: usize,
    /// How many wait for their turn.
    pub waiting: usize,
}

impl Limiter {
    /// A limit of `limit` jobs at once.
    ///
    /// # Panics
    /// When `limit` is zero: no job could ever run.
    #[must_use]
    #[track_caller]
    pub fn new(limit: usize) -> Self {
        assert!(limit > 0, "a Limiter of zero would never run a job");
        let state = State {
            limit,
            running: 0,
            waiting: VecDeque::new(),
        };
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
            }),
        }
    }

    /// Runs `work` on the blocking pool when its turn has come; the handle gives its result.
    ///
    /// Cancelling the task gives up its place in the queue; once `work` has begun it cannot be
    /// stopped, and keeps its permit to its end. A panic in `work` reaches the task that joins. See
    /// [`spawn_blocking`].
    ///
    /// # Panics
    /// Outside of a runtime.
    #[doc(alias = "to_thread")]
    #[track_caller]
    pub fn spawn_blocking<T, W>(&self, work: W) -> JoinHandle<T>
    where
        T: Send + 'static,
        W: FnOnce() -> T + Send + 'static,
    {
        // In line from now on, in the order of the calls.
        let turn = Acquire::new(&self.shared);
        spawn(async move {
            let permit = turn.await;
            let job = AbortOnDrop::new(spawn_blocking(move || {
                let _permit = permit;
                work()
            }));
            match job.await {
                Ok(value) => value,
                Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
                Err(error) => panic!("{error}"),
            }
        })
    }

    /// What it is doing right now.
    #[must_use]
    pub fn statistics(&self) -> LimiterStatistics {
        let state = self.shared.lock();
        LimiterStatistics {
            limit: state.limit,
            running: state.running,
            waiting: state.waiting.len(),
        }
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Limiter").field(&self.statistics()).finish()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A permit comes back: the first in line has it, or it is free.
    fn give_back(&self) {
        let next = {
            let mut state = self.lock();
            let next = state.waiting.pop_front();
            if next.is_none() {
                state.running -= 1;
            }
            next
        };
        if let Some(waiter) = next {
            waiter.grant();
        }
    }
}

impl Waiter {
    fn lock(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn grant(&self) {
        let before = std::mem::replace(&mut *self.lock(), Turn::Granted);
        if let Turn::Waits(Some(waker)) = before {
            waker.wake();
        }
    }
}

/// A place in the line, or a permit already.
struct Acquire {
    shared: Arc<Shared>,
    waiter: Option<Arc<Waiter>>,
    taken: bool,
    at: &'static std::panic::Location<'static>,
}

impl Acquire {
    #[track_caller]
    fn new(shared: &Arc<Shared>) -> Self {
        let mut state = shared.lock();
        let waiter = if state.running < state.limit {
            state.running += 1;
            None
        } else {
            let waiter = Arc::new(Waiter {
                turn: Mutex::new(Turn::Waits(None)),
            });
            state.waiting.push_back(Arc::clone(&waiter));
            Some(waiter)
        };
        drop(state);
        Self {
            shared: Arc::clone(shared),
            waiter,
            taken: false,
            at: std::panic::Location::caller(),
        }
    }
}

impl Future for Acquire {
    type Output = Permit;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Permit> {
        if let Some(waiter) = &self.waiter {
            let waker = cx.waker().clone();
            let mut turn = waiter.lock();
            if let Turn::Waits(old) = &mut *turn {
                let old = old.replace(waker);
                drop(turn);
                drop(old);
                note_wait(Wait::Blocking, self.at);
                return Poll::Pending;
            }
        }
        self.taken = true;
        Poll::Ready(Permit {
            shared: Arc::clone(&self.shared),
        })
    }
}

impl Drop for Acquire {
    /// Gives up the place in the line; a permit that was handed over already goes to the next.
    fn drop(&mut self) {
        if self.taken {
            return;
        }
        if let Some(waiter) = &self.waiter {
            let mut state = self.shared.lock();
            let place = state
                .waiting
                .iter()
                .position(|other| Arc::ptr_eq(other, waiter));
            if let Some(place) = place {
                state.waiting.remove(place);
                return;
            }
        }
        // Taken out of the line: granted, or about to be by the thread that took it out, which
        // counts the same.
        self.shared.give_back();
    }
}

/// The right of one job to run.
struct Permit {
    shared: Arc<Shared>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.shared.give_back();
    }
}
