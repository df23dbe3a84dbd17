//! Both futures run, the longer one decides, and the shorter is not polled after its end.

use exercises_01::both::Both;
use step01::{Countdown, spin, two_steps};

#[test]
fn the_longer_one_decides() {
    assert_eq!(spin(Both::new(Countdown { left: 2 }, Countdown { left: 5 })).1, 6);
    assert_eq!(spin(Both::new(Countdown { left: 5 }, Countdown { left: 2 })).1, 6);
}

#[test]
fn outputs_keep_their_places() {
    let (outputs, _) = spin(Both::new(async { 1 }, Countdown { left: 1 }));
    assert_eq!(outputs, (1, "lift-off"));
}

#[test]
fn one_that_is_done_is_not_polled_again() {
    // An async fn panics when it is polled after its end.
    spin(Both::new(two_steps(), Countdown { left: 50 }));
}
