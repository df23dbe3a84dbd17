//! The ready queue: the numbers of the tasks that are worth a poll. Wakers of any thread push.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

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
    /// Sleeps until a task is in the queue, or `timeout` has passed; at times without a reason. The
    /// look and the falling asleep are one: the lock is let go only when a push wakes this thread.
    pub(crate) fn wait(&self, timeout: Option<Duration>) {
        let tasks = self.tasks.lock().unwrap();
        if !tasks.is_empty() {
            return;
        }
        match timeout {
            None => drop(self.pushed.wait(tasks).unwrap()),
            Some(timeout) => drop(self.pushed.wait_timeout(tasks, timeout).unwrap()),
        }
    }
    // ANCHOR_END: wait
}
