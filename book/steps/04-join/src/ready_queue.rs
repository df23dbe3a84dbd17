//! The ready queue: the numbers of the tasks that are worth a poll. Wakers of any thread push.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex};

#[derive(Default)]
pub(crate) struct ReadyQueue {
    tasks: Mutex<VecDeque<usize>>,
    pushed: Condvar,
}

impl ReadyQueue {
    pub(crate) fn push(&self, task: usize) {
        self.tasks.lock().unwrap().push_back(task);
        self.pushed.notify_one();
    }

    pub(crate) fn pop(&self) -> Option<usize> {
        self.tasks.lock().unwrap().pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tasks.lock().unwrap().is_empty()
    }

    // ANCHOR: wait
    /// Sleeps until a task is in the queue. The look and the falling asleep are one: `wait` lets go
    /// of the lock only when this thread is among those that a push wakes.
    pub(crate) fn wait(&self) {
        let mut tasks = self.tasks.lock().unwrap();
        while tasks.is_empty() {
            tasks = self.pushed.wait(tasks).unwrap();
        }
    }
    // ANCHOR_END: wait
}
