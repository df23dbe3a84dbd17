//! [`BoundedSemaphore`]: a semaphore that notices a `release` too many.
//!
//! asyncio's class of that name guards against a frequent bug of programs that release by hand.
//! With guards that bug cannot happen; it can when a permit is detached from its guard, as when one
//! task acquires and another releases, so this counts the detached ones.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::permits::{AcquireError, TryAcquireError};
use super::semaphore::{Acquire, Semaphore, SemaphorePermit, SemaphoreStatistics};

/// A [`Semaphore`] whose permits never exceed the number it began with.
///
/// # Examples
///
/// ```
/// use myrt::sync::BoundedSemaphore;
///
/// myrt::run(async {
///     let slots = BoundedSemaphore::new(1);
///     slots.acquire().await.unwrap().forget(); // acquired here ..
///     assert!(slots.release().is_ok()); // .. released there
///     assert!(slots.release().is_err()); // once too often
/// });
/// ```
#[derive(Debug)]
pub struct BoundedSemaphore {
    inner: Semaphore,
    bound: usize,
    /// Permits that were taken out of their guards and not yet released.
    detached: Cell<usize>,
}

impl BoundedSemaphore {
    /// A semaphore with `bound` free permits.
    ///
    /// # Panics
    ///
    /// If `bound` exceeds [`Semaphore::MAX_PERMITS`].
    #[track_caller]
    pub const fn new(bound: usize) -> Self {
        Self {
            inner: Semaphore::new(bound),
            bound,
            detached: Cell::new(0),
        }
    }

    /// Waits for a permit. Order and cancel safety as [`Semaphore::acquire`].
    ///
    /// # Errors
    ///
    /// [`AcquireError`] if the semaphore is closed.
    #[track_caller]
    pub fn acquire(&self) -> AcquireBounded<'_> {
        AcquireBounded {
            acquire: self.inner.acquire(),
            semaphore: self,
        }
    }

    /// Takes a permit if one is free and nobody waits.
    ///
    /// # Errors
    ///
    /// [`TryAcquireError`] says whether it was closed or empty.
    pub fn try_acquire(&self) -> Result<BoundedPermit<'_>, TryAcquireError> {
        Ok(BoundedPermit {
            permit: self.inner.try_acquire()?,
            semaphore: self,
        })
    }

    /// Gives back a permit that was detached by [`BoundedPermit::forget`].
    ///
    /// # Errors
    ///
    /// [`OverRelease`] if no permit is detached: asyncio's `ValueError`. Nothing has changed then.
    pub fn release(&self) -> Result<(), OverRelease> {
        match self.detached.get().checked_sub(1) {
            Some(rest) => {
                self.detached.set(rest);
                self.inner.add_permits(1);
                Ok(())
            }
            None => Err(OverRelease { bound: self.bound }),
        }
    }

    /// The number it began with.
    pub fn bound(&self) -> usize {
        self.bound
    }

    /// How many permits a `try_acquire` could get now.
    pub fn available_permits(&self) -> usize {
        self.inner.available_permits()
    }

    /// Lets nobody acquire any more, as [`Semaphore::close`].
    pub fn close(&self) {
        self.inner.close();
    }

    /// Whether [`close`](Self::close) was called.
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    /// As [`Semaphore::statistics`].
    pub fn statistics(&self) -> SemaphoreStatistics {
        self.inner.statistics()
    }
}

/// A permit of a [`BoundedSemaphore`], given back when this is dropped.
#[must_use = "the permit is given back when this is dropped"]
#[derive(Debug)]
pub struct BoundedPermit<'a> {
    permit: SemaphorePermit<'a>,
    semaphore: &'a BoundedSemaphore,
}

impl BoundedPermit<'_> {
    /// Detaches the permit: it stays taken until somebody calls [`BoundedSemaphore::release`].
    pub fn forget(self) {
        let detached = &self.semaphore.detached;
        detached.set(detached.get() + 1);
        self.permit.forget();
    }
}

/// The future of [`BoundedSemaphore::acquire`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct AcquireBounded<'a> {
    acquire: Acquire<'a>,
    semaphore: &'a BoundedSemaphore,
}

impl<'a> Future for AcquireBounded<'a> {
    type Output = Result<BoundedPermit<'a>, AcquireError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let permit = ready!(Pin::new(&mut self.acquire).poll(cx))?;
        Poll::Ready(Ok(BoundedPermit {
            permit,
            semaphore: self.semaphore,
        }))
    }
}

/// A [`BoundedSemaphore`] was released more often than it was acquired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverRelease {
    bound: usize,
}

impl fmt::Display for OverRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "released more often than acquired: the semaphore has {} permits",
            self.bound
        )
    }
}

impl std::error::Error for OverRelease {}
