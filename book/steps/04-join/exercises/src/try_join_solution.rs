//! Many handles at once, until one has failed.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use step04::{JoinError, JoinHandle};

/// The results in the order of the handles, or the first panic: as soon as it is there, whichever
/// task it is.
pub async fn try_join_all<T: Unpin>(mut handles: Vec<JoinHandle<T>>) -> Result<Vec<T>, JoinError> {
    let mut results: Vec<Option<T>> = handles.iter().map(|_| None).collect();
    poll_fn(|cx| {
        for (handle, result) in handles.iter_mut().zip(&mut results) {
            if result.is_some() {
                continue;
            }
            match Pin::new(handle).poll(cx) {
                Poll::Ready(Ok(output)) => *result = Some(output),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {}
            }
        }
        if results.iter().any(Option::is_none) {
            return Poll::Pending;
        }
        Poll::Ready(Ok(results
            .iter_mut()
            .map(|result| result.take().expect("all are there"))
            .collect()))
    })
    .await
}
