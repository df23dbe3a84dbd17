//! The receiving end of a watch channel, and its waits.
//!
//! A receiver is a number: the version that it has seen. A wake-up says only "look again", so a
//! cancelled wait has nothing to pass on.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::error::RecvError;
use super::{Ref, Shared, WatchStatistics, nobody_sends};
use crate::executor::{StoredWaker, note_wait, poll_budget};
use crate::sync::wait_list::Key;

/// A receiving end; clones have seen what the original has seen.
pub struct Receiver<T> {
    shared: Rc<Shared<T>>,
    /// The last version that was seen.
    seen: u64,
}

impl<T> Receiver<T> {
    pub(super) fn new(shared: &Rc<Shared<T>>) -> Self {
        Self::with_seen(shared, shared.version.get())
    }

    fn with_seen(shared: &Rc<Shared<T>>, seen: u64) -> Self {
        shared.receivers.set(shared.receivers.get() + 1);
        Self {
            shared: Rc::clone(shared),
            seen,
        }
    }

    /// The value; it stays unseen if it was. While the [`Ref`] lives it cannot be changed.
    pub fn borrow(&self) -> Ref<'_, T> {
        self.shared.borrow(self.seen)
    }

    /// The value, which counts as seen from now on.
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let value = self.shared.borrow(self.seen);
        self.seen = self.shared.version.get();
        value
    }

    /// Whether there is a value that was not seen.
    ///
    /// # Errors
    ///
    /// [`RecvError`] if all senders are gone.
    pub fn has_changed(&self) -> Result<bool, RecvError> {
        if self.shared.senders.get() == 0 {
            return Err(nobody_sends());
        }
        Ok(self.is_behind())
    }

    /// Makes the present value count as unseen.
    pub fn mark_changed(&mut self) {
        self.seen = self.shared.version.get().wrapping_sub(1);
    }

    /// Makes the present value count as seen.
    pub fn mark_unchanged(&mut self) {
        self.seen = self.shared.version.get();
    }

    /// Waits for a value that was not seen, and makes it count as seen.
    ///
    /// # Errors
    ///
    /// [`RecvError`] if all senders are gone and the last value was seen.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the value unseen.
    #[track_caller]
    pub fn changed(&mut self) -> Changed<'_, T> {
        Changed {
            receiver: self,
            key: None,
            at: Location::caller(),
        }
    }

    /// Waits until `predicate` holds for the value, the present one included. The value counts as
    /// seen. The predicate must not change the value: it is lent it.
    ///
    /// # Errors
    ///
    /// [`RecvError`] if all senders are gone and it does not hold for the last value.
    #[track_caller]
    pub fn wait_for<F>(&mut self, predicate: F) -> WaitFor<'_, T, F>
    where
        F: FnMut(&T) -> bool,
    {
        WaitFor {
            receiver: Some(self),
            predicate,
            key: None,
            at: Location::caller(),
        }
    }

    /// Whether both follow the same value.
    pub fn same_channel(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.shared, &other.shared)
    }

    /// How the channel stands.
    pub fn statistics(&self) -> WatchStatistics {
        self.shared.statistics()
    }

    fn is_behind(&self) -> bool {
        self.seen != self.shared.version.get()
    }

    /// Ready when there is something to look at; an error when there never will be.
    fn poll_behind(
        &self,
        key: &mut Option<Key>,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
    ) -> Poll<Result<(), RecvError>> {
        let shared = &*self.shared;
        let mut waker = None;
        loop {
            if self.is_behind() || shared.senders.get() == 0 {
                ready!(poll_budget(cx));
                leave(shared, key);
                let behind = self.is_behind();
                return Poll::Ready(if behind { Ok(()) } else { Err(nobody_sends()) });
            }
            match *key {
                Some(waiting) if shared.queue.poll_granted(waiting, cx.waker()).is_some() => {
                    *key = None;
                }
                Some(_) => break,
                None => match waker.take() {
                    Some(waker) => *key = Some(shared.queue.join(waker, ())),
                    // The clone may run user code that sends: look again before joining.
                    None => waker = Some(StoredWaker::new(cx.waker())),
                },
            }
        }
        note_wait(shared.wait(), at);
        Poll::Pending
    }
}

fn leave<T>(shared: &Shared<T>, key: &mut Option<Key>) {
    if let Some(key) = key.take() {
        shared.queue.leave(key);
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Self::with_seen(&self.shared, self.seen)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.receivers.set(self.shared.receivers.get() - 1);
        if self.shared.receivers.get() == 0 {
            self.shared.closing.grant_all(|()| ()).wake();
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("value", &self.shared.value)
            .finish()
    }
}

/// The future of [`Receiver::changed`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct Changed<'a, T> {
    receiver: &'a mut Receiver<T>,
    key: Option<Key>,
    at: &'static Location<'static>,
}

impl<T> Future for Changed<'_, T> {
    type Output = Result<(), RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        ready!(this.receiver.poll_behind(&mut this.key, cx, this.at))?;
        this.receiver.mark_unchanged();
        Poll::Ready(Ok(()))
    }
}

impl<T> Drop for Changed<'_, T> {
    fn drop(&mut self) {
        leave(&self.receiver.shared, &mut self.key);
    }
}

/// The future of [`Receiver::wait_for`].
#[must_use = "futures do nothing unless awaited"]
pub struct WaitFor<'a, T, F> {
    /// `None` once the value was lent out.
    receiver: Option<&'a mut Receiver<T>>,
    predicate: F,
    key: Option<Key>,
    at: &'static Location<'static>,
}

/// The predicate is called by `&mut`, never pinned.
impl<T, F> Unpin for WaitFor<'_, T, F> {}

impl<'a, T, F: FnMut(&T) -> bool> Future for WaitFor<'a, T, F> {
    type Output = Result<Ref<'a, T>, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            // Not taken out until the end: should the predicate panic, the drop leaves the queue.
            let receiver = this
                .receiver
                .as_deref_mut()
                .expect("polled after it was ready");
            let before = receiver.seen;
            let holds = (this.predicate)(&receiver.shared.value.borrow());
            if holds {
                ready!(poll_budget(cx));
            }
            receiver.mark_unchanged();
            if !holds {
                ready!(receiver.poll_behind(&mut this.key, cx, this.at))?;
                continue;
            }
            leave(&receiver.shared, &mut this.key);
            if let Some(receiver) = this.receiver.take() {
                return Poll::Ready(Ok(receiver.shared.borrow(before)));
            }
        }
    }
}

impl<T, F> Drop for WaitFor<'_, T, F> {
    fn drop(&mut self) {
        if let Some(receiver) = &self.receiver {
            leave(&receiver.shared, &mut self.key);
        }
    }
}

impl<T, F> fmt::Debug for WaitFor<'_, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitFor")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
