//! Ways that seem to work. The tests and the demo use them to show what is wrong.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use step11::{block_on, spawn, yield_now};

/// Any wait: a request to a bank, say.
pub async fn ask_the_bank() {
    yield_now().await;
}

// ANCHOR: lost
pub async fn withdraw(balance: Rc<Cell<i32>>) {
    let before = balance.get();
    ask_the_bank().await;
    balance.set(before - 10);
}
// ANCHOR_END: lost

/// The balance after two withdrawals of 10 from 100, side by side.
pub fn two_withdrawals() -> i32 {
    block_on(async {
        let balance = Rc::new(Cell::new(100));
        let tasks = [(), ()].map(|()| spawn(withdraw(Rc::clone(&balance))));
        for task in tasks {
            task.await.expect("it does not panic");
        }
        balance.get()
    })
}

// ANCHOR: herd
/// `release` puts the permit back and wakes all that wait. The first that is polled takes it.
#[derive(Default)]
pub struct Herd {
    taken: Cell<bool>,
    waiting: RefCell<Vec<Waker>>,
    polls: Cell<u32>,
}

impl Herd {
    async fn acquire(&self) {
        poll_fn(|cx| {
            self.polls.set(self.polls.get() + 1);
            if !self.taken.replace(true) {
                return Poll::Ready(());
            }
            self.waiting.borrow_mut().push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn release(&self) {
        self.taken.set(false);
        let waiting = self.waiting.take();
        waiting.into_iter().for_each(Waker::wake);
    }
}
// ANCHOR_END: herd

/// How often `acquire` is polled when `count` tasks wait for one permit, and each holds it across
/// an await.
pub fn polls_of_the_herd(count: usize) -> u32 {
    block_on(async {
        let herd = Rc::new(Herd::default());
        herd.acquire().await;
        let tasks: Vec<_> = (0..count)
            .map(|_| {
                let herd = Rc::clone(&herd);
                spawn(async move {
                    herd.acquire().await;
                    yield_now().await;
                    herd.release();
                })
            })
            .collect();
        yield_now().await; // now all wait
        herd.release();
        for task in tasks {
            task.await.expect("it does not panic");
        }
        herd.polls.get()
    })
}
