//! The reactor: a table of descriptors, and the call that waits for all of them.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
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

/// What is known of one descriptor that a task waits for.
#[derive(Default)]
struct Source {
    /// An event has come.
    ready: Cell<bool>,
    waiting: RefCell<Option<Waker>>,
}

pub(crate) struct Reactor {
    epoll: Epoll,
    sources: RefCell<HashMap<u64, Rc<Source>>>,
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
            let source = self.sources.borrow().get(&event.token).cloned();
            let Some(source) = source else { continue }; // gone since
            source.ready.set(true);
            let waiting = source.waiting.take();
            waiting.into_iter().for_each(Waker::wake);
        }
        Ok(())
    }
    // ANCHOR_END: wait
}

// ANCHOR: registered
/// A descriptor is in the reactor's map, and in the kernel's list, as long as a task waits for it.
struct Registered<'a> {
    fd: BorrowedFd<'a>,
    source: Rc<Source>,
    reactor: Rc<Reactor>,
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        let fd = self.fd.as_raw_fd();
        let _ = self.reactor.epoll.remove(fd);
        self.reactor.sources.borrow_mut().remove(&(fd as u64));
    }
}

/// Waits until an operation on a descriptor would not block. Two tasks cannot wait for one
/// descriptor.
pub async fn ready(fd: &impl AsFd, direction: Direction) -> io::Result<()> {
    let read = direction == Direction::Read;
    let (fd, reactor) = (fd.as_fd(), Rc::clone(&executor::current().reactor));
    let token = fd.as_raw_fd() as u64;
    reactor.epoll.add(fd.as_raw_fd(), token, Interest { read, write: !read, edge: false })?;
    let registered = Registered { fd, source: Rc::default(), reactor };
    registered.reactor.sources.borrow_mut().insert(token, Rc::clone(&registered.source));
    poll_fn(|cx| {
        if registered.source.ready.get() {
            return Poll::Ready(Ok(()));
        }
        registered.source.waiting.replace(Some(cx.waker().clone()));
        Poll::Pending
    })
    .await
}
// ANCHOR_END: registered
