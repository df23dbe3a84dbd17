//! A flag for which tasks can wait.
#![allow(unused_variables, dead_code, reason = "an exercise that is not done yet")]

use std::cell::{Cell, RefCell};
use std::task::Waker;

/// Unset at first. Once set it stays so.
#[derive(Default)]
pub struct Event {
    set: Cell<bool>,
    waiting: RefCell<Vec<Waker>>,
}

impl Event {
    /// Sets it, and wakes all that wait.
    pub fn set(&self) {
        todo!("take the wakers out first, then wake them: a waker may call anything")
    }

    /// Returns when it is set.
    pub async fn wait(&self) {
        todo!("std::future::poll_fn gives you the Context")
    }
}
