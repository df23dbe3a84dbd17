//! Clients that do nothing: each connects, has one message answered, and then stays.
//!
//! Arguments: port, clients, last byte of the source address, message. Prints how many were
//! answered.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use myrt::time::Duration;
use socket2::{Domain, Socket, Type};

use super::{local, number, say};

/// How long an answer may take; then the server takes no more clients.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn hold(arguments: &[String]) -> io::Result<()> {
    let port: u16 = number(arguments, 0)?;
    let clients: usize = number(arguments, 1)?;
    let source = Ipv4Addr::new(127, 0, 0, number(arguments, 2)?);
    let message = arguments
        .get(3)
        .map_or("hello", String::as_str)
        .replace("\\r\\n", "\r\n");
    let mut streams = Vec::new();
    for _ in 0..clients {
        match connect(source, port, &message) {
            Ok(stream) => streams.push(stream),
            Err(_) => break,
        }
    }
    say(&streams.len().to_string())?;
    while io::stdin().read(&mut [0; 256])? > 0 {}
    Ok(())
}

fn connect(source: Ipv4Addr, port: u16, message: &str) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((source, 0)).into())?;
    socket.connect(&local(port).into())?;
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(message.as_bytes())?;
    match stream.read(&mut [0; 4096])? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(stream),
    }
}
