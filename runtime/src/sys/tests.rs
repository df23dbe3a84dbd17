//! The contract of `mod.rs`, checked over every selector of this build: the tools here, the tests
//! in the two files below.
//!
//! The tests stand inside the crate because the selectors are private. Waits that should see
//! nothing use a timeout of zero, those that should see something one of many seconds: nothing here
//! depends on speed, and times are only bounded from below.

mod contract;
mod forked;
mod known_bugs;
mod signals;

use std::fs::File;
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::clock::monotonic_ns;
use super::cvt::cvt;
use super::{Added, Event, Interest, Poller, Ready, Selector};

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
        #[expect(clippy::disallowed_macros, reason = "shown when the test fails")]
        {
            println!("selector: {kind}");
        }
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
        of_token
            .copied()
            .reduce(|one, other| Event::new(token, one.ready | other.ready))
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
        self.until(token, |event| event.ready.contains(Ready::READABLE))
    }

    fn writable(&mut self, token: u64) -> Event {
        self.until(token, |event| event.ready.contains(Ready::WRITABLE))
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

    /// Waits for the whole of `timeout`, repeating what ended early, and finds nothing. Returns the
    /// number of waits.
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
