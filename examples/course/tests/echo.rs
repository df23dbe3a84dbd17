//! The echo servers that are compared: which client waits for which, what a thread costs, and a
//! megabyte on every selector. (A3, A4, A15, A16, B2, B7, B9, B11, B12, C14)
#![allow(clippy::disallowed_methods, reason = "clients outside of any runtime")]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use support::{Server, expect, hardships};

const SELECTORS: [&str; 5] = ["select", "poll", "epoll", "epoll-level", "epoll-oneshot"];

/// Whether an answer comes within a moment.
fn answers(client: &mut TcpStream) -> bool {
    client
        .set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    let answered = client.read(&mut [0]).is_ok();
    client.set_read_timeout(Some(support::PATIENCE)).unwrap();
    answered
}

#[test]
fn blocking_serves_the_second_after_the_first() {
    let server = Server::start(env!("CARGO_BIN_EXE_echo_blocking"), &[]);
    let mut first = server.connect();
    expect(&mut first, "a", "a");
    let mut second = server.connect();
    second.write_all(b"b").unwrap();
    assert!(!answers(&mut second), "the first is still there");
    expect(&mut first, "a", "a");
    drop(first);
    expect(&mut second, "", "b");
}

#[test]
fn threads_serve_a_hundred_with_a_hundred() {
    let server = Server::start(env!("CARGO_BIN_EXE_echo_threads"), &[]);
    let mut clients: Vec<_> = (0..100).map(|_| server.connect()).collect();
    for client in &mut clients {
        expect(client, "hello", "hello");
    }
    assert_eq!(server.status("Threads"), 101);
}

#[test]
fn a_pool_makes_the_eleventh_wait() {
    let server = Server::start(env!("CARGO_BIN_EXE_echo_threadpool"), &["--threads", "10"]);
    let mut clients: Vec<_> = (0..10).map(|_| server.connect()).collect();
    for client in &mut clients {
        expect(client, "hello", "hello");
    }
    let mut eleventh = server.connect();
    eleventh.write_all(b"!").unwrap();
    assert!(
        !answers(&mut eleventh),
        "ten idle clients hold the ten threads"
    );
    clients.pop();
    expect(&mut eleventh, "", "!");
}

#[test]
fn every_selector_serves_all_and_cuts_nothing_off() {
    for selector in SELECTORS {
        let server = Server::start(
            env!("CARGO_BIN_EXE_echo_event_loop"),
            &["--selector", selector],
        );
        let mut clients: Vec<_> = (0..100).map(|_| server.connect()).collect();
        for client in &mut clients {
            expect(client, selector, selector);
        }
        assert_eq!(server.status("Threads"), 1);
        drop(clients);
        let data: Vec<u8> = (0_u32..4 << 20).map(|n| n.to_le_bytes()[1]).collect();
        let mut stream = server.connect();
        let reader = {
            let mut stream = stream.try_clone().unwrap();
            let mut back = vec![0; data.len()];
            std::thread::spawn(move || stream.read_exact(&mut back).map(|()| back))
        };
        stream.write_all(&data).unwrap();
        assert!(
            reader.join().unwrap().expect("all of it comes back") == data,
            "{selector}"
        );
    }
}

#[test]
fn it_stands_what_clients_do() {
    for selector in SELECTORS {
        let program = env!("CARGO_BIN_EXE_echo_event_loop");
        let mut server = Server::watched(program, &["--selector", selector]);
        hardships(&mut server, b"hello");
    }
}
