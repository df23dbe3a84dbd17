//! Handles: the result of a task, for the one that waits for it.

use std::any::Any;
use std::cell::RefCell;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::executor;

/// The task has panicked. Holds what the panic said.
#[derive(Debug)]
pub struct JoinError {
    pub panic: Box<dyn Any + Send>,
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
}

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
    let handle = JoinHandle { shared: Rc::clone(&shared) };
    executor::current().add(Box::pin(async move {
        let mut future = pin!(future);
        let result = poll_fn(|cx| {
            match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
                Ok(answer) => answer.map(Ok),
                Err(panic) => Poll::Ready(Err(JoinError { panic })), // it is not polled again
            }
        })
        .await;
        shared.borrow_mut().result = Some(result);
        let waiting = shared.borrow_mut().waiting.take();
        if let Some(waker) = waiting {
            waker.wake();
        }
    }));
    handle
}
// ANCHOR_END: spawn
