//! TCP by readiness: many clients, big messages, both directions at once, and errors that arrive.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::rc::Rc;

use step08::{TcpListener, TcpStream, block_on, spawn, yield_now};
use sys::count::calls;

async fn echo(client: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        match client.read(&mut buffer).await? {
            0 => return Ok(()),
            n => client.write_all(&buffer[..n]).await?,
        }
    }
}

/// A server that runs in the background.
fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            drop(spawn(echo(client)));
        }
    }));
    address
}

async fn read_exact(stream: &TcpStream, mut buffer: &mut [u8]) -> io::Result<()> {
    while !buffer.is_empty() {
        match stream.read(buffer).await? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            n => buffer = &mut buffer[n..],
        }
    }
    Ok(())
}

#[test]
fn a_hundred_clients_on_one_thread() {
    block_on(async {
        let address = server();
        let clients: Vec<_> = (0..100)
            .map(|n| {
                spawn(async move {
                    let stream = TcpStream::connect(address).await.unwrap();
                    for round in 0..10 {
                        let message = [n, round];
                        stream.write_all(&message).await.unwrap();
                        let mut answer = [0; 2];
                        read_exact(&stream, &mut answer).await.unwrap();
                        assert_eq!(answer, message);
                    }
                })
            })
            .collect();
        for client in clients {
            client.await.unwrap();
        }
    });
}

#[test]
fn a_megabyte_is_written_and_read_at_once() {
    block_on(async {
        let stream = Rc::new(TcpStream::connect(server()).await.unwrap());
        let message: Vec<u8> = (0..1 << 20).map(|n| (n % 251) as u8).collect();
        let (writer, sent) = (Rc::clone(&stream), message.clone());
        let writes = spawn(async move { writer.write_all(&sent).await });
        let mut answer = vec![0; message.len()];
        read_exact(&stream, &mut answer).await.unwrap();
        writes.await.unwrap().unwrap();
        assert!(answer == message);
    });
}

#[test]
fn a_socket_is_told_to_the_kernel_once() {
    let calls = calls(|| {
        block_on(async {
            let stream = TcpStream::connect(server()).await.unwrap();
            for _ in 0..50 {
                stream.write_all(b"x").await.unwrap();
                read_exact(&stream, &mut [0]).await.unwrap();
            }
        });
    });
    // The poke, the listener, the client, the server's end; and each but the poke out again.
    assert_eq!(calls["epoll_ctl"], 7);
    assert_eq!(calls["write"], 100);
}

#[test]
fn a_refused_connection_is_an_error() {
    block_on(async {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = TcpStream::connect(address).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn a_descriptor_that_is_used_again_begins_afresh() {
    block_on(async {
        let address = server();
        for _ in 0..200 {
            let stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"x").await.unwrap();
            read_exact(&stream, &mut [0]).await.unwrap();
        }
    });
}

#[test]
fn what_yields_does_not_starve_a_socket() {
    block_on(async {
        drop(spawn(async {
            loop {
                yield_now().await;
            }
        }));
        let stream = TcpStream::connect(server()).await.unwrap();
        stream.write_all(b"x").await.unwrap();
        read_exact(&stream, &mut [0]).await.unwrap();
    });
}
