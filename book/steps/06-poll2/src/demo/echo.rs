//! An echo server on step 6: std's sockets, and `ready` where they would block.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

use step06::{Direction, ready, spawn};
use sys::count::call;

// ANCHOR: serve
/// Serves `clients` clients, each by a task of its own.
pub async fn serve(listener: TcpListener, clients: usize) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut tasks = Vec::new();
    while tasks.len() < clients {
        match call("accept", || listener.accept()) {
            Ok((client, _)) => tasks.push(spawn(echo(client))),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                ready(&listener, Direction::Read).await?;
            }
            Err(error) => return Err(error),
        }
    }
    for task in tasks {
        let _ = task.await; // a client's error is its own
    }
    Ok(())
}
// ANCHOR_END: serve

// ANCHOR: echo
async fn echo(mut client: TcpStream) -> io::Result<()> {
    client.set_nonblocking(true)?;
    let mut buffer = [0; 1024];
    loop {
        match call("read", || client.read(&mut buffer)) {
            Ok(0) => return Ok(()),
            Ok(n) => write_all(&mut client, &buffer[..n]).await?,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                ready(&client, Direction::Read).await?;
            }
            Err(error) => return Err(error),
        }
    }
}

async fn write_all(client: &mut TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match call("write", || client.write(bytes)) {
            Ok(n) => bytes = &bytes[n..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                ready(&*client, Direction::Write).await?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
// ANCHOR_END: echo
