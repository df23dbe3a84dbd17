//! Ways that seem to work. The tests and the demo use them to show what is wrong.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use step10::{block_on, spawn, yield_now};

/// A gate that a future waits at. Each poll is written down: its child, and whether the gate was
/// open.
pub struct Gate {
    child: usize,
    open: Cell<bool>,
    waker: RefCell<Option<Waker>>,
    polls: Polls,
}

pub type Polls = Rc<RefCell<Vec<(usize, bool)>>>;

impl Gate {
    pub async fn pass(self: Rc<Self>) {
        poll_fn(|cx| {
            self.polls.borrow_mut().push((self.child, self.open.get()));
            if self.open.get() {
                return Poll::Ready(());
            }
            *self.waker.borrow_mut() = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn open(&self) {
        self.open.set(true);
        let waker = self.waker.take();
        waker.into_iter().for_each(Waker::wake);
    }
}

// ANCHOR: poll_all
/// All children get the task's own waker, so nothing tells which of them was woken.
pub async fn poll_all(mut children: Vec<Pin<Box<dyn Future<Output = ()>>>>) {
    poll_fn(|cx| {
        children.retain_mut(|child| child.as_mut().poll(cx).is_pending());
        if children.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
// ANCHOR_END: poll_all

/// The polls of `count` children whose gates open one after the other.
pub fn polls(
    count: usize,
    together: impl AsyncFnOnce(Vec<Rc<Gate>>) + 'static,
) -> Vec<(usize, bool)> {
    let polls = Polls::default();
    block_on(async {
        let gate = |child| {
            let polls = Rc::clone(&polls);
            Rc::new(Gate { child, open: Cell::new(false), waker: RefCell::default(), polls })
        };
        let gates: Vec<Rc<Gate>> = (0..count).map(gate).collect();
        let children = gates.clone();
        let waits = spawn(async move { together(children).await });
        yield_now().await; // now all wait
        for gate in &gates {
            gate.open();
            yield_now().await;
        }
        waits.await.expect("it does not panic");
    });
    polls.take()
}
