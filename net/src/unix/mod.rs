//! Sockets of the Unix domain, and pipes: talk within one machine.
//!
//! An address is a path in the file system or, on Linux, an abstract name: a path that begins with
//! a zero byte and leaves no file.

mod datagram;
mod listener;
pub mod pipe;
mod stream;

use std::os::unix::net;
use std::sync::Arc;

use crate::halves;
use crate::socket_op;

#[doc(inline)]
pub use myrt_runtime::os::Credentials;

pub use datagram::{DatagramRecv, DatagramRecvFrom, DatagramSend, DatagramSendTo, UnixDatagram};
pub use listener::{Accept, Incoming, UnixListener};
pub use std::os::unix::net::SocketAddr;
pub use stream::{Connect, UnixStream};

/// Future of [`UnixStream::read`].
pub type Read<'a> = socket_op::Read<'a, net::UnixStream>;
/// Future of [`UnixStream::read_exact`].
pub type ReadExact<'a> = socket_op::ReadExact<'a, net::UnixStream>;
/// Future of [`UnixStream::read_vectored`].
pub type ReadVectored<'a, 'b> = socket_op::ReadVectored<'a, 'b, net::UnixStream>;
/// Future of [`UnixStream::write`].
pub type Write<'a> = socket_op::Write<'a, net::UnixStream>;
/// Future of [`UnixStream::write_all`].
pub type WriteAll<'a> = socket_op::WriteAll<'a, net::UnixStream>;
/// Future of [`UnixStream::write_vectored`].
pub type WriteVectored<'a, 'b> = socket_op::WriteVectored<'a, 'b, net::UnixStream>;

/// Half of a [`UnixStream`] to read from, borrowed; see [`UnixStream::split`].
pub type ReadHalf<'s> = halves::ReadHalf<&'s UnixStream>;
/// Half of a [`UnixStream`] to write to, borrowed; see [`UnixStream::split`].
pub type WriteHalf<'s> = halves::WriteHalf<&'s UnixStream>;
/// Half of a [`UnixStream`] to read from; see [`UnixStream::into_split`].
pub type OwnedReadHalf = halves::ReadHalf<Arc<UnixStream>>;
/// Half of a [`UnixStream`] to write to; see [`UnixStream::into_split`]. Dropping it ends the
/// direction of writing.
pub type OwnedWriteHalf = halves::WriteHalf<halves::Writing<UnixStream>>;
/// The two halves belong to different streams. Here they are, untouched.
pub type ReuniteError = halves::ReuniteError<UnixStream>;

/// The socket file of a listener or datagram socket: removed with it, if it is still the same file.
#[derive(Debug)]
struct SocketFile {
    path: std::path::PathBuf,
    /// Device and inode, so that a successor's file at the same path is left alone.
    identity: (u64, u64),
}

impl SocketFile {
    /// Remembers the file that binding to `path` has just made; none for an abstract name.
    fn at(path: &std::path::Path) -> Option<Self> {
        use std::os::unix::ffi::OsStrExt;
        if path
            .as_os_str()
            .as_bytes()
            .first()
            .is_none_or(|byte| *byte == 0)
        {
            return None;
        }
        // The working directory may change before the socket is dropped.
        let path = std::path::absolute(path).ok()?;
        let identity = identity(&path)?;
        Some(Self { path, identity })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path) == Some(self.identity) {
            // If it cannot be removed (a read-only directory by now), it stays: nothing else is to
            // be done here.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &std::path::Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::symlink_metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}
