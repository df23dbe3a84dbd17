//! TCP: listeners, streams, their halves, and sockets that are configured before use.
//!
//! `stream.rs` is the file to read first; the walk of a socket read in ARCHITECTURE.md goes through it.

mod connect;
mod halves;
mod listener;
mod socket;
mod stream;

use std::net;

use crate::calls;
use crate::leaf::leaf;
use crate::ops;

pub(crate) use listener::BACKLOG;

pub use connect::{Connect, ConnectError};
pub use halves::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
pub use listener::{Accept, Bind, Incoming, TcpListener};
pub use socket::TcpSocket;
pub use stream::TcpStream;

leaf! {
    /// Future of [`TcpStream::peek`].
    pub struct Peek<'a> on net::TcpStream { buf: &'a mut [u8] }
    Read => usize, |stream| calls::peek(stream, buf)
}

/// Future of [`TcpStream::read`].
pub type Read<'a> = ops::Read<'a, net::TcpStream>;
/// Future of [`TcpStream::read_exact`].
pub type ReadExact<'a> = ops::ReadExact<'a, net::TcpStream>;
/// Future of [`TcpStream::read_vectored`].
pub type ReadVectored<'a, 'b> = ops::ReadVectored<'a, 'b, net::TcpStream>;
/// Future of [`TcpStream::write`].
pub type Write<'a> = ops::Write<'a, net::TcpStream>;
/// Future of [`TcpStream::write_all`].
pub type WriteAll<'a> = ops::WriteAll<'a, net::TcpStream>;
/// Future of [`TcpStream::write_vectored`].
pub type WriteVectored<'a, 'b> = ops::WriteVectored<'a, 'b, net::TcpStream>;
