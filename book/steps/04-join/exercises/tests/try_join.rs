//! Results keep their order, and a panic ends the wait at once.

use std::rc::Rc;

use exercises_04::try_join::try_join_all;
use step04::{Event, block_on, spawn, yield_now};

#[test]
fn results_keep_their_order() {
    let results = block_on(async {
        let slow = spawn(async {
            for _ in 0..5 {
                yield_now().await;
            }
            1
        });
        try_join_all(vec![slow, spawn(async { 2 }), spawn(async { 3 })]).await
    });
    assert_eq!(results.unwrap(), [1, 2, 3]);
}

#[test]
fn a_panic_ends_it_though_others_wait() {
    let said = block_on(async {
        let never = Rc::new(Event::default());
        let waits = spawn(async move { never.wait().await });
        let panics = spawn(async { panic!("on purpose") });
        try_join_all(vec![waits, panics]).await.unwrap_err().panic
    });
    assert_eq!(said.downcast_ref::<&str>(), Some(&"on purpose"));
}
