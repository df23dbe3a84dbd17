//! Two futures at once, by hand.
#![allow(unused_variables, unused_mut, dead_code, reason = "an exercise that is not done yet")]

use std::pin::Pin;
use std::task::{Context, Poll};

/// Polls two futures, and is done when both are. A future that is done is not polled again.
pub struct Both<A: Future, B: Future> {
    a: (Pin<Box<A>>, Option<A::Output>),
    b: (Pin<Box<B>>, Option<B::Output>),
}

impl<A: Future, B: Future> Both<A, B> {
    pub fn new(a: A, b: B) -> Self {
        Self { a: (Box::pin(a), None), b: (Box::pin(b), None) }
    }
}

impl<A: Future<Output: Unpin>, B: Future<Output: Unpin>> Future for Both<A, B> {
    type Output = (A::Output, B::Output);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        todo!("poll each that has no output yet; with both outputs, return them")
    }
}
