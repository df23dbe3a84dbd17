//! Two futures at once, by hand.

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

fn poll_one<F: Future>(one: &mut (Pin<Box<F>>, Option<F::Output>), cx: &mut Context<'_>) {
    if one.1.is_some() {
        return;
    }
    if let Poll::Ready(output) = one.0.as_mut().poll(cx) {
        one.1 = Some(output);
    }
}

impl<A: Future<Output: Unpin>, B: Future<Output: Unpin>> Future for Both<A, B> {
    type Output = (A::Output, B::Output);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        poll_one(&mut self.a, cx);
        poll_one(&mut self.b, cx);
        if self.a.1.is_none() || self.b.1.is_none() {
            return Poll::Pending;
        }
        let done = "polled after it was done";
        Poll::Ready((self.a.1.take().expect(done), self.b.1.take().expect(done)))
    }
}
