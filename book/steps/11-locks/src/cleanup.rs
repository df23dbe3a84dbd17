//! Futures that end early, and what must run all the same.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use crate::{executor, sleep, spawn};

// ANCHOR: timeout
/// The time was over before the future was ready.
#[derive(Debug, PartialEq, Eq)]
pub struct Elapsed;

/// Waits for `future`, and for `limit` at most. Then the future is dropped, before this returns.
pub async fn timeout<F: Future>(limit: Duration, future: F) -> Result<F::Output, Elapsed> {
    let (mut future, mut sleep) = (pin!(future), pin!(sleep(limit)));
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Ok(output)),
        Poll::Pending => sleep.as_mut().poll(cx).map(|()| Err(Elapsed)),
    })
    .await
}
// ANCHOR_END: timeout

// ANCHOR: finally
/// A cleanup that is armed. Dropped before its end, it leaves the rest to a task of its own.
struct Cleanup(Option<Pin<Box<dyn Future<Output = ()>>>>);

impl Cleanup {
    async fn run(mut self) {
        if let Some(cleanup) = &mut self.0 {
            cleanup.await;
        }
        self.0 = None;
    }
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        if self.0.is_some() && executor::is_running() {
            drop(spawn(Self(self.0.take()).run())); // without an executor the grace is over
        }
    }
}

/// Waits for `future`, then for `then`. Once this was polled, `then` runs however `future` ends.
pub async fn finally<F: Future>(future: F, then: impl Future<Output = ()> + 'static) -> F::Output {
    let cleanup = Cleanup(Some(Box::pin(then)));
    let output = future.await;
    cleanup.run().await;
    output
}
// ANCHOR_END: finally
