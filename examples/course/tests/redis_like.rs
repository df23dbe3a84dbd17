//! The Redis-like server over the wire: replies to the byte, pipelines, pieces, expiry, and clients
//! that misbehave. (A20, B18)
#![allow(clippy::disallowed_methods, reason = "clients outside of any runtime")]

mod support;

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use support::{Server, ask, eventually, expect, hardships, rest};

fn server() -> Server {
    Server::start(env!("CARGO_BIN_EXE_redis_like"), &[])
}

/// A command as clients send it.
fn command(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len());
    for word in words {
        bytes.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    bytes.into_bytes()
}

#[test]
fn replies_are_those_of_redis() {
    let server = server();
    let mut client = server.connect();
    for (words, reply) in [
        (&["PING"][..], "+PONG\r\n"),
        (&["PING", "x"], "$1\r\nx\r\n"),
        (&["ECHO", "né"], "$3\r\nné\r\n"),
        (&["GET", "k"], "$-1\r\n"),
        (&["SET", "k", "1"], "+OK\r\n"),
        (&["SET", "k", "2", "NX"], "$-1\r\n"),
        (&["SET", "k", "2", "XX", "GET"], "$1\r\n1\r\n"),
        (&["SET", "new", "2", "XX"], "$-1\r\n"),
        (&["SET", "k", "2", "NX", "XX"], "-ERR syntax error\r\n"),
        (
            &["SET", "k", "2", "EX", "0"],
            "-ERR invalid expire time in 'set' command\r\n",
        ),
        (
            &["SET", "k", "2", "EX", "x"],
            "-ERR value is not an integer or out of range\r\n",
        ),
        (&["INCR", "k"], ":3\r\n"),
        (&["DECR", "fresh"], ":-1\r\n"),
        (&["INCRBY", "k", "-5"], ":-2\r\n"),
        (&["SET", "big", "9223372036854775807"], "+OK\r\n"),
        (
            &["INCR", "big"],
            "-ERR increment or decrement would overflow\r\n",
        ),
        (&["SET", "word", "x"], "+OK\r\n"),
        (
            &["INCR", "word"],
            "-ERR value is not an integer or out of range\r\n",
        ),
        (&["MSET", "a", "1", "b", "2"], "+OK\r\n"),
        (
            &["MSET", "a", "1", "b"],
            "-ERR wrong number of arguments for 'mset' command\r\n",
        ),
        (
            &["MGET", "a", "none", "b"],
            "*3\r\n$1\r\n1\r\n$-1\r\n$1\r\n2\r\n",
        ),
        (&["EXISTS", "a", "a", "none"], ":2\r\n"),
        (&["DEL", "a", "none"], ":1\r\n"),
        (&["KEYS", "b*"], "*2\r\n"),
    ] {
        expect(&mut client, command(words), reply);
    }
    ask(&mut client, b"", "$1\r\nb\r\n$3\r\nbig\r\n".len()); // in whichever order
    for (words, reply) in [
        (&["DBSIZE"][..], ":5\r\n"),
        (&["TTL", "k"], ":-1\r\n"),
        (&["TTL", "none"], ":-2\r\n"),
        (&["EXPIRE", "k", "100"], ":1\r\n"),
        (&["EXPIRE", "none", "100"], ":0\r\n"),
        (&["TTL", "k"], ":100\r\n"),
        (&["PERSIST", "k"], ":1\r\n"),
        (&["TTL", "k"], ":-1\r\n"),
        (&["EXPIRE", "k", "-1"], ":1\r\n"),
        (&["EXISTS", "k"], ":0\r\n"),
        (
            &["SET", "k", "1", "EX", "9223372036854775807"],
            "-ERR invalid expire time in 'set' command\r\n",
        ),
        (&["SET", "k", "1", "PX", "9223372036854775807"], "+OK\r\n"),
        (&["SELECT", "0"], "+OK\r\n"),
        (&["SELECT", "1"], "-ERR DB index is out of range\r\n"),
        (&["CONFIG", "GET", "save"], "*2\r\n$4\r\nsave\r\n$0\r\n\r\n"),
        (&["COMMAND"], "*0\r\n"),
        (
            &["NO\r\nSUCH"],
            "-ERR unknown command 'NO\\r\\nSUCH', with args beginning with: \r\n",
        ),
        (&["FLUSHALL"], "+OK\r\n"),
        (&["DBSIZE"], ":0\r\n"),
        (&["QUIT"], "+OK\r\n"),
    ] {
        expect(&mut client, command(words), reply);
    }
    assert_eq!(rest(&mut client), b"", "QUIT closes");
}

#[test]
fn commands_come_in_pieces_and_by_the_dozen() {
    let server = server();
    let mut client = server.connect();
    client.set_nodelay(true).unwrap();
    for byte in command(&["SET", "k", "a\r\nb"]) {
        client.write_all(&[byte]).unwrap();
    }
    expect(&mut client, b"", "+OK\r\n");
    expect(
        &mut client,
        "get k\r\nPING\r\n",
        "$4\r\na\r\nb\r\n+PONG\r\n",
    );
    expect(
        &mut client,
        command(&["INCR", "n"]).repeat(10_000),
        (1..=10_000)
            .map(|n| format!(":{n}\r\n"))
            .collect::<String>(),
    );
    let large = "x".repeat(5 << 20);
    expect(&mut client, command(&["SET", "large", &large]), "+OK\r\n");
    expect(
        &mut client,
        command(&["STRLEN", "large"]),
        format!(":{}\r\n", large.len()),
    );
    let got = ask(&mut client, &command(&["GET", "large"]), large.len() + 12);
    assert!(got.ends_with(b"xx\r\n") && got.starts_with(b"$5242880\r\nxx"));
}

#[test]
fn keys_vanish_without_being_read() {
    let server = server();
    let mut client = server.connect();
    let soon = |n: usize| command(&["SET", &format!("k{n}"), "v", "PX", "50"]);
    client
        .write_all(&(0..3000).flat_map(soon).collect::<Vec<u8>>())
        .unwrap();
    ask(&mut client, b"", 5 * 3000);
    expect(&mut client, command(&["SET", "stays", "v"]), "+OK\r\n");
    eventually("one key", || {
        let mut reply = [0; 64];
        client.write_all(&command(&["DBSIZE"])).unwrap();
        let length = client.read(&mut reply).unwrap();
        &reply[..length] == b":1\r\n"
    });
    // A deadline behind another one that is further away, and one that is taken back.
    expect(
        &mut client,
        command(&["SET", "far", "v", "EX", "1000"]),
        "+OK\r\n",
    );
    expect(
        &mut client,
        command(&["SET", "near", "v", "PX", "30"]),
        "+OK\r\n",
    );
    expect(&mut client, command(&["SET", "near", "v"]), "+OK\r\n");
    expect(
        &mut client,
        command(&["SET", "gone", "v", "PX", "30"]),
        "+OK\r\n",
    );
    std::thread::sleep(Duration::from_millis(60));
    expect(&mut client, command(&["DBSIZE"]), ":3\r\n");
    expect(
        &mut client,
        command(&["EXISTS", "near", "far", "gone"]),
        ":2\r\n",
    );
}

#[test]
fn what_is_not_resp_gets_an_error_and_a_close() {
    let server = server();
    for (bad, reply) in [
        (
            &b"*1\r\nx"[..],
            "-ERR Protocol error: expected '$', got 'x'\r\n",
        ),
        (
            b"*1\r\n$-5\r\n",
            "-ERR Protocol error: invalid bulk length\r\n",
        ),
        (
            b"*1\r\n$9999999999\r\n",
            "-ERR Protocol error: invalid bulk length\r\n",
        ),
        (
            b"*9999999\r\n",
            "-ERR Protocol error: invalid multibulk length\r\n",
        ),
        (
            b"*1\r\n$1\r\nabc\r\n",
            "-ERR Protocol error: a bulk string must end with CRLF\r\n",
        ),
        (
            b"SET \"k\r\n",
            "-ERR Protocol error: unbalanced quotes in request\r\n",
        ),
        (
            &[b'x'; 70_000],
            "-ERR Protocol error: too big inline request\r\n",
        ),
    ] {
        let mut client = server.connect();
        // What was right before is answered first.
        client.write_all(b"PING\r\n").unwrap();
        let _ = client.write_all(bad);
        assert_eq!(
            String::from_utf8_lossy(&rest(&mut client)),
            format!("+PONG\r\n{reply}")
        );
    }
}

#[test]
fn a_client_that_does_not_read_takes_neither_memory_nor_time() {
    let mut server = server();
    let mut writer = server.connect();
    let large = "x".repeat(1 << 20);
    expect(&mut writer, command(&["SET", "large", &large]), "+OK\r\n");
    let before = server.status("VmRSS");
    server.unharmed_by("someone who asks for gigabytes", |server| {
        let mut lazy = server.connect();
        lazy.set_nonblocking(true).unwrap();
        // Thousands of replies of a mebibyte each; none is ever read.
        let asked = lazy
            .write(&command(&["GET", "large"]).repeat(5000))
            .unwrap();
        assert!(asked > 10_000);
        let start = Instant::now();
        let mut other = server.connect();
        expect(&mut other, "PING\r\n", "+PONG\r\n");
        assert!(start.elapsed() < Duration::from_secs(2));
        std::thread::sleep(Duration::from_millis(200));
        let grown = server.status("VmRSS").saturating_sub(before);
        assert!(grown < 40_000, "{grown} kB for one lazy client");
    });
}

#[test]
fn more_clients_than_allowed_are_told_so() {
    let server = Server::start(env!("CARGO_BIN_EXE_redis_like"), &["--max-clients", "2"]);
    let mut clients = [server.connect(), server.connect()];
    for client in &mut clients {
        expect(client, "PING\r\n", "+PONG\r\n");
    }
    assert_eq!(
        rest(&mut server.connect()),
        b"-ERR max number of clients reached\r\n"
    );
}

#[test]
fn it_stands_what_clients_do() {
    let mut server = Server::watched(env!("CARGO_BIN_EXE_redis_like"), &[]);
    hardships(&mut server, &command(&["SET", "k", "v"]));
    expect(&mut server.connect(), "PING\r\n", "+PONG\r\n");
}

#[test]
fn a_half_closed_client_gets_all_its_replies() {
    let server = server();
    let replies = support::half_closed(server.address, &command(&["PING"]).repeat(1000));
    assert_eq!(replies, b"+PONG\r\n".repeat(1000));
    assert_eq!(server.status("Threads"), 1);
}
