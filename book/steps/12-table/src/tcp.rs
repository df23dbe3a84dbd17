//! TCP: sockets of std, registered once, and operations that wait instead of blocking.

use std::io::{self, Read, Write};
use std::net::{self, SocketAddr};

use sys::count::call;

use crate::reactor::{Direction, Registered};
use crate::retry::retry;

// ANCHOR: listener
pub struct TcpListener(Registered<net::TcpListener>);

impl TcpListener {
    pub fn bind(address: &str) -> io::Result<Self> {
        let listener = net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(Self(Registered::new(listener)?))
    }

    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.io.local_addr()
    }

    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let accept = || call("accept", || self.0.io.accept());
        let (stream, address) = retry(&self.0, Direction::Read, accept).await?;
        stream.set_nonblocking(true)?;
        Ok((TcpStream(Registered::new(stream)?), address))
    }
}
// ANCHOR_END: listener

// ANCHOR: stream
pub struct TcpStream(Registered<net::TcpStream>);

impl TcpStream {
    /// The kernel begins, and says by readiness for writing that it has ended, well or not.
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = Self(Registered::new(sys::net::connect(address)?)?);
        stream.0.would_block(Direction::Write).await;
        match stream.0.io.take_error()? {
            Some(error) => Err(error),
            None => Ok(stream),
        }
    }

    /// Reads what is there; zero bytes at the end of the stream.
    pub async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = || call("read", || (&self.0.io).read(buffer));
        retry(&self.0, Direction::Read, read).await
    }

    /// Writes what there is room for.
    pub async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let write = || call("write", || (&self.0.io).write(bytes));
        retry(&self.0, Direction::Write, write).await
    }

    pub async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            bytes = &bytes[self.write(bytes).await?..];
        }
        Ok(())
    }
}
// ANCHOR_END: stream
