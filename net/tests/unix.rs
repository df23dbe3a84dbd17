//! Unix stream sockets and pipes.

mod common;

use std::io::ErrorKind;
use std::net::Shutdown;

use common::run;
use futures_lite::StreamExt;
use futures_lite::future::zip;
use myrt_net::io::{AsyncReadExt, AsyncWriteExt, copy};
use myrt_net::unix::pipe;
use myrt_net::{UnixListener, UnixStream};
use myrt_runtime::task::spawn;

#[test]
fn clients_connect_by_path_and_the_file_goes_with_the_listener() {
    run(async {
        let directory = common::Directory::new("listener");
        let path = directory.path("socket");
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(
            UnixListener::bind(&path).unwrap_err().kind(),
            ErrorKind::AddrInUse
        );
        let (client, server) = zip(UnixStream::connect(&path), listener.accept()).await;
        let (client, (server, _)) = (client.unwrap(), server.unwrap());
        client.write_all(b"over the path").await.unwrap();
        let mut buf = [0; 13];
        server.read_exact(&mut buf).await.unwrap();
        assert_eq!(&buf, b"over the path");
        assert_eq!(
            listener.local_addr().unwrap().as_pathname(),
            Some(path.as_path())
        );
        drop(listener);
        assert!(!path.exists());
        assert_eq!(
            UnixStream::connect(&path).await.unwrap_err().kind(),
            ErrorKind::NotFound
        );
        // The connection outlives the listener.
        server.write_all(b"still").await.unwrap();
        client.read_exact(&mut buf[..5]).await.unwrap();
    });
}

#[test]
fn a_successors_socket_file_is_left_alone() {
    run(async {
        let directory = common::Directory::new("successor");
        let path = directory.path("socket");
        let first = UnixListener::bind(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let second = UnixListener::bind(&path).unwrap();
        drop(first);
        assert!(path.exists());
        let mut second = second;
        second.keep_file();
        drop(second);
        assert!(path.exists(), "kept, as asked for");
        assert_eq!(
            UnixStream::connect(&path).await.unwrap_err().kind(),
            ErrorKind::ConnectionRefused
        );
    });
}

#[cfg(any(target_os = "linux", target_os = "android"))]
#[test]
fn abstract_names_leave_no_file() {
    run(async {
        let name = format!("\0myrt-test-{}", std::process::id());
        let listener = UnixListener::bind(&name).unwrap();
        let connecting = spawn({
            let name = name.clone();
            async move { UnixStream::connect(name).await.unwrap() }
        });
        let stream = listener.incoming().next().await.unwrap().unwrap();
        drop((stream, connecting.await.unwrap(), listener));
        assert_eq!(
            UnixStream::connect(&name).await.unwrap_err().kind(),
            ErrorKind::ConnectionRefused
        );
    });
}

#[test]
fn a_full_queue_of_a_listener_is_waited_for() {
    run(async {
        let directory = common::Directory::new("full");
        let path = directory.path("socket");
        // A queue of one, by std's own doing, so that the second or third client finds it full.
        let socket =
            socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
        socket
            .bind(&socket2::SockAddr::unix(&path).unwrap())
            .unwrap();
        socket.listen(1).unwrap();
        let listener = UnixListener::from_std(socket.into()).unwrap();
        let clients: Vec<_> = (0..8)
            .map(|_| {
                let path = path.clone();
                spawn(async move { UnixStream::connect(path).await.unwrap() })
            })
            .collect();
        let mut servers = Vec::new();
        for _ in 0..8 {
            servers.push(listener.accept().await.unwrap());
        }
        for client in clients {
            client.await.unwrap();
        }
    });
}

#[test]
fn the_peer_is_known_by_its_credentials() {
    let (a, _b) = UnixStream::pair().unwrap();
    let peer = a.peer_cred().unwrap();
    let me = std::fs::metadata("/proc/self").unwrap();
    use std::os::unix::fs::MetadataExt;
    assert_eq!((peer.uid, peer.gid), (me.uid(), me.gid()));
    if cfg!(target_os = "linux") {
        assert_eq!(peer.pid, i32::try_from(std::process::id()).ok());
    }
}

#[test]
fn large_transfers_pass_intact_and_short_reads_are_not_taken_for_drained() {
    run(async {
        let (a, b) = UnixStream::pair().unwrap();
        let sent: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 253) as u8).collect();
        let (a_read, mut a_write) = a.into_split();
        let writing = async {
            for piece in sent.chunks(1001) {
                AsyncWriteExt::write_all(&mut a_write, piece).await.unwrap();
            }
            drop(a_write);
        };
        let mut seen = Vec::new();
        zip(writing, async {
            AsyncReadExt::read_to_end(&mut &b, &mut seen).await.unwrap()
        })
        .await;
        assert!(seen == sent);
        b.write_all(b"answer").await.unwrap();
        b.shutdown(Shutdown::Both).unwrap();
        let mut answer = Vec::new();
        AsyncReadExt::read_to_end(&mut { a_read }, &mut answer)
            .await
            .unwrap();
        assert_eq!(answer, b"answer");
    });
}

#[test]
fn r48_only_halves_of_one_stream_reunite() {
    let (a, b) = UnixStream::pair().unwrap();
    let (a_read, a_write) = a.into_split();
    let (b_read, b_write) = b.into_split();
    let error = a_read.reunite(b_write).unwrap_err();
    assert!(error.read.reunite(a_write).is_ok());
    assert!(b_read.reunite(error.write).is_ok());
}

#[test]
fn pipes_carry_bytes_wait_for_room_and_end() {
    run(async {
        let (sender, receiver) = pipe::pipe().unwrap();
        let all: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 249) as u8).collect();
        let mut seen = Vec::new();
        let writing = async {
            sender.write_all(&all).await.unwrap();
            drop(sender);
        };
        zip(writing, copy(receiver, &mut seen)).await.1.unwrap();
        assert!(seen == all);
    });
}

#[test]
fn a_pipe_without_a_reader_is_broken_and_closing_ends_it() {
    run(async {
        let (mut sender, receiver) = pipe::pipe().unwrap();
        assert_eq!(
            receiver.try_read(&mut [0; 1]).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        AsyncWriteExt::close(&mut sender).await.unwrap();
        assert_eq!(receiver.read(&mut [0; 1]).await.unwrap(), 0);
        assert_eq!(
            sender.try_write(b"x").unwrap_err().kind(),
            ErrorKind::BrokenPipe
        );
        let (sender, receiver) = pipe::pipe().unwrap();
        drop(receiver);
        assert_eq!(
            sender.write(b"x").await.unwrap_err().kind(),
            ErrorKind::BrokenPipe
        );
    });
}
