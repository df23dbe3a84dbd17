//! Sockets and pipes in hand-written `poll` functions, and system calls of one's own on them.

use std::cell::Cell;
use std::future::poll_fn;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::task::Poll;

use myrt::net::unix::pipe::pipe;
use myrt::net::{
    Interest, TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream,
};
use myrt::{run, spawn, yield_now};

/// Whether one poll of it is pending.
macro_rules! waits {
    ($cx:ident => $poll:expr) => {
        poll_fn(|$cx| Poll::Ready($poll.is_pending())).await
    };
}

async fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let client = TcpStream::connect(address).await.expect("listening");
    let (server, peer) = poll_fn(|cx| listener.poll_accept(cx)).await.expect("one");
    assert_eq!(peer, client.local_addr().expect("connected"));
    (client, server)
}

#[test]
fn listeners_accept_in_poll_functions() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        assert!(waits!(cx => listener.poll_accept(cx)));
        let address = listener.local_addr().expect("bound");
        let client = spawn(TcpStream::connect(address));
        let (stream, _) = poll_fn(|cx| listener.poll_accept(cx)).await.expect("one");
        let client = client.await.expect("no panic").expect("accepted");
        client.write_all(b"x").await.expect("open");
        let mut buf = [0; 4];
        let peeked = poll_fn(|cx| stream.poll_peek(cx, &mut buf)).await;
        assert_eq!(peeked.expect("a byte"), 1);
        assert_eq!(stream.read(&mut buf).await.expect("still there"), 1);
        assert!(waits!(cx => stream.poll_peek(cx, &mut [0])));

        let path = std::env::temp_dir().join(format!("myrt-poll-{}", std::process::id()));
        let listener = UnixListener::bind(&path).expect("a path");
        assert!(waits!(cx => listener.poll_accept(cx)));
        let client = UnixStream::connect(&path).await.expect("listening");
        let (stream, _) = poll_fn(|cx| listener.poll_accept(cx)).await.expect("one");
        client.write_all(b"x").await.expect("open");
        assert_eq!(stream.read(&mut buf).await.expect("a byte"), 1);
    });
}

#[test]
fn readiness_is_told_to_poll_functions() {
    run(async {
        let (client, server) = tcp_pair().await;
        poll_fn(|cx| client.poll_write_ready(cx))
            .await
            .expect("room");
        assert!(waits!(cx => server.poll_read_ready(cx)));
        client.write_all(b"now").await.expect("open");
        poll_fn(|cx| server.poll_read_ready(cx))
            .await
            .expect("bytes");
        assert_eq!(server.try_read(&mut [0; 8]).expect("bytes"), 3);
        assert!(server.try_read(&mut [0; 8]).is_err());
        assert!(waits!(cx => server.poll_read_ready(cx)));
    });
}

#[test]
fn datagrams_go_through_poll_functions() {
    run(async {
        let a = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let b = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let (at_a, at_b) = (
            a.local_addr().expect("bound"),
            b.local_addr().expect("bound"),
        );
        let mut buf = [0; 8];
        assert!(waits!(cx => b.poll_recv_from(cx, &mut [0; 8])));
        assert!(waits!(cx => b.poll_recv_ready(cx)));
        poll_fn(|cx| a.poll_send_ready(cx)).await.expect("room");
        poll_fn(|cx| a.poll_send_to(cx, b"one", at_b))
            .await
            .expect("sent");
        poll_fn(|cx| b.poll_recv_ready(cx)).await.expect("one");
        let peeked = poll_fn(|cx| b.poll_peek_from(cx, &mut buf)).await;
        assert_eq!(peeked.expect("one"), (3, at_a));
        let got = poll_fn(|cx| b.poll_recv_from(cx, &mut buf)).await;
        assert_eq!(got.expect("one"), (3, at_a));
        a.connect(at_b).await.expect("an address");
        poll_fn(|cx| a.poll_send(cx, b"two!")).await.expect("sent");
        let got = poll_fn(|cx| b.poll_recv(cx, &mut buf)).await;
        assert_eq!(&buf[..got.expect("two")], b"two!");

        let (a, b) = UnixDatagram::pair().expect("a pair");
        assert!(waits!(cx => b.poll_recv(cx, &mut [0; 8])));
        assert!(waits!(cx => b.poll_recv_ready(cx)));
        poll_fn(|cx| a.poll_send_ready(cx)).await.expect("room");
        poll_fn(|cx| a.poll_send(cx, b"three")).await.expect("sent");
        poll_fn(|cx| a.poll_send(cx, b"four")).await.expect("sent");
        let got = poll_fn(|cx| b.poll_recv(cx, &mut buf)).await;
        assert_eq!(&buf[..got.expect("three")], b"three");
        let got = poll_fn(|cx| b.poll_recv_from(cx, &mut buf)).await;
        assert_eq!(&buf[..got.expect("four").0], b"four");
    });
}

#[test]
fn a_unix_datagram_is_tried_once_to_a_path() {
    run(async {
        let path = std::env::temp_dir().join(format!("myrt-try-to-{}", std::process::id()));
        let receiver = UnixDatagram::bind(&path).expect("a path");
        let sender = UnixDatagram::unbound().expect("a socket");
        assert_eq!(sender.try_send_to(b"hello", &path).expect("room"), 5);
        let mut buf = [0; 8];
        let (count, from) = receiver.try_recv_from(&mut buf).expect("one");
        assert_eq!((&buf[..count], from.is_unnamed()), (&b"hello"[..], true));
        let error = receiver.try_recv_from(&mut buf).expect_err("none");
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        while sender.try_send_to(b"more", &path).is_ok() {}
        let error = sender.try_send_to(b"more", &path).expect_err("full");
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        receiver.shutdown(Shutdown::Both).expect("open");
        assert!(receiver.take_error().expect("asked").is_none());
    });
}

#[test]
fn calls_of_ones_own_wait_as_the_sockets_do() {
    run(async {
        let (client, server) = tcp_pair().await;
        let own = std::net::TcpStream::from(server.as_fd().try_clone_to_owned().expect("a copy"));
        let calls = Cell::new(0);
        let read = || {
            calls.set(calls.get() + 1);
            (&own).read(&mut [0; 16])
        };
        let error = server
            .try_io(Interest::READABLE, read)
            .expect_err("nothing");
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        calls.set(0);
        let mut waiting = Box::pin(server.async_io(Interest::READABLE, read));
        assert!(waits!(cx => waiting.as_mut().poll(cx)));
        assert_eq!(calls.get(), 0, "it is known that this would block");
        client.write_all(b"bytes").await.expect("open");
        assert_eq!(waiting.await.expect("bytes"), 5);
        assert_eq!(calls.get(), 1);

        let both = Interest::READABLE | Interest::WRITABLE;
        let write = || (&own).write(b"answer");
        assert_eq!(server.async_io(both, write).await.expect("room"), 6);
        assert_eq!(client.read(&mut [0; 16]).await.expect("answer"), 6);
        let failed = server.async_io(both, || io::Result::<()>::Err(io::Error::other("no")));
        assert_eq!(failed.await.expect_err("as it says").to_string(), "no");
    });
}

#[test]
fn what_is_over_is_told_with_readiness() {
    run(async {
        let (client, server) = tcp_pair().await;
        let ready = server.ready(Interest::WRITABLE).await.expect("room");
        assert!(ready.is_writable() && !ready.is_readable());
        assert!(!ready.is_read_closed() && !ready.is_write_closed() && !ready.is_error());
        client.shutdown(Shutdown::Write).expect("open");
        let ready = server.ready(Interest::READABLE).await.expect("the end");
        assert!(ready.is_readable() && ready.is_read_closed());
        assert!(!ready.is_write_closed(), "this half is open");

        let (near, far) = UnixStream::pair().expect("a pair");
        drop(far);
        let ready = near.ready(Interest::READABLE).await.expect("the end");
        assert!(ready.is_read_closed() && ready.is_write_closed());
    });
}

#[test]
fn the_ends_of_a_pipe_can_be_waited_for() {
    run(async {
        let (sender, receiver) = pipe().expect("a pipe");
        sender.writable().await.expect("room");
        assert!(waits!(cx => receiver.poll_read_ready(cx)));
        while sender.try_write(&[0; 4096]).is_ok() {}
        assert!(waits!(cx => sender.poll_write_ready(cx)));
        receiver.readable().await.expect("bytes");
        while receiver.try_read(&mut [0; 4096]).is_ok() {}
        poll_fn(|cx| sender.poll_write_ready(cx))
            .await
            .expect("room");
        let own = std::fs::File::from(sender.as_fd().try_clone_to_owned().expect("a copy"));
        let wrote = sender.async_io(Interest::WRITABLE, || (&own).write(b"own"));
        assert_eq!(wrote.await.expect("room"), 3);
        let got = receiver.try_io(Interest::READABLE, || Ok(3));
        assert_eq!(got.expect("as the call says"), 3);
        assert_eq!(receiver.read(&mut [0; 8]).await.expect("bytes"), 3);

        assert!(receiver.try_read(&mut [0; 8]).is_err(), "and no more");
        let waiting = spawn(async move {
            let ready = receiver.ready(Interest::READABLE).await.expect("the end");
            assert!(ready.is_read_closed());
        });
        yield_now().await;
        drop((sender, own));
        waiting.await.expect("no panic");

        let (mut sender, receiver) = pipe().expect("a pipe");
        drop(receiver);
        let ready = sender.ready(Interest::WRITABLE).await.expect("the end");
        assert!(ready.is_error() || ready.is_write_closed());
        myrt::io::AsyncWriteExt::close(&mut sender)
            .await
            .expect("closed");
        let error = sender
            .try_io(Interest::WRITABLE, || Ok(()))
            .expect_err("closed");
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}
