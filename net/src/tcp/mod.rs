//! TCP: listeners, streams, and sockets that are configured before use.
//!
//! `stream.rs` is the file to read first; the walk of a socket read in ARCHITECTURE.md goes through
//! it. What it shares with other streams, reading and writing above all, stands in `../stream.rs`;
//! the halves in `../halves.rs`.

mod connect;
mod listener;
mod socket;
mod stream;

use std::net;
use std::ops::Deref;
use std::sync::Arc;

use crate::halves;
use crate::socket_op;

pub(crate) use listener::BACKLOG;

pub use connect::{Connect, ConnectError};
pub use listener::{Accept, Bind, Incoming, TcpListener};
pub use socket::TcpSocket;
pub use stream::TcpStream;

/// Future of [`TcpStream::peek`].
pub type Peek<'a> = socket_op::Peek<'a, net::TcpStream>;
/// Future of [`TcpStream::read`].
pub type Read<'a> = socket_op::Read<'a, net::TcpStream>;
/// Future of [`TcpStream::read_exact`].
pub type ReadExact<'a> = socket_op::ReadExact<'a, net::TcpStream>;
/// Future of [`TcpStream::read_vectored`].
pub type ReadVectored<'a, 'b> = socket_op::ReadVectored<'a, 'b, net::TcpStream>;
/// Future of [`TcpStream::write`].
pub type Write<'a> = socket_op::Write<'a, net::TcpStream>;
/// Future of [`TcpStream::write_all`].
pub type WriteAll<'a> = socket_op::WriteAll<'a, net::TcpStream>;
/// Future of [`TcpStream::write_vectored`].
pub type WriteVectored<'a, 'b> = socket_op::WriteVectored<'a, 'b, net::TcpStream>;

/// Half of a [`TcpStream`] to read from, borrowed; see [`TcpStream::split`].
pub type ReadHalf<'s> = halves::ReadHalf<&'s TcpStream>;
/// Half of a [`TcpStream`] to write to, borrowed; see [`TcpStream::split`].
pub type WriteHalf<'s> = halves::WriteHalf<&'s TcpStream>;
/// Half of a [`TcpStream`] to read from; see [`TcpStream::into_split`].
pub type OwnedReadHalf = halves::ReadHalf<Arc<TcpStream>>;
/// Half of a [`TcpStream`] to write to; see [`TcpStream::into_split`]. Dropping it ends the
/// direction of writing.
pub type OwnedWriteHalf = halves::WriteHalf<halves::Writing<TcpStream>>;
/// The two halves belong to different streams. Here they are, untouched.
pub type ReuniteError = halves::ReuniteError<TcpStream>;

impl<P: Deref<Target = TcpStream>> halves::ReadHalf<P> {
    /// See [`TcpStream::peek`].
    #[track_caller]
    pub fn peek<'a>(&'a self, buf: &'a mut [u8]) -> Peek<'a> {
        self.as_ref().peek(buf)
    }
}
