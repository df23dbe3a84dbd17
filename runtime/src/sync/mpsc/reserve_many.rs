//! Several places of a bounded channel at once: [`Sender::reserve_many`].
//!
//! Why: messages that belong together follow each other in the channel, or none is sent.
//!
//! [`Sender::reserve_many`]: super::Sender::reserve_many

use std::future::Future;
use std::iter::FusedIterator;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::chan::Chan;
use super::error::{SendError, TrySendError};
use super::permit::Permit;
use crate::sync::wait_list::Key;

/// Places that are kept for messages to come, as an iterator of [`Permit`]s. Those that are not
/// taken are free again when it is dropped.
#[must_use = "the places are free again when this is dropped"]
#[derive(Debug)]
pub struct PermitIterator<'a, T> {
    chan: &'a Chan<T>,
    left: usize,
}

impl<'a, T> Iterator for PermitIterator<'a, T> {
    type Item = Permit<'a, T>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        Some(Permit::new(self.chan))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> ExactSizeIterator for PermitIterator<'_, T> {}
impl<T> FusedIterator for PermitIterator<'_, T> {}

impl<T> Drop for PermitIterator<'_, T> {
    fn drop(&mut self) {
        if self.left > 0 {
            self.chan.return_slots(self.left);
        }
    }
}

/// The future of [`Sender::reserve_many`](super::Sender::reserve_many).
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct ReserveManyFuture<'a, T> {
    chan: &'a Chan<T>,
    /// `None`: more than the channel will ever have.
    wanted: Option<u32>,
    key: Option<Key>,
    at: &'static Location<'static>,
}

impl<'a, T> ReserveManyFuture<'a, T> {
    pub(super) fn new(chan: &'a Chan<T>, wanted: usize, at: &'static Location<'static>) -> Self {
        Self {
            chan,
            wanted: possible(chan, wanted),
            key: None,
            at,
        }
    }
}

impl<'a, T> Future for ReserveManyFuture<'a, T> {
    type Output = Result<PermitIterator<'a, T>, SendError<()>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let wanted = this.wanted.ok_or(SendError(()))?;
        ready!(this.chan.poll_places(wanted, &mut this.key, cx, this.at))?;
        Poll::Ready(Ok(PermitIterator {
            chan: this.chan,
            left: wanted as usize,
        }))
    }
}

impl<T> Drop for ReserveManyFuture<'_, T> {
    fn drop(&mut self) {
        self.chan.cancel_slot(self.key);
    }
}

pub(super) fn try_reserve_many<T>(
    chan: &Chan<T>,
    wanted: usize,
) -> Result<PermitIterator<'_, T>, TrySendError<()>> {
    let possible = possible(chan, wanted).ok_or(TrySendError::Full(()))?;
    chan.try_places(possible)?;
    Ok(PermitIterator { chan, left: wanted })
}

/// Nobody gets more places than there are.
fn possible<T>(chan: &Chan<T>, wanted: usize) -> Option<u32> {
    let fits = chan.capacity.is_none_or(|capacity| wanted <= capacity);
    u32::try_from(wanted).ok().filter(|_| fits)
}
