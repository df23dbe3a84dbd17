//! What each task is doing: read from the task table, without polling a task.
//!
//! Why: "what is everybody waiting for?" must have an answer at any moment, on any thread, also
//! while the loop is blocked. It reads what polls and leaf futures write anyway, and changes
//! nothing.

mod graph;
pub(crate) mod json;
mod snapshot;

pub use graph::{Graph, graph};
pub(crate) use graph::{in_words, title, wait_to_json};
pub(crate) use snapshot::row;
pub use snapshot::{State, TaskInfo, all};
