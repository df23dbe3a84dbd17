//! UDP and Unix datagram sockets.

mod common;

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use common::run;
use futures_lite::future::zip;
use myrt_net::{Interest, UdpSocket, UnixDatagram};
use myrt_runtime::task::spawn;
use myrt_runtime::time::sleep;

#[test]
fn datagrams_keep_their_borders_and_their_sender() {
    run(async {
        let a = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let b = UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
        let to = b.local_addr().unwrap();
        assert_eq!(a.send_to(b"first", to).await.unwrap(), 5);
        assert_eq!(a.send_to(b"", to).await.unwrap(), 0);
        assert_eq!(
            a.send_to(b"third, cut", format!("localhost:{}", to.port()))
                .await
                .unwrap(),
            10
        );
        let mut buf = [0; 5];
        assert_eq!(
            b.peek_from(&mut buf).await.unwrap(),
            (5, a.local_addr().unwrap())
        );
        for expected in [5, 0, 5] {
            let (count, from) = b.recv_from(&mut buf).await.unwrap();
            assert_eq!((count, from), (expected, a.local_addr().unwrap()));
        }
        assert_eq!(
            b.try_recv_from(&mut buf).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
    });
}

#[test]
fn r54_receiving_waits_again_after_a_peek() {
    run(async {
        let a = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let b = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut buf = [0; 8];
        for _ in 0..3 {
            let later = async {
                sleep(Duration::from_millis(2)).await;
                a.send_to(b"x", b.local_addr().unwrap()).await.unwrap();
            };
            zip(b.peek_from(&mut buf), later).await.0.unwrap();
            b.recv_from(&mut buf).await.unwrap();
        }
    });
}

#[test]
fn several_tasks_may_receive_from_one_socket() {
    run(async {
        let socket = Rc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let receivers: Vec<_> = (0..5)
            .map(|_| {
                let socket = socket.clone();
                spawn(async move {
                    let mut buf = [0; 4];
                    socket.recv(&mut buf).await.unwrap();
                    buf[0]
                })
            })
            .collect();
        sleep(Duration::from_millis(2)).await;
        let sender = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        sender.connect(socket.local_addr().unwrap()).await.unwrap();
        for number in 0..5 {
            sender.send(&[number]).await.unwrap();
        }
        let mut seen = Vec::new();
        for receiver in receivers {
            seen.push(receiver.await.unwrap());
        }
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 2, 3, 4]);
    });
}

#[test]
fn a_connected_socket_hears_that_nobody_listens() {
    run(async {
        let gone = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let nobody = gone.local_addr().unwrap();
        drop(gone);
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(nobody).await.unwrap();
        socket.send(b"anyone?").await.unwrap();
        assert_eq!(
            socket.recv(&mut [0; 1]).await.unwrap_err().kind(),
            ErrorKind::ConnectionRefused
        );
        // An error is no end: the socket goes on.
        assert_eq!(
            socket.try_recv(&mut [0; 1]).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        assert_eq!(socket.peer_addr().unwrap(), nobody);
    });
}

#[test]
fn options_are_kept() {
    run(async {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.set_broadcast(true).unwrap();
        socket.set_ttl(7).unwrap();
        socket.set_multicast_ttl_v4(3).unwrap();
        socket.set_multicast_loop_v4(true).unwrap();
        socket.set_recv_buffer_size(32 * 1024).unwrap();
        socket.set_send_buffer_size(32 * 1024).unwrap();
        assert!(socket.broadcast().unwrap() && socket.multicast_loop_v4().unwrap());
        assert_eq!(
            (socket.ttl().unwrap(), socket.multicast_ttl_v4().unwrap()),
            (7, 3)
        );
        assert!(
            socket.recv_buffer_size().unwrap() >= 32 * 1024
                && socket.send_buffer_size().unwrap() >= 32 * 1024
        );
        assert!(
            socket
                .ready(Interest::READABLE | Interest::WRITABLE)
                .await
                .unwrap()
                .is_writable()
        );
        assert!(socket.take_error().unwrap().is_none());
        let std = socket.into_std().unwrap();
        drop(UdpSocket::from_std(std).unwrap());
    });
}

#[test]
fn multicast_groups_are_joined_and_left() {
    run(async {
        let group = Ipv4Addr::new(239, 1, 2, 3);
        let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        // Where the machine has no multicast route, joining on loopback still works.
        socket
            .join_multicast_v4(&group, &Ipv4Addr::LOCALHOST)
            .unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        sender.set_multicast_loop_v4(true).unwrap();
        socket2::SockRef::from(&sender)
            .set_multicast_if_v4(&Ipv4Addr::LOCALHOST)
            .unwrap();
        let to = SocketAddr::from((group, socket.local_addr().unwrap().port()));
        if sender.send_to(b"all", to).await.is_ok() {
            let mut buf = [0; 8];
            assert_eq!(socket.recv_from(&mut buf).await.unwrap().0, 3);
        }
        socket
            .leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST)
            .unwrap();
        assert!(
            socket
                .leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST)
                .is_err()
        );
    });
}

#[test]
fn unix_datagrams_wait_while_the_queue_is_full() {
    run(async {
        let (a, b) = UnixDatagram::pair().unwrap();
        let mut sent = 0_u32;
        while a.try_send(&sent.to_ne_bytes()).is_ok() {
            sent += 1;
        }
        let receive = async {
            let mut buf = [0; 4];
            for expected in 0..=sent {
                b.recv(&mut buf).await.unwrap();
                assert_eq!(u32::from_ne_bytes(buf), expected);
            }
        };
        zip(a.send(&sent.to_ne_bytes()), receive).await.0.unwrap();
    });
}

#[test]
fn unix_datagrams_go_to_paths_and_their_files_go_with_them() {
    run(async {
        let directory = common::Directory::new("datagrams");
        let (here, there) = (directory.path("here"), directory.path("there"));
        let a = UnixDatagram::bind(&here).unwrap();
        let b = UnixDatagram::bind(&there).unwrap();
        assert_eq!(
            UnixDatagram::bind(&there).unwrap_err().kind(),
            ErrorKind::AddrInUse
        );
        a.send_to(b"hi", &there).await.unwrap();
        let mut buf = [0; 8];
        let (count, from) = b.recv_from(&mut buf).await.unwrap();
        assert_eq!((count, from.as_pathname()), (2, Some(here.as_path())));
        b.connect(&here).unwrap();
        b.send(b"back").await.unwrap();
        assert_eq!(a.recv(&mut buf).await.unwrap(), 4);
        drop((a, b));
        assert!(!here.exists() && !there.exists());
        let unbound = UnixDatagram::unbound().unwrap();
        assert_eq!(
            unbound.send_to(b"x", &here).await.unwrap_err().kind(),
            ErrorKind::NotFound
        );
    });
}
