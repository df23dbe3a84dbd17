//! The executor: polls the tasks that are ready.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use crate::ready_queue::ReadyQueue;

// ANCHOR: waker
/// Puts its task into the ready queue.
struct TaskWaker {
    task: usize,
    ready: Arc<ReadyQueue>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.ready.push(self.task);
    }
}
// ANCHOR_END: waker

// ANCHOR: executor
/// Runs tasks, on the thread that calls `run`.
#[derive(Default)]
pub struct Executor {
    tasks: Vec<Option<Pin<Box<dyn Future<Output = ()>>>>>,
    ready: Arc<ReadyQueue>,
}

impl Executor {
    /// Adds a task. It is polled when `run` comes to it.
    pub fn spawn(&mut self, future: impl Future<Output = ()> + 'static) {
        self.ready.push(self.tasks.len());
        self.tasks.push(Some(Box::pin(future)));
    }

    /// Polls until no task is ready. Returns how many are left: they wait for a wake.
    pub fn run(&mut self) -> usize {
        while let Some(number) = self.ready.pop() {
            self.poll(number);
        }
        self.tasks.iter().flatten().count()
    }

    fn poll(&mut self, number: usize) {
        let Some(task) = &mut self.tasks[number] else {
            return;
        }; // it has ended: a late wake
        let waker = TaskWaker { task: number, ready: Arc::clone(&self.ready) };
        let waker = Waker::from(Arc::new(waker));
        if task.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            self.tasks[number] = None;
        }
    }
}
// ANCHOR_END: executor
