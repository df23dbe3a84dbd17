//! The operations of a UDP socket for `poll` functions.
//!
//! There is one waker for all that receive and one for all that send: the last caller is woken.

use std::io;
use std::net::{self, SocketAddr};
use std::task::{Context, Poll};

use super::UdpSocket;
use crate::calls;
use crate::ready::readiness;

readiness!(UdpSocket over net::UdpSocket: poll_recv_ready, poll_send_ready);

/// For `poll` functions. All that receive share one waker, and all that send another: the last
/// caller is woken.
///
/// ```
/// use std::future::poll_fn;
/// use myrt::net::UdpSocket;
///
/// # fn main() -> std::io::Result<()> {
/// myrt::run(async {
///     let a = UdpSocket::bind("127.0.0.1:0").await?;
///     let b = UdpSocket::bind("127.0.0.1:0").await?;
///     let to = b.local_addr()?;
///     poll_fn(|cx| a.poll_send_to(cx, b"hi", to)).await?;
///     let mut buf = [0; 8];
///     let (count, from) = poll_fn(|cx| b.poll_recv_from(cx, &mut buf)).await?;
///     assert_eq!((&buf[..count], from), (&b"hi"[..], a.local_addr()?));
///     Ok(())
/// })
/// # }
/// ```
impl UdpSocket {
    /// [`send`](Self::send) for `poll` functions.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    #[track_caller]
    pub fn poll_send(&self, cx: &mut Context<'_>, datagram: &[u8]) -> Poll<io::Result<usize>> {
        self.io
            .poll_write_with(cx, |socket| calls::send(socket, datagram))
    }

    /// [`recv`](Self::recv) for `poll` functions.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    #[track_caller]
    pub fn poll_recv(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.io
            .poll_read_with(cx, |socket| calls::recv(socket, buf))
    }

    /// [`send_to`](Self::send_to) for `poll` functions, to an address that is known.
    ///
    /// # Errors
    /// As [`send_to`](Self::send_to).
    #[track_caller]
    pub fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        datagram: &[u8],
        target: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        self.io
            .poll_write_with(cx, |socket| calls::send_to(socket, datagram, target))
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
            .poll_read_with(cx, |socket| calls::recv_from(socket, buf))
    }

    /// [`peek_from`](Self::peek_from) for `poll` functions.
    ///
    /// # Errors
    /// As [`peek_from`](Self::peek_from).
    #[track_caller]
    pub fn poll_peek_from(
        &self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        self.io
            .poll_read_with(cx, |socket| calls::peek_from(socket, buf))
    }
}
