//! The reactor: which descriptors are waited for, and the call that waits for all of them.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use sys::poll::PollFd;

use crate::executor;
use crate::ready_queue::ReadyQueue;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Read,
    Write,
}

// ANCHOR: reactor
/// What is known of one descriptor that a task waits for.
struct Source {
    asks: PollFd,
    /// The kernel has said so.
    ready: Cell<bool>,
    waiting: RefCell<Option<Waker>>,
}

#[derive(Default)]
pub(crate) struct Reactor {
    sources: RefCell<Vec<Rc<Source>>>,
}
// ANCHOR_END: reactor

impl Reactor {
    // ANCHOR: wait
    /// Waits until a descriptor is ready, a task is, or `timeout` has passed. Wakes whose
    /// descriptor is ready.
    pub(crate) fn wait(&self, ready: &ReadyQueue, timeout: Option<Duration>) -> io::Result<()> {
        let sources = self.sources.borrow().clone();
        let mut fds: Vec<PollFd> = sources.iter().map(|source| source.asks).collect();
        fds.push(PollFd::new(ready.poked(), true, false));
        let timeout = if ready.fall_asleep() { timeout } else { Some(Duration::ZERO) };
        sys::poll::poll(&mut fds, timeout)?;
        ready.wake_up();
        for (source, fd) in sources.iter().zip(fds) {
            if fd.readable() || fd.writable() {
                source.ready.set(true);
                let waiting = source.waiting.take();
                waiting.into_iter().for_each(Waker::wake);
            }
        }
        Ok(())
    }
    // ANCHOR_END: wait
}

// ANCHOR: registered
/// A descriptor is in the reactor's list as long as a task waits for it.
struct Registered {
    source: Rc<Source>,
    reactor: Rc<Reactor>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.reactor.sources.borrow_mut().retain(|other| !Rc::ptr_eq(other, &self.source));
    }
}

/// Waits until an operation on a descriptor would not block.
pub async fn ready(fd: &impl AsFd, direction: Direction) -> io::Result<()> {
    let read = direction == Direction::Read;
    let asks = PollFd::new(fd.as_fd().as_raw_fd(), read, !read);
    let source = Source { asks, ready: Cell::new(false), waiting: RefCell::default() };
    let registered =
        Registered { source: Rc::new(source), reactor: executor::current().reactor.clone() };
    registered.reactor.sources.borrow_mut().push(Rc::clone(&registered.source));
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
