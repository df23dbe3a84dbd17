//! Sockets handed over by a real parent: this program starts itself by way of a shell, as systemd
//! would.
#![cfg(feature = "net")]

mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Stdio};

use myrt::net::{ListenFdKind, listen_fds};
use support::left::Watch;

/// What the child does with what it got, by the name of the test; nothing in the parent.
fn is_child(test: &str) -> bool {
    std::env::var_os("MYRT_TEST_CHILD").is_some_and(|name| name == test)
}

/// Starts this test again with `fds` as descriptors 3 and up.
fn hand_over(test: &str, fds: [OwnedFd; 2], pid: &str) -> Child {
    let [first, second] = fds;
    // The two come in as standard input and output, which a shell can give other numbers.
    let script = format!(
        "exec 3<&0 4<&1 0</dev/null 1>&2; export LISTEN_PID={pid} LISTEN_FDS=2 LISTEN_FDNAMES=web:local; exec \"$0\" \"$@\""
    );
    Command::new("sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env("MYRT_TEST_CHILD", test)
        .stdin(first)
        .stdout(second)
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_parent_hands_two_listeners_over() {
    if is_child("a_parent_hands_two_listeners_over") {
        return serve_both();
    }
    let _watch = Watch::begin();
    let web = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = web.local_addr().unwrap();
    let path = std::env::temp_dir().join(format!("myrt-handed-{}", std::process::id()));
    let local = UnixListener::bind(&path).unwrap();
    // Clients come before the server is there: they wait in the queue.
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(b"hello").unwrap();
    let mut child = hand_over(
        "a_parent_hands_two_listeners_over",
        [web.into(), local.into()],
        "$$",
    );
    let mut answer = [0; 5];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"hello");
    let mut client = std::os::unix::net::UnixStream::connect(&path).unwrap();
    client.write_all(b"there").unwrap();
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"there");
    assert!(child.wait().unwrap().success());
    std::fs::remove_file(&path).unwrap();
}

fn serve_both() {
    let mut handed = listen_fds().unwrap();
    assert_eq!(handed.len(), 2);
    assert!(listen_fds().unwrap().is_empty(), "they are taken once");
    let (local, web) = (handed.pop().unwrap(), handed.pop().unwrap());
    assert_eq!(
        (web.name(), web.kind()),
        (Some("web"), ListenFdKind::TcpListener)
    );
    assert_eq!(
        (local.name(), local.kind()),
        (Some("local"), ListenFdKind::UnixListener)
    );
    // Children of ours do not get them.
    let seen = Command::new("sh")
        .args(["-c", "ls /proc/self/fd"])
        .output()
        .unwrap();
    assert!(
        !String::from_utf8(seen.stdout)
            .unwrap()
            .lines()
            .any(|fd| fd == "4")
    );
    myrt::run(async {
        let (web, local) = (
            web.into_tcp_listener().unwrap(),
            local.into_unix_listener().unwrap(),
        );
        let mut buf = [0; 5];
        let (stream, _) = web.accept().await.unwrap();
        stream.read_exact(&mut buf).await.unwrap();
        stream.write_all(&buf).await.unwrap();
        let (stream, _) = local.accept().await.unwrap();
        stream.read_exact(&mut buf).await.unwrap();
        stream.write_all(&buf).await.unwrap();
    });
}

#[test]
fn what_was_meant_for_another_process_is_not_taken() {
    if is_child("what_was_meant_for_another_process_is_not_taken") {
        assert!(listen_fds().unwrap().is_empty());
        return;
    }
    let _watch = Watch::begin();
    let fds = || OwnedFd::from(TcpListener::bind("127.0.0.1:0").unwrap());
    let mut child = hand_over(
        "what_was_meant_for_another_process_is_not_taken",
        [fds(), fds()],
        "1",
    );
    assert!(child.wait().unwrap().success());
    assert!(listen_fds().unwrap().is_empty());
}

#[test]
fn a_wrong_kind_is_an_error_that_says_so() {
    if is_child("a_wrong_kind_is_an_error_that_says_so") {
        let first = listen_fds().unwrap().swap_remove(0);
        assert_eq!(first.kind(), ListenFdKind::UdpSocket);
        let error = first.into_tcp_listener().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("web"), "{error}");
        return;
    }
    let _watch = Watch::begin();
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let other = std::fs::File::open("/dev/null").unwrap();
    let mut child = hand_over(
        "a_wrong_kind_is_an_error_that_says_so",
        [udp.into(), other.into()],
        "$$",
    );
    assert!(child.wait().unwrap().success());
}
