//! [`Semaphore`]: a number of permits, and the guards that hold them.
//!
//! The counting and the waiting are in `permits.rs`, the owned guards in `semaphore_owned.rs`; here
//! are the shapes that users see, which are tokio's.

use std::future::Future;
use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::ptr;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::holder::Holder;
use super::permits::{AcquireError, Permits, TryAcquireError};
use super::semaphore_owned::{AcquireOwned, OwnedSemaphorePermit};
use super::wait_list::Key;
use crate::executor::{Id, Wait, WaitNote};

/// A fair counting semaphore for one thread: tokio's, and asyncio's `Semaphore`.
///
/// Permits are given in the order in which the `acquire` futures were first polled. One that wants
/// many is served before later ones that want few: what is released is set aside for it.
///
/// # Examples
///
/// At most two at a time:
///
/// ```
/// use myrt::sync::Semaphore;
///
/// myrt::run(async {
///     let slots = Semaphore::new(2);
///     let one = slots.acquire().await.unwrap();
///     let _two = slots.acquire().await.unwrap();
///     assert!(slots.try_acquire().is_err());
///     drop(one);
///     assert_eq!(slots.available_permits(), 1);
/// });
/// ```
#[derive(Debug)]
pub struct Semaphore {
    pub(super) permits: Permits,
    /// The task that was the last to get a permit.
    last: Holder,
}

impl Semaphore {
    /// More permits than this cannot exist.
    pub const MAX_PERMITS: usize = Permits::MAX;

    /// A semaphore with this many free permits. Allocates nothing.
    ///
    /// # Panics
    ///
    /// If `permits` exceeds [`MAX_PERMITS`](Self::MAX_PERMITS).
    #[track_caller]
    pub const fn new(permits: usize) -> Self {
        Self {
            permits: Permits::new(permits),
            last: Holder::nobody(),
        }
    }

    /// Waits for one permit, held until the returned guard is dropped.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] if the semaphore is closed, before or while this waits.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up its place in the queue; permits that it had been given already
    /// go to the next.
    #[track_caller]
    #[inline]
    pub fn acquire(&self) -> Acquire<'_> {
        self.acquire_many(1)
    }

    /// Waits for `permits` permits at once. Errors and cancel safety as [`acquire`](Self::acquire).
    ///
    /// # Errors
    ///
    /// [`AcquireError`] if the semaphore is closed.
    #[track_caller]
    #[inline]
    pub fn acquire_many(&self, permits: u32) -> Acquire<'_> {
        Acquire {
            semaphore: self,
            wanted: permits,
            key: None,
            at: Location::caller(),
        }
    }

    /// Takes one permit if one is free and nobody waits.
    ///
    /// # Errors
    ///
    /// [`TryAcquireError`] says whether it was closed or empty.
    #[inline]
    pub fn try_acquire(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.try_acquire_many(1)
    }

    /// Takes `permits` permits if that many are free and no task waits.
    ///
    /// # Errors
    ///
    /// [`TryAcquireError`] says whether it was closed or had too few.
    #[inline]
    pub fn try_acquire_many(&self, permits: u32) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.permits.try_acquire(permits)?;
        self.last.take();
        Ok(SemaphorePermit {
            semaphore: self,
            permits: permits as usize,
        })
    }

    /// As [`acquire`](Self::acquire), with a guard that has no lifetime and keeps the semaphore.
    #[track_caller]
    pub fn acquire_owned(self: Rc<Self>) -> AcquireOwned {
        self.acquire_many_owned(1)
    }

    /// As [`acquire_many`](Self::acquire_many), with a guard that has no lifetime.
    #[track_caller]
    pub fn acquire_many_owned(self: Rc<Self>, permits: u32) -> AcquireOwned {
        AcquireOwned::new(self, permits, Location::caller())
    }

    /// As [`try_acquire`](Self::try_acquire), with a guard that has no lifetime.
    ///
    /// # Errors
    ///
    /// [`TryAcquireError`] says whether it was closed or empty.
    pub fn try_acquire_owned(self: Rc<Self>) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.try_acquire_many_owned(1)
    }

    /// As [`try_acquire_many`](Self::try_acquire_many), with a guard that has no lifetime.
    ///
    /// # Errors
    ///
    /// [`TryAcquireError`] says whether it was closed or had too few.
    pub fn try_acquire_many_owned(
        self: Rc<Self>,
        permits: u32,
    ) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.permits.try_acquire(permits)?;
        self.last.take();
        Ok(OwnedSemaphorePermit::new(self, permits))
    }

    /// Adds new permits, waking those who wait for them. asyncio's `release()` is `add_permits(1)`
    /// after [`SemaphorePermit::forget`].
    ///
    /// # Panics
    ///
    /// If there would be more than [`MAX_PERMITS`](Self::MAX_PERMITS) free.
    #[doc(alias = "release")]
    #[track_caller]
    pub fn add_permits(&self, permits: usize) {
        self.permits.release(permits);
    }

    /// Takes up to `permits` free permits away permanently. Returns how many it took.
    pub fn forget_permits(&self, permits: usize) -> usize {
        self.permits.forget(permits)
    }

    /// How many permits a `try_acquire_many` could get now: none while somebody waits.
    pub fn available_permits(&self) -> usize {
        self.permits.free()
    }

    /// Lets nobody acquire any more. Those who wait get an error; permits that are held stay valid.
    pub fn close(&self) {
        self.permits.close();
    }

    /// Whether [`close`](Self::close) was called.
    pub fn is_closed(&self) -> bool {
        self.permits.is_closed()
    }

    /// How many permits are free, how many tasks wait, and who acquired last.
    pub fn statistics(&self) -> SemaphoreStatistics {
        SemaphoreStatistics {
            available: self.permits.free(),
            set_aside: self.permits.set_aside(),
            waiting: self.permits.waiting(),
            last_holder: self.last.id(),
            closed: self.permits.is_closed(),
        }
    }

    #[inline]
    pub(super) fn poll_acquire(
        &self,
        wanted: u32,
        key: &mut Option<Key>,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
    ) -> Poll<Result<(), AcquireError>> {
        if key.is_none() && self.permits.try_at_once(wanted) {
            self.last.take();
            return Poll::Ready(Ok(()));
        }
        self.poll_contended(wanted, key, cx, at)
    }

    #[inline(never)]
    fn poll_contended(
        &self,
        wanted: u32,
        key: &mut Option<Key>,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
    ) -> Poll<Result<(), AcquireError>> {
        let note = WaitNote::new(Wait::Semaphore(self.address()), at);
        let waited = key.is_some();
        let result = self.permits.poll_contended(wanted, key, cx, note);
        if let Poll::Ready(Ok(())) = result {
            self.last.take();
        }
        if waited != key.is_some() {
            self.publish();
        }
        result
    }

    /// Tells the graph who got a permit last, if somebody waits.
    fn publish(&self) {
        self.last.publish(self.address(), self.permits.waiting());
    }

    fn address(&self) -> usize {
        ptr::from_ref(self).addr()
    }
}

/// What [`Semaphore::statistics`] tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SemaphoreStatistics {
    /// Permits that are free for anybody.
    pub available: usize,
    /// Permits set aside for the first waiter, which wants more than these.
    pub set_aside: usize,
    /// How many wait.
    pub waiting: usize,
    /// The task that was the last to get a permit, whether or not it still holds it.
    pub last_holder: Option<Id>,
    /// Whether it was closed.
    pub closed: bool,
}

/// The future of [`Semaphore::acquire`] and [`Semaphore::acquire_many`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct Acquire<'a> {
    semaphore: &'a Semaphore,
    wanted: u32,
    key: Option<Key>,
    at: &'static Location<'static>,
}

impl<'a> Future for Acquire<'a> {
    type Output = Result<SemaphorePermit<'a>, AcquireError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        ready!(
            this.semaphore
                .poll_acquire(this.wanted, &mut this.key, cx, this.at)
        )?;
        Poll::Ready(Ok(SemaphorePermit {
            semaphore: this.semaphore,
            permits: this.wanted as usize,
        }))
    }
}

impl Drop for Acquire<'_> {
    #[inline]
    fn drop(&mut self) {
        self.semaphore.permits.cancel(self.key);
    }
}

/// Permits of a [`Semaphore`], given back when this is dropped.
#[must_use = "the permits are given back when this is dropped"]
#[derive(Debug)]
pub struct SemaphorePermit<'a> {
    semaphore: &'a Semaphore,
    permits: usize,
}

impl SemaphorePermit<'_> {
    /// Never gives the permits back: the semaphore has fewer from now on.
    pub fn forget(mut self) {
        self.permits = 0;
    }

    /// Makes one guard of two, which holds the permits of both, however many they are.
    ///
    /// # Panics
    ///
    /// If they are of different semaphores.
    #[track_caller]
    pub fn merge(&mut self, mut other: Self) {
        assert!(
            ptr::eq(self.semaphore, other.semaphore),
            "permits of different semaphores"
        );
        self.permits += mem::take(&mut other.permits);
    }

    /// Splits off a guard of `permits` permits; `None` if this one has fewer.
    pub fn split(&mut self, permits: usize) -> Option<Self> {
        self.permits = self.permits.checked_sub(permits)?;
        Some(Self {
            semaphore: self.semaphore,
            permits,
        })
    }

    /// How many permits this holds.
    pub fn num_permits(&self) -> usize {
        self.permits
    }
}

impl Drop for SemaphorePermit<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.permits > 0 {
            self.semaphore.permits.release(self.permits);
        }
    }
}
