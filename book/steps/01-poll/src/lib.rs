//! A future is a struct that can be asked whether it is done. Here it is asked by hand.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

// ANCHOR: countdown
/// Says `Pending` as often as told, then `Ready`.
pub struct Countdown {
    pub left: u32,
}

impl Future for Countdown {
    type Output = &'static str;

    fn poll(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<&'static str> {
        if self.left == 0 {
            return Poll::Ready("lift-off");
        }
        self.left -= 1;
        Poll::Pending
    }
}
// ANCHOR_END: countdown

// ANCHOR: two_steps
/// What the compiler writes, near enough.
pub async fn two_steps() -> &'static str {
    Countdown { left: 1 }.await;
    Countdown { left: 2 }.await
}

/// The same by hand: an enum with a variant for each place where it can wait.
pub enum TwoSteps {
    Start,
    First(Countdown),
    Second(Countdown),
    Done,
}

impl Future for TwoSteps {
    type Output = &'static str;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<&'static str> {
        loop {
            match &mut *self {
                Self::Start => *self = Self::First(Countdown { left: 1 }),
                Self::First(inner) => match Pin::new(inner).poll(cx) {
                    Poll::Ready(_) => *self = Self::Second(Countdown { left: 2 }),
                    Poll::Pending => return Poll::Pending,
                },
                Self::Second(inner) => {
                    let answer = Pin::new(inner).poll(cx);
                    if answer.is_ready() {
                        *self = Self::Done;
                    }
                    return answer;
                }
                Self::Done => panic!("polled after it was done"),
            }
        }
    }
}
// ANCHOR_END: two_steps

// ANCHOR: spin
/// Polls until `future` is done. Returns its output, and how many polls it took. It never waits: it
/// asks again at once.
pub fn spin<F: Future>(future: F) -> (F::Output, u32) {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    let mut polls = 0;
    loop {
        polls += 1;
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return (output, polls);
        }
    }
}
// ANCHOR_END: spin
