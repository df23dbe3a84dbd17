//! Results arrive, panics stay where they are, and what is left is dropped.

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::task::Poll;

use step04::{Event, block_on, spawn, yield_now};

#[test]
fn a_handle_gives_the_result() {
    assert_eq!(block_on(async { spawn(async { 6 * 7 }).await.unwrap() }), 42);
}

#[test]
fn the_main_future_may_borrow() {
    let text = String::from("here");
    assert_eq!(block_on(async { text.len() }), 4);
}

#[test]
fn a_panic_ends_one_task() {
    block_on(async {
        let bad = spawn(async {
            yield_now().await;
            panic!("on purpose");
        });
        let good = spawn(async {
            for _ in 0..5 {
                yield_now().await;
            }
            "good"
        });
        let error = bad.await.unwrap_err();
        assert_eq!(error.panic.downcast_ref::<&str>(), Some(&"on purpose"));
        assert_eq!(good.await.unwrap(), "good");
    });
}

#[test]
fn without_its_handle_a_task_runs_on() {
    let ran = Rc::new(Cell::new(false));
    block_on(async {
        let (event, set) = (Rc::new(Event::default()), Rc::clone(&ran));
        let done = Rc::clone(&event);
        drop(spawn(async move {
            set.set(true);
            done.set();
        }));
        event.wait().await;
    });
    assert!(ran.get());
}

#[test]
fn tasks_that_are_left_are_dropped_and_may_spawn_then() {
    struct Spawns(Rc<Cell<u32>>);
    impl Drop for Spawns {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
            drop(spawn(async {}));
        }
    }
    let dropped = Rc::new(Cell::new(0));
    block_on(async {
        let guard = Spawns(Rc::clone(&dropped));
        drop(spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        }));
        yield_now().await;
    });
    assert_eq!(dropped.get(), 1);
}

#[test]
#[should_panic(expected = "nothing has a waker")]
fn what_can_never_go_on_panics() {
    block_on(poll_fn(|_| Poll::<()>::Pending));
}

#[test]
#[should_panic(expected = "use .await")]
fn a_loop_in_a_loop_panics() {
    block_on(async { block_on(async {}) });
}

#[test]
fn a_thread_wakes_the_main_future() {
    let mut polls = 0;
    block_on(poll_fn(|cx| {
        polls += 1;
        if polls == 2 {
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        std::thread::spawn(move || waker.wake());
        Poll::Pending
    }));
}
