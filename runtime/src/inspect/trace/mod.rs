//! What everybody is doing: read from the task table, never by polling a task.
//!
//! It exists so that "what is everybody waiting for?" has an answer at any moment, on any thread,
//! also while the loop is blocked. It reads what polls and leaf futures wrote anyway; it must not
//! change anything.

mod graph;
pub(crate) mod json;
mod snapshot;

pub use graph::{Graph, graph};
pub(crate) use graph::{in_words, title, wait_to_json};
pub(crate) use snapshot::row;
pub use snapshot::{State, TaskInfo, all};
