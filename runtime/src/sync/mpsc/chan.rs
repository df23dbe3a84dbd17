//! What both ends of an `mpsc` channel share.
//!
//! The bounded and the unbounded channel differ only in whether a message needs a permit. A message
//! is in exactly one place at any time: with its sender, in the buffer, or with the receiver; no
//! waiter ever carries one, so no cancelled waiter can lose one.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::panic::Location;
use std::ptr;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::MpscStatistics;
use super::error::{SendError, TryRecvError, TrySendError};
use crate::executor::error::drop_each;
use crate::executor::wait::try_ready;
use crate::executor::{StoredWaker, Wait, WaitNote, owns, poll_budget};
use crate::sync::holder::Holder;
use crate::sync::permits::{Permits, TryAcquireError};
use crate::sync::wait_list::{Key, WaitQueue};

pub(crate) struct Chan<T> {
    /// Grows to what is in flight and is used again; given back when it is large and empty.
    buffer: RefCell<VecDeque<T>>,
    /// One permit a free place. Closed when the channel is. An unbounded channel only closes it.
    pub(super) slots: Permits,
    /// `None` if unbounded.
    pub(super) capacity: Option<usize>,
    pub(super) senders: Cell<usize>,
    pub(super) weak: Cell<usize>,
    /// The receiver is gone: nobody will see a message any more.
    gone: Cell<bool>,
    /// The receiver sleeps and is to be woken. Apart from its waker, so that a send looks at a
    /// flag.
    waits: Cell<bool>,
    receiver: Cell<StoredWaker>,
    /// The task that was the last to wait for a message: the one that senders to a full channel
    /// wait for.
    receiving: Holder,
    /// Where the receiver stood then.
    received_at: Cell<usize>,
    /// Tasks in `Sender::closed`.
    closing: WaitQueue<()>,
}

impl<T> Chan<T> {
    #[track_caller]
    pub(super) fn new(capacity: Option<usize>) -> Self {
        Self {
            buffer: RefCell::new(VecDeque::new()),
            slots: Permits::new(capacity.unwrap_or(0)),
            capacity,
            senders: Cell::new(1),
            weak: Cell::new(0),
            gone: Cell::new(false),
            waits: Cell::new(false),
            receiver: Cell::new(StoredWaker::EMPTY),
            receiving: Holder::nobody(),
            received_at: Cell::new(0),
            closing: WaitQueue::new(),
        }
    }

    /// Puts a message into the buffer. The caller has a permit, if this channel has permits.
    #[inline]
    pub(super) fn push(&self, value: T) {
        self.buffer.borrow_mut().push_back(value);
        if self.waits.get() {
            self.wake_receiver();
        }
    }

    /// Takes a message and frees its place.
    #[inline]
    fn pop(&self) -> Option<T> {
        let value = self.buffer.borrow_mut().pop_front()?;
        if self.capacity.is_some() {
            self.slots.release(1);
        }
        Some(value)
    }

    pub(super) fn wake_receiver(&self) {
        if self.waits.replace(false) {
            self.receiver.replace(StoredWaker::EMPTY).wake();
        }
    }

    #[inline]
    pub(super) fn poll_recv(
        self: &Rc<Self>,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
    ) -> Poll<Option<T>> {
        match try_ready(|| self.pop()) {
            Some(value) => Poll::Ready(Some(value)),
            None => self.poll_empty(cx, at),
        }
    }

    /// Takes up to `limit` messages, appends them, and frees their places.
    fn pop_many(&self, into: &mut Vec<T>, limit: usize) -> usize {
        let mut buffer = self.buffer.borrow_mut();
        let count = buffer.len().min(limit);
        into.extend(buffer.drain(..count));
        drop(buffer);
        if count > 0 && self.capacity.is_some() {
            self.slots.release(count);
        }
        count
    }

    /// Ready with the number of messages appended, 0 when none will come.
    pub(super) fn poll_recv_many(
        self: &Rc<Self>,
        cx: &mut Context<'_>,
        into: &mut Vec<T>,
        limit: usize,
        at: &'static Location<'static>,
    ) -> Poll<usize> {
        if limit == 0 {
            return poll_budget(cx).map(|()| 0);
        }
        let taken = try_ready(|| Some(self.pop_many(into, limit)).filter(|count| *count > 0));
        if let Some(count) = taken {
            return Poll::Ready(count);
        }
        Poll::Ready(match ready!(self.poll_empty(cx, at)) {
            Some(first) => {
                into.push(first);
                1 + self.pop_many(into, limit - 1)
            }
            None => 0,
        })
    }

    /// Nothing was there, or no share was left to take it.
    fn poll_empty(
        self: &Rc<Self>,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
    ) -> Poll<Option<T>> {
        let mut waker = self.receiver.replace(StoredWaker::EMPTY);
        waker.set(cx.waker());
        drop(self.receiver.replace(waker));
        self.waits.set(true);
        // Only now look again: cloning the waker may have run user code that sent or closed.
        if self.len() > 0 || self.is_finished() {
            self.waits.set(false);
            ready!(poll_budget(cx));
            return Poll::Ready(self.pop());
        }
        let mut buffer = self.buffer.borrow_mut();
        if buffer.capacity() > KEEP {
            // A burst is over. The buffer is empty, so this drops no message.
            *buffer = VecDeque::new();
        }
        drop(buffer);
        self.receiving.take();
        // The receiver is where the `Rc` is: `self` is its field.
        let here = ptr::from_ref(self).addr();
        if self.received_at.replace(here) != here {
            self.receiving.tell_anew();
        }
        WaitNote::new(self.wait(), at).for_message().leave();
        Poll::Pending
    }

    pub(super) fn try_recv(&self) -> Result<T, TryRecvError> {
        match self.pop() {
            Some(value) => Ok(value),
            None if self.is_finished() => Err(TryRecvError::Disconnected),
            None => Err(TryRecvError::Empty),
        }
    }

    /// No message can come any more. The holder of a permit may still send after a close.
    fn is_finished(&self) -> bool {
        let all_back = || {
            self.capacity
                .is_none_or(|capacity| self.slots.free() == capacity)
        };
        self.senders.get() == 0 || (self.slots.is_closed() && all_back())
    }

    /// Waits for a place.
    #[inline]
    pub(super) fn poll_place(
        &self,
        key: &mut Option<Key>,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
    ) -> Poll<Result<(), SendError<()>>> {
        self.poll_places(1, key, cx, at)
    }

    /// Waits for several places, to be had all at once.
    #[inline]
    pub(super) fn poll_places(
        &self,
        wanted: u32,
        key: &mut Option<Key>,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
    ) -> Poll<Result<(), SendError<()>>> {
        let waited = key.is_some();
        let note = WaitNote::new(self.wait(), at);
        let place = self.slots.poll_acquire(wanted, key, cx, note);
        if waited != key.is_some() {
            self.publish_receiver();
        }
        let place = ready!(place);
        if waited && place.is_ok() && self.gone.get() {
            // The place was given, and then the receiver was dropped: nobody would see a message.
            self.return_slots(wanted as usize);
            return Poll::Ready(Err(SendError(())));
        }
        Poll::Ready(place.map_err(|_| SendError(())))
    }

    /// Several places at once, without waiting.
    #[inline]
    pub(super) fn try_places(&self, wanted: u32) -> Result<(), TrySendError<()>> {
        self.slots.try_acquire(wanted).map_err(|error| match error {
            TryAcquireError::NoPermits => TrySendError::Full(()),
            TryAcquireError::Closed => TrySendError::Closed(()),
        })
    }

    /// Gives back the place that a permit was for.
    pub(super) fn return_slot(&self) {
        self.return_slots(1);
    }

    pub(super) fn return_slots(&self, places: usize) {
        self.slots.release(places);
        self.slot_returned();
    }

    /// The future of a send is gone, and with it the place it may have been given.
    #[inline]
    pub(super) fn cancel_slot(&self, key: Option<Key>) {
        if key.is_some() {
            self.slots.cancel(key);
            self.slot_returned();
        }
    }

    /// Tells the graph who receives, if somebody waits for a place.
    fn publish_receiver(&self) {
        let waiting = self.slots.waiting();
        if waiting == 0 || self.receiving.is_told(self.address()) {
            return;
        }
        // One that lies elsewhere than in that task's future may be shared, and somebody else may
        // be the next to receive.
        if !owns(self.receiving.identity(), self.received_at.get()) {
            self.receiving.lend();
        }
        self.receiving.publish(self.address(), waiting);
    }

    /// A closed channel is finished when the last place is back.
    fn slot_returned(&self) {
        if self.slots.is_closed() {
            self.wake_receiver();
        }
    }

    /// Nobody may send any more; what is in the buffer may be received.
    pub(super) fn close(&self) {
        if !self.slots.is_closed() {
            self.slots.close();
            self.closing.grant_all(|()| ()).wake();
        }
    }

    /// The receiver is dropped: close, and drop what nobody will receive, each outside of a borrow.
    pub(super) fn receiver_gone(&self) {
        self.gone.set(true);
        self.close();
        self.waits.set(false);
        drop(self.receiver.replace(StoredWaker::EMPTY));
        drop_each(|| self.pop());
    }

    pub(super) fn is_gone(&self) -> bool {
        self.gone.get()
    }

    #[inline]
    pub(super) fn is_closed(&self) -> bool {
        self.slots.is_closed()
    }

    #[inline]
    pub(super) fn add_sender(&self) {
        self.senders.set(self.senders.get() + 1);
    }

    #[inline]
    pub(super) fn add_weak(&self) {
        self.weak.set(self.weak.get() + 1);
    }

    #[inline]
    pub(super) fn drop_weak(&self) {
        self.weak.set(self.weak.get() - 1);
    }

    #[inline]
    pub(super) fn drop_sender(&self) {
        self.senders.set(self.senders.get() - 1);
        if self.senders.get() == 0 {
            self.wake_receiver();
        }
    }

    /// A sender out of a weak one, while there are others.
    pub(super) fn upgrade(&self) -> bool {
        let alive = self.senders.get() > 0;
        if alive {
            self.add_sender();
        }
        alive
    }

    pub(super) fn poll_closed(
        &self,
        key: &mut Option<Key>,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
    ) -> Poll<()> {
        let note = WaitNote::new(self.wait(), at);
        let look = || self.is_closed().then_some(()).ok_or(());
        self.closing.poll(key, cx, note, look)
    }

    pub(super) fn cancel_closed(&self, key: Option<Key>) {
        if let Some(key) = key {
            self.closing.leave(key);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.buffer.borrow().len()
    }

    pub(super) fn wait(&self) -> Wait {
        Wait::Channel(self.address())
    }

    fn address(&self) -> usize {
        ptr::from_ref(self).addr()
    }

    pub(super) fn statistics(&self) -> MpscStatistics {
        MpscStatistics {
            len: self.len(),
            capacity: self.capacity,
            senders: self.senders.get(),
            waiting_senders: self.slots.waiting(),
            receiver_waiting: self.waits.get(),
            closed: self.is_closed(),
        }
    }
}

impl<T> fmt::Debug for Chan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.statistics().fmt(f)
    }
}

/// Places that an empty buffer may keep for the next messages.
const KEEP: usize = 1024;
