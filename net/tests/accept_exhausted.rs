//! A server that runs out of descriptors: it goes on, spins not, and serves everybody. In a process
//! of its own, for its limit.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream as StdStream;
use std::process::{Command, Stdio};

use common::run;
use myrt_net::TcpListener;
use myrt_runtime::task::spawn;

const CLIENTS: usize = 200;
const SERVER: &str = "MYRT_TEST_EXHAUSTED_SERVER";

/// Accepts until everybody was served, going on after each error, then tells how many errors there
/// were.
fn serve() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("port {}", listener.local_addr().unwrap().port());
        let mut errors = 0;
        let mut echoes = Vec::new();
        while echoes.len() < CLIENTS {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    assert_eq!(
                        error.raw_os_error(),
                        Some(24),
                        "EMFILE is expected, not {error}"
                    );
                    assert!(myrt_net::is_out_of_resources(&error));
                    errors += 1;
                    continue;
                }
            };
            echoes.push(spawn(async move {
                let mut buf = [0; 16];
                loop {
                    match stream.read(&mut buf).await.unwrap() {
                        0 => break,
                        count => stream.write_all(&buf[..count]).await.unwrap(),
                    }
                }
            }));
        }
        for echo in echoes {
            echo.await.unwrap();
        }
        println!("errors {errors}");
    });
}

#[test]
fn r13_r14_accepting_without_descriptors_neither_spins_nor_starves() {
    if std::env::var_os(SERVER).is_some() {
        return serve();
    }
    let me = std::env::current_exe().unwrap();
    let mut server = Command::new("sh")
        .args(["-c", "ulimit -n 64; exec \"$0\" --exact --nocapture r13_r14_accepting_without_descriptors_neither_spins_nor_starves"])
        .arg(me)
        .env(SERVER, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let mut word = |name: &str| -> usize {
        let line = lines
            .find_map(|line| line.strip_prefix(name).map(str::to_owned))
            .expect("the server goes on");
        line.trim().parse().unwrap()
    };
    let port = word("port ") as u16;
    let mut clients: Vec<StdStream> = (0..CLIENTS)
        .map(|_| StdStream::connect(("127.0.0.1", port)).unwrap())
        .collect();
    for client in &mut clients {
        client.write_all(b"ping").unwrap();
    }
    for mut client in clients {
        let mut buf = [0; 4];
        client.read_exact(&mut buf).unwrap();
        assert_eq!(&buf, b"ping");
    }
    let errors = word("errors ");
    assert!(server.wait().unwrap().success());
    assert!(
        errors > 0,
        "the limit was never reached, so nothing was proved"
    );
    assert!(errors < 500, "{errors} failed accepts: it spins");
}
