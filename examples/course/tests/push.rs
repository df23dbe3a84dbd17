//! Server-sent events and long polling: who listens hears, who comes back has missed nothing, who
//! leaves is forgotten. (C36)
#![allow(clippy::disallowed_methods, reason = "clients outside of any runtime")]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use support::{Server, connect, eventually, hardships, rest};

fn server(arguments: &[&str]) -> Server {
    Server::watched(env!("CARGO_BIN_EXE_push"), arguments)
}

fn say(address: SocketAddr, text: &str) -> String {
    let mut stream = connect(address);
    write!(
        stream,
        "POST /say HTTP/1.1\r\nContent-Length: {}\r\n\r\n{text}",
        text.len()
    )
    .unwrap();
    String::from_utf8(rest(&mut stream)).unwrap()
}

/// A listener, past the head of the answer.
fn listen(address: SocketAddr, header: &str) -> BufReader<TcpStream> {
    let mut stream = connect(address);
    write!(stream, "GET /events HTTP/1.1\r\n{header}\r\n").unwrap();
    let mut listener = BufReader::new(stream);
    assert_eq!(
        block(&mut listener)[..2],
        ["HTTP/1.1 200 OK", "Content-Type: text/event-stream"]
    );
    listener
}

/// The lines up to an empty one: a head, or an event.
fn block(listener: &mut BufReader<TcpStream>) -> Vec<String> {
    let lines = listener.lines().map(|line| line.unwrap());
    lines.take_while(|line| !line.is_empty()).collect()
}

fn poll(address: SocketAddr, after: u64) -> TcpStream {
    let mut stream = connect(address);
    write!(stream, "GET /poll?after={after} HTTP/1.1\r\n\r\n").unwrap();
    stream
}

#[test]
fn events_come_as_they_are_said_and_once() {
    let server = server(&[]);
    let mut listeners = [listen(server.address, ""), listen(server.address, "")];
    assert!(say(server.address, "one").starts_with("HTTP/1.1 204 "));
    say(server.address, "two\nlines: of it");
    for listener in &mut listeners {
        assert_eq!(block(listener), ["id: 1", "data: one"]);
        assert_eq!(
            block(listener),
            ["id: 2", "data: two", "data: lines: of it"]
        );
    }
    // Who comes now hears what is new; who comes back hears what it has missed.
    let mut new = listen(server.address, "");
    let mut back = listen(server.address, "Last-Event-ID: 1\r\n");
    say(server.address, "three");
    assert_eq!(
        block(&mut back),
        ["id: 2", "data: two", "data: lines: of it"]
    );
    for listener in [&mut new, &mut back] {
        assert_eq!(block(listener), ["id: 3", "data: three"]);
    }
    assert!(say(server.address, &"x".repeat(5000)).starts_with("HTTP/1.1 413 "));
}

#[test]
fn a_poll_waits_for_news_or_for_its_time() {
    let mut server = server(&["--wait", "3600"]);
    let (_, idle) = server.settled();
    let idle = idle.expect("it is watched");
    let mut waiting: Vec<_> = (0..10).map(|_| poll(server.address, 0)).collect();
    eventually("ten that wait", || server.tasks() == Some(idle + 10));
    say(server.address, "one");
    for stream in &mut waiting {
        assert!(rest(stream).ends_with(b"\r\n\r\n1 one\n"));
    }
    say(server.address, "two");
    assert!(rest(&mut poll(server.address, 0)).ends_with(b"\r\n\r\n1 one\n2 two\n"));
    assert!(rest(&mut poll(server.address, 1)).ends_with(b"\r\n\r\n2 two\n"));
    let brief = self::server(&["--wait", "0.05"]);
    assert!(rest(&mut poll(brief.address, 0)).starts_with(b"HTTP/1.1 204 "));
}

#[test]
fn who_leaves_is_forgotten() {
    let mut server = server(&["--wait", "3600"]);
    server.unharmed_by("a hundred listeners that leave", |server| {
        let listeners: Vec<_> = (0..100).map(|_| listen(server.address, "")).collect();
        say(server.address, "hello");
        drop(listeners);
    });
    server.unharmed_by("fifty polls that are given up", |server| {
        let polls: Vec<_> = (0..50).map(|_| poll(server.address, 99)).collect();
        polls
            .iter()
            .for_each(|poll| poll.shutdown(Shutdown::Both).unwrap());
    });
    hardships(
        &mut server,
        b"POST /say HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi",
    );
}
