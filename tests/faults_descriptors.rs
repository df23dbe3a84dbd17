//! Descriptors of which the system reports, again and again, what no operation gets: unread error
//! queues, full receivers.
//!
//! Looked at for the same kind: every place that waits after a `WouldBlock` (`reactor/`, under each
//! selector; the futures of sockets, pipes, `Async`), and those that ask again after a moment
//! because no event would come (`UnixStream::connect`, `UnixDatagram::send_to`, accepting without
//! descriptors). A connected Unix datagram socket is told when its peer reads.
#![allow(
    clippy::disallowed_methods,
    reason = "sets up sockets before the loop runs"
)]

mod support;

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

use myrt::net::UnixDatagram;
use myrt::runtime::{Builder, Runtime, Selector};
use support::tcp_pair;

/// A runtime of each selector that this system has.
fn each_selector(test: impl Fn(&Runtime)) {
    for selector in Selector::ALL.into_iter().filter(|it| it.is_supported()) {
        println!("selector: {selector}"); // shown when the test fails
        let builder = Builder::new().selector(selector).start_paused(true);
        test(&builder.build().unwrap());
    }
}

/// Turns that find no event: how often a task was polled in them.
fn polls_in_idle_turns(runtime: &Runtime) -> u64 {
    // First what is due: the present state is reported once, also to who waits for its changes.
    for _ in 0..10 {
        runtime.turn(Some(Duration::ZERO)).unwrap();
    }
    let before = runtime.metrics();
    for _ in 0..100 {
        runtime.turn(Some(Duration::ZERO)).unwrap();
    }
    runtime.metrics().polls - before.polls
}

mod option {
    use std::ffi::{c_int, c_void};

    pub(super) const IPPROTO_IP: c_int = 0;
    pub(super) const IP_RECVERR: c_int = 11;
    pub(super) const SOL_SOCKET: c_int = 1;
    pub(super) const SO_TIMESTAMPING: c_int = 37;
    /// By software, when sent, and told so.
    pub(super) const SENT: c_int = 2 | 16;

    unsafe extern "C" {
        pub(super) fn setsockopt(
            fd: c_int,
            level: c_int,
            name: c_int,
            value: *const c_void,
            length: u32,
        ) -> c_int;
    }
}

fn set(socket: &impl AsRawFd, level: i32, name: i32, value: i32) {
    let at = (&raw const value).cast();
    // SAFETY: the call reads four bytes of an integer that lives for it.
    let result = unsafe { option::setsockopt(socket.as_raw_fd(), level, name, at, 4) };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}

/// A socket with an error in its queue, and a peer that it can hear from.
fn with_unread_error() -> (UdpSocket, UdpSocket) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    set(&socket, option::IPPROTO_IP, option::IP_RECVERR, 1);
    let closed = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let nobody = closed.local_addr().unwrap();
    drop(closed);
    socket.send_to(b"to nobody", nobody).unwrap();
    // The error itself is told once; its record in the queue stays until it is read as such, which
    // nothing here does.
    socket.set_nonblocking(true).unwrap();
    let error = socket.recv(&mut [0; 8]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    (socket, peer)
}

#[test]
#[cfg(target_os = "linux")]
fn c_4_an_unread_error_queue_leaves_a_reader_asleep() {
    each_selector(|runtime| {
        let (socket, peer) = with_unread_error();
        let address = socket.local_addr().unwrap();
        let socket = myrt::net::UdpSocket::from_std(socket).unwrap();
        let task = runtime.spawn(async move {
            let mut buf = [0; 8];
            for expected in [b"a", b"b"] {
                let count = socket.recv_from(&mut buf).await.unwrap().0;
                assert_eq!(&buf[..count], expected);
            }
        });
        assert_eq!(polls_in_idle_turns(runtime), 0);
        peer.send_to(b"a", address).unwrap();
        assert_eq!(polls_in_idle_turns(runtime), 0, "after a datagram");
        peer.send_to(b"b", address).unwrap();
        runtime.block_on(task).unwrap();
    });
}

#[test]
#[cfg(target_os = "linux")]
fn c_4_a_second_error_is_told_where_the_queue_is_unread() {
    each_selector(|runtime| {
        let (socket, _peer) = with_unread_error();
        let closed = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let nobody = closed.local_addr().unwrap();
        drop(closed);
        let second = socket.try_clone().unwrap();
        let socket = myrt::net::UdpSocket::from_std(socket).unwrap();
        let task = runtime.spawn(async move { socket.recv_from(&mut [0; 8]).await });
        assert_eq!(polls_in_idle_turns(runtime), 0);
        second.send_to(b"to nobody", nobody).unwrap();
        let error = runtime.block_on(task).unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    });
}

#[test]
#[cfg(target_os = "linux")]
fn c_4_an_unread_error_queue_leaves_a_writer_asleep() {
    each_selector(|runtime| {
        let (near, mut far) = tcp_pair();
        set(
            &near,
            option::SOL_SOCKET,
            option::SO_TIMESTAMPING,
            option::SENT,
        );
        const ALL: usize = 16 << 20;
        // The record of when this byte left stays in the error queue.
        (&near).write_all(b"x").unwrap();
        far.read_exact(&mut [0]).unwrap();
        let near = myrt::net::TcpStream::from_std(near).unwrap();
        let task = runtime.spawn(async move { near.write_all(&vec![7; ALL]).await });
        for _ in 0..1000 {
            runtime.turn(Some(Duration::ZERO)).unwrap();
        }
        assert_eq!(polls_in_idle_turns(runtime), 0);
        far.set_nonblocking(true).unwrap();
        let mut buf = vec![0; 1 << 20];
        let mut left = ALL;
        while left > 0 {
            match far.read(&mut buf) {
                Ok(count) => left -= count,
                Err(_) => drop(runtime.turn(Some(Duration::ZERO)).unwrap()),
            }
        }
        runtime.block_on(task).unwrap().unwrap();
    });
}

#[test]
fn c_5_a_full_receiver_is_asked_again_after_a_moment() {
    let folder = std::env::temp_dir().join(format!("myrt-full-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    each_selector(|runtime| {
        const ALL: u32 = 3000;
        let path = folder.join("receiver");
        let receiver = UnixDatagram::bind(&path).unwrap();
        let to = path;
        let sender = runtime.spawn(async move {
            let socket = UnixDatagram::unbound().unwrap();
            for number in 0..ALL {
                let sent = socket.send_to(&number.to_ne_bytes(), &to).await;
                assert_eq!(sent.unwrap(), 4);
            }
        });
        for _ in 0..100 {
            runtime.turn(Some(Duration::ZERO)).unwrap();
        }
        assert_eq!(polls_in_idle_turns(runtime), 0);
        runtime.block_on(async {
            let mut buf = [0; 4];
            for number in 0..ALL {
                assert_eq!(receiver.recv(&mut buf).await.unwrap(), 4);
                assert_eq!(buf, number.to_ne_bytes());
            }
            sender.await.unwrap();
        });
    });
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn c_5_giving_up_a_send_to_a_full_receiver_leaves_the_socket_usable() {
    let folder = std::env::temp_dir().join(format!("myrt-given-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    each_selector(|runtime| {
        let (full, other) = (folder.join("full"), folder.join("other"));
        let _receiver = UnixDatagram::bind(&full).unwrap();
        let listener = UnixDatagram::bind(&other).unwrap();
        runtime.block_on(async {
            let socket = UnixDatagram::unbound().unwrap();
            let fill = async {
                loop {
                    socket.send_to(b"x", &full).await.unwrap();
                }
            };
            let filled = myrt::time::timeout(Duration::from_secs(1), fill).await;
            assert!(filled.is_err(), "the receiver never reads");
            socket.send_to(b"y", &other).await.unwrap();
            let mut buf = [0; 4];
            assert_eq!(listener.recv(&mut buf).await.unwrap(), 1);
        });
    });
    std::fs::remove_dir_all(&folder).unwrap();
}
