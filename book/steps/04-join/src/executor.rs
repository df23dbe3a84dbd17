//! The executor: polls what is ready, and sleeps when nothing is.

use std::cell::RefCell;
use std::pin::{Pin, pin};
use std::rc::Rc;
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

type Boxed = Pin<Box<dyn Future<Output = ()>>>;

struct Task {
    future: Boxed,
    waker: Arc<TaskWaker>,
}

/// The main future waits, and nothing has a waker, neither its own nor one of a task.
pub(crate) struct Stalled;

/// The number of the main future, which is in no list.
const MAIN: usize = usize::MAX;

#[derive(Default)]
pub(crate) struct Executor {
    tasks: RefCell<Vec<Option<Task>>>,
    /// Places in the list whose tasks have ended.
    free: RefCell<Vec<usize>>,
    ready: Arc<ReadyQueue>,
}

// ANCHOR: current
thread_local! {
    static CURRENT: RefCell<Option<Rc<Executor>>> = const { RefCell::new(None) };
}

/// The executor that runs on this thread.
#[track_caller]
pub(crate) fn current() -> Rc<Executor> {
    CURRENT.with_borrow(Clone::clone).expect("no executor runs here: call this inside of block_on")
}

/// While it lives, `current` finds its executor. At its end it drops the tasks that are left.
struct Entered(Rc<Executor>);

impl Drop for Entered {
    fn drop(&mut self) {
        // One by one, and no borrow is held: a future that is dropped may spawn.
        let next = || self.0.tasks.borrow_mut().pop();
        while let Some(task) = next() {
            drop(task);
        }
        CURRENT.set(None);
    }
}
// ANCHOR_END: current

// ANCHOR: block_on
/// Runs `future` to its end, and meanwhile all tasks that are spawned. Drops those that are left.
#[track_caller]
pub fn block_on<F: Future>(future: F) -> F::Output {
    assert!(CURRENT.with_borrow(Option::is_none), "block_on inside of block_on: use .await");
    let executor = Rc::new(Executor::default());
    CURRENT.set(Some(Rc::clone(&executor)));
    let entered = Entered(executor);
    match entered.0.run(future) {
        Ok(output) => output,
        Err(Stalled) => panic!("nothing has a waker: the future of block_on can never go on"),
    }
}
// ANCHOR_END: block_on

impl Executor {
    /// Adds a task. It is polled when `run` comes to it.
    pub(crate) fn add(&self, future: Boxed) {
        let mut tasks = self.tasks.borrow_mut();
        let place = self.free.borrow_mut().pop().unwrap_or_else(|| {
            tasks.push(None);
            tasks.len() - 1
        });
        tasks[place] = Some(Task { future, waker: self.waker(place) });
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
    pub(crate) fn run<F: Future>(&self, future: F) -> Result<F::Output, Stalled> {
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
            return;
        }
        drop(task);
        self.free.borrow_mut().push(number);
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
