//! The ready queue: the numbers of the tasks that are worth a poll. Wakers of any thread push.

use std::collections::VecDeque;
use std::sync::Mutex;

// ANCHOR: queue
#[derive(Default)]
pub(crate) struct ReadyQueue {
    tasks: Mutex<VecDeque<usize>>,
}

impl ReadyQueue {
    pub(crate) fn push(&self, task: usize) {
        self.tasks.lock().unwrap().push_back(task);
    }

    pub(crate) fn pop(&self) -> Option<usize> {
        self.tasks.lock().unwrap().pop_front()
    }
}
// ANCHOR_END: queue
