//! Hand-made tools for testing futures without a runtime: a waker that counts, an executor that
//! polls only what was woken, and a future that is cancelled after `n` polls and tried again.
//!
//! Why no runtime: it hides what these tests are about: whether a wake-up that a cancelled future
//! had received reaches somebody else. An executor that polled everything would never notice that
//! it did not.

#![allow(dead_code, reason = "each test file uses a part of this")]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Counts how often it was woken.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A future that is polled by hand.
pub(crate) struct Manual<F: Future> {
    future: Option<Pin<Box<F>>>,
    count: Arc<Count>,
    waker: Waker,
}

impl<F: Future> Manual<F> {
    pub(crate) fn new(future: F) -> Self {
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        Self {
            future: Some(Box::pin(future)),
            count,
            waker,
        }
    }

    /// Polls once. The future is dropped when it is ready.
    pub(crate) fn poll(&mut self) -> Poll<F::Output> {
        let future = self
            .future
            .as_mut()
            .expect("polled after it was ready or cancelled");
        let result = future.as_mut().poll(&mut Context::from_waker(&self.waker));
        if result.is_ready() {
            self.future = None;
        }
        result
    }

    /// Polls once with another waker, which stays.
    pub(crate) fn poll_moved(&mut self) -> Poll<F::Output> {
        self.count = Arc::new(Count::default());
        self.waker = Waker::from(Arc::clone(&self.count));
        self.poll()
    }

    /// How often it was woken since it was last asked.
    pub(crate) fn woken(&self) -> usize {
        self.count.0.swap(0, Ordering::SeqCst)
    }

    /// Drops the future at its await point.
    pub(crate) fn cancel(&mut self) {
        self.future = None;
    }

    pub(crate) fn is_live(&self) -> bool {
        self.future.is_some()
    }
}

/// Polls a future that is ready at once.
#[track_caller]
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    match Manual::new(future).poll() {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the future is not ready"),
    }
}

/// A future that was polled once and is not ready.
#[track_caller]
pub(crate) fn pending<F: Future>(future: F) -> Manual<F> {
    let mut manual = Manual::new(future);
    assert!(manual.poll().is_pending(), "the future is ready");
    manual
}

/// Lets the others run once.
pub(crate) async fn turn() {
    let mut first = true;
    poll_fn(|cx| {
        if std::mem::take(&mut first) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}

/// Runs what `make` makes, but drops the first attempt after `polls` polls, lets the others run,
/// and begins again. `polls` 0 drops it unpolled.
pub(crate) async fn cut<F, Fut>(polls: usize, mut make: F) -> Fut::Output
where
    F: FnMut() -> Fut,
    Fut: Future,
{
    {
        let mut attempt = Box::pin(make());
        let mut left = polls;
        let result = poll_fn(|cx| {
            if left == 0 {
                return Poll::Ready(None);
            }
            left -= 1;
            let result = attempt.as_mut().poll(cx).map(Some);
            if result.is_pending() && left == 0 {
                // Cancelled at the next turn: whatever it is granted until then must not be lost.
                cx.waker().wake_by_ref();
            }
            result
        })
        .await;
        if let Some(value) = result {
            return value;
        }
    }
    turn().await;
    make().await
}

type Task = Pin<Box<dyn Future<Output = ()>>>;

struct Ready(std::sync::Mutex<VecDeque<usize>>);

struct TaskWaker {
    ready: Arc<Ready>,
    index: usize,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        let mut ready = self.ready.0.lock().unwrap();
        if !ready.contains(&self.index) {
            ready.push_back(self.index);
        }
    }
}

/// Polls tasks in the order in which they are woken, and no others.
pub(crate) struct Exec {
    tasks: RefCell<Vec<Option<Task>>>,
    ready: Arc<Ready>,
    /// Polls everybody in every round besides: a future must stand that too.
    pub(crate) spurious: Cell<bool>,
}

impl Exec {
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self {
            tasks: RefCell::default(),
            ready: Arc::new(Ready(std::sync::Mutex::default())),
            spurious: Cell::new(false),
        })
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        let mut tasks = self.tasks.borrow_mut();
        self.ready.0.lock().unwrap().push_back(tasks.len());
        tasks.push(Some(Box::pin(task)));
    }

    fn poll(&self, index: usize) {
        let Some(mut task) = self.tasks.borrow_mut()[index].take() else {
            return;
        };
        let waker = Waker::from(Arc::new(TaskWaker {
            ready: Arc::clone(&self.ready),
            index,
        }));
        if task
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
        {
            self.tasks.borrow_mut()[index] = Some(task);
        }
    }

    /// Runs until all tasks have ended.
    #[track_caller]
    pub(crate) fn run(&self) {
        loop {
            let next = self.ready.0.lock().unwrap().pop_front();
            match next {
                Some(index) => self.poll(index),
                None => break,
            }
            if self.spurious.get() {
                let tasks = self.tasks.borrow().len();
                (0..tasks).for_each(|index| self.poll(index));
            }
        }
        let left = self.tasks.borrow().iter().flatten().count();
        assert_eq!(left, 0, "{left} tasks sleep for ever: a wake-up was lost");
    }
}

/// Runs a scenario for every number of polls after which its awaits are cancelled, with wakes that
/// are told only once and with spurious polls.
#[track_caller]
pub(crate) fn every_cut(most: usize, scenario: impl Fn(&Rc<Exec>, usize)) {
    for spurious in [false, true] {
        for polls in 0..=most {
            let exec = Exec::new();
            exec.spurious.set(spurious);
            scenario(&exec, polls);
            exec.run();
        }
    }
}
