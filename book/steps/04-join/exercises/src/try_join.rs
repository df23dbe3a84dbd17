//! Many handles at once, until one has failed.
#![allow(unused_variables, reason = "an exercise that is not done yet")]

use step04::{JoinError, JoinHandle};

/// The results in the order of the handles, or the first panic: as soon as it is there, whichever
/// task it is.
pub async fn try_join_all<T: Unpin>(handles: Vec<JoinHandle<T>>) -> Result<Vec<T>, JoinError> {
    todo!("each poll polls all handles that have no result yet")
}
