//! The first that succeeds.
#![allow(unused_variables, unused_mut, reason = "an exercise that is not done yet")]

use std::pin::Pin;

/// Runs all of them. Returns the first success, at once: the others are dropped. When all fail,
/// returns their errors, in the order in which they came.
pub async fn first_ok<'a, T, E>(
    mut futures: Vec<Pin<Box<dyn Future<Output = Result<T, E>> + 'a>>>,
) -> Result<T, Vec<E>> {
    todo!("poll those that are left, with poll_fn; one that has ended must not be polled again")
}
