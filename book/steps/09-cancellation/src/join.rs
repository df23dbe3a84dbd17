//! Handles: the result of a task, for the one that waits for it.

use std::any::Any;
use std::cell::RefCell;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Weak;
use std::task::{Context, Poll, Waker};

use crate::executor::{self, TaskWaker};

/// The task has no output: it panicked with this, or it was cancelled.
#[derive(Debug)]
pub struct JoinError {
    pub panic: Option<Box<dyn Any + Send>>,
}

// ANCHOR: handle
/// What task and handle share.
struct Shared<T> {
    result: Option<Result<T, JoinError>>,
    waiting: Option<Waker>,
}

/// Waits for a task. Dropped, it lets the task run on without it.
pub struct JoinHandle<T> {
    shared: Rc<RefCell<Shared<T>>>,
    task: Weak<TaskWaker>,
}

impl<T> JoinHandle<T> {
    /// Drops the task's future before this returns. A task that cancels itself ends with its poll.
    pub fn cancel(&self) {
        executor::current().cancel(&self.task);
    }
}

// ANCHOR: completion
/// The task's side. Dropped without a result, it says that the task was cancelled.
struct Completion<T>(Rc<RefCell<Shared<T>>>);

impl<T> Drop for Completion<T> {
    fn drop(&mut self) {
        let mut shared = self.0.borrow_mut();
        shared.result.get_or_insert(Err(JoinError { panic: None })); // a result that is there stays
        let waiting = shared.waiting.take();
        drop(shared);
        waiting.into_iter().for_each(Waker::wake);
    }
}
// ANCHOR_END: completion

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut shared = self.shared.borrow_mut();
        match shared.result.take() {
            Some(result) => Poll::Ready(result),
            None => {
                shared.waiting = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}
// ANCHOR_END: handle

// ANCHOR: spawn
/// Starts a task on the executor that runs on this thread.
#[track_caller]
pub fn spawn<F: Future<Output: 'static> + 'static>(future: F) -> JoinHandle<F::Output> {
    let shared = Rc::new(RefCell::new(Shared { result: None, waiting: None }));
    let completion = Completion(Rc::clone(&shared));
    let task = executor::current().add(Box::pin(async move {
        let mut future = pin!(future);
        let result = poll_fn(|cx| {
            match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
                Ok(answer) => answer.map(Ok),
                Err(panic) => Poll::Ready(Err(JoinError { panic: Some(panic) })), // it is not polled again
            }
        })
        .await;
        completion.0.borrow_mut().result = Some(result);
    }));
    JoinHandle { shared, task }
}
// ANCHOR_END: spawn
