//! Children of a scope borrow, end together, and never outlive it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use step10::{block_on, gather, scope, select, yield_now};

// ANCHOR: borrow
#[test]
fn children_borrow_what_is_older_than_the_scope() {
    block_on(async {
        let sum = Cell::new(0); // no Rc
        let result = scope(async |s| {
            for n in 1..=3 {
                let sum = &sum;
                s.spawn(async move {
                    yield_now().await;
                    sum.set(sum.get() + n);
                    Ok::<(), String>(())
                });
            }
            Ok(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(sum.get(), 6);
    });
}
// ANCHOR_END: borrow

/// Writes its name down when it is dropped.
struct Noted(&'static str, Rc<RefCell<Vec<&'static str>>>);

impl Drop for Noted {
    fn drop(&mut self) {
        self.1.borrow_mut().push(self.0);
    }
}

#[test]
fn the_first_error_cancels_the_rest_before_the_scope_returns() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let inner = Rc::clone(&log);
    block_on(async move {
        let result = scope(async |s| {
            let noted = Noted("waiting child", Rc::clone(&inner));
            s.spawn(async move {
                let _noted = noted;
                std::future::pending().await
            });
            s.spawn(async { Err("broken") });
            Ok(())
        });
        assert_eq!(result.await, Err("broken"));
        inner.borrow_mut().push("after the scope");
    });
    assert_eq!(*log.borrow(), ["waiting child", "after the scope"]);
}

#[test]
fn a_child_may_begin_while_others_run() {
    block_on(async {
        let ended = Cell::new(0);
        let result = scope(async |s| {
            for _ in 0..3 {
                yield_now().await; // the body waits, children block_on
                let ended = &ended;
                s.spawn(async move {
                    ended.set(ended.get() + 1);
                    Ok::<(), ()>(())
                });
            }
            Ok(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(ended.get(), 3);
    });
}

#[test]
fn outputs_keep_the_order_of_the_arguments() {
    block_on(async {
        let outputs = gather([3, 1, 2].map(|yields| async move {
            for _ in 0..yields {
                yield_now().await;
            }
            yields
        }));
        assert_eq!(outputs.await, [3, 1, 2]);
    });
}

#[test]
fn nothing_to_gather_is_ready_at_once() {
    block_on(async {
        assert_eq!(gather(Vec::<std::future::Ready<()>>::new()).await, []);
    });
}

#[test]
fn the_loser_of_a_select_is_dropped() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let inner = Rc::clone(&log);
    block_on(async move {
        let noted = Noted("loser", Rc::clone(&inner));
        let loser = async move {
            let _noted = noted;
            std::future::pending::<()>().await;
        };
        select(loser, yield_now()).await;
        inner.borrow_mut().push("after the select");
    });
    assert_eq!(*log.borrow(), ["loser", "after the select"]);
}
