//! A convoy has one task at its head; a circle ends; who waits for nobody is no blocker.

use std::collections::BTreeMap;

use exercises_13::blocker::blocker;
use step13::waits::{Task, Wait};

/// Tasks by key, each with the keys that it waits for. 0 is the clock.
fn tasks(waits: &[(u64, &[u64])]) -> BTreeMap<u64, Task> {
    let wait = |on: &u64| Wait { what: "a permit", at: None, on: Some(*on).filter(|on| *on != 0) };
    let task = |on: &[u64]| Task { spawned: None, waits: on.iter().map(wait).collect() };
    waits.iter().map(|(key, on)| (*key, task(on))).collect()
}

#[test]
fn the_head_of_a_convoy_is_found() {
    let convoy = tasks(&[(1, &[0]), (2, &[1]), (3, &[2]), (4, &[3]), (5, &[])]);
    assert_eq!(blocker(&convoy), Some((1, 3)));
}

#[test]
fn waits_by_way_of_others_count_once() {
    let diamond = tasks(&[(1, &[]), (2, &[1]), (3, &[1]), (4, &[2, 3])]);
    assert_eq!(blocker(&diamond), Some((1, 3)));
}

#[test]
fn without_waits_for_tasks_there_is_none() {
    assert_eq!(blocker(&tasks(&[(1, &[0]), (2, &[])])), None);
}

#[test]
fn a_circle_ends() {
    let circle = tasks(&[(1, &[2]), (2, &[3]), (3, &[1]), (4, &[1])]);
    assert_eq!(blocker(&circle), Some((1, 3)), "2, 3 and 4 wait for it, and no task for itself");
}
