//! The chat over TCP: who hears what, who does not, and what the slow and the rude do to the
//! others. (C16, B6, R8)
#![allow(clippy::disallowed_methods, reason = "clients outside of any runtime")]

mod support;

use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use support::{Server, ask, expect, hardships, rest};

fn server() -> Server {
    Server::start(env!("CARGO_BIN_EXE_chat"), &[])
}

fn enter(server: &Server, name: &str, here: &str) -> TcpStream {
    let mut client = server.connect();
    expect(&mut client, "", "Your nickname? ");
    expect(
        &mut client,
        format!("{name}\r\n"),
        format!("* Welcome, {name}. Here: {here}\r\n"),
    );
    client
}

#[test]
fn everybody_but_the_speaker_hears_it() {
    let server = server();
    let mut alice = enter(&server, "Alice", "nobody else");
    alice.write_all("before Bob\n".as_bytes()).unwrap();
    let mut bob = enter(&server, "Bob", "Alice");
    expect(&mut alice, "", "* Bob has joined\r\n");
    // R8: what Alice said before is not told: there is no history.
    expect(&mut bob, "Hé!\n", "");
    expect(&mut alice, "", "Bob: Hé!\r\n");
    // A line in pieces is one line; two in one piece are two.
    for piece in ["on", "e li", "ne\r\nand ", "another\n"] {
        alice.write_all(piece.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
    expect(&mut bob, "", "Alice: one line\r\nAlice: and another\r\n");
    drop(alice);
    expect(&mut bob, "", "* Alice has left\r\n");
    // The last line may lack its end.
    let mut carol = enter(&server, "Carol", "Bob");
    expect(&mut bob, "", "* Carol has joined\r\n");
    carol.write_all(b"bye\n").unwrap();
    carol.shutdown(std::net::Shutdown::Write).unwrap();
    expect(&mut bob, "", "Carol: bye\r\n* Carol has left\r\n");
}

#[test]
fn without_names_the_address_speaks() {
    let server = Server::start(env!("CARGO_BIN_EXE_chat"), &["--plain"]);
    let (mut one, mut two) = (server.connect(), server.connect());
    std::thread::sleep(Duration::from_millis(50));
    let address = one.local_addr().unwrap();
    one.write_all(b"hello\n").unwrap();
    expect(&mut two, "", format!("[{address}] hello\r\n"));
    two.write_all(b"hi\n").unwrap();
    let address = two.local_addr().unwrap();
    expect(&mut one, "", format!("[{address}] hi\r\n")); // and not its own "hello" before that
}

#[test]
fn a_name_is_asked_for_until_it_is_one() {
    let mut server = server();
    let _alice = enter(&server, "Alice", "nobody else");
    let mut bob = server.connect();
    expect(
        &mut bob,
        "\n   \n\x1b\nAlice\n\x1b[31mBob \n",
        "Your nickname? * Welcome, [31mBob. Here: Alice\r\n",
    );
    server.unharmed_by("leaving before the name", |server| {
        for _ in 0..50 {
            drop(server.connect());
        }
    });
}

#[test]
fn who_does_not_read_stalls_nobody() {
    let server = server();
    let mut alice = enter(&server, "Alice", "nobody else");
    let mut bob = enter(&server, "Bob", "Alice");
    let mut lazy = enter(&server, "Lazy", "Alice, Bob");
    ask(
        &mut alice,
        b"",
        "* Bob has joined\r\n* Lazy has joined\r\n".len(),
    );
    expect(&mut bob, "", "* Lazy has joined\r\n");
    let line = format!("{}\n", "x".repeat(4000));
    let start = Instant::now();
    for _ in 0..5000 {
        // 20 MB: more than Lazy's box and the system's buffers hold. Bob reads and gets every line.
        alice.write_all(line.as_bytes()).unwrap();
        let heard = ask(&mut bob, b"", "Alice: ".len() + line.len() + 1);
        if heard.starts_with(b"* Lazy has left") {
            assert!(start.elapsed() < support::PATIENCE);
            let _ = rest(&mut lazy);
            return;
        }
        assert!(
            heard.starts_with(b"Alice: xxx"),
            "{}",
            heard[..40].escape_ascii()
        );
    }
    panic!("Lazy was never shown out");
}

#[test]
fn rude_clients_are_told() {
    let server = server();
    let mut alice = enter(&server, "Alice", "nobody else");
    let mut endless = enter(&server, "Endless", "Alice");
    expect(&mut alice, "", "* Endless has joined\r\n");
    let _ = endless.write_all(&vec![b'x'; 1 << 20]);
    expect(&mut alice, "", "* Endless has left\r\n");
    let mut latin = enter(&server, "Latin", "Alice");
    expect(&mut alice, "", "* Latin has joined\r\n");
    latin.write_all(b"caf\xe9 \x1b[2J\n").unwrap();
    expect(&mut alice, "", "Latin: caf\u{fffd} [2J\r\n");
    // Nothing of all this is left over for Alice.
    alice
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    assert_eq!(
        std::io::Read::read(&mut alice, &mut [0])
            .unwrap_err()
            .kind(),
        ErrorKind::WouldBlock
    );
}

#[test]
fn it_stands_what_clients_do() {
    let mut server = Server::watched(env!("CARGO_BIN_EXE_chat"), &[]);
    hardships(&mut server, b"Mallory\nhello\n");
    enter(&server, "Alice", "nobody else");
}
