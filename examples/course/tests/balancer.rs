//! The balancer: counts, the death of a server, half-close, many bytes. (B20, R13)
#![allow(clippy::disallowed_methods, reason = "clients outside of any runtime")]

mod support;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use support::{Server, eventually, expect, half_closed, hardships, serve_with};

/// A server that says its name, then echoes until the client's end, and says so.
fn backend(name: &'static str) -> SocketAddr {
    serve_with(move |mut stream| {
        let _ = stream.write_all(name.as_bytes());
        let mut buf = [0; 64 * 1024];
        loop {
            match stream.read(&mut buf) {
                Ok(0) => break,
                Ok(n) if stream.write_all(&buf[..n]).is_ok() => {}
                _ => return,
            }
        }
        let _ = stream.write_all(b".");
    })
}

fn balancer(backends: &[SocketAddr], more: &[&str]) -> Server {
    let backends: Vec<String> = backends.iter().map(ToString::to_string).collect();
    let mut arguments: Vec<&str> = more.to_vec();
    for backend in &backends {
        arguments.extend(["--backend", backend]);
    }
    Server::watched(env!("CARGO_BIN_EXE_balancer"), &arguments)
}

/// Connects, and says which server answered.
fn who(server: &Server) -> (TcpStream, char) {
    let mut stream = server.connect();
    let mut name = [0];
    stream.read_exact(&mut name).expect("a server answers");
    (stream, char::from(name[0]))
}

fn counts(names: impl Iterator<Item = char>) -> BTreeMap<char, usize> {
    names.fold(BTreeMap::new(), |mut counts, name| {
        *counts.entry(name).or_default() += 1;
        counts
    })
}

#[test]
fn everyone_has_a_turn() {
    let server = balancer(
        &[backend("a"), backend("b"), backend("c")],
        &["--check-every", "60000"],
    );
    let counts = counts((0..31).map(|_| who(&server).1));
    assert!(
        counts.len() == 3 && counts.values().all(|count| (10..=11).contains(count)),
        "{counts:?}"
    );
}

#[test]
fn the_one_with_the_fewest_is_next() {
    let server = balancer(
        &[backend("a"), backend("b")],
        &["--algorithm", "leastconn", "--check-every", "60000"],
    );
    let mut clients: Vec<_> = (0..6).map(|_| who(&server)).collect();
    // Everything of `a` goes; the next three are all `a`'s.
    clients.retain(|(_, name)| *name == 'b');
    assert_eq!(clients.len(), 3);
    eventually("a to be free", || {
        let next = who(&server);
        let free = next.1 == 'a';
        clients.push(next);
        free
    });
    assert!(matches!(who(&server).1, 'a' | 'b'));
}

#[test]
fn a_dead_server_is_passed_over_and_comes_back() {
    let alive = backend("a");
    let place = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let dead = place.local_addr().unwrap();
    drop(place);
    let server = balancer(&[alive, dead], &["--check-every", "20"]);
    for _ in 0..20 {
        assert_eq!(who(&server).1, 'a', "no client sees the failure");
    }
    server.wait_for_line("is down");
    let revived = std::net::TcpListener::bind(dead).expect("the port is free again");
    std::thread::spawn(move || {
        revived
            .incoming()
            .flatten()
            .for_each(|mut stream| drop(stream.write_all(b"r")));
    });
    server.wait_for_line("is up");
    assert_eq!(counts((0..20).map(|_| who(&server).1)).len(), 2);
}

#[test]
fn ends_and_bytes_go_through() {
    for pool in ["0", "3"] {
        let server = balancer(&[backend("a")], &["--pool", pool, "--check-every", "20"]);
        let data: Vec<u8> = (0_u32..4 << 20).map(|n| n.to_le_bytes()[0]).collect();
        // It sends everything and ends its direction; the answer still comes, whole, with its own
        // end.
        let (mut stream, name) = who(&server);
        let reader = {
            let mut stream = stream.try_clone().unwrap();
            std::thread::spawn(move || {
                let mut all = Vec::new();
                stream.read_to_end(&mut all).map(|_| all)
            })
        };
        stream.write_all(&data).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let answer = reader.join().unwrap().expect("an end, not a reset");
        assert!(
            name == 'a'
                && answer.len() == data.len() + 1
                && answer.ends_with(b".")
                && answer.starts_with(&data)
        );
        assert_eq!(half_closed(server.address, b"x"), b"ax.");
    }
}

#[test]
fn with_nobody_there_it_says_so() {
    let place = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = place.local_addr().unwrap();
    drop(place);
    let server = balancer(&[nobody], &["--check-every", "60000"]);
    let mut client = server.connect();
    assert!(client.read(&mut [0]).is_err(), "a reset");
}

#[test]
fn it_stands_what_clients_do() {
    let mut server = balancer(&[backend("a"), backend("b")], &["--check-every", "60000"]);
    std::thread::sleep(std::time::Duration::from_millis(200)); // the first health check is over
    hardships(&mut server, b"hello");
    let (mut client, _) = who(&server);
    expect(&mut client, "hello", "hello");
}
