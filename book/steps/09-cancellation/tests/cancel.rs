//! A cancelled task runs no further, its destructors run at once, and its handle says so.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use step09::{JoinError, JoinHandle, block_on, sleep, spawn, timeout, yield_now};

type Log = Rc<RefCell<Vec<&'static str>>>;

fn is_cancelled<T>(result: Result<T, JoinError>) -> bool {
    result.is_err_and(|error| error.panic.is_none())
}

/// Writes its name down when it is dropped.
struct Noted(&'static str, Log);

impl Drop for Noted {
    fn drop(&mut self) {
        self.1.borrow_mut().push(self.0);
    }
}

// ANCHOR: order
#[test]
fn destructors_run_and_the_rest_does_not() {
    let log = Log::default();
    let says = Rc::clone(&log);
    block_on(async {
        let inner = Rc::clone(&says);
        let task = spawn(async move {
            let _first = Noted("first", Rc::clone(&inner));
            let _second = Noted("second", Rc::clone(&inner));
            pending::<()>().await;
            inner.borrow_mut().push("after the await");
        });
        yield_now().await; // now it waits
        task.cancel();
        says.borrow_mut().push("cancel has returned");
        assert!(is_cancelled(task.await));
    });
    assert_eq!(*log.borrow(), ["second", "first", "cancel has returned"]);
}
// ANCHOR_END: order

#[test]
fn a_task_that_has_ended_keeps_its_result() {
    block_on(async {
        let task = spawn(async { 7 });
        yield_now().await;
        task.cancel();
        assert_eq!(task.await.unwrap(), 7);
    });
}

#[test]
fn a_task_that_was_never_polled_is_dropped_too() {
    block_on(async {
        let held = Rc::new(());
        let hold = Rc::clone(&held);
        let task = spawn(async move { drop(hold) });
        task.cancel();
        assert_eq!(Rc::strong_count(&held), 1);
        assert!(is_cancelled(task.await));
    });
}

#[test]
fn a_late_cancel_does_not_hit_the_next_task_in_that_place() {
    block_on(async {
        let first = spawn(async {});
        yield_now().await; // it has ended: its place is free
        let second = spawn(async { "untouched" });
        first.cancel();
        assert_eq!(second.await.unwrap(), "untouched");
    });
}

// ANCHOR: itself
#[test]
fn a_task_that_cancels_itself_ends_at_its_next_await() {
    block_on(async {
        let own = Rc::new(RefCell::new(None::<JoinHandle<()>>));
        let reached = Rc::new(Cell::new(0));
        let (mine, at) = (Rc::clone(&own), Rc::clone(&reached));
        let task = spawn(async move {
            mine.borrow().as_ref().unwrap().cancel(); // it is being polled: it cannot be dropped yet
            at.set(1);
            yield_now().await;
            at.set(2);
        });
        *own.borrow_mut() = Some(task);
        yield_now().await;
        yield_now().await;
        let task = own.take().unwrap();
        assert!(is_cancelled(task.await));
        assert_eq!(reached.get(), 1);
    });
}
// ANCHOR_END: itself

#[test]
fn a_destructor_may_spawn_and_cancel() {
    struct Spawns(Rc<Cell<bool>>, JoinHandle<()>);
    impl Drop for Spawns {
        fn drop(&mut self) {
            self.1.cancel();
            let ran = Rc::clone(&self.0);
            drop(spawn(async move { ran.set(true) }));
        }
    }
    block_on(async {
        let ran = Rc::new(Cell::new(false));
        let guard = Spawns(Rc::clone(&ran), spawn(pending()));
        let task = spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        yield_now().await;
        task.cancel();
        yield_now().await;
        assert!(ran.get());
    });
}

#[test]
fn a_timeout_drops_what_it_waited_for() {
    block_on(async {
        let held = Rc::new(());
        let hold = Rc::clone(&held);
        let slow = async move {
            let _hold = hold;
            sleep(Duration::from_secs(3600)).await;
        };
        assert!(timeout(Duration::from_millis(1), slow).await.is_err());
        assert_eq!(Rc::strong_count(&held), 1);
        assert_eq!(timeout(Duration::from_secs(3600), async { 7 }).await, Ok(7));
    });
}
