//! The ready queue: the numbers of the tasks that are worth a poll. Wakers of any thread push.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::Mutex;

// ANCHOR: queue
pub(crate) struct ReadyQueue {
    inner: Mutex<Inner>,
    /// A byte into the first ends a `poll(2)` that waits for the second.
    poke: (UnixStream, UnixStream),
}

#[derive(Default)]
struct Inner {
    tasks: VecDeque<usize>,
    asleep: bool,
}

impl Default for ReadyQueue {
    fn default() -> Self {
        let poke = UnixStream::pair().expect("two descriptors are free");
        poke.1.set_nonblocking(true).expect("a socket can be non-blocking");
        Self { inner: Mutex::default(), poke }
    }
}

impl ReadyQueue {
    pub(crate) fn push(&self, task: usize) {
        let mut inner = self.inner.lock().unwrap();
        inner.tasks.push_back(task);
        if std::mem::take(&mut inner.asleep) {
            let _ = (&self.poke.0).write(&[0]); // one byte a sleep: there is room for it
        }
    }

    pub(crate) fn pop(&self) -> Option<usize> {
        self.inner.lock().unwrap().tasks.pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.inner.lock().unwrap().tasks.is_empty()
    }

    /// Whether nothing is ready. If so, the next push writes a byte: the look and the falling
    /// asleep are one.
    pub(crate) fn fall_asleep(&self) -> bool {
        let mut inner = self.inner.lock().unwrap();
        inner.asleep = inner.tasks.is_empty();
        inner.asleep
    }

    /// Awake: pushes need no byte. If one was written it is read.
    pub(crate) fn wake_up(&self, poked: bool) {
        self.inner.lock().unwrap().asleep = false;
        while poked && matches!((&self.poke.1).read(&mut [0; 16]), Ok(1..)) {}
    }

    pub(crate) fn poked(&self) -> RawFd {
        self.poke.1.as_raw_fd()
    }
}
// ANCHOR_END: queue
