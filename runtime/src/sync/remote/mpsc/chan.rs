//! What the ends of a channel between threads share: one mutex, held for a few moves.
//!
//! A message is with its sender, in the buffer, or with the receiver; no waiter carries one, so no
//! cancelled waiter loses one. Under the lock no user code runs: wakers are cloned before it, woken
//! and dropped after it, and so are messages.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::mem;
use std::panic::Location;
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use super::error::{TryRecvError, TrySendError};
use crate::executor::error::drop_each;
use crate::executor::{Wait, note_wait, poll_budget, poll_within_budget};
use crate::sync::statistics::MpscStatistics;

/// A waiter's number, in the order of first polls.
pub(super) type Ticket = u64;

pub(super) struct Chan<T> {
    /// `None` if unbounded.
    pub(super) capacity: Option<usize>,
    state: Mutex<State<T>>,
}

struct State<T> {
    buffer: VecDeque<T>,
    /// Places that neither a message nor a waiting sender has. Not counted if unbounded.
    free: usize,
    /// Senders that wait for a place.
    waiting: BTreeMap<Ticket, Waker>,
    /// Senders that have been given a place and have not run since.
    granted: BTreeSet<Ticket>,
    /// Tasks in `closed`.
    closing: BTreeMap<Ticket, Waker>,
    next_ticket: Ticket,
    senders: usize,
    /// The receiver is gone or has closed the channel.
    closed: bool,
    receiver: Option<Waker>,
}

impl<T> State<T> {
    /// A receive need not wait: there is a message, or none will come.
    fn can_receive(&self) -> bool {
        !self.buffer.is_empty() || self.closed || self.senders == 0
    }

    /// A place is free: the first in the line has it. The waker is to be woken after the lock.
    fn return_place(&mut self) -> Option<Waker> {
        match self.waiting.pop_first() {
            Some((ticket, waker)) => {
                self.granted.insert(ticket);
                Some(waker)
            }
            None => {
                self.free += 1;
                None
            }
        }
    }

    fn ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        self.next_ticket
    }
}

/// What a try to send found.
enum Attempt<T> {
    Sent(Option<Waker>),
    Closed(T),
    Full(T),
}

impl<T> Chan<T> {
    pub(super) fn new(capacity: Option<usize>) -> Self {
        Self {
            capacity,
            state: Mutex::new(State {
                buffer: VecDeque::new(),
                free: capacity.unwrap_or(0),
                waiting: BTreeMap::new(),
                granted: BTreeSet::new(),
                closing: BTreeMap::new(),
                next_ticket: 0,
                senders: 1,
                closed: false,
                receiver: None,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self) -> Wait {
        Wait::Channel(ptr::from_ref(self).addr())
    }

    /// Sends if the channel is unbounded, if `ticket` was given a place, or if one is free that no
    /// one waits for.
    fn attempt(&self, ticket: Option<Ticket>, value: T) -> Attempt<T> {
        let mut state = self.lock();
        if state.closed {
            return Attempt::Closed(value);
        }
        let has_place = match ticket {
            _ if self.capacity.is_none() => true,
            Some(ticket) => state.granted.remove(&ticket),
            None if state.free > 0 => {
                state.free -= 1;
                true
            }
            None => false,
        };
        if !has_place {
            return Attempt::Full(value);
        }
        state.buffer.push_back(value);
        Attempt::Sent(state.receiver.take())
    }

    pub(super) fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        match self.attempt(None, value) {
            Attempt::Sent(receiver) => {
                wake(receiver);
                Ok(())
            }
            Attempt::Closed(value) => Err(TrySendError::Closed(value)),
            Attempt::Full(value) => Err(TrySendError::Full(value)),
        }
    }

    /// Ready with the message where the channel is closed. `value` is taken when it is ready.
    pub(super) fn poll_send(
        &self,
        ticket: &mut Option<Ticket>,
        value: &mut Option<T>,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
    ) -> Poll<Result<(), T>> {
        poll_within_budget(cx, |cx| {
            let waker = cx.waker().clone();
            let message = value.take().expect("polled after it was ready");
            match self.attempt(*ticket, message) {
                Attempt::Sent(receiver) => {
                    *ticket = None;
                    wake(receiver);
                    return Poll::Ready(Ok(()));
                }
                Attempt::Closed(message) => {
                    *ticket = None;
                    return Poll::Ready(Err(message));
                }
                Attempt::Full(message) => *value = Some(message),
            }
            self.join_line(ticket, waker);
            note_wait(self.wait(), at);
            Poll::Pending
        })
    }

    /// Stands in the line of senders. What came free since the attempt wakes at once.
    fn join_line(&self, ticket: &mut Option<Ticket>, waker: Waker) {
        let mut state = self.lock();
        let number = *ticket.get_or_insert_with(|| state.ticket());
        let granted = state.granted.contains(&number);
        let old = if state.closed || granted {
            Some(waker)
        } else if state.free > 0 {
            state.free -= 1;
            state.granted.insert(number);
            Some(waker)
        } else {
            let old = state.waiting.insert(number, waker);
            drop(state);
            drop(old);
            return;
        };
        drop(state);
        wake(old);
    }

    /// The future of a send is gone, and with it its place in the line, or the one it was given.
    pub(super) fn cancel_send(&self, ticket: Ticket) {
        let mut state = self.lock();
        let own = state.waiting.remove(&ticket);
        let next = if own.is_none() && state.granted.remove(&ticket) {
            state.return_place()
        } else {
            None
        };
        drop(state);
        drop(own);
        wake(next);
    }

    /// Takes a message, and gives its place to the next sender.
    fn pop(&self) -> Option<T> {
        let mut state = self.lock();
        let value = state.buffer.pop_front()?;
        let next = match self.capacity {
            Some(_) if !state.closed => state.return_place(),
            _ => None,
        };
        drop(state);
        wake(next);
        Some(value)
    }

    pub(super) fn try_recv(&self) -> Result<T, TryRecvError> {
        // Asked first: what a sender sent before it was dropped is there when it is gone.
        let over = self.is_closed() || self.lock().senders == 0;
        self.pop().ok_or(match over {
            true => TryRecvError::Disconnected,
            false => TryRecvError::Empty,
        })
    }

    pub(super) fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
    ) -> Poll<Option<T>> {
        let waker = cx.waker().clone();
        let mut state = self.lock();
        if state.can_receive() {
            drop(state);
            ready!(poll_budget(cx));
            return Poll::Ready(self.pop()); // only this receiver takes any
        }
        let old = state.receiver.replace(waker);
        drop(state);
        drop(old);
        note_wait(self.wait(), at);
        Poll::Pending
    }

    pub(super) fn poll_closed(
        &self,
        ticket: &mut Option<Ticket>,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
    ) -> Poll<()> {
        let waker = cx.waker().clone();
        let mut state = self.lock();
        if state.closed {
            drop(state);
            return poll_budget(cx);
        }
        let number = *ticket.get_or_insert_with(|| state.ticket());
        let old = state.closing.insert(number, waker);
        drop(state);
        drop(old);
        note_wait(self.wait(), at);
        Poll::Pending
    }

    pub(super) fn cancel_closed(&self, ticket: Ticket) {
        let own = self.lock().closing.remove(&ticket);
        drop(own);
    }

    /// Nothing may be sent any more; what is in the buffer may be received.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let waiting = mem::take(&mut state.waiting);
        let closing = mem::take(&mut state.closing);
        state.granted.clear();
        drop(state);
        waiting.into_values().for_each(Waker::wake);
        closing.into_values().for_each(Waker::wake);
    }

    /// The receiver is dropped: close, and drop what will not be received.
    pub(super) fn receiver_gone(&self) {
        self.close();
        let mut state = self.lock();
        let waker = state.receiver.take();
        let mut left = mem::take(&mut state.buffer);
        drop(state);
        drop(waker);
        drop_each(|| left.pop_front());
    }

    pub(super) fn add_sender(&self) {
        self.lock().senders += 1;
    }

    pub(super) fn drop_sender(&self) {
        let mut state = self.lock();
        state.senders -= 1;
        let receiver = match state.senders {
            0 => state.receiver.take(),
            _ => None,
        };
        drop(state);
        wake(receiver);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    pub(super) fn senders(&self) -> usize {
        self.lock().senders
    }

    pub(super) fn len(&self) -> usize {
        self.lock().buffer.len()
    }

    pub(super) fn free(&self) -> usize {
        self.lock().free
    }

    pub(super) fn statistics(&self) -> MpscStatistics {
        let state = self.lock();
        MpscStatistics {
            len: state.buffer.len(),
            capacity: self.capacity,
            senders: state.senders,
            waiting_senders: state.waiting.len(),
            receiver_waiting: state.receiver.is_some(),
            closed: state.closed,
        }
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl<T> fmt::Debug for Chan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.statistics(), f)
    }
}
