//! Futures that are ready when they are told, and count how often they are polled.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Ready when it is told; counts its polls.
#[derive(Default)]
pub(crate) struct Gate {
    open: Cell<bool>,
    pub(crate) polls: Cell<u32>,
    waker: RefCell<Option<Waker>>,
}

impl Gate {
    pub(crate) fn open(&self) {
        self.open.set(true);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        self.polls.set(self.polls.get() + 1);
        if self.open.get() {
            return Poll::Ready(());
        }
        self.waker.replace(Some(cx.waker().clone()));
        Poll::Pending
    }
}

pub(crate) fn gates(count: usize) -> Rc<Vec<Gate>> {
    Rc::new((0..count).map(|_| Gate::default()).collect())
}

pub(crate) fn polls(gates: &[Gate]) -> u32 {
    gates.iter().map(|gate| gate.polls.get()).sum()
}
