//! All who wait are woken, once, and who comes later does not wait.

use std::cell::Cell;
use std::rc::Rc;

use exercises_02::event::Event;
use step02::{Executor, yield_now};

#[test]
fn all_who_wait_are_woken() {
    let (event, passed) = (Rc::new(Event::default()), Rc::new(Cell::new(0)));
    let mut executor = Executor::default();
    for _ in 0..3 {
        let (event, passed) = (Rc::clone(&event), Rc::clone(&passed));
        executor.spawn(async move {
            event.wait().await;
            passed.set(passed.get() + 1);
        });
    }
    assert_eq!(executor.run(), 3);
    event.set();
    assert_eq!(executor.run(), 0);
    assert_eq!(passed.get(), 3);
}

#[test]
fn who_comes_later_does_not_wait() {
    let event = Rc::new(Event::default());
    let mut executor = Executor::default();
    let set = Rc::clone(&event);
    executor.spawn(async move { set.set() });
    executor.spawn(async move {
        yield_now().await;
        event.wait().await;
    });
    assert_eq!(executor.run(), 0);
}
