//! The reactor: a table of descriptors, and the call that waits for all of them.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use sys::epoll::{Epoll, Interest};

use crate::executor;
use crate::ready_queue::ReadyQueue;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Read,
    Write,
}

// ANCHOR: reactor
/// The token of the descriptor that other threads write to.
const POKED: u64 = u64::MAX;
/// At most this many events a turn: the others come with the next.
const EVENTS: usize = 64;

/// What is known of one descriptor in one direction.
#[derive(Default)]
struct Side {
    /// An event has come since an operation would have blocked.
    ready: Cell<bool>,
    waiting: RefCell<Option<Waker>>,
}

/// What is known of one descriptor. One task may wait to read, one to write.
#[derive(Default)]
struct Source {
    sides: [Side; 2],
}

pub(crate) struct Reactor {
    epoll: Epoll,
    /// By descriptor: the kernel always gives the smallest free number, so the table has few gaps.
    sources: RefCell<Vec<Option<Rc<Source>>>>,
}

impl Reactor {
    pub(crate) fn new(ready: &ReadyQueue) -> io::Result<Self> {
        let epoll = Epoll::new()?;
        epoll.add(ready.poked(), POKED, Interest { read: true, ..Interest::default() })?;
        Ok(Self { epoll, sources: RefCell::default() })
    }
    // ANCHOR_END: reactor

    // ANCHOR: wait
    /// Waits until a descriptor is ready, a task is, or `timeout` has passed. Wakes whose
    /// descriptor is ready.
    pub(crate) fn wait(&self, ready: &ReadyQueue, timeout: Option<Duration>) -> io::Result<()> {
        let timeout = if ready.fall_asleep() { timeout } else { Some(Duration::ZERO) };
        let mut events = Vec::new();
        self.epoll.wait(&mut events, EVENTS, timeout)?;
        ready.wake_up(events.iter().any(|event| event.token == POKED));
        for event in events.iter().filter(|event| event.token != POKED) {
            let source = self.sources.borrow()[event.token as usize].clone();
            let Some(source) = source else { continue }; // gone since
            let sides = source.sides.iter().zip([event.readable, event.writable]);
            for (side, _) in sides.filter(|(_, is_ready)| *is_ready) {
                side.ready.set(true);
                let waiting = side.waiting.take();
                waiting.into_iter().for_each(Waker::wake);
            }
        }
        Ok(())
    }
    // ANCHOR_END: wait
}

// ANCHOR: registered
/// A socket in the reactor's table, from its beginning to its end.
pub(crate) struct Registered<T: AsFd> {
    pub(crate) io: T,
    source: Rc<Source>,
    reactor: Rc<Reactor>,
}

impl<T: AsFd> Registered<T> {
    pub(crate) fn new(io: T) -> io::Result<Self> {
        let reactor = Rc::clone(&executor::current().reactor);
        let number = io.as_fd().as_raw_fd() as usize;
        let interest = Interest { read: true, write: true, edge: true };
        reactor.epoll.add(io.as_fd().as_raw_fd(), number as u64, interest)?;
        let source = Rc::new(Source::default());
        let mut sources = reactor.sources.borrow_mut();
        let len = sources.len().max(number + 1);
        sources.resize(len, None);
        sources[number] = Some(Rc::clone(&source));
        drop(sources);
        Ok(Self { io, source, reactor })
    }

    /// An operation would have blocked: waits for the event that says otherwise.
    pub(crate) async fn would_block(&self, direction: Direction) {
        let side = &self.source.sides[direction as usize];
        side.ready.set(false);
        poll_fn(|cx| {
            if side.ready.get() {
                return Poll::Ready(());
            }
            side.waiting.replace(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

impl<T: AsFd> Drop for Registered<T> {
    fn drop(&mut self) {
        let fd = self.io.as_fd().as_raw_fd();
        let _ = self.reactor.epoll.remove(fd);
        self.reactor.sources.borrow_mut()[fd as usize] = None;
    }
}
// ANCHOR_END: registered
