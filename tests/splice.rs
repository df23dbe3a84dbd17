//! Bytes that stay in the kernel: everything arrives, in order, and nothing is left open.
#![cfg(feature = "net")]

mod support;

use std::io::Write;
use std::net::Shutdown;
use std::time::Duration;

use myrt::net::{
    TcpListener, TcpStream, UnixStream, send_file, splice, splice_bidirectional, unix::pipe,
};
use myrt::runtime::Builder;
use myrt::time::timeout;
use support::SELECTORS;
use support::left::{self, Watch};

/// Runs a test on every selector, and looks for what it left.
#[track_caller]
fn everywhere(test: impl AsyncFn()) {
    let watch = Watch::begin();
    for &selector in SELECTORS {
        let runtime = Builder::new().selector(selector).build().unwrap();
        let ended = runtime.block_on(timeout(Duration::from_secs(60), test()));
        assert!(ended.is_ok(), "{selector}: it hangs");
        left::nothing_in(&runtime, selector.name());
        drop(runtime);
        watch.nothing_open(selector.name());
    }
}

async fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (a, b) = myrt::join!(TcpStream::connect(address), listener.accept());
    (a.unwrap(), b.unwrap().0)
}

fn numbers(count: u32) -> Vec<u8> {
    (0..count).flat_map(u32::to_le_bytes).collect()
}

async fn everything(stream: TcpStream) -> Vec<u8> {
    let (mut all, mut buf) = (Vec::new(), vec![0; 50_000]);
    loop {
        match stream.read(&mut buf).await.unwrap() {
            0 => return all,
            count => all.extend_from_slice(&buf[..count]),
        }
    }
}

#[test]
fn from_socket_to_socket() {
    everywhere(async || {
        let ((client, front), (back, server)) = (tcp_pair().await, tcp_pair().await);
        let sender = myrt::spawn(async move {
            client.write_all(&numbers(1_000_000)).await.unwrap();
        });
        let receiver = myrt::spawn(everything(server));
        assert_eq!(splice(&front, &back).await.unwrap(), 4_000_000);
        drop(back);
        sender.await.unwrap();
        assert!(receiver.await.unwrap() == numbers(1_000_000));
    });
}

#[test]
fn a_proxy_with_half_close() {
    everywhere(async || {
        let ((client, front), (back, server)) = (tcp_pair().await, tcp_pair().await);
        let proxy = myrt::spawn(async move { splice_bidirectional(&front, &back).await.unwrap() });
        let server = myrt::spawn(async move {
            let mut question = [0; 8];
            server.read_exact(&mut question).await.unwrap();
            // The question has ended, which the answer waits for.
            assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
            server.write_all(&numbers(500_000)).await.unwrap();
        });
        client.write_all(b"question").await.unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert!(everything(client).await == numbers(500_000));
        server.await.unwrap();
        assert_eq!(proxy.await.unwrap(), (8, 2_000_000));
    });
}

#[test]
fn pipes_and_unix_sockets() {
    everywhere(async || {
        let (sender, receiver) = pipe::pipe().unwrap();
        let (near, far) = UnixStream::pair().unwrap();
        let writer = myrt::spawn(async move {
            sender.write_all(&numbers(200_000)).await.unwrap();
        });
        let reader = myrt::spawn(async move {
            let mut all = vec![0; 800_000];
            far.read_exact(&mut all).await.unwrap();
            all
        });
        assert_eq!(splice(&receiver, &near).await.unwrap(), 800_000);
        writer.await.unwrap();
        assert!(reader.await.unwrap() == numbers(200_000));
    });
}

#[test]
fn an_error_of_either_side_is_told() {
    everywhere(async || {
        let (sender, receiver) = pipe::pipe().unwrap();
        let (near, far) = UnixStream::pair().unwrap();
        drop(receiver);
        far.write_all(b"nobody reads this").await.unwrap();
        let error = splice(&near, &sender).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_file_to_a_socket() {
    let path = std::env::temp_dir().join(format!("myrt-send-{}", std::process::id()));
    let all = numbers(2_000_000);
    std::fs::File::create(&path)
        .unwrap()
        .write_all(&all)
        .unwrap();
    everywhere(async || {
        let file = std::fs::File::open(&path).unwrap();
        let (near, far) = tcp_pair().await;
        let receiver = myrt::spawn(everything(far));
        assert_eq!(send_file(&file, .., &near).await.unwrap(), 8_000_000);
        assert_eq!(send_file(&file, 100..=199, &near).await.unwrap(), 100);
        assert_eq!(send_file(&file, 7_999_990.., &near).await.unwrap(), 10);
        assert_eq!(
            send_file(&file, 9_000_000..9_000_100, &near).await.unwrap(),
            0
        );
        drop(near);
        let got = receiver.await.unwrap();
        assert!(got == [&all[..], &all[100..200], &all[7_999_990..]].concat());
        // A directory cannot be sent, nor read.
        let (near, _far) = tcp_pair().await;
        assert!(
            send_file(&std::fs::File::open("/").unwrap(), .., &near)
                .await
                .is_err()
        );
    });
    std::fs::remove_file(&path).unwrap();
}

#[cfg(feature = "process")]
#[test]
fn a_child_between_two_sockets() {
    use myrt::process::{Command, Stdio};

    everywhere(async || {
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (client, front) = tcp_pair().await;
        let into = async {
            splice(&front, &stdin).await.unwrap();
            drop(stdin);
        };
        let back = async { splice(&stdout, &front).await.unwrap() };
        let talk = async {
            client.write_all(&numbers(100_000)).await.unwrap();
            client.shutdown(Shutdown::Write).unwrap();
        };
        let all = async {
            let mut all = vec![0; 400_000];
            client.read_exact(&mut all).await.unwrap();
            all
        };
        let (_, moved, _, all) = myrt::join!(into, back, talk, all);
        assert_eq!(moved, 400_000);
        assert!(all == numbers(100_000));
        assert!(child.wait().await.unwrap().success());
    });
}
