//! The executor: polls what is ready, and sleeps when nothing is.

use std::cell::RefCell;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use crate::cleanup::timeout;
use crate::reactor::Reactor;
use crate::ready_queue::ReadyQueue;
use crate::retry;
use crate::time::{Time, sleep};

// ANCHOR: waker
/// Puts its task into the ready queue, at most once until the next poll.
pub(crate) struct TaskWaker {
    task: usize,
    queued: AtomicBool,
    cancelled: AtomicBool,
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

/// Polls before sockets and timers have their turn.
const BATCH: usize = 61;

pub(crate) struct Executor {
    tasks: RefCell<Vec<Option<Task>>>,
    /// Places in the list whose tasks have ended.
    free: RefCell<Vec<usize>>,
    ready: Arc<ReadyQueue>,
    pub(crate) time: Rc<Time>,
    pub(crate) reactor: Rc<Reactor>,
}

// ANCHOR: current
thread_local! {
    static CURRENT: RefCell<Option<Rc<Executor>>> = const { RefCell::new(None) };
}

pub(crate) fn is_running() -> bool {
    CURRENT.with_borrow(Option::is_some)
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
        self.0.end_all();
        CURRENT.set(None);
    }
}
// ANCHOR_END: current

// ANCHOR: block_on
/// Runs `future` to its end, and meanwhile all tasks that are spawned. Drops those that are left.
#[track_caller]
pub fn block_on<F: Future>(future: F) -> F::Output {
    assert!(CURRENT.with_borrow(Option::is_none), "block_on inside of block_on: use .await");
    let executor = Rc::new(Executor::new().expect("a descriptor for epoll is free"));
    CURRENT.set(Some(Rc::clone(&executor)));
    let entered = Entered(executor);
    match entered.0.run(future) {
        Ok(output) => {
            entered.0.end_all();
            // What is not clean by then is cut off.
            let _ = entered.0.run(timeout(Duration::from_secs(5), entered.0.all_ended()));
            output
        }
        Err(Stalled) => panic!("nothing has a waker: the future of block_on can never go on"),
    }
}
// ANCHOR_END: block_on

impl Executor {
    fn new() -> io::Result<Self> {
        let (tasks, free, time) = Default::default();
        let ready = Arc::<ReadyQueue>::default();
        let reactor = Rc::new(Reactor::new(&ready)?);
        Ok(Self { tasks, free, ready, time, reactor })
    }

    /// Adds a task. It is polled when `run` comes to it.
    pub(crate) fn add(&self, future: Boxed) -> Weak<TaskWaker> {
        let mut tasks = self.tasks.borrow_mut();
        let place = self.free.borrow_mut().pop().unwrap_or_else(|| {
            tasks.push(None);
            tasks.len() - 1
        });
        let waker = self.waker(place);
        let task = Arc::downgrade(&waker);
        tasks[place] = Some(Task { future, waker });
        task
    }

    /// A waker for that task, which is put into the queue for its first poll.
    fn waker(&self, task: usize) -> Arc<TaskWaker> {
        let ready = Arc::clone(&self.ready);
        let (queued, cancelled) = Default::default();
        let waker = Arc::new(TaskWaker { task, queued, cancelled, ready });
        waker.wake_by_ref();
        waker
    }

    // ANCHOR: run
    /// Runs `future` to its end, and meanwhile all tasks. Sleeps while none is ready.
    pub(crate) fn run<F: Future>(&self, future: F) -> Result<F::Output, Stalled> {
        let (mut future, main) = (pin!(future), self.waker(MAIN));
        loop {
            for _ in 0..BATCH {
                let Some(number) = self.ready.pop() else { break };
                if number != MAIN {
                    self.poll(number);
                } else if let Poll::Ready(output) = poll(&main, future.as_mut()) {
                    return Ok(output);
                }
            }
            let idle = self.ready.is_empty();
            let timeout = if idle { self.time.until_next() } else { Some(Duration::ZERO) };
            if timeout.is_none() && self.nothing_wakes(&main) {
                return Err(Stalled);
            }
            self.reactor.wait(&self.ready, timeout).expect("epoll takes what it is given");
            for waker in self.time.expire() {
                waker.wake(); // the wheel is not borrowed: a waker may run any code
            }
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
        let pending = poll(&task.waker, task.future.as_mut()).is_pending();
        if pending && !task.waker.cancelled.load(Ordering::Relaxed) {
            self.tasks.borrow_mut()[number] = Some(task);
            return;
        }
        self.end(task);
    }
    // ANCHOR_END: poll

    // ANCHOR: cancel
    /// Ends a task that waits. One that is polled is marked, and ends when its poll does.
    pub(crate) fn cancel(&self, waker: &Weak<TaskWaker>) {
        let Some(waker) = waker.upgrade() else { return };
        waker.cancelled.store(true, Ordering::Relaxed);
        // The place may have another task by now: then this one has ended.
        let task = self.tasks.borrow_mut()[waker.task].take_if(|it| Arc::ptr_eq(&it.waker, &waker));
        task.into_iter().for_each(|task| self.end(task));
    }

    /// No borrow is held when the future is dropped: destructors may spawn, wake and cancel.
    fn end(&self, task: Task) {
        let place = task.waker.task;
        drop(task);
        self.free.borrow_mut().push(place);
    }
    // ANCHOR_END: cancel

    // ANCHOR: end_all
    /// Drops all tasks. What they leave to be cleaned up is new tasks.
    fn end_all(&self) {
        let tasks: Vec<_> = self.tasks.borrow_mut().iter_mut().filter_map(Option::take).collect();
        tasks.into_iter().for_each(|task| self.end(task));
    }

    /// Waits until no task is left. It looks each millisecond: nothing else goes on any more.
    async fn all_ended(&self) {
        while self.tasks.borrow().iter().any(Option::is_some) {
            sleep(Duration::from_millis(1)).await;
        }
    }
    // ANCHOR_END: end_all
}

// ANCHOR: poll_fn
fn poll<F: Future + ?Sized>(waker: &Arc<TaskWaker>, future: Pin<&mut F>) -> Poll<F::Output> {
    // Before the poll: a wake that comes while it runs counts for the next one.
    waker.queued.store(false, Ordering::Release);
    retry::refill();
    future.poll(&mut Context::from_waker(&Waker::from(Arc::clone(waker))))
}
// ANCHOR_END: poll_fn
