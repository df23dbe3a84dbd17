//! Lines in pieces, many lines in a piece, a last line without its end, and one that is too long.

use std::io::{ErrorKind, Write};
use std::net::TcpStream as Blocking;

use exercises_08::lines::Lines;
use step08::{TcpListener, TcpStream, block_on};

/// A stream that gets these pieces, one packet each.
fn with(pieces: &'static [&'static [u8]], test: impl AsyncFnOnce(TcpStream)) {
    block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let sender = std::thread::spawn(move || {
            let mut stream = Blocking::connect(address).unwrap();
            stream.set_nodelay(true).unwrap();
            for piece in pieces {
                let _ = stream.write_all(piece);
            }
        });
        test(listener.accept().await.unwrap().0).await;
        sender.join().unwrap();
    });
}

#[test]
fn pieces_become_lines() {
    with(&[b"he", b"llo\nwor", b"ld\n\nla", b"st"], async |stream| {
        let mut lines = Lines::new(&stream, 100);
        for line in ["hello", "world", "", "last"] {
            assert_eq!(lines.next().await.unwrap().unwrap(), line.as_bytes());
        }
        assert_eq!(lines.next().await.unwrap(), None);
    });
}

#[test]
fn a_line_without_end_is_an_error() {
    with(&[&[b'x'; 4000]], async |stream| {
        let error = Lines::new(&stream, 100).next().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
    });
}
