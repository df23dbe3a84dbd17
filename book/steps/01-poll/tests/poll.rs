//! A future does nothing before it is polled, and the enum by hand answers as the async fn does.

use std::cell::Cell;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use step01::{Countdown, TwoSteps, spin, two_steps};

#[test]
fn a_future_is_lazy() {
    let ran = Cell::new(false);
    let future = async { ran.set(true) };
    assert!(!ran.get());
    spin(future);
    assert!(ran.get());
}

#[test]
fn a_countdown_is_asked_once_more_than_it_counts() {
    assert_eq!(spin(Countdown { left: 0 }), ("lift-off", 1));
    assert_eq!(spin(Countdown { left: 3 }), ("lift-off", 4));
}

#[test]
fn by_hand_and_by_the_compiler_answer_alike() {
    let (mut compiler, mut hand) = (pin!(two_steps()), pin!(TwoSteps::Start));
    let mut cx = Context::from_waker(Waker::noop());
    for poll in 1..=4 {
        let answer = compiler.as_mut().poll(&mut cx);
        assert_eq!(answer, hand.as_mut().poll(&mut cx));
        assert_eq!(answer, if poll == 4 { Poll::Ready("lift-off") } else { Poll::Pending });
    }
}
