//! One at a time: the second client waits. With threads: nobody does.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use step00::{serve_one_by_one, serve_with_threads};

fn connect(listener: &TcpListener) -> TcpStream {
    TcpStream::connect(listener.local_addr().unwrap()).unwrap()
}

fn ask(client: &mut TcpStream, what: &[u8]) {
    client.write_all(what).unwrap();
    let mut answer = vec![0; what.len()];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(answer, what);
}

#[test]
fn the_second_client_waits_for_the_first() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (mut a, mut b) = (connect(&listener), connect(&listener));
    let server = thread::spawn(move || serve_one_by_one(&listener, 2));
    ask(&mut a, b"first");
    b.write_all(b"x").unwrap();
    b.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    assert_eq!(b.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(a);
    b.set_read_timeout(None).unwrap();
    b.read_exact(&mut [0]).unwrap();
    drop(b);
    server.join().unwrap().unwrap();
}

#[test]
fn with_threads_a_hundred_clients_are_served_in_any_order() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut clients: Vec<_> = (0..100).map(|_| connect(&listener)).collect();
    let server = thread::spawn(move || serve_with_threads(&listener, 100));
    for client in clients.iter_mut().rev() {
        ask(client, b"x");
    }
    server.join().unwrap().unwrap();
}
