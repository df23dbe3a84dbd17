//! Two threads serve two clients at once; the third waits for a free one.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use exercises_00::pool::serve_with_pool;

#[test]
fn the_third_client_waits_for_one_of_two_threads() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || serve_with_pool(&listener, 2, 3));
    let mut clients: Vec<_> = (0..3)
        .map(|_| {
            let client = TcpStream::connect(address).unwrap();
            client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            client
        })
        .collect();
    for client in &mut clients {
        client.write_all(b"x").unwrap();
    }
    for client in &mut clients[..2] {
        client.read_exact(&mut [0]).unwrap();
    }
    clients[2].set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    assert_eq!(clients[2].read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(clients.remove(0));
    clients[1].set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    clients[1].read_exact(&mut [0]).unwrap();
    drop(clients);
    server.join().unwrap().unwrap();
}
