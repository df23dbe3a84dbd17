//! What the chapter shows of step 1: its run, its figure, its measurement.

use std::cell::RefCell;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use draw::{Kind, Log};
use step01::{Countdown, TwoSteps, spin, two_steps};
use sys::count::{allocations, instructions, table};

// ANCHOR: lazy
async fn noisy(says: &RefCell<Vec<&'static str>>) {
    says.borrow_mut().push("the body begins");
    Countdown { left: 1 }.await;
    says.borrow_mut().push("the body goes on");
}

fn lazy() -> Vec<&'static str> {
    let says = RefCell::new(Vec::new());
    let mut future = pin!(noisy(&says));
    says.borrow_mut().push("called");
    let mut cx = Context::from_waker(Waker::noop());
    let _ = future.as_mut().poll(&mut cx);
    says.borrow_mut().push("polled once");
    let _ = future.as_mut().poll(&mut cx);
    says.take()
}
// ANCHOR_END: lazy

pub fn run() {
    println!("{}", lazy().join("\n"));
    println!("async fn: {:?}", spin(two_steps()));
    println!("by hand:  {:?}", spin(TwoSteps::Start));
    println!("bytes: {} async fn, {} by hand", size_of_val(&two_steps()), size_of::<TwoSteps>());
}

/// Writes down each poll of the future inside.
struct Watched<'a, F> {
    name: &'static str,
    inner: Pin<Box<F>>,
    log: &'a RefCell<Vec<(&'static str, bool)>>,
}

impl<F: Future> Future for Watched<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let answer = self.inner.as_mut().poll(cx);
        self.log.borrow_mut().push((self.name, answer.is_ready()));
        answer
    }
}

pub fn figure() -> String {
    let seen = RefCell::new(Vec::new());
    let watched = |name, left| Watched { name, inner: Box::pin(Countdown { left }), log: &seen };
    let both = async {
        watched("first", 1).await;
        watched("second", 2).await;
    };
    let whole = Watched { name: "two_steps", inner: Box::pin(both), log: &seen };
    spin(whole);
    let mut log = Log::new("poll");
    let mut poll = 0.0;
    log.lanes(&["two_steps", "first", "second"]);
    for (name, ready) in seen.take() {
        let answer = if ready { "Ready" } else { "Pending" };
        log.span(name, poll, poll + 0.9, Kind::Run, answer);
        if name == "two_steps" {
            poll += 1.0;
        }
    }
    log.svg("Each poll of the outer future polls the inner one at which it waits")
}

/// Runs it such that the compiler cannot tell what it is.
fn polled<F: Future>(future: F) {
    std::hint::black_box(spin(std::hint::black_box(future)));
}

pub fn measure() -> String {
    let row = |f: fn()| vec![instructions(f), Some(allocations(f))];
    table(
        &["instructions", "allocations"],
        &[
            ("`two_steps()`, never polled", row(|| drop(std::hint::black_box(two_steps())))),
            ("`spin(two_steps())`, 4 polls", row(|| polled(two_steps()))),
            ("`spin(TwoSteps::Start)`, 4 polls", row(|| polled(TwoSteps::Start))),
            ("`spin(Countdown { left: 100 })`, 101 polls", row(|| polled(Countdown { left: 100 }))),
        ],
    )
}
