//! The task that most others wait for.
#![allow(unused_variables, reason = "an exercise that is not done yet")]

use std::collections::BTreeMap;

use step13::waits::Task;

/// The task for which most others wait, directly or by way of others, and how many they are. A
/// task that waits for several things waits for all of them here. None, if no task waits for
/// another. Among equals the one with the smallest key.
pub fn blocker(tasks: &BTreeMap<u64, Task>) -> Option<(u64, usize)> {
    todo!("follow the waits from each task; mind the circles")
}
