//! The executor: polls what is ready, and sleeps when nothing is.

use std::cell::RefCell;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use crate::ready_queue::ReadyQueue;

// ANCHOR: waker
/// Puts its task into the ready queue, at most once until the next poll.
struct TaskWaker {
    task: usize,
    queued: AtomicBool,
    ready: Arc<ReadyQueue>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::AcqRel) {
            self.ready.push(self.task);
        }
    }
}
// ANCHOR_END: waker

struct Task {
    future: Pin<Box<dyn Future<Output = ()>>>,
    waker: Arc<TaskWaker>,
}

/// The main future waits, and nothing has a waker, neither its own nor one of a task.
#[derive(Debug, PartialEq, Eq)]
pub struct Stalled;

/// The number of the main future, which is in no list.
const MAIN: usize = usize::MAX;

/// Runs tasks, on the thread that calls `run`.
#[derive(Default)]
pub struct Executor {
    tasks: RefCell<Vec<Option<Task>>>,
    ready: Arc<ReadyQueue>,
}

impl Executor {
    /// Adds a task. It is polled when `run` comes to it.
    pub fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        let mut tasks = self.tasks.borrow_mut();
        let waker = self.waker(tasks.len());
        tasks.push(Some(Task { future: Box::pin(future), waker }));
    }

    /// A waker for that task, which is put into the queue for its first poll.
    fn waker(&self, task: usize) -> Arc<TaskWaker> {
        let ready = Arc::clone(&self.ready);
        let waker = Arc::new(TaskWaker { task, queued: AtomicBool::new(false), ready });
        waker.wake_by_ref();
        waker
    }

    // ANCHOR: run
    /// Runs `future` to its end, and meanwhile all tasks. Sleeps while none is ready.
    pub fn run<F: Future>(&self, future: F) -> Result<F::Output, Stalled> {
        let (mut future, main) = (pin!(future), self.waker(MAIN));
        loop {
            while let Some(number) = self.ready.pop() {
                if number != MAIN {
                    self.poll(number);
                } else if let Poll::Ready(output) = poll(&main, future.as_mut()) {
                    return Ok(output);
                }
            }
            if self.nothing_wakes(&main) {
                return Err(Stalled);
            }
            self.ready.wait();
        }
    }

    /// Of each waker one reference is the executor's own. Other threads push first, then let go.
    fn nothing_wakes(&self, main: &Arc<TaskWaker>) -> bool {
        let tasks = self.tasks.borrow();
        let mut wakers = tasks.iter().flatten().map(|task| &task.waker).chain([main]);
        wakers.all(|waker| Arc::strong_count(waker) == 1) && self.ready.is_empty()
    }
    // ANCHOR_END: run

    // ANCHOR: poll
    fn poll(&self, number: usize) {
        // Taken out of the list, so that no borrow is held while it runs: it may spawn.
        let Some(mut task) = self.tasks.borrow_mut()[number].take() else { return };
        if poll(&task.waker, task.future.as_mut()).is_pending() {
            self.tasks.borrow_mut()[number] = Some(task);
        }
    }
    // ANCHOR_END: poll
}

// ANCHOR: poll_fn
fn poll<F: Future + ?Sized>(waker: &Arc<TaskWaker>, future: Pin<&mut F>) -> Poll<F::Output> {
    // Before the poll: a wake that comes while it runs counts for the next one.
    waker.queued.store(false, Ordering::Release);
    future.poll(&mut Context::from_waker(&Waker::from(Arc::clone(waker))))
}
// ANCHOR_END: poll_fn
