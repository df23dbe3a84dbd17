//! `bracket`: a resource, a body that borrows it, a cleanup that gets it back.
//!
//! Why: `finally`'s cleanup cannot touch what its future borrows.

use std::future::poll_fn;
use std::panic::resume_unwind;
use std::pin::pin;
use std::task::Poll;
use std::thread;

use super::ward::{Armed, Ward};
use crate::executor::extra::cleanup::Boxed;

/// Lends `resource` to `body`, and when that ends, **however** it ends, gives it to `cleanup`.
/// Returns what `body` gave.
///
/// As with [`finally`](super::finally) the cleanup is armed by this call, shielded, and awaited by
/// the canceller; see [the module](crate::cancel). `body` may borrow from its surroundings;
/// resource and cleanup are `'static`, since they outlive a cancelled caller.
///
/// asyncio's `async with`; Haskell's `bracket`.
///
/// # Panics
/// With what `body` panicked with, after the cleanup.
///
/// ```
/// use myrt::time::{Duration, sleep};
/// myrt::run(async {
///     let numbers = vec![1, 2, 3];
///     let sum = myrt::bracket(
///         String::from("log: "),                    // acquired before
///         async |log| {
///             log.push_str("summing");
///             numbers.iter().sum::<i32>()
///         },
///         async |log| {                              // released after
///             sleep(Duration::from_millis(1)).await;
///             assert_eq!(log, "log: summing");
///         },
///     );
///     assert_eq!(sum.await, 6);
/// });
/// ```
#[doc(alias = "async with")]
#[doc(alias = "contextmanager")]
pub fn bracket<R, B, C, T>(resource: R, body: B, cleanup: C) -> impl Future<Output = T>
where
    R: 'static,
    B: AsyncFnOnce(&mut R) -> T,
    C: AsyncFnOnce(R) + 'static,
{
    let ward = Ward::new(WithResource { resource, cleanup });
    async move {
        let mut ward = ward;
        let result = run(&mut ward, body).await;
        ward.begin();
        poll_fn(|cx| ward.poll_cleanup(cx)).await;
        match result {
            Ok(output) => output,
            Err(panic) => resume_unwind(panic),
        }
    }
}

/// Runs the body on the armed resource, to its end.
async fn run<R, B, C, T>(ward: &mut Ward<WithResource<R, C>>, body: B) -> thread::Result<T>
where
    R: 'static,
    B: AsyncFnOnce(&mut R) -> T,
    C: AsyncFnOnce(R) + 'static,
{
    let (armed, inner) = ward.split();
    let armed = armed.expect("it is armed until the body has ended");
    let mut body = pin!(Some(body(&mut armed.resource)));
    let result = poll_fn(|cx| match body.as_mut().as_pin_mut() {
        Some(body) => inner.poll(cx, |cx| body.poll(cx)),
        None => Poll::Pending,
    })
    .await;
    inner.end(result, || body.set(None))
}

struct WithResource<R, C> {
    resource: R,
    cleanup: C,
}

impl<R: 'static, C: AsyncFnOnce(R) + 'static> Armed for WithResource<R, C> {
    fn start(self) -> Boxed {
        Box::pin(async move { (self.cleanup)(self.resource).await })
    }
}
