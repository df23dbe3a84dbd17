//! The first that succeeds.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

/// Runs all of them. Returns the first success, at once: the others are dropped. When all fail,
/// returns their errors, in the order in which they came.
pub async fn first_ok<'a, T, E>(
    mut futures: Vec<Pin<Box<dyn Future<Output = Result<T, E>> + 'a>>>,
) -> Result<T, Vec<E>> {
    let mut errors = Vec::new();
    poll_fn(|cx| {
        let mut success = None;
        futures.retain_mut(|future| {
            if success.is_some() {
                return true; // not polled: it is over
            }
            match future.as_mut().poll(cx) {
                Poll::Ready(Ok(output)) => success = Some(output),
                Poll::Ready(Err(error)) => errors.push(error),
                Poll::Pending => return true,
            }
            false
        });
        match success {
            Some(output) => Poll::Ready(Ok(output)),
            None if futures.is_empty() => Poll::Ready(Err(std::mem::take(&mut errors))),
            None => Poll::Pending,
        }
    })
    .await
}
