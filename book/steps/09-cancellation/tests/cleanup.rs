//! A cleanup that waits runs to its end, however its future ends.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use step09::{block_on, finally, sleep, spawn, timeout, yield_now};

/// Tells the other side goodbye, which takes a while.
async fn goodbye(log: Rc<RefCell<Vec<&'static str>>>) {
    log.borrow_mut().push("goodbye");
    sleep(Duration::from_millis(2)).await;
    log.borrow_mut().push("answered");
}

type Log = Rc<RefCell<Vec<&'static str>>>;

// ANCHOR: after
#[test]
fn code_after_the_await_does_not_run() {
    let log = Log::default();
    block_on(async {
        let inner = Rc::clone(&log);
        let talk = async move {
            pending::<()>().await;
            goodbye(inner).await;
        };
        assert!(timeout(Duration::from_millis(1), talk).await.is_err());
    });
    assert!(log.borrow().is_empty());
}
// ANCHOR_END: after

// ANCHOR: block_in_drop
#[test]
#[should_panic(expected = "block_on inside of block_on")]
fn a_destructor_cannot_wait() {
    struct Goodbye(Log);
    impl Drop for Goodbye {
        fn drop(&mut self) {
            block_on(goodbye(Rc::clone(&self.0)));
        }
    }
    block_on(async { drop(Goodbye(Log::default())) });
}
// ANCHOR_END: block_in_drop

// ANCHOR: spawn_in_drop
#[test]
fn what_a_destructor_spawns_may_be_dropped_before_its_end() {
    struct Goodbye(Log);
    impl Drop for Goodbye {
        fn drop(&mut self) {
            drop(spawn(goodbye(Rc::clone(&self.0))));
        }
    }
    let log = Log::default();
    block_on(async {
        let guard = Goodbye(Rc::clone(&log));
        drop(guard);
        yield_now().await;
    }); // the end of the program
    assert_eq!(*log.borrow(), ["goodbye"], "no answer was awaited");
}
// ANCHOR_END: spawn_in_drop

// ANCHOR: finally
#[test]
fn a_cleanup_runs_when_its_future_is_dropped() {
    let log = Log::default();
    block_on(async {
        let talk = finally(pending::<()>(), goodbye(Rc::clone(&log)));
        assert!(timeout(Duration::from_millis(1), talk).await.is_err());
        log.borrow_mut().push("main ends");
    });
    assert_eq!(*log.borrow(), ["main ends", "goodbye", "answered"]);
}
// ANCHOR_END: finally

#[test]
fn a_cleanup_runs_when_its_future_is_ready() {
    let log = Log::default();
    block_on(async {
        assert_eq!(finally(async { 7 }, goodbye(Rc::clone(&log))).await, 7);
        assert_eq!(*log.borrow(), ["goodbye", "answered"]);
    });
}

#[test]
fn a_cleanup_that_is_cancelled_half_way_goes_on() {
    let log = Log::default();
    block_on(async {
        let talk = finally(async {}, goodbye(Rc::clone(&log)));
        assert!(timeout(Duration::from_millis(1), talk).await.is_err());
        assert_eq!(*log.borrow(), ["goodbye"]);
    });
    assert_eq!(*log.borrow(), ["goodbye", "answered"]);
}

#[test]
fn the_end_of_block_on_waits_for_the_cleanups_of_the_tasks_that_it_drops() {
    let log = Log::default();
    block_on(async {
        drop(spawn(finally(pending::<()>(), goodbye(Rc::clone(&log)))));
        yield_now().await; // it has begun
    });
    assert_eq!(*log.borrow(), ["goodbye", "answered"]);
}

#[test]
fn a_task_that_never_began_has_nothing_to_clean_up() {
    let log = Log::default();
    block_on(async {
        drop(spawn(finally(pending::<()>(), goodbye(Rc::clone(&log)))));
    });
    assert!(log.borrow().is_empty());
}

#[test]
fn cleanups_run_side_by_side() {
    let both = Rc::new(Cell::new(0));
    block_on(async {
        for _ in 0..2 {
            let both = Rc::clone(&both);
            // Each waits until the other has begun.
            let cleanup = async move {
                both.set(both.get() + 1);
                while both.get() < 2 {
                    yield_now().await;
                }
            };
            drop(spawn(finally(pending::<()>(), cleanup)));
        }
        yield_now().await;
    });
    assert_eq!(both.get(), 2);
}
