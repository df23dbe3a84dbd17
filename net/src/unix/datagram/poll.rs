//! The operations of a Unix datagram socket for `poll` functions.
//!
//! There is one waker for all that receive and one for all that send: the last caller is woken.
//! `send_to` is not among them: it waits by asking again, and needs a place for its timer.

use std::io;
use std::os::unix::net::{self, SocketAddr};
use std::task::{Context, Poll};

use super::UnixDatagram;
use crate::calls;
use crate::ready::readiness;

readiness!(UnixDatagram over net::UnixDatagram: poll_recv_ready, poll_send_ready);

/// For `poll` functions. All that receive share one waker, and all that send another: the last
/// caller is woken.
impl UnixDatagram {
    /// [`send`](Self::send) for `poll` functions.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    #[track_caller]
    pub fn poll_send(&self, cx: &mut Context<'_>, datagram: &[u8]) -> Poll<io::Result<usize>> {
        self.io
            .poll_write_with(cx, |socket| calls::unix_send(socket, datagram))
    }

    /// [`recv`](Self::recv) for `poll` functions.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    #[track_caller]
    pub fn poll_recv(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.io
            .poll_read_with(cx, |socket| calls::unix_recv(socket, buf))
    }

    /// [`recv_from`](Self::recv_from) for `poll` functions.
    ///
    /// # Errors
    /// As [`recv_from`](Self::recv_from).
    #[track_caller]
    pub fn poll_recv_from(
        &self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        self.io
            .poll_read_with(cx, |socket| calls::unix_recv_from(socket, buf))
    }
}
