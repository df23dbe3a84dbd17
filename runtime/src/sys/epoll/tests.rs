//! What only epoll has: the older call, and what its two armed kinds spare the kernel.
//!
//! The contract as a whole is checked in `sys/tests.rs`, over these backends as over the others.

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::{Armed, Edge};
use crate::sys::Interest;
use crate::sys::clock::monotonic_ns;

#[test]
fn r23_without_epoll_pwait2_times_are_rounded_up_too() {
    let mut edge = Edge::new().expect("a selector opens");
    edge.queue.nanoseconds = false;
    let mut events = Vec::new();
    for timeout in [1, 300_000, 1_000_001] {
        let start = monotonic_ns();
        edge.wait(&mut events, 1, Some(Duration::from_nanos(timeout)))
            .expect("wait");
        assert!(monotonic_ns() - start >= timeout);
    }
    edge.notifier().notify();
    edge.wait(&mut events, 1, Some(Duration::MAX))
        .expect("a time too long for the call is cut");
}

/// The number of `epoll_ctl` calls for ten rounds of wait, read and arm again.
fn controls_of_ten_rounds(mut armed: Armed) -> u64 {
    let (mut ours, mut theirs) = UnixStream::pair().expect("a socket pair");
    let mut events = Vec::new();
    armed
        .add(ours.as_raw_fd(), 7, Interest::READABLE)
        .expect("add");
    let before = armed.syscalls().controls;
    for _ in 0..10 {
        theirs.write_all(b"x").expect("write");
        armed.wait(&mut events, 8, None).expect("wait");
        assert_eq!(events.len(), 1);
        events.clear();
        ours.read_exact(&mut [0]).expect("read");
        armed
            .modify(ours.as_raw_fd(), 7, Interest::READABLE)
            .expect("modify");
    }
    armed.syscalls().controls - before
}

#[test]
fn level_triggered_epoll_needs_no_call_to_arm_what_was_armed() {
    assert_eq!(
        controls_of_ten_rounds(Armed::level().expect("a selector opens")),
        0
    );
}

#[test]
fn oneshot_epoll_needs_one_call_a_delivery() {
    // The tenth is put off until a wait that does not come.
    assert_eq!(
        controls_of_ten_rounds(Armed::oneshot().expect("a selector opens")),
        9
    );
}
