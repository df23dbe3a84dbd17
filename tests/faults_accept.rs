//! B.9, C.7 and C.8 of the second list: the two ends of a server's connection. Without descriptors
//! a server goes on; a port is free on every address; nobody who waits in the queue is reset by a
//! drain; an answer is not lost to a reset.
//!
//! Looked at. B.9: every loop around `accept` that users may copy: examples 04, 05, 11, tour, axum,
//! http, tls, websocket, course, the guide's chapter 7, four READMEs, and `UnixListener`; which
//! errors are whose is a test of `net/src/calls.rs`. C.7: `start_server`, `close`, `drain`,
//! `abort`. C.8: every end of a handler: it returns, closes its writer, drops its halves, moves
//! them away, makes them one again, is cancelled.
#![cfg(feature = "net")]

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::TcpStream as StdStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::rc::Rc;

use myrt::net::{Server, TcpListener, TcpStream};
use myrt::time::{Duration, timeout};
use myrt::{spawn, start_server};

/// A process that is killed when the test is over.
struct Killed {
    child: Child,
    /// What it says fits into a pipe, and the pipe must be there.
    _said: BufReader<ChildStdout>,
}

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An example as a process with few descriptors, and the port that it listens on. None where it was
/// not built since it was changed: a run of this test alone builds no examples.
fn example(name: &str) -> Option<(Killed, u16)> {
    let me = std::env::current_exe().unwrap();
    let program = me.parent()?.parent()?.join("examples").join(name);
    let source = format!("{}/examples/{name}.rs", env!("CARGO_MANIFEST_DIR"));
    let changed = |path: &Path| std::fs::metadata(path).and_then(|file| file.modified());
    if changed(&program).ok()? < changed(source.as_ref()).ok()? {
        return None;
    }
    let mut child = Command::new("sh")
        .args(["-c", "ulimit -n 24; exec \"$0\" 127.0.0.1:0"])
        .arg(program)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    let port = line.trim().rsplit(':').next().unwrap().parse().unwrap();
    Some((Killed { child, _said: said }, port))
}

#[test]
fn b9_examples_serve_on_without_descriptors() {
    for (name, ask, answer) in [
        ("04_echo_server", "hello", "Echo: hello"),
        ("11_pubsub", "+news\n", ""),
    ] {
        let Some((mut server, port)) = example(name) else {
            continue;
        };
        let mut clients: Vec<_> = (0..40)
            .map(|_| StdStream::connect(("127.0.0.1", port)).unwrap())
            .collect();
        // Each is served, the last ones when the first have gone.
        while !clients.is_empty() {
            let mut client = clients.remove(0);
            client.write_all(ask.as_bytes()).unwrap();
            let mut said = vec![0; answer.len()];
            client.read_exact(&mut said).unwrap();
            assert_eq!(said, answer.as_bytes(), "{name}");
        }
        assert!(server.child.try_wait().unwrap().is_none(), "{name} goes on");
    }
}

#[test]
fn c7_a_port_is_chosen_that_is_free_on_every_address() {
    let both = ["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap()];
    let Ok(probe) = std::net::TcpListener::bind("[::1]:0") else {
        return; // a machine without IPv6
    };
    drop(probe);
    myrt::run(async {
        // One port in sixty is taken on the second address, so that the first choice often fails.
        let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
        let range = range.unwrap_or("32768 60999".to_owned());
        let mut ends = range
            .split_whitespace()
            .map(|end| end.parse::<u16>().unwrap());
        let (first, last) = (ends.next().unwrap(), ends.next().unwrap());
        let taken: Vec<_> = (first..=last)
            .step_by(60)
            .filter_map(|port| std::net::TcpListener::bind(("::1", port)).ok())
            .collect();
        for _ in 0..300 {
            let server = start_server(both, async |_, _| ()).await.unwrap();
            let ports: Vec<_> = server.sockets().iter().map(|a| a.port()).collect();
            assert_eq!(ports.len(), 2);
            assert_eq!(ports[0], ports[1]);
        }
        drop(taken);
        // A port that is named and taken is an error, as it was.
        let held = TcpListener::bind("[::1]:0").await.unwrap();
        let named = held.local_addr().unwrap();
        let error = start_server(named, async |_, _| ()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    });
}

/// A server that says a word to each client.
async fn greeter() -> Server {
    let server = start_server("127.0.0.1:0", async |_, mut writer| {
        writer.write_all(b"welcome").await?;
        writer.close().await
    });
    server.await.unwrap()
}

#[test]
fn c7_a_drain_takes_in_who_waits_in_the_queue() {
    myrt::run(async {
        let server = greeter().await;
        let address = server.local_addr();
        // The loop has no turn in between, so none of them is accepted.
        let clients: Vec<_> = (0..20)
            .map(|_| StdStream::connect(address).unwrap())
            .collect();
        assert_eq!(server.statistics().accepted, 0);
        let cut = server.drain(Duration::from_secs(5));
        let read = myrt::spawn_blocking(move || {
            for mut client in clients {
                let mut said = String::new();
                client.read_to_string(&mut said).unwrap();
                assert_eq!(said, "welcome");
            }
        });
        assert_eq!(cut.await, 0);
        read.await.unwrap();
        assert_eq!(server.statistics().accepted, 20);
        assert!(StdStream::connect(address).is_err());
    });
}

/// Sends a request with a large body, then reads the answer, as a client does that looks up when it
/// is done.
fn request(address: std::net::SocketAddr) -> std::io::Result<String> {
    let mut client = StdStream::connect(address)?;
    client.write_all(b"POST / HTTP/1.0\r\n\r\n")?;
    for _ in 0..32 {
        client.write_all(&[b'x'; 1 << 16])?;
    }
    let mut answer = String::new();
    client.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn c8_an_answer_before_the_end_of_the_request_reaches_the_client() {
    let serve = async |closes: bool| {
        let server = start_server("127.0.0.1:0", async move |mut reader, mut writer| {
            let mut line = String::new();
            reader.read_line(&mut line).await.unwrap();
            writer
                .write_all(b"HTTP/1.0 413 too much\r\n\r\n")
                .await
                .unwrap();
            if closes {
                writer.close().await.unwrap();
            }
        });
        server.await.unwrap()
    };
    myrt::run(async {
        for closes in [true, false] {
            let server = serve(closes).await;
            let address = server.local_addr();
            for _ in 0..15 {
                let answer = myrt::spawn_blocking(move || request(address))
                    .await
                    .unwrap();
                assert_eq!(answer.unwrap(), "HTTP/1.0 413 too much\r\n\r\n");
            }
            server.drain(Duration::from_secs(5)).await;
            assert_eq!(server.statistics().failed, 0);
        }
    });
}

#[test]
fn c8_a_client_that_stays_is_closed_in_the_end_and_one_that_closes_at_once() {
    myrt::run(async {
        let server = greeter().await;
        // Said before the server has a turn to accept.
        let talker = || {
            let mut client = StdStream::connect(server.local_addr()).unwrap();
            client.write_all(b"unread").unwrap();
            client.set_nonblocking(true).unwrap();
            TcpStream::from_std(client).unwrap()
        };
        let (stays, goes) = (talker(), talker());
        let mut word = [0; 7];
        goes.read_exact(&mut word).await.unwrap();
        stays.read_exact(&mut word).await.unwrap();
        assert_eq!(
            stays.read(&mut word).await.unwrap(),
            0,
            "the end is told at once"
        );
        assert_eq!(server.statistics().active, 2);
        drop(goes);
        while server.statistics().active == 2 {
            myrt::task::yield_now().await;
        }
        server.close();
        server.wait_closed().await;
        assert_eq!(server.statistics().active, 0);
        drop(stays);

        // With the server goes what only waits for its clients.
        let server = greeter().await;
        let stays = TcpStream::connect(server.local_addr()).await.unwrap();
        stays.read_exact(&mut word).await.unwrap();
        assert_eq!(stays.read(&mut word).await.unwrap(), 0);
        assert_eq!(myrt::task::all().len(), 3, "main, what accepts, what waits");
        drop(server);
        assert_eq!(myrt::task::all().len(), 1);
    });
}

#[test]
fn c8_halves_that_outlive_their_handler_are_their_owners() {
    myrt::run(async {
        let kept = Rc::new(RefCell::new(Vec::new()));
        let keep = Rc::clone(&kept);
        let server = start_server("127.0.0.1:0", async move |reader, writer| {
            keep.borrow_mut().push((reader, writer));
        });
        let server = server.await.unwrap();
        let client = TcpStream::connect(server.local_addr()).await.unwrap();
        client.write_all(b"not read yet").await.unwrap();
        server.drain(Duration::from_secs(5)).await;
        let (reader, mut writer) = kept.borrow_mut().pop().unwrap();
        writer.write_all(b"later").await.unwrap();
        let mut word = [0; 5];
        client.read_exact(&mut word).await.unwrap();
        assert_eq!(&word, b"later");
        // They can become one again.
        let (read, _) = reader.into_parts();
        let (write, _) = writer.into_parts();
        let whole = read.reunite(write).unwrap();
        assert_eq!(whole.read(&mut word).await.unwrap(), 5);
        drop(whole);
    });
}

#[test]
fn c8_halves_become_one_again_inside_of_a_handler() {
    myrt::run(async {
        let server = start_server("127.0.0.1:0", async |reader, writer| {
            let (read, write) = (reader.into_parts().0, writer.into_parts().0);
            let whole = read.reunite(write).unwrap();
            whole.write_all(b"whole").await
        });
        let server = server.await.unwrap();
        let client = TcpStream::connect(server.local_addr()).await.unwrap();
        let mut word = [0; 5];
        client.read_exact(&mut word).await.unwrap();
        assert_eq!(&word, b"whole");
        assert_eq!(client.read(&mut word).await.unwrap(), 0);
        let ended = spawn(async move { server.drain(Duration::from_secs(5)).await });
        assert_eq!(
            timeout(Duration::from_secs(60), ended)
                .await
                .unwrap()
                .unwrap(),
            0
        );
    });
}
