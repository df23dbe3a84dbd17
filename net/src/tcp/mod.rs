//! TCP: listeners, streams, their halves, and sockets that are configured before use.
//!
//! `stream.rs` is the file to read first; the walk of a socket read in ARCHITECTURE.md goes through it.

mod connect;
mod halves;
mod listener;
mod socket;
mod stream;
mod stream_ops;

pub(crate) use listener::BACKLOG;

pub use connect::{Connect, ConnectError};
pub use halves::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
pub use listener::{Accept, Bind, Incoming, TcpListener};
pub use socket::TcpSocket;
pub use stream::TcpStream;
pub use stream_ops::{Peek, Read, ReadExact, ReadVectored, Write, WriteAll, WriteVectored};
