//! The task that most others wait for.

use std::collections::{BTreeMap, BTreeSet};

use step13::waits::Task;

/// The task for which most others wait, directly or by way of others, and how many they are. A
/// task that waits for several things waits for all of them here. None, if no task waits for
/// another. Among equals the one with the smallest key.
pub fn blocker(tasks: &BTreeMap<u64, Task>) -> Option<(u64, usize)> {
    let mut count = BTreeMap::<u64, usize>::new();
    for key in tasks.keys() {
        for blocker in reached(tasks, *key) {
            *count.entry(blocker).or_default() += 1;
        }
    }
    let most = count.values().max().copied()?;
    count.into_iter().find(|(_, waiting)| *waiting == most)
}

/// All tasks that one waits for, by way of others too; itself not.
fn reached(tasks: &BTreeMap<u64, Task>, start: u64) -> BTreeSet<u64> {
    let (mut found, mut open) = (BTreeSet::new(), vec![start]);
    while let Some(key) = open.pop() {
        let waits = tasks.get(&key).into_iter().flat_map(|task| &task.waits);
        for next in waits.filter_map(|wait| wait.on) {
            if next != start && found.insert(next) {
                open.push(next);
            }
        }
    }
    found
}
