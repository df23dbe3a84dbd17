//! The contract of `mod.rs`, checked over every selector of this build.
//!
//! The tests stand inside the crate because the selectors are private. Those that are named after a row of the list of
//! bugs that other runtimes had (`r06_…`) show that the row does not happen here, as far as a selector can cause it;
//! the reactor has tests of its own. Waits that should see nothing use a timeout of zero, those that should
//! see something one of many seconds: nothing here depends on speed, and times are only bounded from below.

use std::fs::File;
use std::io::{self, Read, Write};
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::clock::monotonic_ns;
use super::cvt::{cvt, millis, timespec};
use super::{Added, Event, FdTooLarge, Interest, Poller, Selector, fork, limits, readable_now};

const LONG: Duration = Duration::from_secs(20);
const READ: Interest = Interest::READABLE;
const WRITE: Interest = Interest::WRITABLE;

/// A selector under test.
struct Rig {
    poller: Poller,
    events: Vec<Event>,
}

impl Rig {
    fn new(kind: Selector) -> Self {
        println!("selector: {kind}"); // shown when the test fails
        Self {
            poller: Poller::new(kind).expect("a selector opens"),
            events: Vec::new(),
        }
    }

    fn kind(&self) -> Selector {
        self.poller.kind()
    }

    /// Watches in the way of the kind: edge selectors get both directions once and for all.
    fn add(&mut self, fd: &impl AsRawFd, token: u64, interest: Interest) {
        let interest = if self.poller.is_edge() {
            interest | Interest::BOTH
        } else {
            interest
        };
        let added = self
            .poller
            .add(fd.as_raw_fd(), token, interest)
            .expect("add");
        assert_eq!(added, Added::Registered);
    }

    /// Arms again, where that is needed.
    fn arm(&mut self, fd: &impl AsRawFd, token: u64, interest: Interest) {
        if !self.poller.is_edge() {
            self.poller
                .modify(fd.as_raw_fd(), token, interest)
                .expect("modify");
        }
    }

    /// What a wait finds about `token`, several events taken together.
    fn wait(&mut self, token: u64, timeout: Duration) -> Option<Event> {
        self.poller
            .wait(&mut self.events, 1024, Some(timeout))
            .expect("wait");
        let of_token = self.events.iter().filter(|event| event.token == token);
        of_token.copied().reduce(|one, other| Event {
            token,
            readable: one.readable | other.readable,
            writable: one.writable | other.writable,
            read_closed: one.read_closed | other.read_closed,
            write_closed: one.write_closed | other.write_closed,
            error: one.error | other.error,
            priority: one.priority | other.priority,
        })
    }

    /// Waits until something is found about `token` that `wanted` accepts.
    fn until(&mut self, token: u64, wanted: impl Fn(&Event) -> bool) -> Event {
        let end = monotonic_ns() + LONG.as_nanos() as u64;
        while monotonic_ns() < end {
            if let Some(event) = self.wait(token, LONG).filter(&wanted) {
                return event;
            }
        }
        panic!("{}: nothing of the kind was reported in time", self.kind());
    }

    fn readable(&mut self, token: u64) -> Event {
        self.until(token, |event| event.readable)
    }

    fn writable(&mut self, token: u64) -> Event {
        self.until(token, |event| event.writable)
    }

    /// Nothing is reported now, about anybody.
    fn silent(&mut self) {
        self.poller
            .wait(&mut self.events, 1024, Some(Duration::ZERO))
            .expect("wait");
        assert_eq!(
            self.events,
            [],
            "{} should have nothing to say",
            self.kind()
        );
    }

    /// Takes what adding reports, so that only changes remain.
    fn settle(&mut self) {
        self.poller
            .wait(&mut self.events, 1024, Some(Duration::ZERO))
            .expect("wait");
    }

    /// Whether the selector can tell an end from data.
    fn tells_ends(&self) -> bool {
        self.kind() != Selector::Select
    }
}

/// Runs the test with each selector that this build has.
fn with_each(test: impl Fn(&mut Rig)) {
    for kind in Selector::ALL.into_iter().filter(|kind| kind.is_supported()) {
        test(&mut Rig::new(kind));
    }
}

fn pair() -> (UnixStream, UnixStream) {
    let (one, other) = UnixStream::pair().expect("a socket pair");
    one.set_nonblocking(true).expect("nonblocking");
    other.set_nonblocking(true).expect("nonblocking");
    (one, other)
}

fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let client = TcpStream::connect(listener.local_addr().expect("address")).expect("connect");
    let server = listener.accept().expect("accept").0;
    client.set_nonblocking(true).expect("nonblocking");
    server.set_nonblocking(true).expect("nonblocking");
    (client, server)
}

fn pipe() -> (File, File) {
    let mut fds = [-1; 2];
    // SAFETY: the call writes two descriptors where there is room for two.
    cvt(unsafe { libc::pipe(fds.as_mut_ptr()) }).expect("a pipe");
    let [reader, writer] = fds.map(own);
    (File::from(reader), File::from(writer))
}

fn own(fd: RawFd) -> OwnedFd {
    // SAFETY: each caller passes a descriptor that a system call has just made.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// `dup2`: makes `number` mean what `fd` means.
fn dup_to(fd: &impl AsRawFd, number: RawFd) {
    // SAFETY: the callers own `number`, or have just given it up; the call touches no memory.
    cvt(unsafe { libc::dup2(fd.as_raw_fd(), number) }).expect("dup2");
}

/// A connect that was begun and did not wait.
fn begin_connect(to: SocketAddr) -> TcpStream {
    let SocketAddr::V4(to) = to else {
        panic!("the tests use IPv4")
    };
    // SAFETY: the call takes three numbers.
    let fd = cvt(unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0) }).expect("socket");
    let socket = TcpStream::from(own(fd));
    socket.set_nonblocking(true).expect("nonblocking");
    // SAFETY: a sockaddr_in is plain numbers, for which zero is a value.
    let mut address: libc::sockaddr_in = unsafe { MaybeUninit::zeroed().assume_init() };
    address.sin_family = libc::AF_INET as libc::sa_family_t;
    address.sin_port = to.port().to_be();
    address.sin_addr.s_addr = u32::from_ne_bytes(to.ip().octets());
    let length = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    // SAFETY: the address is a sockaddr_in of that length, and lives for the call.
    let result = unsafe { libc::connect(fd, (&raw const address).cast(), length) };
    if let Err(error) = cvt(result) {
        assert_eq!(error.raw_os_error(), Some(libc::EINPROGRESS));
    }
    socket
}

#[test]
fn data_is_readable_and_room_is_writable() {
    with_each(|rig| {
        let (ours, mut theirs) = pair();
        rig.add(&ours, 7, Interest::BOTH);
        let event = rig.writable(7);
        assert!(!event.readable && !event.error && !event.write_closed && !event.read_closed);
        theirs.write_all(b"x").expect("write");
        let event = rig.readable(7);
        assert!(!event.error && !event.write_closed && !event.read_closed);
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
        assert_eq!(event.read_closed, rig.tells_ends());
    });
}

#[test]
fn ends_of_a_pipe_are_told() {
    with_each(|rig| {
        let (reader, writer) = pipe();
        rig.add(&reader, 1, READ);
        drop(writer);
        assert_eq!(rig.readable(1).read_closed, rig.tells_ends());
        rig.poller.delete(reader.as_raw_fd()).expect("delete");

        let (reader, writer) = pipe();
        rig.add(&writer, 2, WRITE);
        rig.settle();
        rig.arm(&writer, 2, WRITE);
        drop(reader);
        let event = rig.writable(2);
        assert_eq!(event.write_closed, rig.tells_ends());
        assert!(
            !event.read_closed,
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
        assert!(!rig.readable(7).error);
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
        assert!(!event.error);
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
        let event = rig.until(7, |event| event.writable);
        assert_eq!(event.write_closed, rig.tells_ends());
        assert_eq!(event.error, rig.tells_ends());
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
            assert!(rig.until(7, |event| event.priority).readable);
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
        assert!(!event.writable);
        rig.silent();
        let mut sink = [0; 4096];
        while theirs.read(&mut sink).is_ok() {}
        let event = rig.writable(7);
        assert!(!event.readable, "reading was delivered and not armed again");
        rig.silent();
        // And each comes back when it is armed again, alone.
        rig.arm(&ours, 7, READ);
        assert!(!rig.readable(7).writable);
        rig.arm(&ours, 7, WRITE);
        assert!(!rig.writable(7).readable);
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
                seen[token] += u32::from(event.readable);
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

impl Rig {
    /// Waits for the whole of `timeout`, repeating what ended early, and finds nothing. Returns the number of waits.
    fn silent_for(&mut self, timeout: Duration) -> u32 {
        let start = monotonic_ns();
        self.poller
            .wait(&mut self.events, 1024, Some(timeout))
            .expect("wait");
        assert_eq!(self.events, []);
        let mut waits = 1;
        while monotonic_ns() - start < timeout.as_nanos() as u64 && waits < 1000 {
            waits += 1;
            self.poller
                .wait(&mut self.events, 1024, Some(Duration::ZERO))
                .expect("wait");
        }
        waits
    }
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
    // SAFETY: the child makes two calls that are allowed after a fork of a threaded process, and _exit.
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

// The rows of the list of bugs.

#[test]
fn r03_a_number_that_comes_back_by_a_duplicate_is_registered_again() {
    with_each(|rig| {
        let (ours, mut theirs) = pair();
        let number = ours.as_raw_fd();
        rig.add(&ours, 7, READ);
        let copy = ours.try_clone().expect("dup");
        // Closed without a delete, and the same open file comes back under the number: EEXIST on epoll.
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
        // In the handler of one of them the other is closed, and its number comes back as something new.
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
                .any(|event| event.token == 3 && event.readable)
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
        assert_eq!(event.read_closed, rig.tells_ends());
        assert!(!event.write_closed && !event.error);
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
