//! Sixty safe lines that run many futures: a ready queue, and a waker that puts a task back into
//! it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

// ANCHOR: waker
/// The numbers of the tasks that are worth a poll. Wakers share it, and a waker may go to another
/// thread: hence the lock.
type Ready = Arc<Mutex<VecDeque<usize>>>;

/// Puts its task into the ready queue.
struct TaskWaker {
    task: usize,
    ready: Ready,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.ready.lock().unwrap().push_back(self.task);
    }
}
// ANCHOR_END: waker

// ANCHOR: executor
#[derive(Default)]
pub struct Executor {
    tasks: Vec<Option<Pin<Box<dyn Future<Output = ()>>>>>,
    ready: Ready,
}

impl Executor {
    /// Adds a task. It is polled when `run` comes to it.
    pub fn spawn(&mut self, future: impl Future<Output = ()> + 'static) {
        self.ready.lock().unwrap().push_back(self.tasks.len());
        self.tasks.push(Some(Box::pin(future)));
    }

    /// Polls until no task is ready. Returns how many are left: they wait for a wake that did not
    /// come.
    pub fn run(&mut self) -> usize {
        loop {
            // The lock ends here, before any poll
            let next = self.ready.lock().unwrap().pop_front();
            let Some(number) = next else { break };
            let Some(task) = &mut self.tasks[number] else {
                continue;
            }; // it has ended: a late wake
            let waker = Waker::from(Arc::new(TaskWaker {
                task: number,
                ready: Arc::clone(&self.ready),
            }));
            if task
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_ready()
            {
                self.tasks[number] = None;
            }
        }
        self.tasks.iter().flatten().count()
    }
}
// ANCHOR_END: executor

// ANCHOR: yield_now
/// Lets the other tasks run first.
pub async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref(); // "ask me again"
        Poll::Pending
    })
    .await;
}
// ANCHOR_END: yield_now
