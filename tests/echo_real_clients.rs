//! An echo server and clients that are no tasks of it: threads with blocking sockets here, other
//! people's programs in `tests/clients/run`, which starts [`serve`] in a process of its own.
//!
//! A hundred clients get a mebibyte back each, byte for byte, while others break off, stop
//! half-way, or stop reading.
#![allow(clippy::disallowed_methods, reason = "the clients are threads")]

mod support;

use std::cell::Cell;
use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::rc::Rc;
use std::thread;

use myrt::net::TcpListener;

const CLIENTS: usize = 100;
const MEBIBYTE: usize = 1 << 20;

/// What became of the connections.
#[derive(Default)]
struct Ends {
    whole: Cell<usize>,
    broken: Cell<usize>,
}

async fn accept_all(listener: TcpListener, ends: Rc<Ends>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let ends = ends.clone();
        drop(myrt::spawn(async move {
            match echo(stream).await {
                Ok(()) => ends.whole.set(ends.whole.get() + 1),
                Err(_) => ends.broken.set(ends.broken.get() + 1),
            }
        }));
    }
}

async fn echo(stream: myrt::net::TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return stream.shutdown(Shutdown::Write),
            n => stream.write_all(&buffer[..n]).await?,
        }
    }
}

/// A client's bytes: its own, and nowhere repeating.
fn bytes_of(client: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ (client as u64) << 20;
    let step = |state: &mut u64| {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        state.to_le_bytes()
    };
    (0..MEBIBYTE / 8).flat_map(|_| step(&mut state)).collect()
}

/// Pieces of odd sizes, each read back before the next is sent.
fn in_turns(mut stream: TcpStream, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut answer = vec![0; bytes.len()];
    let (mut at, mut size) = (0, 1);
    while at < bytes.len() {
        let end = (at + size).min(bytes.len());
        stream.write_all(&bytes[at..end])?;
        stream.read_exact(&mut answer[at..end])?;
        (at, size) = (end, size * 3 % 30_011 + 1);
    }
    Ok(answer)
}

/// Writing and reading at once; then a half-close, and what is left is read to the end.
fn both_ways(mut stream: TcpStream, bytes: &[u8], tiny: bool) -> io::Result<Vec<u8>> {
    let mut writer = stream.try_clone()?;
    thread::scope(|scope| {
        let sending = scope.spawn(move || {
            let (small, rest) = bytes.split_at(if tiny { 2000 } else { 0 });
            for byte in small {
                writer.write_all(&[*byte])?;
            }
            for pair in rest.chunks(50_000) {
                let (first, second) = pair.split_at(pair.len() / 3);
                let sent = writer.write_vectored(&[IoSlice::new(first), IoSlice::new(second)])?;
                writer.write_all(&pair[sent..])?;
            }
            writer.shutdown(Shutdown::Write)
        });
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        sending.join().expect("no panic").map(|()| answer)
    })
}

/// Breaks off in the middle, with bytes unread: a reset.
fn breaks_off(mut stream: TcpStream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(&bytes[..60_000])?;
    stream.read_exact(&mut [0; 1000])
}

/// Sends until nothing goes any more, and never reads.
fn stops_reading(address: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nonblocking(true)?;
    let chunk = [1; 65536];
    let mut refused = 0;
    while refused < 3 {
        match stream.write(&chunk) {
            Ok(_) => refused = 0,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                refused += 1;
                thread::sleep(std::time::Duration::from_millis(20));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(stream)
}

fn all_clients(address: SocketAddr) {
    let stalled: Vec<_> = (0..3).map(|_| stops_reading(address).unwrap()).collect();
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            scope.spawn(move || {
                let bytes = bytes_of(client);
                let stream = TcpStream::connect(address).unwrap();
                let answer = match client % 4 {
                    0 => in_turns(stream, &bytes),
                    kind => both_ways(stream, &bytes, kind == 1),
                };
                assert!(
                    answer.unwrap() == bytes,
                    "client {client} got something else back"
                );
            });
            if client % 5 == 0 {
                scope.spawn(move || {
                    let stream = TcpStream::connect(address).unwrap();
                    breaks_off(stream, &bytes_of(client)).unwrap();
                });
            }
        }
    });
    drop(stalled);
}

#[test]
fn a_hundred_clients_get_a_mebibyte_back_while_others_break_off_or_stop_reading() {
    const NAME: &str =
        "a_hundred_clients_get_a_mebibyte_back_while_others_break_off_or_stop_reading";
    if !support::in_own_process(NAME, "ulimit -n 1024 2>/dev/null") {
        return;
    }
    let runtime = support::runtime();
    let ends = Rc::new(Ends::default());
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = myrt::spawn(accept_all(listener, ends.clone()));
        myrt::spawn_blocking(move || all_clients(address))
            .await
            .unwrap();
        // Everybody has left; the last ends are on their way.
        while ends.whole.get() + ends.broken.get() < CLIENTS + CLIENTS / 5 + 3 {
            myrt::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        server.cancel().await;
    });
    assert!(
        ends.whole.get() >= CLIENTS,
        "{} connections came to their end",
        ends.whole.get()
    );
    assert!(ends.broken.get() >= 1, "some were reset");
    assert_eq!(runtime.metrics().tasks, 0);
    assert_eq!(runtime.metrics().sources, 0);
}

/// Not a test: the server that `tests/clients/run` starts. Which protocol says `MYRT_SERVE`: echo,
/// http or redis.
#[test]
#[ignore = "a server for tests/clients/run, which runs until it is killed"]
fn serve() {
    let protocol = std::env::var("MYRT_SERVE").unwrap_or_default();
    support::runtime().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("\nlistening on {}", listener.local_addr().unwrap());
        if protocol == "echo" {
            return accept_all(listener, Rc::default()).await;
        }
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let answers = if protocol == "redis" { REDIS } else { HTTP };
            drop(myrt::spawn(answer_each(stream, answers)));
        }
    });
}

/// How a request ends, and the answer to it.
type Answers = &'static [(&'static [u8], &'static [u8])];

const HTTP: Answers = &[(
    b"\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n",
)];
/// redis-benchmark asks for two settings before it begins, and goes on without them.
const REDIS: Answers = &[
    (b"PING\r\n", b"+PONG\r\n"),
    (b"save\r\n", b"-ERR unknown command\r\n"),
    (b"appendonly\r\n", b"-ERR unknown command\r\n"),
];

async fn answer_each(stream: myrt::net::TcpStream, answers: Answers) -> io::Result<()> {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        while let Some((end, answer)) = next_request(&seen, answers) {
            seen.drain(..end);
            stream.write_all(answer).await?;
        }
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            n => seen.extend_from_slice(&buffer[..n]),
        }
    }
}

/// Where the first request ends, and its answer.
fn next_request(seen: &[u8], answers: Answers) -> Option<(usize, &'static [u8])> {
    let ends = answers.iter().filter_map(|(end, answer)| {
        let at = seen.windows(end.len()).position(|window| window == *end)?;
        Some((at + end.len(), *answer))
    });
    ends.min_by_key(|(at, _)| *at)
}
