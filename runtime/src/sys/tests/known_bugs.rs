//! Bugs that other runtimes had: each test is named after its row in the list, and shows that the
//! selectors do not have it, as far as a selector can. The reactor has tests of its own.

use std::fs::File;
use std::io::Write;
use std::net::Shutdown;
use std::os::fd::{AsRawFd, IntoRawFd};
use std::time::Duration;

use super::{LONG, READ, Rig, WRITE, dup_to, pair, tcp_pair, with_each};
use crate::sys::clock::monotonic_ns;
use crate::sys::cvt::{cvt, is_passing, millis, timespec};
use crate::sys::{Interest, Ready, Selector};

#[test]
fn r03_a_number_that_comes_back_by_a_duplicate_is_registered_again() {
    with_each(|rig| {
        let (ours, mut theirs) = pair();
        let number = ours.as_raw_fd();
        rig.add(&ours, 7, READ);
        let copy = ours.try_clone().expect("dup");
        // Closed without a delete, and the same open file comes back under the number: EEXIST on
        // epoll.
        dup_to(&copy, number);
        rig.add(&ours, 8, READ);
        rig.settle();
        rig.arm(&ours, 8, READ);
        theirs.write_all(b"x").expect("write");
        rig.readable(8);
        assert!(rig.events.iter().all(|event| event.token == 8));
    });
}

#[test]
fn r04_a_number_closed_behind_the_back_and_reused_is_armed_in_the_kernel() {
    with_each(|rig| {
        let (ours, _peer) = pair();
        let (other, mut others_peer) = pair();
        rig.add(&ours, 7, READ);
        rig.settle();
        rig.arm(&ours, 7, READ);
        // The number now means another socket.
        dup_to(&other, ours.as_raw_fd());
        rig.add(&ours, 8, READ);
        others_peer.write_all(b"x").expect("write");
        rig.readable(8);
    });
}

#[test]
fn r05_a_duplicate_that_outlives_the_number_does_not_spin() {
    with_each(|rig| {
        let (ours, mut theirs) = pair();
        let (other, _others_peer) = pair();
        while (&other).write(&[0; 4096]).is_ok() {}
        let number = ours.as_raw_fd();
        let copy = ours.try_clone().expect("dup");
        rig.add(&ours, 7, READ);
        rig.settle();
        rig.arm(&ours, 7, READ);
        // Closed without a delete: on epoll nobody can remove that registration any more.
        dup_to(&other, number);
        rig.poller.delete(number).expect("delete of the wrong file");
        theirs.write_all(b"x").expect("write");
        for _ in 0..3 {
            rig.poller
                .wait(&mut rig.events, 1024, Some(Duration::ZERO))
                .expect("wait");
        }
        let waits = rig.silent_for(Duration::from_millis(20));
        assert!(waits < 10, "{}: the loop spins", rig.kind());
        // The selector still works, also its notifier.
        rig.add(&copy, 9, READ);
        rig.readable(9);
        rig.settle();
        rig.poller.notifier().notify();
        rig.poller.wait(&mut rig.events, 1024, None).expect("wait");
    });
}

#[test]
fn r06_a_delete_is_effective_before_the_close() {
    with_each(|rig| {
        let (ours, mut theirs) = pair();
        let copy = ours.try_clone().expect("dup");
        rig.add(&ours, 7, READ);
        rig.settle();
        rig.arm(&ours, 7, READ);
        theirs.write_all(b"x").expect("write");
        rig.poller.delete(ours.as_raw_fd()).expect("delete");
        drop(ours);
        rig.silent();
        theirs.write_all(b"x").expect("write");
        rig.silent();
        drop(copy);
    });
}

#[test]
fn r07_a_delete_may_come_twice_and_too_late() {
    with_each(|rig| {
        let (ours, _theirs) = pair();
        let number = ours.as_raw_fd();
        rig.poller
            .delete(number)
            .expect("delete of what was never added");
        rig.add(&ours, 7, Interest::BOTH);
        rig.poller.delete(number).expect("delete");
        rig.poller.delete(number).expect("delete twice");
        rig.add(&ours, 8, Interest::BOTH);
        drop(ours);
        rig.poller.delete(number).expect("delete after close");
        rig.poller
            .delete(number)
            .expect("delete after close, twice");
        rig.silent();
    });
}

#[test]
fn r02_a_number_reused_within_a_batch_speaks_with_its_new_token_only() {
    with_each(|rig| {
        let (one, mut one_peer) = pair();
        let (two, mut two_peer) = pair();
        rig.add(&one, 1, READ);
        rig.add(&two, 2, READ);
        rig.settle();
        rig.arm(&one, 1, READ);
        rig.arm(&two, 2, READ);
        one_peer.write_all(b"x").expect("write");
        two_peer.write_all(b"x").expect("write");
        rig.poller
            .wait(&mut rig.events, 1, Some(LONG))
            .expect("wait");
        // In the handler of one of them the other is closed, and its number comes back as something
        // new.
        let first = rig.events[0].token;
        let gone = if first == 1 { &two } else { &one };
        let (new, mut new_peer) = pair();
        rig.poller.delete(gone.as_raw_fd()).expect("delete");
        dup_to(&new, gone.as_raw_fd());
        let number = gone.as_raw_fd();
        rig.add(&number, 3, READ);
        rig.poller
            .wait(&mut rig.events, 1024, Some(Duration::ZERO))
            .expect("wait");
        assert!(
            rig.events
                .iter()
                .all(|event| event.token == first || event.token == 3)
        );
        assert!(
            !rig.events
                .iter()
                .any(|event| event.token == 3 && event.ready.contains(Ready::READABLE))
        );
        new_peer.write_all(b"x").expect("write");
        rig.readable(3);
    });
}

#[test]
fn r11_half_a_hang_up_is_no_end_of_writing() {
    with_each(|rig| {
        let (ours, theirs) = tcp_pair();
        rig.add(&ours, 7, READ);
        rig.settle();
        rig.arm(&ours, 7, READ);
        theirs.shutdown(Shutdown::Write).expect("shutdown");
        let event = rig.readable(7);
        assert_eq!(event.ready.contains(Ready::READ_CLOSED), rig.tells_ends());
        assert!(!event.ready.intersects(Ready::WRITE_CLOSED | Ready::ERROR));
        // A writer whose buffer is full waits in silence.
        while (&ours).write(&[0; 65536]).is_ok() {}
        rig.settle();
        rig.arm(&ours, 7, WRITE);
        rig.settle();
        while (&ours).write(&[0; 65536]).is_ok() {}
        rig.arm(&ours, 7, WRITE);
        rig.silent();
        rig.silent();
    });
}

#[test]
fn r16_refused_files_leave_nothing_behind() {
    with_each(|rig| {
        let file = File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).expect("open");
        for _ in 0..10_000 {
            rig.poller.add(file.as_raw_fd(), 7, READ).expect("add");
        }
        rig.silent();
        let error = rig.poller.modify(file.as_raw_fd(), 7, READ);
        assert!(error.is_err() || rig.poller.is_edge());
    });
}

#[test]
fn r18_a_program_that_is_executed_inherits_nothing() {
    with_each(|rig| {
        let (ours, _theirs) = pair();
        rig.add(&ours, 7, READ);
        let Some(fd) = rig.poller.as_fd() else { return };
        // SAFETY: F_GETFD takes no pointer, and the descriptor is open.
        let flags = cvt(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFD) }).expect("fcntl");
        assert_ne!(flags & libc::FD_CLOEXEC, 0, "{}", rig.kind());
    });
    if cfg!(target_os = "linux") {
        // Whatever else they may be, the new program has no eventfd and no epoll instance of ours.
        let _kept: Vec<Rig> = Selector::ALL
            .into_iter()
            .filter(|kind| kind.is_supported())
            .map(Rig::new)
            .collect();
        let list = std::process::Command::new("ls")
            .args(["-l", "/proc/self/fd"])
            .output();
        let list = String::from_utf8(list.expect("ls runs").stdout).expect("text");
        assert!(
            !list.contains("eventpoll") && !list.contains("eventfd"),
            "{list}"
        );
    }
}

#[test]
fn r23_times_are_rounded_up() {
    assert_eq!(millis(Some(Duration::ZERO)), 0);
    assert_eq!(millis(Some(Duration::from_nanos(1))), 1);
    assert_eq!(millis(Some(Duration::from_micros(1500))), 2);
    assert_eq!(millis(Some(Duration::from_millis(2))), 2);
    assert_eq!(millis(None), -1);
    with_each(|rig| {
        for timeout in [1, 999, 50_000, 300_000, 1_000_001, 2_500_000] {
            let start = monotonic_ns();
            rig.poller
                .wait(&mut rig.events, 1024, Some(Duration::from_nanos(timeout)))
                .expect("wait");
            assert!(
                monotonic_ns() - start >= timeout,
                "{} ended early",
                rig.kind()
            );
        }
    });
}

#[test]
fn r24_times_too_long_for_the_call_are_cut() {
    let month = Duration::from_secs(30 * 24 * 3600);
    assert_eq!(millis(Some(month)), libc::c_int::MAX);
    assert_eq!(millis(Some(Duration::MAX)), libc::c_int::MAX);
    assert_eq!(timespec(month).tv_sec, 30 * 24 * 3600);
    assert_eq!(timespec(Duration::MAX).tv_sec, 100_000_000);
    with_each(|rig| {
        for timeout in [month, Duration::from_secs(u64::MAX / 10), Duration::MAX] {
            rig.poller.notifier().notify();
            // Neither an error nor a wait that ends for another reason than the notification.
            rig.poller
                .wait(&mut rig.events, 1024, Some(timeout))
                .expect("a long wait");
            assert_eq!(rig.events, []);
        }
    });
}

#[test]
fn r53_a_descriptor_closed_while_it_is_watched_harms_nobody_else() {
    with_each(|rig| {
        let (ours, _theirs) = pair();
        let (other, mut others_peer) = pair();
        rig.add(&ours, 1, READ);
        rig.add(&other, 2, READ);
        rig.settle();
        rig.arm(&ours, 1, READ);
        rig.arm(&other, 2, READ);
        let keep = ours.try_clone().expect("dup");
        let number = ours.into_raw_fd();
        // SAFETY: the number was given up by its owner just now, so it is ours to close.
        cvt(unsafe { libc::close(number) }).expect("close");
        others_peer.write_all(b"x").expect("write");
        rig.readable(2);
        rig.settle();
        let waits = rig.silent_for(Duration::from_millis(20));
        assert!(waits < 10, "{}: the loop spins", rig.kind());
        rig.poller.delete(number).expect("delete after close");
        drop(keep);
    });
}

/// A wait that fails because the kernel has no memory just then is tried again by the next turn;
/// what would fail in every turn ends the loop.
#[test]
fn b_6_a_wait_without_memory_passes() {
    let passes = |code| is_passing(&std::io::Error::from_raw_os_error(code));
    assert!(passes(libc::EINTR) && passes(libc::ENOMEM) && passes(libc::EAGAIN));
    assert!(!passes(libc::EBADF) && !passes(libc::EINVAL) && !passes(libc::EFAULT));
}
