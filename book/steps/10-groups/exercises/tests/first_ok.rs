//! A success does not wait for the slowest, failures are passed over, and the others are dropped.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;

use exercises_10::first_ok::first_ok;
use step10::{block_on, yield_now};

type Try = Pin<Box<dyn Future<Output = Result<u32, &'static str>>>>;

/// Ends after `yields` turns.
fn after(yields: u32, result: Result<u32, &'static str>) -> Try {
    Box::pin(async move {
        for _ in 0..yields {
            yield_now().await;
        }
        result
    })
}

#[test]
fn the_first_success_wins_and_failures_are_passed_over() {
    block_on(async {
        let tries = vec![after(3, Ok(3)), after(0, Err("down")), after(2, Ok(2))];
        assert_eq!(first_ok(tries).await, Ok(2));
    });
}

#[test]
fn it_does_not_wait_for_the_slowest() {
    block_on(async {
        let never: Try = Box::pin(std::future::pending());
        assert_eq!(first_ok(vec![never, after(1, Ok(1))]).await, Ok(1));
    });
}

#[test]
fn all_errors_come_back() {
    block_on(async {
        let tries = vec![after(2, Err("late")), after(0, Err("early"))];
        assert_eq!(first_ok(tries).await, Err(vec!["early", "late"]));
    });
}

#[test]
fn the_others_are_dropped_when_one_succeeds() {
    block_on(async {
        let held = Rc::new(Cell::new(()));
        let hold = Rc::clone(&held);
        let never: Try = Box::pin(async move {
            let _hold = hold;
            std::future::pending().await
        });
        assert_eq!(first_ok(vec![never, after(1, Ok(1))]).await, Ok(1));
        assert_eq!(Rc::strong_count(&held), 1);
    });
}
