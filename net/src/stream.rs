//! What every byte stream over a descriptor has in common, written once.
//!
//! TCP and Unix streams differ in how they come to be and in their options; how one reads, writes,
//! waits and ends is the same, and stands in `byte_stream`. The streams implement the traits for
//! `&Stream`, since the kernel does the locking; the owned value forwards to that. It knows no
//! particular stream.

use std::fmt::Debug;
use std::io;

use myrt_runtime::io::Async;

use crate::socket_op;

/// A connected stream socket of this crate: a [`TcpStream`](crate::TcpStream) or a
/// [`UnixStream`](crate::UnixStream). No other type can be.
pub trait Connection: Debug + 'static {
    /// std's stream inside.
    type System: socket_op::Stream;
    /// What its ends are called by.
    type Address;

    #[doc(hidden)]
    fn io(&self) -> &Async<Self::System>;
    #[doc(hidden)]
    fn peer_addr(&self) -> io::Result<Self::Address>;
    #[doc(hidden)]
    fn local_addr(&self) -> io::Result<Self::Address>;
}

/// All methods of a connected stream socket but `read` and `write`, which each type spells out for
/// its readers: `$name { io: Async<$system> }`, and all its traits.
macro_rules! byte_stream {
    ($name:ident over $system:ty, with addresses: $address:ty) => {
        impl $name {
            /// Fills `buf` whole. Not cancel safe: what came is in `buf`, how much is not told
            /// ([`io::Reader`](crate::io::Reader) is the remedy).
            ///
            /// # Errors
            /// [`UnexpectedEof`](std::io::ErrorKind::UnexpectedEof) if the stream ends before, and
            /// what the system says.
            #[track_caller]
            pub fn read_exact<'a>(&'a self, buf: &'a mut [u8]) -> $crate::socket_op::ReadExact<'a, $system> {
                $crate::socket_op::ReadExact::new(&self.io, buf)
            }

            /// Reads into several buffers, one after the other; `Ok(0)` is the end, or that they
            /// have no room. **Cancel safe.**
            ///
            /// # Errors
            /// What the system says.
            #[track_caller]
            pub fn read_vectored<'a, 'b>(
                &'a self,
                bufs: &'a mut [std::io::IoSliceMut<'b>],
            ) -> $crate::socket_op::ReadVectored<'a, 'b, $system> {
                $crate::socket_op::ReadVectored::new(&self.io, bufs)
            }

            /// Writes `buf` whole. Not cancel safe: how much went out is not told
            /// ([`io::Writer`](crate::io::Writer) is the remedy).
            ///
            /// # Errors
            /// What the system says, such as [`BrokenPipe`](std::io::ErrorKind::BrokenPipe).
            #[track_caller]
            pub fn write_all<'a>(&'a self, buf: &'a [u8]) -> $crate::socket_op::WriteAll<'a, $system> {
                $crate::socket_op::WriteAll::new(&self.io, buf)
            }

            /// Writes from several buffers in one call, and says how much. **Cancel safe.**
            ///
            /// # Errors
            /// What the system says.
            #[track_caller]
            pub fn write_vectored<'a, 'b>(
                &'a self,
                bufs: &'a [std::io::IoSlice<'b>],
            ) -> $crate::socket_op::WriteVectored<'a, 'b, $system> {
                $crate::socket_op::WriteVectored::new(&self.io, bufs)
            }

            /// Reads if that is possible at once.
            ///
            /// # Errors
            /// [`WouldBlock`](std::io::ErrorKind::WouldBlock) if not, and what else the system
            /// says.
            #[inline]
            pub fn try_read(&self, buf: &mut [u8]) -> std::io::Result<usize> {
                if buf.is_empty() {
                    return Ok(0);
                }
                self.io.try_read_with(|stream| $crate::calls::read(stream, buf))
            }

            /// Reads into several buffers if that is possible at once.
            ///
            /// # Errors
            /// [`WouldBlock`](std::io::ErrorKind::WouldBlock) if not, and what else the system
            /// says.
            pub fn try_read_vectored(&self, bufs: &mut [std::io::IoSliceMut<'_>]) -> std::io::Result<usize> {
                if $crate::socket_op::total(bufs) == 0 {
                    return Ok(0);
                }
                self.io.try_read_with(|stream| $crate::calls::read_vectored(stream, bufs))
            }

            /// Writes if that is possible at once.
            ///
            /// # Errors
            /// [`WouldBlock`](std::io::ErrorKind::WouldBlock) if not, and what else the system
            /// says.
            #[inline]
            pub fn try_write(&self, buf: &[u8]) -> std::io::Result<usize> {
                if buf.is_empty() {
                    return Ok(0);
                }
                self.io.try_write_with(|stream| $crate::calls::write(stream, buf))
            }

            /// Writes from several buffers if that is possible at once.
            ///
            /// # Errors
            /// [`WouldBlock`](std::io::ErrorKind::WouldBlock) if not, and what else the system
            /// says.
            pub fn try_write_vectored(&self, bufs: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
                if $crate::socket_op::total(bufs) == 0 {
                    return Ok(0);
                }
                self.io.try_write_with(|stream| $crate::calls::write_vectored(stream, bufs))
            }

            /// Waits until a read may succeed: bytes, the end or an error are there. A hint; a try
            /// may still say `WouldBlock`. **Cancel safe.**
            #[track_caller]
            pub fn readable(&self) -> $crate::ready::Readiness<'_, $system> {
                $crate::ready::Readiness::new(&self.io, $crate::socket_op::Direction::Read)
            }

            /// Waits until a write may succeed. A hint. **Cancel safe.**
            #[track_caller]
            pub fn writable(&self) -> $crate::ready::Readiness<'_, $system> {
                $crate::ready::Readiness::new(&self.io, $crate::socket_op::Direction::Write)
            }

            /// Waits until any direction of `interest` may be tried, and says which. **Cancel
            /// safe.**
            #[track_caller]
            pub fn ready(&self, interest: $crate::ready::Interest) -> $crate::ready::ReadyFor<'_, $system> {
                $crate::ready::ReadyFor::new(&self.io, interest)
            }

            /// Two halves that borrow the stream, one to read from and one to write to.
            pub const fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
                $crate::halves::borrowed(self)
            }

            /// Two halves that own the stream together and may go to different tasks. Dropping the
            /// write half ends the direction of writing.
            pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
                $crate::halves::owned(self)
            }

            /// Ends one direction or both. That the peer is gone already is no error.
            ///
            /// # Errors
            /// What the system says.
            pub fn shutdown(&self, how: std::net::Shutdown) -> std::io::Result<()> {
                $crate::calls::shutdown(self.io.get_ref(), how)
            }

            /// The address at the other end. A client of the Unix domain that did not bind has an
            /// unnamed one.
            ///
            /// # Errors
            /// [`NotConnected`](std::io::ErrorKind::NotConnected) after the connection is gone.
            pub fn peer_addr(&self) -> std::io::Result<$address> {
                $crate::calls::Names::peer_addr(self.io.get_ref())
            }

            /// The address at this end.
            ///
            /// # Errors
            /// What the system says.
            pub fn local_addr(&self) -> std::io::Result<$address> {
                $crate::calls::Names::local_addr(self.io.get_ref())
            }

            /// Takes the error that the system holds for this socket (`SO_ERROR`).
            ///
            /// # Errors
            /// If it cannot be asked.
            pub fn take_error(&self) -> std::io::Result<Option<std::io::Error>> {
                $crate::calls::take_error(self.io.get_ref())
            }

            /// For splicing.
            pub(crate) const fn inner(&self) -> &Async<$system> {
                &self.io
            }
        }

        impl $crate::stream::Connection for $name {
            type System = $system;
            type Address = $address;

            #[inline]
            fn io(&self) -> &Async<$system> {
                &self.io
            }

            fn peer_addr(&self) -> std::io::Result<$address> {
                self.peer_addr()
            }

            fn local_addr(&self) -> std::io::Result<$address> {
                self.local_addr()
            }
        }

        $crate::ready::readiness!($name over $system: poll_read_ready, poll_write_ready);
        $crate::stream::by_reference!(@system $name);
        $crate::stream::by_reference!($name);

        impl std::os::fd::AsFd for $name {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                self.io.as_fd()
            }
        }

        impl std::os::fd::AsRawFd for $name {
            fn as_raw_fd(&self) -> std::os::fd::RawFd {
                std::os::fd::AsFd::as_fd(self).as_raw_fd()
            }
        }
    };
}
pub(crate) use byte_stream;

/// Implements `AsyncRead` and `AsyncWrite` for `$type` through `&$type`.
macro_rules! by_reference {
    ($type:ty) => {
        $crate::stream::by_reference!(@read $type, [], |this| &mut &*this);
        $crate::stream::by_reference!(@write $type, [], |this| &mut &*this);
    };
    // For `&$type` itself, from the system's calls on the `Async` in its field `io`.
    (@system $type:ty) => {
        impl futures_io::AsyncRead for &$type {
            #[inline]
            #[track_caller]
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buf: &mut [u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                $crate::socket_op::poll_read(&self.io, cx, buf)
            }

            #[inline]
            #[track_caller]
            fn poll_read_vectored(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                bufs: &mut [std::io::IoSliceMut<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                $crate::socket_op::poll_read_vectored(&self.io, cx, bufs)
            }
        }

        impl futures_io::AsyncWrite for &$type {
            #[inline]
            #[track_caller]
            fn poll_write(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buf: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                $crate::socket_op::poll_write(&self.io, cx, buf)
            }

            #[inline]
            #[track_caller]
            fn poll_write_vectored(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                bufs: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                $crate::socket_op::poll_write_vectored(&self.io, cx, bufs)
            }

            /// Nothing to do: what was written is the system's.
            #[inline]
            fn poll_flush(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                myrt_runtime::task::poll_budget(cx).map(Ok)
            }

            /// Ends the direction of writing; reading goes on.
            #[inline]
            fn poll_close(
                self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                std::task::Poll::Ready(self.shutdown(std::net::Shutdown::Write))
            }
        }
    };
    // `$through` turns the pinned `&mut Self` into a `&mut impl AsyncRead + Unpin`.
    (@read $type:ty, [$($generics:tt)*], |$this:ident| $through:expr) => {
        impl<$($generics)*> futures_io::AsyncRead for $type {
            #[inline]
            #[track_caller]
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buf: &mut [u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $this = self.get_mut();
                futures_io::AsyncRead::poll_read(std::pin::Pin::new($through), cx, buf)
            }

            #[inline]
            #[track_caller]
            fn poll_read_vectored(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                bufs: &mut [std::io::IoSliceMut<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $this = self.get_mut();
                futures_io::AsyncRead::poll_read_vectored(std::pin::Pin::new($through), cx, bufs)
            }
        }
    };
    (@write $type:ty, [$($generics:tt)*], |$this:ident| $through:expr) => {
        impl<$($generics)*> futures_io::AsyncWrite for $type {
            #[inline]
            #[track_caller]
            fn poll_write(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buf: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $this = self.get_mut();
                futures_io::AsyncWrite::poll_write(std::pin::Pin::new($through), cx, buf)
            }

            #[inline]
            #[track_caller]
            fn poll_write_vectored(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                bufs: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $this = self.get_mut();
                futures_io::AsyncWrite::poll_write_vectored(std::pin::Pin::new($through), cx, bufs)
            }

            #[inline]
            fn poll_flush(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                let $this = self.get_mut();
                futures_io::AsyncWrite::poll_flush(std::pin::Pin::new($through), cx)
            }

            #[inline]
            fn poll_close(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                let $this = self.get_mut();
                futures_io::AsyncWrite::poll_close(std::pin::Pin::new($through), cx)
            }
        }
    };
}
pub(crate) use by_reference;
