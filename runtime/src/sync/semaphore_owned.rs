//! The permits of a [`Semaphore`] that have no lifetime, and the future that waits for them.
//!
//! Apart from `semaphore.rs` for its length only. They keep the semaphore alive by an `Rc`.

use std::future::Future;
use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::permits::AcquireError;
use super::semaphore::Semaphore;
use super::wait_list::Key;

/// The future of [`Semaphore::acquire_owned`] and [`Semaphore::acquire_many_owned`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct AcquireOwned {
    /// `None` once the permit has it.
    semaphore: Option<Rc<Semaphore>>,
    wanted: u32,
    key: Option<Key>,
    at: &'static Location<'static>,
}

impl AcquireOwned {
    pub(super) fn new(
        semaphore: Rc<Semaphore>,
        wanted: u32,
        at: &'static Location<'static>,
    ) -> Self {
        Self {
            semaphore: Some(semaphore),
            wanted,
            key: None,
            at,
        }
    }
}

impl Future for AcquireOwned {
    type Output = Result<OwnedSemaphorePermit, AcquireError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let semaphore = this.semaphore.take().expect("polled after it was ready");
        match semaphore.poll_acquire(this.wanted, &mut this.key, cx, this.at) {
            Poll::Pending => {
                this.semaphore = Some(semaphore);
                Poll::Pending
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) => Poll::Ready(Ok(OwnedSemaphorePermit {
                semaphore,
                permits: this.wanted as usize,
            })),
        }
    }
}

impl Drop for AcquireOwned {
    fn drop(&mut self) {
        if let Some(semaphore) = &self.semaphore {
            semaphore.permits.cancel(self.key);
        }
    }
}

/// Permits of a [`Semaphore`] that keep it alive, given back when this is dropped.
#[must_use = "the permits are given back when this is dropped"]
#[derive(Debug)]
pub struct OwnedSemaphorePermit {
    semaphore: Rc<Semaphore>,
    permits: usize,
}

impl OwnedSemaphorePermit {
    pub(super) fn new(semaphore: Rc<Semaphore>, permits: u32) -> Self {
        Self {
            semaphore,
            permits: permits as usize,
        }
    }

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
            Rc::ptr_eq(&self.semaphore, &other.semaphore),
            "permits of different semaphores"
        );
        self.permits += mem::take(&mut other.permits);
    }

    /// Splits off a guard of `permits` permits; `None` if this one has fewer.
    pub fn split(&mut self, permits: usize) -> Option<Self> {
        self.permits = self.permits.checked_sub(permits)?;
        Some(Self {
            semaphore: Rc::clone(&self.semaphore),
            permits,
        })
    }

    /// How many permits this holds.
    pub fn num_permits(&self) -> usize {
        self.permits
    }

    /// The semaphore that they are of.
    pub fn semaphore(&self) -> &Rc<Semaphore> {
        &self.semaphore
    }
}

impl Drop for OwnedSemaphorePermit {
    fn drop(&mut self) {
        if self.permits > 0 {
            self.semaphore.permits.release(self.permits);
        }
    }
}
