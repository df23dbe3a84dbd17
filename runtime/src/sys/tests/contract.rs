//! What the contract in `sys/mod.rs` says, sentence by sentence, with each selector of this build.

use std::fs::File;
use std::io::{self, Read, Write};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{READ, Rig, WRITE, begin_connect, own, pair, pipe, tcp_pair, with_each};
use crate::sys::clock::monotonic_ns;
use crate::sys::cvt::cvt;
use crate::sys::{
    Added, FdTooLarge, Interest, Poller, Ready, Selector, fork, limits, readable_now,
};

#[test]
fn data_is_readable_and_room_is_writable() {
    with_each(|rig| {
        let (ours, mut theirs) = pair();
        rig.add(&ours, 7, Interest::BOTH);
        let event = rig.writable(7);
        assert_eq!(event.ready, Ready::WRITABLE);
        theirs.write_all(b"x").expect("write");
        let event = rig.readable(7);
        assert!(
            !event
                .ready
                .intersects(Ready::READ_CLOSED | Ready::WRITE_CLOSED | Ready::ERROR)
        );
        rig.poller.delete(ours.as_raw_fd()).expect("delete");
    });
}

#[test]
fn what_was_ready_before_it_was_added_is_reported() {
    with_each(|rig| {
        let (ours, mut theirs) = pair();
        theirs.write_all(b"x").expect("write");
        rig.add(&ours, 7, READ);
        rig.readable(7);
    });
}

#[test]
fn new_data_is_a_new_edge_although_the_old_was_not_read() {
    with_each(|rig| {
        let (ours, mut theirs) = pair();
        rig.add(&ours, 7, READ);
        for _ in 0..3 {
            theirs.write_all(b"x").expect("write");
            rig.readable(7);
            rig.arm(&ours, 7, READ);
        }
    });
}

#[test]
fn end_of_stream_is_readable_and_told() {
    with_each(|rig| {
        let (ours, theirs) = pair();
        rig.add(&ours, 7, READ);
        rig.settle();
        rig.arm(&ours, 7, READ);
        drop(theirs);
        let event = rig.readable(7);
        assert_eq!(event.ready.contains(Ready::READ_CLOSED), rig.tells_ends());
    });
}

#[test]
fn ends_of_a_pipe_are_told() {
    with_each(|rig| {
        let (reader, writer) = pipe();
        rig.add(&reader, 1, READ);
        drop(writer);
        assert_eq!(
            rig.readable(1).ready.contains(Ready::READ_CLOSED),
            rig.tells_ends()
        );
        rig.poller.delete(reader.as_raw_fd()).expect("delete");

        let (reader, writer) = pipe();
        rig.add(&writer, 2, WRITE);
        rig.settle();
        rig.arm(&writer, 2, WRITE);
        drop(reader);
        let event = rig.writable(2);
        assert_eq!(event.ready.contains(Ready::WRITE_CLOSED), rig.tells_ends());
        assert!(
            !event.ready.contains(Ready::READ_CLOSED),
            "a writer's broken pipe is no end of reading"
        );
    });
}

#[test]
fn a_listener_is_readable_when_somebody_connects() {
    with_each(|rig| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        rig.add(&listener, 7, READ);
        rig.silent();
        let client = begin_connect(listener.local_addr().expect("address"));
        assert!(!rig.readable(7).ready.contains(Ready::ERROR));
        drop(client);
    });
}

#[test]
fn a_connect_that_is_done_is_writable() {
    with_each(|rig| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let client = begin_connect(listener.local_addr().expect("address"));
        rig.add(&client, 7, WRITE);
        let event = rig.writable(7);
        assert!(!event.ready.contains(Ready::ERROR));
        assert!(
            client
                .take_error()
                .expect("an option can be read")
                .is_none()
        );
    });
}

#[test]
fn a_connect_that_failed_is_writable_and_told() {
    with_each(|rig| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let nobody = listener.local_addr().expect("address");
        drop(listener);
        let client = begin_connect(nobody);
        rig.add(&client, 7, WRITE);
        let event = rig.until(7, |event| event.ready.contains(Ready::WRITABLE));
        assert_eq!(event.ready.contains(Ready::WRITE_CLOSED), rig.tells_ends());
        assert_eq!(event.ready.contains(Ready::ERROR), rig.tells_ends());
        let error = client
            .take_error()
            .expect("an option can be read")
            .expect("it failed");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    });
}

#[test]
fn urgent_data_is_readable_for_those_who_ask() {
    with_each(|rig| {
        let (ours, theirs) = tcp_pair();
        rig.add(&ours, 7, READ | Interest::PRIORITY);
        rig.settle();
        rig.arm(&ours, 7, READ | Interest::PRIORITY);
        // SAFETY: one byte that lives for the call.
        let sent =
            unsafe { libc::send(theirs.as_raw_fd(), b"!".as_ptr().cast(), 1, libc::MSG_OOB) };
        assert_eq!(sent, 1);
        if rig.kind() != Selector::Kqueue {
            assert!(
                rig.until(7, |event| event.ready.contains(Ready::PRIORITY))
                    .ready
                    .contains(Ready::READABLE)
            );
        }
    });
}

#[test]
fn delivery_of_one_direction_leaves_the_other_armed() {
    with_each(|rig| {
        if rig.poller.is_edge() {
            return;
        }
        let (ours, mut theirs) = pair();
        theirs.write_all(b"x").expect("write");
        // Full, so that only reading is possible.
        while (&ours).write(&[0; 4096]).is_ok() {}
        rig.add(&ours, 7, Interest::BOTH);
        let event = rig.readable(7);
        assert!(!event.ready.contains(Ready::WRITABLE));
        rig.silent();
        let mut sink = [0; 4096];
        while theirs.read(&mut sink).is_ok() {}
        let event = rig.writable(7);
        assert!(
            !event.ready.contains(Ready::READABLE),
            "reading was delivered and not armed again"
        );
        rig.silent();
        // And each comes back when it is armed again, alone.
        rig.arm(&ours, 7, READ);
        assert!(!rig.readable(7).ready.contains(Ready::WRITABLE));
        rig.arm(&ours, 7, WRITE);
        assert!(!rig.writable(7).ready.contains(Ready::READABLE));
        rig.arm(&ours, 7, Interest::NONE);
        rig.silent();
    });
}

#[test]
fn disarming_before_the_wait_silences() {
    with_each(|rig| {
        if rig.poller.is_edge() {
            return;
        }
        let (ours, mut theirs) = pair();
        rig.add(&ours, 7, READ);
        rig.settle();
        theirs.write_all(b"x").expect("write");
        rig.arm(&ours, 7, Interest::NONE);
        rig.silent();
        rig.arm(&ours, 8, READ);
        rig.readable(8);
    });
}

#[test]
fn a_hung_up_descriptor_that_nobody_waits_for_does_not_fire() {
    with_each(|rig| {
        let (ours, theirs) = pair();
        rig.add(&ours, 7, READ);
        rig.settle();
        rig.arm(&ours, 7, READ);
        drop(theirs);
        rig.readable(7);
        rig.settle();
        let before = rig.poller.syscalls().waits;
        for _ in 0..100 {
            rig.silent();
        }
        // One call each: nothing was hidden by asking again.
        assert_eq!(rig.poller.syscalls().waits - before, 100);
    });
}

#[test]
fn no_more_events_than_asked_for_and_nobody_is_left_out() {
    with_each(|rig| {
        let pairs: Vec<_> = (0..40).map(|_| pair()).collect();
        for (token, (ours, theirs)) in pairs.iter().enumerate() {
            (&*theirs).write_all(b"x").expect("write");
            rig.add(ours, token as u64, READ);
        }
        let mut seen = [0; 40];
        for _ in 0..400 {
            rig.poller
                .wait(&mut rig.events, 3, Some(Duration::ZERO))
                .expect("wait");
            assert!(rig.events.len() <= 3);
            for event in rig.events.clone() {
                let token = event.token as usize;
                seen[token] += u32::from(event.ready.contains(Ready::READABLE));
                // Ready at once again: the greedy must not starve the others.
                rig.arm(&pairs[token].0, event.token, READ);
            }
        }
        assert!(
            seen.iter().all(|times| *times > 0),
            "{}: {seen:?}",
            rig.kind()
        );
    });
}

#[test]
fn files_that_never_block_are_always_ready() {
    with_each(|rig| {
        let file = File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).expect("open");
        let folder = File::open(env!("CARGO_MANIFEST_DIR")).expect("open");
        for never_blocks in [file, folder] {
            let fd = never_blocks.as_raw_fd();
            let added = rig.poller.add(fd, 7, Interest::BOTH).expect("add");
            assert_eq!(added, Added::AlwaysReady);
            rig.silent();
            rig.poller.delete(fd).expect("delete");
        }
    });
}

#[test]
fn a_descriptor_that_is_not_open_is_refused() {
    with_each(|rig| {
        for number in [-1, 900] {
            let error = rig.poller.add(number, 7, READ).expect_err("not open");
            assert_eq!(error.raw_os_error(), Some(libc::EBADF), "{}", rig.kind());
        }
    });
}

#[test]
fn select_refuses_large_descriptors_with_a_typed_error() {
    let mut rig = Rig::new(Selector::Select);
    let (soft, _) = limits::raise_fd_limit().expect("limits can be read");
    assert!(soft > 1030, "the test needs a descriptor above 1023");
    let (ours, mut theirs) = pair();
    // SAFETY: F_DUPFD_CLOEXEC takes a number and gives a new descriptor, at or above it.
    let high = unsafe { libc::fcntl(ours.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 1024) };
    let high = own(cvt(high).expect("dup"));
    let error = rig
        .poller
        .add(high.as_raw_fd(), 7, READ)
        .expect_err("too large");
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    let cause = error
        .get_ref()
        .and_then(|cause| cause.downcast_ref::<FdTooLarge>());
    assert_eq!(cause.map(FdTooLarge::fd), Some(high.as_raw_fd()));
    rig.poller
        .delete(high.as_raw_fd())
        .expect("delete of what was refused");
    // The selector is none the worse.
    rig.add(&ours, 8, READ);
    theirs.write_all(b"x").expect("write");
    rig.readable(8);
}

#[test]
fn the_largest_descriptor_of_select_works() {
    let mut rig = Rig::new(Selector::Select);
    let (soft, _) = limits::raise_fd_limit().expect("limits can be read");
    assert!(soft > 1023, "the test needs the descriptor 1023");
    let (ours, mut theirs) = pair();
    // SAFETY: F_DUPFD_CLOEXEC takes a number and gives a new descriptor, at or above it.
    let high = unsafe { libc::fcntl(ours.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 1023) };
    let high = own(cvt(high).expect("dup"));
    if high.as_raw_fd() == 1023 {
        rig.add(&high, 7, READ);
        theirs.write_all(b"x").expect("write");
        rig.readable(7);
    }
}

#[test]
fn the_kernel_is_asked_afresh() {
    let (ours, mut theirs) = pair();
    let fd = ours.as_raw_fd();
    assert_eq!(readable_now(fd, Interest::BOTH).expect("poll"), WRITE);
    assert_eq!(readable_now(fd, READ).expect("poll"), Interest::NONE);
    theirs.write_all(b"x").expect("write");
    assert_eq!(
        readable_now(fd, Interest::BOTH).expect("poll"),
        Interest::BOTH
    );
    drop(theirs);
    assert_eq!(readable_now(fd, READ).expect("poll"), READ);
    drop(ours);
    let error = readable_now(900, READ).expect_err("not open");
    assert_eq!(error.raw_os_error(), Some(libc::EBADF));
}

#[test]
fn notify_ends_a_wait_from_another_thread() {
    with_each(|rig| {
        let notifier = rig.poller.notifier();
        let waiting = AtomicBool::new(false);
        for _ in 0..50 {
            waiting.store(false, Ordering::SeqCst);
            std::thread::scope(|threads| {
                threads.spawn(|| {
                    while !waiting.load(Ordering::SeqCst) {
                        std::thread::yield_now();
                    }
                    notifier.notify();
                });
                waiting.store(true, Ordering::SeqCst);
                rig.poller.wait(&mut rig.events, 1024, None).expect("wait");
                assert_eq!(rig.events, []);
            });
        }
    });
}

#[test]
fn many_notifications_end_one_wait_and_not_the_next() {
    with_each(|rig| {
        let notifier = rig.poller.notifier();
        for _ in 0..3 {
            for _ in 0..1000 {
                notifier.clone().notify();
            }
            rig.poller.wait(&mut rig.events, 1024, None).expect("wait");
            assert_eq!(rig.events, []);
            // A wait that is not notified lasts.
            let before = monotonic_ns();
            rig.silent_for(Duration::from_millis(20));
            assert!(
                monotonic_ns() - before >= 20_000_000,
                "{}: woken twice",
                rig.kind()
            );
        }
    });
}

#[test]
fn a_notifier_may_outlive_its_selector() {
    with_each(|rig| {
        let notifier = Poller::new(rig.kind())
            .expect("a selector opens")
            .notifier();
        notifier.notify();
    });
}

#[test]
fn an_interrupted_wait_is_no_error() {
    extern "C" fn nothing(_: libc::c_int) {}
    // SAFETY: zero is a value for each of its fields: no mask, no SA_RESTART.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = nothing as extern "C" fn(libc::c_int) as libc::sighandler_t;
    // SAFETY: the handler does nothing, which is safe in a signal; the old action is not asked for.
    cvt(unsafe { libc::sigaction(libc::SIGUSR1, &raw const action, ptr::null_mut()) })
        .expect("sigaction");
    with_each(|rig| {
        // SAFETY: the call takes nothing and cannot fail.
        let this = unsafe { libc::pthread_self() };
        let done = AtomicBool::new(false);
        std::thread::scope(|threads| {
            let done = &done;
            threads.spawn(move || {
                while !done.load(Ordering::SeqCst) {
                    // SAFETY: `this` runs until the scope ends, so it is a thread.
                    unsafe { libc::pthread_kill(this, libc::SIGUSR1) };
                    std::thread::park_timeout(Duration::from_millis(1));
                }
            });
            let result = rig.poller.wait(&mut rig.events, 1024, None);
            done.store(true, Ordering::SeqCst);
            result.expect("EINTR is no error");
            assert_eq!(rig.events, []);
        });
    });
}

#[test]
fn names_parse_and_print() {
    for kind in Selector::ALL {
        assert_eq!(kind.to_string().parse(), Ok(kind));
    }
    let error = "iocp"
        .parse::<Selector>()
        .expect_err("not a selector of Unix")
        .to_string();
    assert!(
        error.contains("`iocp`") && error.contains("`epoll-oneshot`"),
        "{error}"
    );
    assert_eq!("kqueue".parse(), Ok(Selector::Kqueue));
    assert_eq!(
        "kqueue-model".parse::<Selector>().is_ok(),
        cfg!(myrt_kqueue_model)
    );
    assert!(Selector::default().is_supported());
    assert_eq!(Selector::Poll.max_fd(), None);
}

#[test]
fn a_selector_that_the_system_lacks_says_so() {
    for kind in Selector::ALL
        .into_iter()
        .filter(|kind| !kind.is_supported())
    {
        let error = Poller::new(kind).err().expect("it is not here");
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
        assert!(
            error.to_string().contains("this system has none"),
            "{error}"
        );
    }
}

#[test]
fn the_process_is_known_and_a_fork_is_noticed() {
    assert_eq!(fork::current_pid(), std::process::id());
    // SAFETY: the child makes two calls that are allowed after a fork of a threaded process, and
    // _exit.
    let child = cvt(unsafe { libc::fork() }).expect("fork");
    if child == 0 {
        let noticed = fork::current_pid() == std::process::id();
        // SAFETY: ends the child at once, without running what belongs to the parent.
        unsafe { libc::_exit(if noticed { 0 } else { 1 }) };
    }
    let mut status = -1;
    // SAFETY: `status` lives for the call, and the child is ours.
    cvt(unsafe { libc::waitpid(child, &raw mut status, 0) }).expect("waitpid");
    assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0);
    assert_eq!(fork::current_pid(), std::process::id());
}
