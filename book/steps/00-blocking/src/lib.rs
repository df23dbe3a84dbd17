//! A blocking echo server: first one client at a time, then a thread for each.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

// ANCHOR: echo
/// Sends back what the client sends, until the client closes.
pub fn echo(mut client: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let n = client.read(&mut buffer)?; // blocks until bytes come
        if n == 0 {
            return Ok(());
        }
        client.write_all(&buffer[..n])?; // blocks while the client does not read
    }
}
// ANCHOR_END: echo

// ANCHOR: one_by_one
/// Serves `clients` clients, one after the other.
pub fn serve_one_by_one(listener: &TcpListener, clients: usize) -> io::Result<()> {
    for _ in 0..clients {
        let (client, _) = listener.accept()?; // blocks until a client comes
        let _ = echo(client); // its error is its own: the next client is served all the same
    }
    Ok(())
}
// ANCHOR_END: one_by_one

// ANCHOR: threads
/// Serves `clients` clients, each on a thread of its own.
pub fn serve_with_threads(listener: &TcpListener, clients: usize) -> io::Result<()> {
    for _ in 0..clients {
        let (client, _) = listener.accept()?;
        thread::spawn(move || echo(client));
    }
    Ok(())
}
// ANCHOR_END: threads
